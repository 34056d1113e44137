"""Soak test: runs the exporter under load and faults for minutes or hours. It must not leak, and no scrape may fail.

`servers` starts the API server, `platform` writes objects to it, `faults` breaks the connections to it, and
`scrapers` scrapes the exporter. `play` runs all of them, `observer` records memory and scrapes, and `compare` checks
the last metrics. `trend` and `outcome` evaluate the records.
"""
