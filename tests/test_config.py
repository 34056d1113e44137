"""The defaults of the settings, and one error line for each invalid setting."""

import pytest

from exporter.config import Settings, Web
from exporter.config_file import ConfigError, load
from exporter.profiles import resolve

EVERYTHING = """
kubernetes: {kubeconfig: /k, context: prod}
namespaces: [a, b]
coderuns:
  kinds:
    - {group: g, version: v2, plural: p, kind: K}
    - kind: DocsRun
jobs: {match_labels: {app: agent}}
configmaps:
  namespace: cto
  required: [one, {name: two, keys: [a.hbs]}]
thresholds:
  job_creation_deadline: 5m
  job_max_runtime: 600
  agents:
    tess: {job_max_runtime: none, job_creation_deadline: 1h30m}
    rex: {}
retention: 0
web: {listen_addresses: ["127.0.0.1:1"], telemetry_path: /m}
log: {level: warn, format: json}
"""


def write(folder, text):
    """Writes a settings file and returns its path."""
    path = folder / "settings.yml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def the_error(folder, text):
    """Returns the error message for these settings, without the path of the file."""
    path = write(folder, text)
    with pytest.raises(ConfigError) as caught:
        load(path)
    line = str(caught.value)
    assert line.isprintable()
    assert line.startswith(path)
    return line.removeprefix(path)


def test_every_default():
    """Without a file the settings have the documented defaults."""
    settings = Settings()
    assert (settings.kubernetes.kubeconfig, settings.kubernetes.context) == (None, None)
    assert settings.namespaces == ()
    assert settings.coderuns.kinds == ("coderuns.agents.platform",)
    assert settings.jobs.match_labels == {}
    assert settings.configmaps.namespace == "agent-platform"
    assert settings.configmaps.required == tuple(
        f"controller-agent-templates-{name}"
        for name in ("claude", "codex", "cursor", "factory", "integration", "shared")
    )
    assert (settings.thresholds.job_creation_deadline, settings.thresholds.job_max_runtime) == ("10m", None)
    assert (settings.thresholds.agents, settings.retention) == ({}, "6h")
    assert (settings.web.listen_addresses, settings.web.telemetry_path) == ((":10911",), "/metrics")
    assert (settings.log.level, settings.log.format) == ("info", "logfmt")


NAMESPACE_ERROR = "is not a namespace name: use a-z, 0-9 and -, at most 63 characters"


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "{}", "null"])
def test_a_file_without_settings_is_the_defaults(tmp_path, text):
    """An empty file is valid, because every setting has a default."""
    assert load(write(tmp_path, text)) == Settings()


@pytest.mark.parametrize(
    "selector",
    ["a", "!a", "a=b", "a==b", "a!=b", "a=", "a in (x,y)", "a notin ( x, y )", "x.io/a=b,c , !d", "a in (,x)"],
)
def test_every_form_of_a_label_selector_is_accepted(tmp_path, selector):
    """The API server accepts the same forms."""
    assert load(write(tmp_path, f"label_selector: '{selector}'")).label_selector == selector


