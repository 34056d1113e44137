"""From samples to the bytes of a page.

`family` knows the text format, `section` keeps compressed blocks and renders the dirty ones again, `page` joins
blocks to one answer. Synchronous, and ignorant of what the samples mean.
"""
