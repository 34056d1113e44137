"""Keys of a shipped profile that an entry of the settings leaves out, because it sets the mapping around them."""

from collections.abc import Iterable
from typing import Any

from exporter.checks.finding import NOTE, Finding
from exporter.profiles import Profile, is_job, resolved, shipped

__all__ = ["check_replaced"]


def check_replaced(kinds: Iterable[str | Profile]) -> list[Finding]:
    """Such a mapping replaces the shipped one as a whole."""
    findings = []
    for index, given in enumerate(kinds):
        if isinstance(given, str) or is_job(profile := resolved(given)):
            continue
        name = f"{profile.plural}.{profile.group}"
        below = shipped().get(name)
        for key in ("about", "times", "worker"):
            lost = _lost(getattr(given, key), getattr(below, key, None))
            if lost:
                text = f"replaces the whole {key} of the shipped profile {name}: without its {', '.join(lost)}"
                findings.append(Finding(status=NOTE, subject=f"coderuns.kinds[{index}].{key}", text=text))
    return findings


def _lost(own: Any, old: Any) -> list[str]:
    """The keys that the shipped mapping sets and the own one does not; of a list of workers, none."""
    if own is None or old is None or isinstance(own, tuple) or isinstance(old, tuple):
        return []
    unset = type(old)()
    return [
        part.removesuffix("_")
        for part in old.__struct_fields__
        if getattr(own, part) == getattr(unset, part) != getattr(old, part)
    ]
