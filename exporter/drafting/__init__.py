"""Drafts the profile of a run kind from its CRD and from the objects that exist.

Everything from the CRD and the objects is untrusted: only text of known forms gets into the profile, and comments
have one line of printable text each.
"""

from exporter.drafting.definition import Definition, DraftError, definition_of
from exporter.drafting.draft import draft
from exporter.drafting.seen import Seen

__all__ = ["Definition", "DraftError", "Seen", "definition_of", "draft"]
