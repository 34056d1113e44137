"""Renders samples in the exposition format.

`family` renders the text format, `compressed` stores compressed blocks and renders dirty ones again, `exposition`
joins blocks to one response. Synchronous, and independent of the metrics.
"""
