"""The web server: metrics, health checks, the API of runs, and a status page."""
