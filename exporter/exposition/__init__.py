"""Renders samples in the exposition format.

`family` renders lines of text, `compressed` stores them as compressed blocks and renders dirty ones again,
`exposition` joins the blocks to one response. All code here is synchronous, and independent of the metrics.
"""
