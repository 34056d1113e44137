"""The demo: both incidents on a fast clock, with the alerts of the shipped rules. `python -m lab.demo`."""
