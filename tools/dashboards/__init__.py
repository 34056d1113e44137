"""The Grafana dashboards as code: panels and queries. The generated JSON is in dashboards/."""
