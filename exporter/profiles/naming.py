"""Validates the names of a kind of run, which are used in URLs and permissions, by the rules of the API server.

Source: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/
"""

import re
from typing import Final

from exporter.profiles.language import Profile

__all__ = ["wrong_name"]

_LABEL: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_SUBDOMAIN: Final = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_KIND: Final = re.compile(r"[A-Za-z]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?")

_FORMS: Final = (
    ("group", _SUBDOMAIN, "an API group: a-z, 0-9, - and dots"),
    ("version", _LABEL, "a version: a-z, 0-9 and -"),
    ("plural", _LABEL, "a resource: a-z, 0-9 and -"),
    ("kind", _KIND, "a kind: A-Z, a-z, 0-9 and -"),
)


def wrong_name(profile: Profile) -> tuple[str, str] | None:
    """The key of an invalid name and an error message; None if all names are valid."""
    for key, form, what in _FORMS:
        name = getattr(profile, key) or ""
        if not form.fullmatch(name):
            return key, f"{name!r} is not the name of {what}"
    return None
