"""The Grafana dashboards as code: panels and queries here, the JSON in dashboards/, the check of both in tests."""
