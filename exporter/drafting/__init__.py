"""Drafts the profile of a run kind from its CRD and existing objects.

The worker of a run is the object that does its work: a Job, a Pod, or another run.
The CRD and the objects are untrusted: the profile contains only validated text, and each comment is one line of
printable text.
"""

from exporter.drafting.definition import Definition, DraftError, parse_definition
from exporter.drafting.draft import draft
from exporter.drafting.observed import ObservedObjects

__all__ = ["Definition", "DraftError", "ObservedObjects", "draft", "parse_definition"]
