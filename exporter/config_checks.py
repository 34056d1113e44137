"""The checks of settings beyond their types."""

import re

import msgspec

from exporter.config import AgentThresholds, Settings, Thresholds
from exporter.durations import parse_duration
from exporter.log_formats import Format, FormatError, check_format
from exporter.profiles import (
    Profile,
    ProfileError,
    WorkerKindError,
    check as check_profile,
    check_worker_kinds,
    is_job,
    resolve,
)
from exporter.selectors import SELECTOR

__all__ = ["check"]

_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")  # an RFC 1123 label


def check(settings: Settings) -> None:
    """Validates values beyond their types. Raises msgspec.ValidationError with the path of the key."""
    _check_durations(settings)
    _check_costs(settings)
    named = [("namespaces", name) for name in settings.namespaces]
    for key, name in (*named, ("configmaps.namespace", settings.configmaps.namespace)):
        if not _NAMESPACE.fullmatch(name):
            raise msgspec.ValidationError(
                f"{name!r} is not a namespace name: use a-z, 0-9 and -, at most 63 characters - at `$.{key}`"
            )
    if not SELECTOR.fullmatch(settings.label_selector):
        selector = settings.label_selector
        raise msgspec.ValidationError(
            f"{selector!r} is not a label selector, such as `service in (a, b)` - at `$.label_selector`"
        )
    _check_kinds(settings.coderuns.kinds)
    _check_formats(settings.logs.formats)
    if settings.logs.enabled and not settings.pods.enabled:
        raise msgspec.ValidationError("logs cannot be found without Pods: set pods.enabled - at `$.logs.enabled`")
    if not settings.web.listen_addresses:
        raise msgspec.ValidationError("at least one address is needed - at `$.web.listen_addresses`")
    if not settings.web.telemetry_path.startswith("/"):
        path = settings.web.telemetry_path
        raise msgspec.ValidationError(f"{path!r} does not begin with / - at `$.web.telemetry_path`")


def _check_kinds(kinds: tuple[str | Profile, ...]) -> None:
    if not kinds:
        raise msgspec.ValidationError("at least one kind of run is needed - at `$.coderuns.kinds`")
    names: dict[tuple[str | None, ...], int] = {}
    for index, kind in enumerate(kinds):
        where = f"$.coderuns.kinds[{index}]"
        try:
            check_profile(kind, others=kinds)
        except ProfileError as error:
            raise msgspec.ValidationError(f"{error} - at `{'.'.join(filter(None, (where, error.key)))}`") from error
        profile = resolve(kind)
        which = repr(profile.only) if is_job(profile) else None  # all profiles of Jobs share one list of Jobs
        first = names.setdefault((profile.plural, profile.group, which), index)
        if first != index:
            name = f"{profile.plural}.{profile.group}"
            raise msgspec.ValidationError(f"duplicate profile of {name}, see kinds.{first} - at `{where}`")
    try:
        check_worker_kinds([resolve(kind) for kind in kinds])
    except WorkerKindError as error:
        given = kinds[error.index]
        inside = f".{error.key}" if isinstance(given, Profile) and given.worker is not None else ""
        raise msgspec.ValidationError(f"{error} - at `$.coderuns.kinds[{error.index}]{inside}`") from error


def _check_formats(formats: tuple[str | Format, ...]) -> None:
    names: dict[str, int] = {}
    for index, given in enumerate(formats):
        where = f"$.logs.formats[{index}]"
        if isinstance(given, str):
            text = f"{given!r} is not a file with log formats: its name must end with .yaml or .yml"
            raise msgspec.ValidationError(f"{text} - at `{where}`")
        try:
            check_format(given)
        except FormatError as error:
            raise msgspec.ValidationError(f"{error} - at `{'.'.join(filter(None, (where, error.key)))}`") from error
        if names.setdefault(given.name, index) != index:
            text = f"there is another format {given.name!r}, see formats.{names[given.name]}"
            raise msgspec.ValidationError(f"{text} - at `{where}`")


def _check_costs(settings: Settings) -> None:
    sections: dict[str, Thresholds | AgentThresholds] = {"thresholds": settings.thresholds}
    sections |= {f"thresholds.agents.{agent}": override for agent, override in settings.thresholds.agents.items()}
    for key, section in sections.items():
        for name in ("run_cost_limit", "hourly_cost_limit"):
            limit = getattr(section, name)
            if isinstance(limit, float | int) and not 0 < limit < float("inf"):
                raise msgspec.ValidationError(
                    f"{limit} is not an amount of dollars above 0: use none for no limit - at `$.{key}.{name}`"
                )


def _check_durations(settings: Settings) -> None:
    limits = settings.thresholds
    names = [name for name in AgentThresholds.__struct_fields__ if not name.endswith("_cost_limit")]
    durations = {f"thresholds.{name}": getattr(limits, name) for name in names}
    for agent, override in limits.agents.items():
        durations |= {f"thresholds.agents.{agent}.{name}": getattr(override, name) for name in names}
    for key, duration in (("retention", settings.retention), *durations.items()):
        if duration is None:
            continue
        try:
            seconds = parse_duration(str(duration))
        except ValueError as error:
            raise msgspec.ValidationError(f"{error} - at `$.{key}`") from error
        if not seconds and key in durations:
            raise msgspec.ValidationError(f"0 is always exceeded: use none for no limit - at `$.{key}`")
