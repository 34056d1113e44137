"""Drafts a profile as YAML: at most twelve lines for a settings file, with comments for the user."""

import json
import re
from collections.abc import Sequence
from typing import Any, Final

import msgspec
import yaml

from exporter.drafting.definition import Definition
from exporter.drafting.fields import draft_about, draft_times
from exporter.drafting.observed import ObservedObjects
from exporter.drafting.states import States, condition_path, counted, draft_states
from exporter.drafting.workers import draft_worker, worker_keys
from exporter.plurals import plural
from exporter.profiles import Profile, ProfileError, check, parse_resource, shipped_profiles
from exporter.untrusted import redact_message

__all__ = ["draft"]

_PLAIN: Final = re.compile(r"[A-Za-z0-9./_][A-Za-z0-9 ./_\\@-]*")
_WIDTH: Final = 150
_MAX_LINES: Final = 12
_LASTING: Final = (
    "decide: there is no phase, so each run is taken to live until it is ended on request, and to be ready while this"
    " condition is True; if runs end by themselves, remove ready and long_lived"
)


def draft(definition: Definition, observed: ObservedObjects, *, notes: Sequence[str] = ()) -> str:
    """The text of a YAML file. It is a valid profile for any CRD and objects."""
    states = draft_states(definition, observed)
    worker, why = draft_worker(definition, observed)
    profile = _names(definition) | {"state": [_DEFAULT_RULE], "worker": {"is": "none"}, "times": {}, "about": {}}
    left_out = _put_rules(profile, states)
    left_out += _put(profile, "worker", worker)
    left_out += _put_lasting(profile, states)
    for key, part in (
        ("worker", worker_keys(profile["worker"]["is"], definition, observed)),
        ("times", draft_times(definition, observed, states)),
        ("about", draft_about(definition, observed, states)),
    ):
        for name, source in part.items():
            left_out += _put(profile, key, profile[key] | {name: source})
    comments = {
        "": _head(definition, observed, [*notes, *definition.notes]),
        "state": _state_comments(states, observed),
        "worker": [why],
    }
    comments["about"] = [*_label_comments(observed), *(f"not used: {one}" for one in left_out)]
    comments["ready"] = [_LASTING]
    lines = [
        line for key, value in profile.items() for line in (*_comments(comments.get(key, ())), *_lines(key, value))
    ]
    return "\n".join([*_comments(comments[""]), *lines, *_comments(_further(profile, states))]) + "\n"


_DEFAULT_RULE: Final = {"path": ".status.phase", "open": ["absent"]}


def _names(definition: Definition) -> dict[str, Any]:
    """The names as `resource`, or as separate keys if `resource` would be parsed differently."""
    plural, version, group = definition.plural, definition.version, definition.group
    text = f"{plural}.{version}.{group}"
    found = parse_resource(text)
    if (found.plural, found.version, found.group) == (plural, version, group):
        return {"resource": text, "kind": definition.kind}
    return {"group": group, "version": version, "plural": plural, "kind": definition.kind}


def _put_rules(profile: dict[str, Any], states: States) -> list[str]:
    left_out: list[str] = []
    rules: list[dict[str, Any]] = []
    for rule in states.rules:
        if _fault(profile | {"state": [*rules, rule]}):
            left_out.append(rule["path"])
        else:
            rules.append(rule)
    profile["state"] = rules or [_DEFAULT_RULE]
    return left_out


def _put_lasting(profile: dict[str, Any], states: States) -> list[str]:
    """Sets `ready` and `long_lived` if runs seem to be long-lived and the draft does not become too long."""
    if not states.lasting or len(profile) + len(profile["state"]) + 2 > _MAX_LINES:
        return []
    ready = {condition_path(states.readiness, "status"): ["True"]}
    if left_out := _put(profile, "ready", ready):
        return left_out
    return _put(profile, "long_lived", value=True)


def _further(profile: dict[str, Any], states: States) -> list[str]:
    """A comment with the keys that are not set, because only a user can decide them."""
    worker = profile["worker"]
    keys = {"Pod": ("selector", "container"), "Job": ("container",)}.get(worker["is"], ())
    unset = [f"worker.{key}" for key in keys if key not in worker]
    if states.readiness and "ready" not in profile:
        unset.append(f"ready (there is a condition {states.readiness})")
    if "long_lived" not in profile:
        unset.append("long_lived")
    return [f"may be set: {', '.join(unset)}; see docs/profiles.md"] if unset else []


def _put(profile: dict[str, Any], key: str, value: Any) -> list[str]:
    """Sets a key if the profile stays valid: paths may contradict each other. Returns the error, if any."""
    if fault := _fault(profile | {key: value}):
        return [fault]
    profile[key] = value
    return []


def _fault(profile: dict[str, Any]) -> str:
    try:
        check(msgspec.convert(profile, Profile))
    except (ProfileError, msgspec.ValidationError) as error:
        return str(error)
    return ""


def _head(definition: Definition, observed: ObservedObjects, notes: Sequence[str]) -> list[str]:
    objects = (
        f"{plural(observed.objects, 'object')} in {plural(len(observed.namespaces), 'namespace')}"
        if observed.objects
        else "no objects"
    )
    also = f"; also served: {', '.join(definition.others)}" if definition.others else ""
    lines = [f"Draft of a profile, from the CRD {definition.name} ({definition.version}{also}) and {objects}."]
    if definition.name in shipped_profiles():
        lines.append(f"There is a shipped profile, {definition.name}: use it rather than this draft.")
    lines.append(
        "Check each line; those with decide: need a decision. Then run coderun-exporter check (docs/profiles.md)."
    )
    return [*lines, *notes]


def _state_comments(states: States, observed: ObservedObjects) -> list[str]:
    counts = {
        " ".join(filter(None, (f"{kind}={status}", reason))): bits.bit_count()
        for (kind, status, reason), bits in observed.conditions.items()
    }
    return [*states.comments, *([f"conditions: {counted(counts)}"] if counts else [])]


def _label_comments(observed: ObservedObjects) -> list[str]:
    """A comment with the labels, which may contain the agent or the service."""
    counts = {
        str(steps[-1]): observed.has[path].bit_count()
        for path, steps in observed.steps.items()
        if steps[1] == "labels"
    }
    return [f"labels: {counted(counts)}"] if counts else []


def _comments(texts: Sequence[str]) -> list[str]:
    return [f"# {redact_message(text, limit=_WIDTH * 2)}" for text in texts]


def _lines(key: str, value: Any) -> list[str]:
    if key == "state":
        return ["state:", *(f"- {_flow(rule)}" for rule in value)]
    return [f"{key}: {_flow(value)}"]


def _flow(value: Any) -> str:
    """YAML in flow style. Text is unquoted only if YAML parses it as the same text."""
    match value:
        case dict():
            return "{" + ", ".join(f"{_flow(key)}: {_flow(inner)}" for key, inner in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(_flow, value)) + "]"
        case bool():
            return "true" if value else "false"
    text = str(value)
    return text if _PLAIN.fullmatch(text) and yaml.safe_load(text) == text else json.dumps(text)
