"""What a compiled profile reads from objects."""

import msgspec
import pytest
import yaml

from exporter.profiles import JobReader, Profile
from exporter.profiles.paths import PathError
from tests.profiles.readers import AT, MOMENT, a_reader, about, state, values

PHASES = "state: [{open: [absent, Running], waiting: [Queued], succeeded: [Done], cancelled: [true]}]"


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ({}, ("open", "", "none")),
        ({"status": None}, ("open", "", "none")),
        ({"status": {"phase": ""}}, ("open", "", "none")),
        ({"status": {"phase": "Queued"}}, ("waiting", "Queued", "Queued")),
        ({"status": {"phase": "Done"}}, ("succeeded", "Done", "Done")),
        ({"status": {"phase": True}}, ("cancelled", "true", "true")),
        ({"status": {"phase": "Thinking"}}, ("open", "Thinking", "other")),
        ({"status": {"phase": {"x": 1}}}, ("open", "present", "other")),
        ({"status": {"phase": ["Done"]}}, ("open", "present", "other")),
        ({"status": "broken"}, ("open", "", "none")),
    ],
)
def test_a_listed_value_determines_the_state(item, expected):
    """A value that is not listed means `open`, because an unknown run has not finished."""
    assert state(PHASES, item) == expected


ORDERED = """
state:
- {path: ".status.conditions[?(@.type=='Finished')].reason", succeeded: [PodSucceeded], failed: [PodFailed]}
- {path: .status.phase, open: [Running]}
- {path: .spec.pool, waiting: [present]}
- {path: .spec.suspend, waiting: [true]}
"""


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ({"status": {"conditions": [{"type": "Ready"}, {"type": "Finished", "reason": "PodFailed"}]}}, "failed"),
        ({"status": {"conditions": [{"type": "Finished", "reason": "New"}], "phase": "Running"}}, "open"),
        ({"status": {"phase": "Running"}, "spec": {"pool": {"name": "x"}}}, "open"),
        ({"status": {"phase": "Odd"}, "spec": {"pool": {"name": "x"}}}, "waiting"),
        ({"spec": {"pool": []}}, "waiting"),
        ({"spec": {"pool": ""}}, "open"),
        ({"spec": {"suspend": True}}, "waiting"),
        ({"spec": {"suspend": False}}, "open"),
        ({"status": {"conditions": None}}, "open"),
        ({"status": {"conditions": [None, {"type": "Finished", "reason": "PodSucceeded"}]}}, "succeeded"),
    ],
)
def test_the_first_rule_that_lists_its_value_determines_the_state(item, expected):
    """The order is that of the profile. `present` matches any value."""
    assert state(ORDERED, item)[0] == expected


def test_a_value_that_no_rule_lists_is_unknown():
    """The first such value is the phase. A rule with `present` for another field still determines the state."""
    assert state(ORDERED, {"status": {"phase": "Odd"}}) == ("open", "Odd", "other")
    assert state(ORDERED, {"spec": {"pool": {"x": 1}}}) == ("waiting", "present", "present")


@pytest.mark.parametrize(
    ("source", "item", "expected"),
    [
        (".spec.a", {"spec": {"a": "x"}}, "x"),
        (".spec.a", {"spec": {"a": 0}}, "0"),
        (".spec.a", {"spec": {"a": 1.5}}, "1.5"),
        (".spec.a", {"spec": {"a": False}}, "false"),
        (".spec.a", {"spec": {"a": ["x"]}}, None),
        (".spec.a", {"spec": []}, None),
        ("[.spec.a, .spec.b]", {"spec": {"a": "", "b": "y"}}, "y"),
        ("[.spec.a, .spec.b]", {"spec": {"a": "x", "b": "y"}}, "x"),
        ("[.spec.a, itself]", {}, "itself"),
        ("opencode", {}, "opencode"),
        ('{path: .spec.a, after: "-"}', {"spec": {"a": "5DLabs-Rex"}}, "Rex"),
        ('{path: .spec.a, after: "-"}', {"spec": {"a": "cleo"}}, "cleo"),
        ('[{path: .spec.a, after: "-"}, .spec.b]', {"spec": {"a": "5DLabs-", "b": "y"}}, "y"),
        ("{path: .spec.a, when: {.spec.b: [true]}}", {"spec": {"a": "x", "b": True}}, "x"),
        ("{path: .spec.a, when: {.spec.b: [true]}}", {"spec": {"a": "x", "b": False}}, None),
        ("{path: .spec.a, when: {.spec.b: [absent]}}", {"spec": {"a": "x"}}, "x"),
        ("{path: .spec.a, when: {.spec.b: [present]}}", {"spec": {"a": "x"}}, None),
        ("{path: .spec.a, when: {.spec.b: [present]}}", {"spec": {"a": "x", "b": {}}}, "x"),
        ("'.spec.list[1].a'", {"spec": {"list": [{"a": "x"}, {"a": "y"}]}}, "y"),
        ("'.spec.list[1].a'", {"spec": {"list": [{"a": "x"}]}}, None),
        ("'.spec.list[1]'", {"spec": {"list": ["x", "y"]}}, "y"),
        (r".metadata.labels.a\.b/c", {"metadata": {"labels": {"a.b/c": "x"}}}, "x"),
        (".metadata.labels.app", {"metadata": {"labels": {"app": 5}}}, None),
        (".metadata.name", {"metadata": {"name": "x"}}, "x"),
    ],
)
def test_a_label_has_the_first_value_that_exists(source, item, expected):
    """Missing and empty values, lists and mappings are skipped, and no exception is raised."""
    assert about(f"{{service: {source}}}", item).get("service") == expected


