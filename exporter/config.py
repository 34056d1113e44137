"""The settings and their defaults.

Only the command line and the composition root read them. Durations have the format of Prometheus (`10m`), or are
`none`; numbers are seconds.
"""

from typing import Annotated, Literal

import msgspec

from exporter.log_formats import Format, Formats, compile_formats
from exporter.profiles import DEFAULT, Profile

__all__ = ["DEFAULT_JOB_MAX_RUNTIME", "Profile", "Settings", "log_formats"]

Duration = str | float | int
Dollars = float | int | Literal["none"]

DEFAULT_JOB_MAX_RUNTIME = "1h"


class _Section(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A section of the settings. Unknown keys are errors."""


class Kubernetes(_Section, frozen=True):
    """The connection to the API server. Not set: $KUBECONFIG, else the pod's ServiceAccount, else ~/.kube/config."""

    kubeconfig: str | None = None
    """The kubeconfig file."""
    context: str | None = None
    """The kubeconfig's context; by default its current one."""


class CodeRuns(_Section, frozen=True):
    """The kinds of runs. The first one is required; others may be missing from the cluster."""

    kinds: tuple[str | Profile, ...] = (DEFAULT,)
    """At least one entry. An entry is the name of a [shipped profile](profiles.md), a file with one profile, or a
    profile. In metrics, the name of a run begins with its kind (`docsrun/NAME`), except for the first kind."""


class Jobs(_Section, frozen=True):
    """Jobs that are exposed although no run controls them."""

    match_labels: dict[str, str] = {}
    """Jobs with all these labels are exposed, even if no run controls them. Not set: only Jobs of runs."""


class Pods(_Section, frozen=True):
    """The Pods of Jobs. They show why a Job does not start or end.

    Without the permission to list and watch Pods, only these causes are missing.
    """

    enabled: bool = True
    """Whether to read Pods of Jobs."""


class Events(_Section, frozen=True):
    """The Events about open runs, their Jobs and their Pods. Their messages become part of the causes.

    Up to 20 namespaces with open runs are watched one by one; if there are more, all are watched with one watch.
    Without the permission to list and watch Events, only these messages are missing.
    """

    enabled: bool = True
    """Whether to read Events."""


class Logs(_Section, frozen=True):
    """The logs of main containers of running Pods. They show the agent's last word (its result), cost and silence.

    They are read every minute, and not followed. This needs `pods.enabled`, and the permission to get `pods/log`,
    which includes the logs of [all containers](security.md#logs) of `namespaces`, or of the cluster.
    """

    enabled: bool = False
    """Whether to read them."""
    formats: tuple[str | Format, ...] = ()
    """[Log formats](log-formats.md#write-a-format) that are added to the shipped ones; a format of the same name is
    replaced. An entry is a file with one format, or a format."""


class Workflows(_Section, frozen=True):
    """The Argo Workflows that create runs. Their steps wait for these runs, and may wait without a limit.

    Only workflows that have not completed are read, and WorkflowTemplates. Without the permission to list and watch
    them, or without Argo, only their metrics are missing.
    """

    enabled: bool = False
    """Whether to read them."""


class RequiredConfigMap(_Section, frozen=True):
    """A ConfigMap that the controller needs, and its required keys."""

    name: str
    """A name, or a pattern such as `cto-controller-templates-*`. At least one ConfigMap must match a pattern, and
    each match is checked."""
    keys: tuple[str, ...] = ()
    """Keys that must exist in `data` or `binaryData`, with a value that is not empty."""


_TEMPLATES: tuple[str | RequiredConfigMap, ...] = tuple(
    f"controller-agent-templates-{name}" for name in ("claude", "codex", "cursor", "factory", "integration", "shared")
)


class ConfigMaps(_Section, frozen=True):
    """The required ConfigMaps. A ConfigMap is healthy if it exists, is not empty, and has its required keys.

    Names that are set here are always required. If no names are set, the template ConfigMaps of the platform are
    required once one of them exists; before that, none is reported as missing. They are not read if no kind of run
    requires them.
    """

    namespace: str = "agent-platform"
    """The namespace of all required ConfigMaps."""
    required: tuple[str | RequiredConfigMap, ...] = _TEMPLATES
    """Names, or mappings with a name and keys. `*` in a name matches any text."""

    @property
    def named(self) -> bool:
        """Whether the settings set `required`, even to the default value."""
        return self.required is not _TEMPLATES


class AgentThresholds(_Section, frozen=True):
    """Limits of one agent that differ from the defaults."""

    job_creation_deadline: Duration | None = None
    """How long after its creation a run of this agent may have no Job."""
    job_max_runtime: Duration | None = None
    """How long a Job of this agent may run."""
    agent_result_limit: Duration | None = None
    """How long this agent may run after its last word."""
    agent_silence_limit: Duration | None = None
    """How long this agent may write no line."""
    run_cost_limit: Dollars | None = None
    """How much one run of this agent may cost, in US dollars, or `none`."""
    hourly_cost_limit: Dollars | None = None
    """How much this agent may cost within an hour in one namespace, in US dollars, or `none`."""


class Thresholds(_Section, frozen=True):
    """How long a run may wait for its Job, and how long a Job may run. [Annotations](#annotations) override both."""

    job_creation_deadline: Duration = "10m"
    """How long after its creation a run may have no Job."""
    job_max_runtime: Duration | None = None
    """How long a Job may run after its start. Not set: 1h, and a Job that runs longer raises only a warning, because
    healthy runs may take hours."""
    agent_result_limit: Duration | None = None
    """How long an agent may run after its last word, if [logs](#logs) are read. Not set: 5m, and 20m for the CLIs
    `codex`, `factory`, `droid` and `opencode`, because the scripts around them build and test after the last word.
    No limit for long-lived runs, unless that of their agent is set."""
    agent_silence_limit: Duration = "30m"
    """How long an agent may write no line, if [logs](#logs) are read. It does not apply to formats that are written
    only at the end, nor to long-lived runs, unless that of their agent is set."""
    run_cost_limit: Dollars | None = None
    """How much one run may cost, in US dollars, as the agents report it in their [logs](#logs). Not set: no limit,
    because no default fits; `AgentCostHigh` then does not fire for runs."""
    hourly_cost_limit: Dollars | None = None
    """How much one agent may cost within an hour in one namespace, in US dollars. Not set: no limit, and
    `AgentCostHigh` does not fire for agents."""
    agents: dict[str, AgentThresholds] = {}
    """Limits of single agents, by the value of the label `agent`, such as `tess`."""


class Web(_Section, frozen=True):
    """The web server, which serves the metrics."""

    listen_addresses: tuple[str, ...] = (":10911",)
    """`HOST:PORT`, or `:PORT` for every interface."""
    telemetry_path: str = "/metrics"
    """The path of the metrics."""
    max_requests: Annotated[int, msgspec.Meta(ge=0)] = 40
    """Maximum number of concurrent scrapes; further scrapes get 503. 0: no limit."""
    config_file: str | None = None
    """The file with [TLS and passwords](operations.md#tls-and-access), in the format of Prometheus' exporters."""
    kubernetes_auth: bool = False
    """Whether a scrape requires a [Kubernetes bearer token](operations.md#tokens-of-the-cluster) authorized to `get`
    the path."""
    kubernetes_auth_audience: str = ""
    """The required audience of these tokens. Not set: the audience of the API server, as in the tokens of pods."""
    kubernetes_auth_without_tls: bool = False
    """Whether tokens are accepted over plain HTTP, if another component encrypts the traffic. Otherwise they require
    TLS."""


class Log(_Section, frozen=True):
    """The log, on standard error."""

    level: Literal["debug", "info", "warn", "error"] = "info"
    """The minimum severity of a message that is logged."""
    format: Literal["logfmt", "json"] = "logfmt"
    """The format of the lines. Each message is one line."""


class Settings(_Section, frozen=True):
    """All settings."""

    kubernetes: Kubernetes = Kubernetes()
    namespaces: tuple[str, ...] = ()
    """The namespaces in which runs, Jobs and worker Pods (Pods that work for a run without a Job) are read. Not set:
    all namespaces, which needs a ClusterRole."""
    label_selector: str = ""
    """A label selector, as in `kubectl get -l`. Only runs, Jobs and worker Pods that match it are read. Use a label
    that a run and its Job both have, such as `service`: a run whose Job does not match appears to have no Job.
    Not set: all."""
    coderuns: CodeRuns = CodeRuns()
    jobs: Jobs = Jobs()
    pods: Pods = Pods()
    events: Events = Events()
    logs: Logs = Logs()
    workflows: Workflows = Workflows()
    configmaps: ConfigMaps = ConfigMaps()
    thresholds: Thresholds = Thresholds()
    retention: Duration = "6h"
    """How long a finished run or Job is exposed after its end, if it still exists; 0: as long as it exists. The
    series of a deleted run or Job are removed immediately."""
    web: Web = Web()
    log: Log = Log()


def log_formats(settings: Settings) -> Formats:
    """The shipped log formats and those of the settings, which are valid and whose files have been read."""
    return compile_formats(one for one in settings.logs.formats if isinstance(one, Format))
