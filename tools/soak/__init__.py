"""An exporter under load and faults for minutes or hours: nothing may grow, and every scrape is answered.

`servers` is what it reads from, `platform` changes what is there, `faults` strike between the two, `scrapers` are its
clients. `play` runs them all together, `eyes` and `truth` look on; `trend` and `judge` say what came of it.
"""
