"""The demo: a stand-in API server, a simulated agent platform and the incident, on one fast clock."""
