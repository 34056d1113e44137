"""Drafts the worker of a run: its kind, its main container, and a label that selects its Pods."""

import re
from typing import Any, Final

from exporter.drafting.definition import Definition
from exporter.drafting.fields import sources
from exporter.drafting.observed import ObservedObjects
from exporter.drafting.words import words
from exporter.plurals import plural

__all__ = ["draft_worker", "worker_keys"]

_MAX_NAMES: Final = 3  # of kinds or containers, in a comment
_NOT_IN_NAME: Final = re.compile(r"[^a-z0-9]")


def draft_worker(definition: Definition, observed: ObservedObjects) -> tuple[dict[str, Any], str]:
    """The worker of a run, and the reason: from observed workers, else from names in the status, else none."""
    reported = {
        "Job": sources(definition, observed, words().jobs, parts=("status",)),
        "Pod": sources(definition, observed, words().pods, parts=("status",)),
    }
    if observed.workers:
        (kind, _), *_ = observed.workers.most_common()
        why = _observed(kind, definition, observed)
    elif named := [one for one, paths in reported.items() if paths]:
        kind, why = named[0], f"{_unseen(definition)}; its status names a {named[0]}"
    else:
        return {"is": "none"}, f"{_unseen(definition)}; is: Job, Pod, the kind of another profile, or none"
    return {"is": kind} | ({"reported": reported[kind][0]} if reported.get(kind) else {}), why


def worker_keys(kind: str, definition: Definition, observed: ObservedObjects) -> dict[str, str]:
    """Further keys of the worker, if all observed workers of this kind agree on their values."""
    number, found = observed.workers[kind], dict[str, str]()
    labels = [key for key, count in observed.pod_labels.items() if count == number and _is_of(key, definition.group)]
    if kind == "Pod" and labels:
        found["selector"] = min(labels, key=lambda key: _rank(key, definition.kind))
    if list(observed.containers[kind].values()) == [number]:
        found["container"] = next(iter(observed.containers[kind]))
    return found


def _observed(kind: str, definition: Definition, observed: ObservedObjects) -> str:
    numbers = ", ".join(plural(number, one) for one, number in observed.workers.most_common(_MAX_NAMES))
    why = f"{numbers} with an owner of kind {definition.kind}"
    if containers := observed.containers[kind]:
        why += f"; first container: {', '.join(name for name, _ in containers.most_common(_MAX_NAMES))}"
    if len(observed.workers) > 1:
        why += "; decide: which of them works"
    if kind not in {"Job", "Pod"}:
        why += f"; decide: {kind} must be a kind of coderuns.kinds too"
    return why


def _unseen(definition: Definition) -> str:
    return f"decide: no Job or Pod with an owner of kind {definition.kind} was found"


def _is_of(key: str, group: str) -> bool:
    """Whether a label belongs to the platform: its prefix is the API group or a parent domain of it."""
    prefix, _, name = key.rpartition("/")
    return bool(name) and "." in prefix and f".{group}".endswith(f".{prefix}")


def _rank(key: str, kind: str) -> tuple[bool, bool, str]:
    """Sort key: a label with the name of the kind comes first."""
    name = _NOT_IN_NAME.sub("", key.rpartition("/")[2].lower())
    return name != kind.lower(), not name.startswith(kind.lower()), key
