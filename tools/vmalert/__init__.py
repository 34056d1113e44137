"""Runs the unit tests of the rules under MetricsQL, with vmalert-tool of VictoriaMetrics."""
