"""A real Prometheus and Alertmanager on loopback with the shipped rules, and a webhook that receives alerts."""