def test_everything_can_be_set(tmp_path):
    """Keys that a mapping does not contain keep their default."""
    settings = load(write(tmp_path, EVERYTHING))
    assert (settings.kubernetes.kubeconfig, settings.kubernetes.context) == ("/k", "prod")
    assert settings.namespaces == ("a", "b")
    assert [(kind.group, kind.kind) for kind in map(resolve, settings.coderuns.kinds)] == [
        ("g", "K"),
        ("agents.platform", "DocsRun"),
    ]
    assert settings.jobs.match_labels == {"app": "agent"}
    one, two = settings.configmaps.required
    assert (settings.configmaps.namespace, one, two.name, two.keys) == ("cto", "one", "two", ("a.hbs",))
    assert (settings.thresholds.job_creation_deadline, settings.thresholds.job_max_runtime) == ("5m", 600)
    tess, rex = settings.thresholds.agents["tess"], settings.thresholds.agents["rex"]
    assert (tess.job_max_runtime, tess.job_creation_deadline) == ("none", "1h30m")
    assert (rex.job_max_runtime, rex.job_creation_deadline) == (None, None)
    assert settings.retention == 0
    assert (settings.web.listen_addresses, settings.web.telemetry_path) == (("127.0.0.1:1",), "/m")
    assert (settings.log.level, settings.log.format) == ("warn", "json")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("\nretenton: 5", ":2: unknown key 'retenton'; did you mean 'retention'?"),
        (
            "web: {}\nx: 1",
            (f":2: unknown key 'x'; known here: {', '.join(Settings.__struct_fields__)}"),
        ),
        ("web:\n  telemetry-path: /", ":2: unknown key 'web.telemetry-path'; did you mean 'telemetry_path'?"),
        (
            "web:\n  zzz: /",
            f":2: unknown key 'web.zzz'; known here: {', '.join(Web.__struct_fields__)}",
        ),
        (
            "coderuns:\n  kinds:\n  - kind: A\n  - knd: B",
            ":4: unknown key 'coderuns.kinds.1.knd'; did you mean 'kind'?",
        ),
        (
            "thresholds:\n  agents:\n    rex: {}\n    tess:\n      job_max_runtim: 1h",
            ":5: unknown key 'thresholds.agents.*.job_max_runtim'; did you mean 'job_max_runtime'?",
        ),
        (
            "configmaps:\n  required:\n  - a\n  - keys: [b]",
            ":4: configmaps.required.1: this key is missing: name",
        ),
    ],
)
def test_an_unknown_or_missing_key_is_reported_with_the_most_similar_valid_key(tmp_path, text, line):
    """The error has the line and the full path of the key; `*` stands for the name of an agent."""
    assert the_error(tmp_path, text) == line


def test_an_unknown_key_at_two_places_is_reported_at_the_line_of_their_common_parent(tmp_path):
    """The parser does not know which of the two places is meant."""
    text = "thresholds:\n  agents:\n    rex: {a: 1}\n    tess: {a: 1}"
    assert the_error(tmp_path, text).startswith(":2: unknown key 'thresholds.agents.*.a'; known here: ")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[a]", ": expected a mapping of settings"),
        ("5", ": expected a mapping of settings"),
        ("namespaces: a", ":1: namespaces: expected a list, got str"),
        ("\nnamespaces:\n- a\n- 5", ":4: namespaces.1: expected str, got int"),
        ("namespaces: &x [*x]", ": not YAML: its aliases expand to too many values"),
        ("thresholds:", ":1: thresholds: expected a mapping, got null"),
        ("jobs:\n  match_labels:\n    a: 1", ":2: jobs.match_labels.*: expected str, got int"),
        ("jobs:\n  match_labels:\n    1: a", ":2: jobs.match_labels: each key must be a string: put it in quotes"),
        ("jobs:\n  1: a", ":1: jobs: each key must be a string: put it in quotes"),
        ("1: a", ": the file: each key must be a string: put it in quotes"),
        ("retention: true", ":1: retention: expected int | float | str, got bool"),
        ("retention: {a: b}", ":1: retention: expected int | float | str, got a mapping"),
        ("web: {telemetry_path: 2020-01-01}", ":1: web.telemetry_path: expected str, got date"),
        ("web:\n  max_requests: -1", ":2: web.max_requests: expected int >= 0"),
        ("log: {level: loud}", ":1: log.level: expected one of debug, info, warn, error"),
        ("log:\n  format: xml", ":2: log.format: expected one of logfmt, json"),
    ],
)
def test_a_value_of_the_wrong_type_is_named_with_the_right_one(tmp_path, text, line):
    """The error uses the words of YAML, not those of the decoder."""
    assert the_error(tmp_path, text) == line


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("coderuns: {kinds: []}", ":1: coderuns.kinds: at least one kind of run is needed"),
        *(
            (
                f"coderuns: {{kinds: [{{}}, {other}]}}",
                ":1: coderuns.kinds.1: duplicate profile of coderuns.agents.platform, see kinds.0",
            )
            for other in ("{kind: Other, version: v2}", "coderuns.agents.platform")
        ),
        ("web:\n  listen_addresses: []", ":2: web.listen_addresses: at least one address is needed"),
        ("namespaces:\n- a\n- B_c", f":1: namespaces: 'B_c' {NAMESPACE_ERROR}"),
        *(
            (
                f"label_selector: {wrong}",
                f":1: label_selector: {wrong!r} is not a label selector, such as `service in (a, b)`",
            )
            for wrong in ("a b", "-a-", "a in x", "a near (b)", "a in (x", "=b", "a=b c", "a b=c")
        ),
        ("configmaps:\n  namespace: a/b", f":2: configmaps.namespace: 'a/b' {NAMESPACE_ERROR}"),
        (
            "thresholds:\n  job_max_runtime: 0",
            ":2: thresholds.job_max_runtime: 0 is always exceeded: use none for no limit",
        ),
        (
            "thresholds:\n  agents: {rex: {agent_silence_limit: 0}}",
            ":2: thresholds.agents.rex.agent_silence_limit: 0 is always exceeded: use none for no limit",
        ),
        *(
            (
                f"thresholds:\n  {section}run_cost_limit: {value}{end}",
                (
                    f":2: thresholds.{key}run_cost_limit: {value} is not an amount of dollars above 0:"
                    " use none for no limit"
                ),
            )
            for section, end, key in (("", "", ""), ("agents: {rex: {", "}}", "agents.rex."))
            for value in (0, -1, "0.0")
        ),
        (
            "thresholds:\n  hourly_cost_limit: .inf",
            ":2: thresholds.hourly_cost_limit: inf is not an amount of dollars above 0: use none for no limit",
        ),
        (
            "pods: {enabled: false}\nlogs: {enabled: true}",
            ":2: logs.enabled: logs cannot be found without Pods: set pods.enabled",
        ),
        ("web:\n  telemetry_path: metrics", ":2: web.telemetry_path: 'metrics' does not begin with /"),
    ],
)
def test_values_of_the_right_type_are_validated(tmp_path, text, line):
    """The error has the key and its line."""
    assert the_error(tmp_path, text) == line


