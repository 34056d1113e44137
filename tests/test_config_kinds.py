"""Kinds of runs and ConfigMaps in the settings, and one error line for each invalid setting."""

import pytest

from exporter.config import Settings
from exporter.config_file import ConfigError, load
from exporter.informers import kinds_of
from tests.test_config import the_error, write

STATES = "coderuns:\n  kinds:\n  - kind: A\n  - kind: B\n    plural: bs\n    state:\n"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "    - open: [Running, Paused]\n      waiting: [Queued,\n        Paused]",
            ":7: 1.state.0.open: 'Paused' is listed for two states, waiting and open",
        ),
        (
            "    - failed: ['']\n      succeeded: [absent]",
            ":7: 1.state.0.failed: '' is listed for two states, succeeded and failed",
        ),
        (
            "    - open: []\n      finished: [Done]",
            (":8: unknown key '1.state.0.finished'; known here: path, waiting, open, succeeded, failed, cancelled"),
        ),
        ("    - canceled: [Done]", ":7: unknown key '1.state.0.canceled'; did you mean 'cancelled'?"),
        (
            "    - open: []\n      path: .stauts.state",
            ":8: 1.state.0.path: '.stauts.state': objects have no field 'stauts'; did you mean 'status'?",
        ),
        ("      open: [A]", ":6: 1.state: expected a list, got a mapping"),
        ("    - open: A", ":7: 1.state.0.open: expected a list, got str"),
    ],
)
def test_an_invalid_state_is_reported_with_its_key(tmp_path, text, line):
    """Examples are a value in two states, an unknown state, and a path without a known field."""
    assert the_error(tmp_path, STATES + text).replace("coderuns.kinds.", "") == line


def test_a_value_may_be_listed_twice_for_one_state(tmp_path):
    """The duplicate has no effect."""
    (_, kind) = load(write(tmp_path, f"{STATES}    - {{open: [A, A], path: .status.phase}}")).coderuns.kinds
    assert kind.state[0].open == ("A", "A")


def test_configmaps_are_named_only_if_the_settings_list_them(tmp_path):
    """A namespace alone names no ConfigMap. The default names count as named if the settings list them."""
    assert not load(write(tmp_path, "configmaps: {namespace: cto}")).configmaps.named
    assert not Settings().configmaps.named
    assert load(write(tmp_path, "configmaps: {required: []}")).configmaps.named
    names = ", ".join(map(str, Settings().configmaps.required))
    same = load(write(tmp_path, f"configmaps: {{required: [{names}]}}")).configmaps
    assert same.named
    assert same.required == Settings().configmaps.required


