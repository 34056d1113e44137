"""A month of an agent platform in minutes: the exporter's own code on a clock that is set, judged by promtool.

`world` lets time pass on the stand-in API server, `series` keeps what each scrape shows, `judge` has Prometheus' own
rule engine say what fires. `replay` plays the incidents, `calm` plays normal life and faults.
"""
