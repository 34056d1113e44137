"""Drafts the state rules: from the field with the phase, from conditions, and from fields that suspend a run."""

import collections
import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any, Final

from exporter.drafting.candidates import fields_named
from exporter.drafting.definition import Definition, is_value
from exporter.drafting.observed import ObservedObjects
from exporter.drafting.words import guess_state, words
from exporter.profiles.language import STATE_NAMES
from exporter.profiles.paths import Where, format_path
from exporter.untrusted import redact_message

__all__ = ["States", "condition_path", "counted", "draft_states"]

_ENDS: Final = ("succeeded", "failed", "cancelled")
_MAX_VALUES: Final = 12  # values of one state in a rule
_MAX_NAMED: Final = 8  # values in a comment
_CONDITIONS: Final = ("status", "conditions")
_MAX_CONDITIONS: Final = 3  # rules for conditions in a draft

Rule = dict[str, Any]


@dataclasses.dataclass(kw_only=True)
class States:
    """The rules, comments for the user, and condition types by meaning.

    `end_types`: the run has finished. `wait_types`: the run is waiting.
    """

    rules: list[Rule] = dataclasses.field(default_factory=list)
    comments: list[str] = dataclasses.field(default_factory=list)
    end_types: list[str] = dataclasses.field(default_factory=list)
    wait_types: list[str] = dataclasses.field(default_factory=list)
    readiness: str = ""
    """The type of the condition for readiness."""
    lasting: bool = False
    """Whether the runs seem to be long-lived: they have a condition for readiness, but no phase and no end."""


def draft_states(definition: Definition, observed: ObservedObjects) -> States:
    """The rules in order: conditions of ended runs, suspension, and other rules."""
    found = States()
    main = _best(words().state, definition, observed, part="status", types=("", "string"))
    values = _values_at(main, definition, observed) if main else []
    listed = _by_state(values if main is None or _enum(main, definition) else _with_usual_phases(values))
    suspension = _suspension(definition, observed)
    _add_conditions(found, definition, observed, phases={} if main is None else observed.values.get(main, {}))
    if main is None:
        _add_ready(found, definition, observed, last=suspension is None)
        found.comments.append("decide: no field with a phase was found; add rules for the states of a run")
    else:
        if not _enum(main, definition):
            found.comments.append(f"decide: the CRD does not list the values of {main}: complete them")
        _comment(found, main, values, observed)
    found.rules += _in_order(main, listed, suspension)
    types = _condition_types(definition, observed)
    found.wait_types = [one for one in types if _is_wait(one)]
    found.readiness = next((one for one in types if one.lower() in words().readiness), "")
    has_outcome = main is not None or any(one.lower() in words().outcomes for one in types)
    found.lasting = bool(found.readiness) and not has_outcome
    return found


def _is_wait(type_: str) -> bool:
    return guess_state(type_) == "waiting" and type_.lower() not in words().placement


def condition_path(type_: str, name: str) -> str:
    """The path of a field of the condition of this type."""
    return format_path(("status", "conditions", Where("type", type_), name))


def counted(counts: Mapping[str, int]) -> str:
    """The most frequent values with their counts, for a comment."""
    ranked = collections.Counter(counts).most_common()
    listed = [f"{redact_message(value, limit=40)} {number}" for value, number in ranked[:_MAX_NAMED]]
    return ", ".join([*listed, *([f"and {len(ranked) - _MAX_NAMED} more"] if len(ranked) > _MAX_NAMED else [])])


def _in_order(main: str | None, listed: Rule, suspension: Rule | None) -> list[Rule]:
    if main is None:
        return [] if suspension is None else [suspension]
    open_ = {"open": ["absent", *listed.get("open", ())]}
    others = {state: values for state, values in listed.items() if state != "open"}
    if suspension is None:
        return [{"path": main} | {state: (others | open_)[state] for state in STATE_NAMES if state in others | open_}]
    suspended = {"path": suspension["path"], "waiting": suspension["waiting"]}
    return [*([{"path": main} | others] if others else []), suspended, {"path": main} | open_]


def _best(
    names: tuple[str, ...], definition: Definition, observed: ObservedObjects, *, part: str, types: tuple[str, ...]
) -> str | None:
    return next(iter(fields_named(names, definition, observed, parts=(part,), types=types)), None)


def _values_at(path: str, definition: Definition, observed: ObservedObjects) -> list[str]:
    """The values of the schema, then other values in objects."""
    return list(dict.fromkeys([*_enum(path, definition), *filter(is_value, observed.values.get(path, ()))]))


def _enum(path: str, definition: Definition) -> tuple[str, ...]:
    return definition.fields[path].enum if path in definition.fields else ()


def _with_usual_phases(values: list[str]) -> list[str]:
    """Adds the usual phases, in the same case as the known ones."""
    small = bool(values) and all(value.islower() for value in values)
    usual = [value.lower() if small else value for value in words().usual]
    return [*values, *(value for value in usual if value not in values)]


