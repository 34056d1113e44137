"""Reads the plain rule files, the source of all generated manifests."""

import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

from lab import fast_yaml

__all__ = ["NAME", "ROOT", "BundleError", "alerts_of", "read_rules", "read_version"]

ROOT = pathlib.Path(__file__).resolve().parent.parent
NAME = "coderun-exporter"


class BundleError(Exception):
    """A setting or a file is not valid; the text is one line for the user."""


def read_rules() -> dict[str, str]:
    """The text of each rule file by name, sorted."""
    return {path.name: path.read_text("utf-8") for path in sorted((ROOT / "alerts/rules").glob("*.yml"))}


def read_version() -> str:
    """The version of the rules."""
    return (ROOT / "alerts/VERSION").read_text("utf-8").strip()


def alerts_of(files: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """The alerting rules in these rule files, which are given as text by name."""
    for text in files.values():
        for group in fast_yaml.load(text)["groups"]:
            yield from (rule for rule in group["rules"] if "alert" in rule)
