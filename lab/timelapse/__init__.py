"""Simulates a month of an agent platform in minutes: the exporter with a simulated clock, and promtool for the rules.

`world` advances the time of the stand-in API server, `series` stores the scrapes, and `judge` evaluates the rules
with Prometheus' rule engine. `replay` simulates the incidents, `calm` normal operation and faults.
"""
