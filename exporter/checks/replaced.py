"""Finds keys of a shipped profile that are lost because an entry in the settings replaces their mapping."""

from collections.abc import Iterable
from typing import Any

from exporter.checks.finding import NOTE, Finding
from exporter.profiles import Profile, is_job, resolve, shipped_profiles

__all__ = ["check_replaced"]


def check_replaced(kinds: Iterable[str | Profile]) -> list[Finding]:
    """A note for each mapping that replaces a shipped one and lacks some of its keys."""
    findings = []
    for index, given in enumerate(kinds):
        if isinstance(given, str) or is_job(profile := resolve(given)):
            continue
        name = f"{profile.plural}.{profile.group}"
        base = shipped_profiles().get(name)
        for key in ("about", "times", "worker"):
            lost = _lost(getattr(given, key), getattr(base, key, None))
            if lost:
                text = f"replaces {key} of the shipped profile {name} without {', '.join(lost)}"
                findings.append(Finding(status=NOTE, subject=f"coderuns.kinds[{index}].{key}", text=text))
    return findings


def _lost(new: Any, old: Any) -> list[str]:
    """The keys that the shipped mapping sets and the new one does not; lists of workers are not compared."""
    if new is None or old is None or isinstance(new, tuple) or isinstance(old, tuple):
        return []
    unset = type(old)()
    return [
        part.removesuffix("_")
        for part in old.__struct_fields__
        if getattr(new, part) == getattr(unset, part) != getattr(old, part)
    ]