@pytest.mark.parametrize(
    "value", ["soon", "-5", "5q", "array", "object", "Expected", ".nan", ".inf", "9" * 30, "9" * 400 + "s"]
)
@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("retention: {}", ":1: retention"),
        ("thresholds:\n  job_creation_deadline: {}", ":2: thresholds.job_creation_deadline"),
        ("thresholds:\n  job_max_runtime: {}", ":2: thresholds.job_max_runtime"),
        (
            "thresholds:\n  agents:\n    rex: {{}}\n    tess:\n      job_max_runtime: {}",
            ":5: thresholds.agents.tess.job_max_runtime",
        ),
    ],
)
def test_an_invalid_duration_is_shown_in_the_error(tmp_path, text, place, value):
    """The error has the line and examples of valid durations."""
    line = the_error(tmp_path, text.format(value))
    assert line.startswith(f"{place}: '{value[:3].lstrip('.')}")
    assert line.endswith("' is not a duration: use 600, 90s, 1h30m, 2d, or none")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: [", ":1: not YAML: expected the node content, but found '<stream end>'"),
        ("web:\n\ta: 1", ":2: not YAML: found character '\\t' that cannot start any token"),
        ("a: \x00", ": not YAML: unacceptable character #x0000: special characters are not allowed"),
        ("? [a]\n: b", ":1: not YAML: found unhashable key"),
        ("a: *b", ":1: not YAML: found undefined alias 'b'"),
        ("retention: 2020-13-45", ": not YAML: month must be in 1..12"),
        ("[" * 500, ": not YAML: maximum recursion depth exceeded"),
        ("a: 1\n---\nb: 2", ":2: not YAML: but found another document"),
        (
            "a: !!python/object:os.system x",
            ":1: not YAML: could not determine a constructor for the tag 'tag:yaml.org,2002:python/object:os.system'",
        ),
        (b"\xff\xfe\xfa", ": cannot be read: it is not UTF-8 text"),
    ],
)
def test_invalid_yaml_is_reported_in_one_line(tmp_path, text, line):
    """The error has the line number if the parser knows it. No Python object is constructed."""
    assert the_error(tmp_path, text).startswith(line)


@pytest.mark.parametrize(("name", "reason"), [("absent", "No such file or directory"), ("", "Is a directory")])
def test_an_unreadable_file_is_reported_in_one_line(tmp_path, name, reason):
    """The reason is the message of the operating system."""
    with pytest.raises(ConfigError, match=f"^{tmp_path}/?{name}: cannot be read: {reason}$"):
        load(str(tmp_path / name))
