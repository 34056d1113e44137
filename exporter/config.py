"""The settings: what they are, and their defaults.

Only the command line and the composition root read them. Durations are as Prometheus writes them (`10m`), or
`none`; plain numbers are seconds.
"""

import re
from typing import Literal

import msgspec

from exporter.durations import seconds_of

__all__ = ["DEFAULT_JOB_MAX_RUNTIME", "SELECTOR", "STATE_NAMES", "Kind", "Settings", "StateRule", "check"]

Duration = str | float | int

DEFAULT_JOB_MAX_RUNTIME = "1h"

STATE_NAMES = ("waiting", "open", "succeeded", "failed", "cancelled")

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


class StateRule(_Section, frozen=True):
    """Which values of a field of the run stand for which state; `absent` stands for no or an empty value."""

    path: str = ".status.phase"
    """The field, as `kubectl get -o jsonpath` names it. Only `.status.phase` for now."""
    waiting: tuple[str, ...] = ()
    """Waits by design: queued, suspended, scheduled. Such a run is never late."""
    open: tuple[str, ...] = ()
    """Needs a Job, or works."""
    succeeded: tuple[str, ...] = ()
    """Ended well."""
    failed: tuple[str, ...] = ()
    """Ended badly."""
    cancelled: tuple[str, ...] = ()
    """Ended on request, which is no failure."""


class Kind(_Section, frozen=True):
    """A kind of run, as its CRD names it."""

    group: str = "agents.platform"
    """The API group."""
    version: str = "v1"
    """The version that is read; a Job's owner may name another."""
    plural: str = "coderuns"
    """The resource, as in `kubectl get`."""
    kind: str = "CodeRun"
    """The kind, as the ownerReference of a Job names it."""
    state: tuple[StateRule, ...] = ()
    """One mapping from values to states. A value that is not listed is open. Not set: the phases of the platform's
    own kinds; for other kinds also `Completed` (succeeded) and `Cancelled`."""
    requires_configmaps: bool | None = None
    """Whether its controller needs the required ConfigMaps, so that a broken one may be why a run has no Job. Not
    set: true for CodeRun and DocsRun."""


class CodeRuns(_Section, frozen=True):
    """The kinds of runs. The first one is required; others may be missing from the cluster."""

    kinds: tuple[Kind, ...] = (Kind(),)
    """At least one. A run of any but the first has its kind before its name: `docsrun/NAME`."""


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
    _check_states(settings)
    kinds = settings.coderuns.kinds
    for names in ({(kind.group, kind.plural) for kind in kinds}, {kind.kind.lower() for kind in kinds}):
        if len(names) < len(kinds):
            raise msgspec.ValidationError("two kinds of runs are the same, or have one name - at `$.coderuns.kinds`")
    if not kinds:
        raise msgspec.ValidationError("at least one kind of run is needed - at `$.coderuns.kinds`")
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


def _check_states(settings: Settings) -> None:
    for index, kind in enumerate(settings.coderuns.kinds):
        where = f"at `$.coderuns.kinds[{index}].state"
        if len(kind.state) > 1:
            raise msgspec.ValidationError(f"expected one mapping, got {len(kind.state)} - {where}`")
        for rule in kind.state:
            if rule.path != ".status.phase":
                raise msgspec.ValidationError(f"{rule.path!r} is not read, only .status.phase is - {where}[0].path`")
            states: dict[str, str] = {}
            for state in STATE_NAMES:
                for value in getattr(rule, state):
                    first = states.setdefault(value or "absent", state)
                    if first != state:
                        raise msgspec.ValidationError(
                            f"{value!r} stands for two states, {first} and {state} - {where}[0].{state}`"
                        )


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