PROFILE = "coderuns:\n  kinds:\n  - resource: tasks.v1.example.com\n    kind: Task\n"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("    abuot: {}", ":5: unknown key '0.abuot'; did you mean 'about'?"),
        (
            "    about:\n      agent: x\n      modle: .spec.model",
            ":7: unknown key '0.about.modle'; did you mean 'model'?",
        ),
        (
            '    about:\n      agent: x\n      model: [.spec.a, ".spec.b[*]"]',
            (
                ":7: 0.about.model.1: '.spec.b[*]' is not a path: unexpected '[*]'; write .name, \\. for a "
                "dot in a name, [0] or [?(@.type=='X')]"
            ),
        ),
        (
            "    about:\n      model: {path: .spec.a, aftre: '-'}",
            ":6: unknown key '0.about.model.aftre'; did you mean 'after'?",
        ),
        (
            "    times: {finished: status.end}",
            ":5: 0.times.finished: 'status.end' is not a path; did you mean '.status.end'?",
        ),
        ("    worker:\n      is: Jobs", ":6: 0.worker.is: 'Jobs' cannot be listed; did you mean Job?"),
        (
            "    worker:\n    - {is: Pod, when: {.spec.pool: [present]}}\n    - is: ReplicaSet",
            (
                ":7: 0.worker.1.is: 'ReplicaSet' cannot be listed; write Job, Pod, none, self or the kind of "
                "another profile"
            ),
        ),
        (
            "    worker:\n      when: {.metadata.lables.x: [a]}",
            ":6: 0.worker.when: '.metadata.lables.x': metadata has no field 'lables'; did you mean 'labels'?",
        ),
        (
            "    worker:\n      about: {cli: .spec.cli}",
            (
                ":6: 0.worker.about.cli: only .metadata.labels.NAME and .metadata.annotations.NAME are "
                "supported for Jobs and Pods"
            ),
        ),
        (
            "    worker:\n      about: {cli: {path: .metadata.labels.a, when: {.spec.a: [x]}}}",
            (
                ":6: 0.worker.about.cli: only .metadata.labels.NAME and .metadata.annotations.NAME are "
                "supported for Jobs and Pods"
            ),
        ),
        (
            "    state:\n    - {path: .spec.a, open: [X]}\n    - {path: .spec.a, failed: [X]}",
            ":7: 0.state.1.failed: 'X' is listed for two states, open and failed",
        ),
        (
            "    about: {service: .spec.a, cli: .spec.a.b}",
            ":3: 0: '.spec.a' is the end of one path and a parent in another path: both must end at a field",
        ),
        (
            "  - tasks.example.com",
            ":5: 1: 'tasks.example.com' is not a shipped profile; there are: boltruns.cto.5dlabs.ai, ",
        ),
        (
            "  - {resource: tasks.v2.example.com, kind: Task}",
            ":5: 1: duplicate profile of tasks.example.com, see kinds.0",
        ),
        ("    worker: {is: self}", ":5: 0.worker.is: self is only supported for the resource jobs.v1.batch"),
        (
            "  - resource: jobs.v1.batch\n    worker: {is: self}\n    only: {.spec.suspend: [true]}",
            (":7: 1.only: only .metadata.labels.NAME and .metadata.annotations.NAME are supported for Jobs and Pods"),
        ),
        (
            "    only: {.metadata.lables.x: [a]}",
            ":5: 0.only: '.metadata.lables.x': metadata has no field 'lables'; did you mean 'labels'?",
        ),
        (
            "    ready:\n      status.ready: [true]",
            ":5: 0.ready: 'status.ready' is not a path; did you mean '.status.ready'?",
        ),
        ("    ready: {.status.ready: []}", ":5: 0.ready: no value is listed for '.status.ready'"),
        (
            "    delivers: {}",
            ":5: 0.delivers.pull_request: a path is required: otherwise no run, or each run, has one",
        ),
        ("    delivers: {pull_request: text}", ":5: 0.delivers.pull_request: a path is required"),
        (
            "    delivers: {pull_request: status.url}",
            ":5: 0.delivers.pull_request: 'status.url' is not a path; did you mean '.status.url'?",
        ),
        (
            (
                "  - {resource: jobs.v1.batch, worker: {is: self}, only: {.metadata.labels.x: [a]},\n  delivers: "
                "{pull_request: .a}}"
            ),
            ":6: 1.delivers: not supported for jobs.v1.batch",
        ),
        ("    delivers: {pull_request: .a, when: {.b: []}}", ":5: 0.delivers.when: no value is listed for '.b'"),
        ('    long_lived: {".spec.x[*]": [a]}', ":5: 0.long_lived: '.spec.x[*]' is not a path"),
        ("    long_lived: yes!", ":5: 0.long_lived"),
        (
            (
                "  - {resource: jobs.v1.batch, worker: {is: self}, only: {.metadata.labels.x: [a]},\n  ready: "
                "{.x: [a]}}"
            ),
            ":6: 1.ready: not supported for jobs.v1.batch",
        ),
        ("    name: x", ":5: 0.name: only shipped profiles have a name"),
        ("    group: example.com", ":5: 0.group: conflicts with resource: remove one of them"),
        ("    only: {.spec.a: []}", ":5: 0.only: no value is listed for '.spec.a'"),
        ("    worker: {when: {.spec.a: []}}", ":5: 0.worker.when: no value is listed for '.spec.a'"),
        ("    state: [{path: .spec.a}]", ":5: 0.state.0: no value is listed for '.spec.a'"),
        ("    worker: []", ":5: 0.worker: the list is empty: write {is: none} if runs have no worker"),
        (
            "    worker: {is: ''}",
            ":5: 0.worker.is: '' cannot be listed; write Job, Pod, none, self or the kind of another",
        ),
        ("    about: {agent: spec.user}", ":5: 0.about.agent: 'spec.user' is not a path; did you mean '.spec.user'?"),
        (
            "    about: {agent: [.spec.a, 'status.x[0]']}",
            ":5: 0.about.agent.1: 'status.x[0]' is not a path; did you mean '.status.x[0]'?",
        ),
        (
            "    state: [{path: .spec.a, waiting: [true]}, {path: .spec.a, failed: ['true']}]",
            ":5: 0.state.1.failed: 'true' is listed for two states, waiting and failed",
        ),
        (
            "    state: [{path: .spec.a, waiting: [True], failed: ['True']}]",
            ":5: 0.state.0.failed: 'True' is listed for two states, waiting and failed",
        ),
        (
            "    about: {agent: .spec" + ".a" * 5000 + "}",
            ":5: 0.about.agent: a path has at most 32 steps; this one has 5001: '.spec.a.a.a.a",
        ),
        (
            "    only: {.metadata.annotations: [present]}",
            ":3: 0: '.metadata.annotations' is the end of one path and a parent in another path",
        ),
        (
            "  - {group: a b, plural: xs, version: v1, kind: X}",
            ":5: 1.group: 'a b' is not the name of an API group: a-z, 0-9, - and dots",
        ),
        (
            "  - {group: a.b, plural: ../secrets, version: v1, kind: X}",
            ":5: 1.plural: '../secrets' is not the name of a resource: a-z, 0-9 and -",
        ),
        (
            "  - {group: a.b, plural: xs, version: v1/../v2, kind: X}",
            ":5: 1.version: 'v1/../v2' is not the name of a version: a-z, 0-9 and -",
        ),
        (
            "  - {resource: 'xs.v1.a?b', kind: X}",
            ":5: 1.resource: 'a?b' is not the name of an API group: a-z, 0-9, - and dots",
        ),
        ("  - {resource: xs.v1.a.b, kind: X/Y}", ":5: 1.kind: 'X/Y' is not the name of a kind: A-Z, a-z, 0-9 and -"),
        (
            "  - {resource: jobs.v1.batch, worker: {is: Pod}}",
            ":5: 1.worker.is: the worker of jobs.v1.batch must be {is: self}",
        ),
        (
            "  - {resource: jobs.v1.batch, worker: [{is: self}, {is: Pod}]}",
            ":5: 1.worker: self must be the only worker, without when: only selects the Jobs",
        ),
        ("  - jobs.batch\n  - jobs.batch", ":6: 2: duplicate profile of jobs.batch, see kinds.1"),
        ("    kind: Task2", ":5: duplicate key 'kind'"),
    ],
)
def test_an_invalid_profile_is_reported_with_its_key(tmp_path, text, line):
    """The exporter reports the line and the most similar valid value at startup."""
    assert the_error(tmp_path, PROFILE + text).replace("coderuns.kinds.", "").startswith(line)


