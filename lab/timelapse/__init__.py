"""Simulates a month of an agent platform in minutes: the exporter with a simulated clock, and promtool for the rules.

`world` runs the stand-in API server, the platform and the exporters, `play` advances the time, `series` stores the
scrapes, and `evaluation` evaluates the rules with promtool. `tools/replay` simulates the incidents, and
`tools/calm.py` normal operation and faults.
"""