@pytest.mark.parametrize(
    ("times", "status", "expected"),
    [
        ("{finished: .status.end}", {"end": AT}, MOMENT),
        ("{finished: .status.end}", {"end": "soon"}, None),
        ("{finished: [.status.end, .status.update]}", {"update": AT}, MOMENT),
        ("{finished: [{path: .status.update, when: {.status.end: [true]}}, .status.end]}", {"end": AT}, MOMENT),
        ("{finished: [{path: .status.update, when: {.status.end: [true]}}]}", {"end": True, "update": AT}, MOMENT),
        ("{finished: [{path: .status.update, when: {.status.end: [true]}}]}", {"end": False, "update": AT}, None),
        ("{finished: .metadata.creationTimestamp}", {}, MOMENT),
    ],
)
def test_a_time_is_the_first_valid_time(times, status, expected):
    """The same field may also be read as text."""
    reader = a_reader(f"times: {times}")
    item = {"metadata": {"creationTimestamp": AT}, "status": status}
    assert reader.finished(values(reader, item)[0]) == expected


def test_only_fields_of_the_profile_are_decoded():
    """Other fields may have any type."""
    reader = a_reader("about: {service: .spec.service}")
    assert [field.encode_name for field in msgspec.structs.fields(reader.type)] == ["metadata", "spec"]
    item = {"metadata": {"managedFields": 5, "labels": []}, "spec": {"service": "s", "env": {"x": [1]}}, "status": []}
    assert values(reader, item)[1]


def test_the_first_worker_whose_condition_is_met_applies():
    """A run of a pool has a Pod that it does not control; any other run has a Job."""
    reader = a_reader("""
        worker:
        - {is: Pod, reported: .status.podName, when: {.spec.pool.name: [present]}}
        - {is: Job, reported: .status.jobName}
    """)
    status = {"podName": "p", "jobName": "j"}
    for spec, expected in (({"pool": {"name": "x"}}, ("Pod", "p")), ({}, ("Job", "j"))):
        found, _ = values(reader, {"spec": spec, "status": status})
        worker = reader.worker(found)
        assert (worker.kind, worker.names(found)[1]) == expected


def test_a_field_that_must_not_be_empty_is_reported_if_it_is():
    """It may be absent or null."""
    reader = a_reader("undecodable_when_empty: [.spec.cliConfig.cliType, .spec.model]")
    for spec, expected in (
        ({}, ""),
        ({"model": None, "cliConfig": {}}, ""),
        ({"model": "", "cliConfig": {"cliType": "x"}}, "spec.model is empty"),
        ({"model": "", "cliConfig": {"cliType": ""}}, "spec.cliConfig.cliType is empty"),
    ):
        assert reader.undecodable(values(reader, {"spec": spec})[0]) == expected


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        ("{}", (None, None, None)),
        ("delivers: {pull_request: [.status.pr, .status.url]}", (False, True, True)),
        ("delivers: {pull_request: .status.url, when: {.spec.type: [implement]}}", (None, True, None)),
        ("delivers: {pull_request: .status.url, when: {.spec.type: [absent]}}", (False, None, True)),
    ],
)
def test_a_pull_request_is_expected_of_some_runs(profile, expected):
    """Of the others, it is neither there nor missing."""
    reader = a_reader(profile)
    items = ({}, {"spec": {"type": "implement"}, "status": {"url": "u"}}, {"status": {"pr": "", "url": "u"}})
    assert tuple(reader.has_pull_request(values(reader, item)[0]) for item in items) == expected


def test_labels_of_a_job_complete_those_of_its_run():
    """They are strings, in the order of JobAbout."""
    profile = """
        worker: {about: {agent: {path: .metadata.labels.user, after: "-"}, cli: [.metadata.annotations.cli, claude]}}
    """
    reader = JobReader(msgspec.convert(yaml.safe_load(profile), Profile))
    assert reader.about({"user": "x-Rex"}, {"cli": "codex"}) == ["Rex", "", "", "codex", ""]
    assert reader.about({}, {}) == ["", "", "", "claude", ""]
    given = "{cli: {path: .metadata.labels.cli, when: {.metadata.labels.app: [present]}}}"
    reader = JobReader(msgspec.convert(yaml.safe_load(f"worker: {{about: {given}}}"), Profile))
    assert reader.about({"cli": "x", "app": "y"}, {})[3] == "x"
    assert reader.about({"cli": "x"}, {})[3] == ""


