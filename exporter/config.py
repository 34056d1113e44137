"""The settings: what they are, and their defaults.

Only the command line and the composition root read them. Durations are as Prometheus writes them (`10m`), or
`none`; plain numbers are seconds.
"""

import re
from typing import Literal

import msgspec

from exporter.durations import seconds_of
from exporter.profiles import DEFAULT, Profile, ProfileError, check as check_profile, is_job, resolved

__all__ = ["DEFAULT_JOB_MAX_RUNTIME", "SELECTOR", "Profile", "Settings", "check"]

Duration = str | float | int

DEFAULT_JOB_MAX_RUNTIME = "1h"

_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")  # an RFC 1123 label

# As https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors has it: what the API
# server would refuse is told at the start.
_WORD = r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?"
_KEY = rf"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?{_WORD}"
_VALUES = rf"\(\s*({_WORD})?(\s*,\s*({_WORD})?)*\s*\)"
_TERM = rf"\s*(!\s*{_KEY}|{_KEY}(\s*(==?|!=)\s*({_WORD})?|\s+(in|notin)\s*{_VALUES})?)\s*"
SELECTOR = re.compile(rf"({_TERM}(,{_TERM})*)?")


class _Section(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A part of the settings; a key that it does not have is an error."""


class Kubernetes(_Section, frozen=True):
    """How the API server is reached. Not set: $KUBECONFIG, the service account, ~/.kube/config."""

    kubeconfig: str | None = None
    """The kubeconfig file."""
    context: str | None = None
    """The kubeconfig's context; by default its current one."""


class CodeRuns(_Section, frozen=True):
    """The kinds of runs. The first one is required; others may be missing from the cluster."""

    kinds: tuple[str | Profile, ...] = (DEFAULT,)
    """At least one: the `PLURAL.GROUP` of a [shipped profile](profiles.md), a file with one profile, or a profile. A run
    of any but the first has its kind before its name: `docsrun/NAME`."""


class Jobs(_Section, frozen=True):
    """Jobs that no run controls are shown as well if they carry all these labels."""

    match_labels: dict[str, str] = {}
    """Label names and their values. Not set: only Jobs that a run controls."""


class RequiredConfigMap(_Section, frozen=True):
    """A ConfigMap that the controller needs, and the keys in it that it needs."""

    name: str
    """A name, or a pattern such as `cto-controller-templates-*`: one has to match it; all that do are checked."""
    keys: tuple[str, ...] = ()
    """Keys that must be there, in `data` or `binaryData`, and not empty."""


_TEMPLATES: tuple[str | RequiredConfigMap, ...] = tuple(
    f"controller-agent-templates-{name}" for name in ("claude", "codex", "cursor", "factory", "integration", "shared")
)


class ConfigMaps(_Section, frozen=True):
    """The required ConfigMaps. One is healthy if it exists, is not empty, and has its keys.

    Names that are set here are required whatever exists. Without them, the platform's own are required as soon as one
    of them exists; until then nothing is missing.
    """

    namespace: str = "agent-platform"
    """Where they all are."""
    required: tuple[str | RequiredConfigMap, ...] = _TEMPLATES
    """Names, or mappings with a name and keys. `*` in a name stands for any text."""

    @property
    def named(self) -> bool:
        """Whether the settings name them, be it the same names as the default's."""
        return self.required is not _TEMPLATES


class AgentThresholds(_Section, frozen=True):
    """Limits of one agent, where they differ from the defaults."""

    job_creation_deadline: Duration | None = None
    """How long after its creation a run of this agent may have no Job."""
    job_max_runtime: Duration | None = None
    """How long a Job of this agent may run."""


class Thresholds(_Section, frozen=True):
    """How long a run may wait for its Job, and how long a Job may run. An object's annotation goes first."""

    job_creation_deadline: Duration = "10m"
    """How long after its creation a run may have no Job."""
    job_max_runtime: Duration | None = None
    """How long a Job may run after its start. Not set: 1h, and a Job that runs longer raises a warning only, because
    healthy runs may take hours."""
    agents: dict[str, AgentThresholds] = {}
    """By the agent's name as the metrics show it, such as `tess`."""


class Web(_Section, frozen=True):
    """Where metrics are served."""

    listen_addresses: tuple[str, ...] = (":10911",)
    """`HOST:PORT`, or `:PORT` for every interface."""
    telemetry_path: str = "/metrics"
    """The path of the metrics."""
    max_requests: int = 40
    """Scrapes that are answered at once; others get 503. 0: any number."""
    config_file: str | None = None
    """The file with [TLS and passwords](operations.md#tls-and-access), as all of Prometheus' exporters take it."""
    kubernetes_auth: bool = False
    """Whether scrapers need a [token of the cluster](operations.md#tokens-of-the-cluster) that may read the path."""
    kubernetes_auth_audience: str = ""
    """The audience that such a token must be made for. Not set: that of the API server, as tokens of pods have it."""
    kubernetes_auth_without_tls: bool = False
    """Whether tokens are accepted over plain HTTP, where something else encrypts. Otherwise they require TLS."""


class Log(_Section, frozen=True):
    """What is logged, and how."""

    level: Literal["debug", "info", "warn", "error"] = "info"
    """The least that is logged."""
    format: Literal["logfmt", "json"] = "logfmt"
    """One line for each message, on standard error, in this form."""


class Settings(_Section, frozen=True):
    """All settings."""

    kubernetes: Kubernetes = Kubernetes()
    namespaces: tuple[str, ...] = ()
    """Where runs and Jobs are read. Not set: in all namespaces, which needs a ClusterRole."""
    label_selector: str = ""
    """Only runs and Jobs with these labels are read, as `kubectl get -l` takes them. The runs and their Jobs have to
    carry them alike, as they do `service`: a run whose Job is not selected appears to have none. Not set: all."""
    coderuns: CodeRuns = CodeRuns()
    jobs: Jobs = Jobs()
    configmaps: ConfigMaps = ConfigMaps()
    thresholds: Thresholds = Thresholds()
    retention: Duration = "6h"
    """How long a finished run or Job that still exists keeps its series after its end; 0: as long as it exists. The
    series of a deleted one end at once."""
    web: Web = Web()
    log: Log = Log()


def check(settings: Settings) -> None:
    """What types cannot say. Raises msgspec.ValidationError with the key's path, as decoding does."""
    _check_durations(settings)
    named = [("namespaces", name) for name in settings.namespaces]
    for key, name in (*named, ("configmaps.namespace", settings.configmaps.namespace)):
        if not _NAMESPACE.fullmatch(name):
            raise msgspec.ValidationError(
                f"{name!r} is not the name of a namespace: a-z, 0-9 and -, at most 63 - at `$.{key}`"
            )
    if not SELECTOR.fullmatch(settings.label_selector):
        selector = settings.label_selector
        raise msgspec.ValidationError(
            f"{selector!r} is not a label selector, such as `service in (a, b)` - at `$.label_selector`"
        )
    _check_kinds(settings.coderuns.kinds)
    if not settings.web.listen_addresses:
        raise msgspec.ValidationError("at least one address is needed - at `$.web.listen_addresses`")
    if not settings.web.telemetry_path.startswith("/"):
        path = settings.web.telemetry_path
        raise msgspec.ValidationError(f"{path!r} does not begin with / - at `$.web.telemetry_path`")
    if settings.web.max_requests < 0:
        number = settings.web.max_requests
        raise msgspec.ValidationError(
            f"{number} is not a number of scrapes: write 0 for no limit - at `$.web.max_requests`"
        )


def _check_kinds(kinds: tuple[str | Profile, ...]) -> None:
    if not kinds:
        raise msgspec.ValidationError("at least one kind of run is needed - at `$.coderuns.kinds`")
    names: dict[tuple[str | None, ...], int] = {}
    for index, kind in enumerate(kinds):
        where = f"$.coderuns.kinds[{index}]"
        try:
            check_profile(kind, kinds=[one.kind or "" for one in kinds if isinstance(one, Profile)])
        except ProfileError as error:
            raise msgspec.ValidationError(f"{error} - at `{'.'.join(filter(None, (where, error.key)))}`") from error
        profile = resolved(kind)
        which = repr(profile.only) if is_job(profile) else None  # of Jobs, which are one list for all profiles
        first = names.setdefault((profile.plural, profile.group, which), index)
        if first != index:
            name = f"{profile.plural}.{profile.group}"
            raise msgspec.ValidationError(f"two profiles of {name}: kinds.{first} is one as well - at `{where}`")


def _check_durations(settings: Settings) -> None:
    limits, names = settings.thresholds, ("job_creation_deadline", "job_max_runtime")
    durations = {f"thresholds.{name}": getattr(limits, name) for name in names}
    for agent, own in limits.agents.items():
        durations |= {f"thresholds.agents.{agent}.{name}": getattr(own, name) for name in names}
    for key, duration in (("retention", settings.retention), *durations.items()):
        if duration is None:
            continue
        try:
            seconds = seconds_of(str(duration))
        except ValueError as error:
            raise msgspec.ValidationError(f"{error} - at `$.{key}`") from error
        if not seconds and key in durations:
            raise msgspec.ValidationError(f"0 is always exceeded: write none for no limit - at `$.{key}`")
