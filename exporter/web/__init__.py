"""The web server: metrics, health checks, and a status page."""