def _by_state(values: Iterable[str], allowed: Iterable[str] = STATE_NAMES) -> Rule:
    found: dict[str, list[Any]] = {state: [] for state in allowed}
    for value in values:
        state = guess_state(value)
        if state in found and len(found[state]) < _MAX_VALUES:
            found[state].append(value)
    return {state: listed for state, listed in found.items() if listed}


def _suspension(definition: Definition, observed: ObservedObjects) -> Rule | None:
    """The rule for a field that suspends a run: a boolean such as suspend, or a mode such as Suspended."""
    path = _best(words().suspension, definition, observed, part="spec", types=("boolean",))
    if path is not None and set(observed.values.get(path, ())) <= {"true", "false"}:
        return {"path": path, "waiting": [True], "open": ["absent", False]}
    path = _best(words().mode, definition, observed, part="spec", types=("", "string"))
    listed = _by_state(_values_at(path, definition, observed), ("waiting", "open")) if path else {}
    if path is None or "waiting" not in listed:
        return None
    return {"path": path, "waiting": listed["waiting"], "open": ["absent", *listed.get("open", ())]}


def _condition_types(definition: Definition, observed: ObservedObjects) -> list[str]:
    """The condition types in objects and in printer columns."""
    steps = [
        field.steps[2] for field in definition.fields.values() if field.steps[:2] == _CONDITIONS and field.steps[2:]
    ]
    named = [step.value for step in steps if isinstance(step, Where) and step.key == "type"]
    return [one for one in dict.fromkeys([*(key[0] for key in observed.conditions), *named]) if is_value(one)]


def _add_conditions(
    found: States, definition: Definition, observed: ObservedObjects, *, phases: Mapping[str, int]
) -> None:
    """Adds rules for conditions that end a run; if there is a phase, only for conditions that differ from it."""
    for type_ in _condition_types(definition, observed):
        kind = guess_state(type_)
        if kind not in _ENDS or len(found.end_types) >= _MAX_CONDITIONS:
            continue
        true = {key[2]: bits for key, bits in observed.conditions.items() if key[:2] == (type_, "True")}
        if phases:
            true = {reason: bits for reason, bits in true.items() if _differs(reason, bits, phases)}
        rule = _by_state(filter(is_value, true), _ENDS)
        if rule:
            found.rules.append({"path": condition_path(type_, "reason")} | rule)
        elif not phases and type_.lower() in words().outcomes:
            by_status = {"open": ["absent", "Unknown"], "succeeded": ["True"], "failed": ["False"]}
            found.rules.append({"path": condition_path(type_, "status")} | by_status)
        elif not phases:
            found.rules.append({"path": condition_path(type_, "status"), kind: ["True"]})
        else:
            continue
        found.end_types.append(type_)


def _differs(reason: str, bits: int, phases: Mapping[str, int]) -> bool:
    """Whether the reason means another final state than the phase of an object with this reason."""
    ends = {guess_state(phase) for phase, objects in phases.items() if objects & bits} & set(_ENDS)
    return guess_state(reason) in _ENDS and bool(ends - {guess_state(reason)})


def _add_ready(found: States, definition: Definition, observed: ObservedObjects, *, last: bool) -> None:
    """Adds a rule for a condition such as Ready, if there is no phase. A reason that names an error is open."""
    for type_ in _condition_types(definition, observed):
        if type_.lower() not in words().readiness:
            continue
        reasons = [key[2] for key in observed.conditions if key[0] == type_ and is_value(key[2])]
        rule = _by_state(dict.fromkeys(reasons), ("waiting", "cancelled") if last else ("cancelled",))
        if last:
            known = {value for listed in rule.values() for value in listed}
            over = {value for one in found.rules for state in _ENDS for value in one.get(state, ())}
            rest = [reason for reason in dict.fromkeys(reasons) if reason not in known | over]
            rule["open"] = ["absent", *rest[:_MAX_VALUES]]
        if rule:
            found.rules.append({"path": condition_path(type_, "reason")} | rule)
            found.end_types += [type_] if "cancelled" in rule else []
        return


def _comment(found: States, main: str, values: list[str], observed: ObservedObjects) -> None:
    """Adds comments with the observed phases, and with the phases that no rule lists."""
    counts = {value: bits.bit_count() for value, bits in observed.values.get(main, {}).items()}
    if observed.objects:
        none = observed.objects - observed.has.get(main, 0).bit_count()
        found.comments.append(f"{main}: {counted(counts | ({'no value': none} if none else {}))}")
    listed = {value for one in _by_state(values).values() for value in one}
    unknown = {value: counts.get(value, 0) for value in [*values, *counts] if value not in listed}
    if unknown:
        found.comments.append(f"decide: not listed, such runs are open: {counted(unknown)}")