def test_a_profile_can_be_a_file(tmp_path):
    """The path is relative to the settings. Errors in the profile have the path and the line of the profile."""
    (tmp_path / "task.yaml").write_text("resource: tasks.v1.example.com\nkind: Task\nabout: {agent: .spec.agent}\n")
    (kind,) = load(write(tmp_path, "coderuns: {kinds: [task.yaml]}")).coderuns.kinds
    assert (kind.kind, kind.about.agent) == ("Task", ".spec.agent")
    (tmp_path / "task.yaml").write_text("resource: tasks.v1.example.com\nkind: Task\nabout:\n  agnet: .spec.agent\n")
    with pytest.raises(ConfigError) as caught:
        load(write(tmp_path, "coderuns: {kinds: [task.yaml]}"))
    assert str(caught.value) == f"{tmp_path / 'task.yaml'}:4: unknown key 'about.agnet'; did you mean 'agent'?"
    with pytest.raises(ConfigError) as caught:
        load(write(tmp_path, "coderuns: {kinds: [none.yaml]}"))
    where = f"{tmp_path / 'settings.yml'}:1: coderuns.kinds.0"
    assert str(caught.value) == f"{where}: {tmp_path / 'none.yaml'}: cannot be read: No such file or directory"


def test_two_kinds_of_the_same_name_are_distinguished(tmp_path):
    """Runs of the second kind have the name of their resource before their own name."""
    text = "coderuns:\n  kinds:\n" + "".join(
        f"  - {{resource: tasks.v1.{group}, kind: Task}}\n" for group in ("a.example", "b.example")
    )
    kinds = kinds_of(load(write(tmp_path, text + "  - docsruns.agents.platform")))
    assert [kind.exposed_name("x") for kind in kinds] == ["x", "tasks.b.example/x", "docsrun/x"]
    assert [kind.title for kind in kinds] == ["tasks.a.example", "tasks.b.example", "docsruns"]


def test_a_kind_named_job_is_distinguished_from_jobs(tmp_path):
    """Jobs are always watched, and to kubectl `job/NAME` is a Job."""
    kinds = kinds_of(load(write(tmp_path, "coderuns: {kinds: [coderuns.agents.platform, jobs.batch.volcano.sh]}")))
    assert [kind.exposed_name("x") for kind in kinds] == ["x", "jobs.batch.volcano.sh/x"]
    assert [kind.title for kind in kinds] == ["coderuns", "jobs.batch.volcano.sh"]


def test_several_profiles_can_select_jobs(tmp_path):
    """Each selects Jobs by its own labels. Their `worker` may have any of its forms."""
    one = "{resource: jobs.v1.batch, only: {.metadata.labels.x: [%s]}, worker: %s}"
    kinds = [one % ("a", "[{is: self}]"), one % ("b", "{is: self, reported: .status.x}"), "jobs.batch", "buildkite"]
    assert len(load(write(tmp_path, f"coderuns: {{kinds: [{', '.join(kinds)}]}}")).coderuns.kinds) == 4


def test_a_profile_in_a_file_can_name_the_kind_of_any_other_profile_as_its_worker(tmp_path):
    """The other profile is in the settings or in another file."""
    (tmp_path / "a.yaml").write_text("resource: as.v1.x.io\nkind: A\nworker: {is: B}\n")
    (tmp_path / "b.yaml").write_text("resource: bs.v1.x.io\nkind: B\nworker: {is: C}\n")
    settings = load(write(tmp_path, "coderuns: {kinds: [a.yaml, b.yaml, {resource: cs.v1.x.io, kind: C}]}"))
    assert [kind.kind for kind in settings.coderuns.kinds] == ["A", "B", "C"]