def test_conflicting_paths_are_an_error():
    """One path ends at a field in which the other continues."""
    with pytest.raises(PathError, match=r"'\.spec\.a' is the end of one path and a parent in another path"):
        a_reader("about: {service: .spec.a, cli: .spec.a.b}")


@pytest.mark.parametrize(
    "profile",
    [
        "{only: {.spec.mode: [agent]}}",
        "{worker: {is: Pod}, about: {task_id: .status.name, agent: .spec.pipelineRef.name}}",
    ],
)
def test_fields_of_runs_are_not_read_from_their_jobs(profile):
    """`only` and `about` apply to a Job only if the Job itself is the run."""
    reader = JobReader(msgspec.convert(yaml.safe_load(profile), Profile))
    assert reader.about({"name": "x"}, {"name": "y"}) == [""] * 5


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{path: .spec.a, when: {.spec.b: [absent]}}", None),
        ("{path: .spec.a, when: {.spec.b: [present]}}", "x"),
        ("[{path: .spec.c, when: {.spec.b: [text]}}, {path: .spec.a, when: {.spec.b: [present]}}]", "x"),
        ("[{path: .spec.a, when: {.spec.b: [present]}}, .spec.b]", "x"),
    ],
)
@pytest.mark.parametrize("inside", [{"x": 1}, ["x"], [[]], 0, False])
def test_a_value_of_any_type_counts_as_present(source, expected, inside):
    """A mapping or list is present, even if the same field is also read as text."""
    assert about(f"{{service: {source}}}", {"spec": {"a": "x", "b": inside}}).get("service") == expected


@pytest.mark.parametrize(("status", "expected"), [("True", "succeeded"), ("False", "failed"), (True, "succeeded")])
def test_a_boolean_also_matches_the_text_of_a_condition(status, expected):
    """YAML reads True as a boolean, but the status of a condition is the string "True"."""
    profile = """
        state: [{path: ".status.conditions[?(@.type=='S')].status", succeeded: [True], failed: [False]}]
    """
    assert state(profile, {"status": {"conditions": [{"type": "S", "status": status}]}})[0] == expected
    reader = a_reader("only: {.spec.a: [True]}")
    assert reader.is_run(values(reader, {"spec": {"a": "True"}})[0])


def test_a_value_that_no_rule_lists_is_kept_if_an_absent_field_determines_the_state():
    """A controller has written the value, so the run has a status."""
    profile = "state: [{path: .status.phase, failed: [F]}, {path: .spec.pool, open: [absent], waiting: [present]}]"
    assert state(profile, {"status": {"phase": "Odd"}}) == ("open", "Odd", "none")
    assert state(profile, {}) == ("open", "", "none")


def test_a_time_in_the_year_1_is_ignored():
    """It is the zero time of Go. The next source is used."""
    reader = a_reader("times: {finished: [.status.end, .status.update]}")
    assert reader.finished(values(reader, {"status": {"end": "0001-01-01T00:00:00Z", "update": AT}})[0]) == MOMENT


@pytest.mark.parametrize(
    ("given", "meta", "expected"),
    [
        ("service: .metadata.generation", {"generation": 3}, "3"),
        ("attempt: .metadata.generation", {"generation": 3}, "3"),
        ("attempt: .metadata.labels.n", {"labels": {"n": "3"}}, "3"),
        ("attempt: .metadata.annotations.n", {"annotations": {"n": "3"}}, "3"),
        ("service: '.metadata.ownerReferences[0].controller'", {"ownerReferences": [{"controller": True}]}, "true"),
    ],
)
def test_metadata_is_read_with_its_own_types(given, meta, expected):
    """Labels are strings, even if a number is expected. The object does not count as malformed."""
    reader = a_reader(f"about: {{{given}}}")
    found, whole = values(reader, {"metadata": meta})
    assert (expected in reader.about(found), whole) == (True, True)


@pytest.mark.parametrize(
    ("path", "spec", "expected"),
    [
        (".spec.m[0][1]", {"m": [["a", "b"]]}, "b"),
        (".spec.m[1][0].z[1]", {"m": [[], [{"z": ["p", "q"]}]]}, "q"),
        (
            ".spec.m[?(@.type=='A')].b[?(@.type=='C')].d[0]",
            {"m": [{"type": "A", "b": [{"type": "C", "d": ["x"]}]}]},
            "x",
        ),
        (".spec.m[1].a", {"m": [None, {"a": "x"}]}, "x"),
        (".spec.m[0].a", {"m": [None, {"a": "x"}]}, ""),
        (".spec.m[1]", {"m": [{}, "b"]}, "b"),
        (".spec.m[0]", {"m": [{}, "b"]}, ""),
        (".spec.m[?(@.a=='x')].b", {"m": [None, {"a": None}, {"a": "x", "b": "y"}]}, "y"),
    ],
)
def test_lists_are_read_at_any_depth(path, spec, expected):
    """Items keep their index whatever the other items are, and the object does not count as malformed."""
    reader = a_reader(f'about: {{service: "{path}"}}')
    found, whole = values(reader, {"spec": spec})
    assert (reader.about(found)[1], whole) == (expected, True)
