"""Malformed objects: their valid fields are still exposed, and no exception is raised."""

import copy
import itertools
import typing

import msgspec
import pytest

from exporter.cache import Thresholds
from exporter.kube.decode import Decoder
from exporter.resources.configmaps import WireConfigMap
from exporter.resources.jobs import WireJob
from tests.harness import CODERUN, StoreHarness, exposition_of, required, samples
from tests.objects import CREATED, a_configmap, a_job, a_run, raw, stamp

RUN = a_run(
    deleted=CREATED + 5,
    labels={"task-id": "1"},
    annotations={"coderun-exporter/job-creation-deadline": "5m"},
    spec={
        "taskId": 1,
        "githubApp": "5DLabs-Rex",
        "contextVersion": 2,
        "cliConfig": {"cliType": "codex", "model": "m"},
    },
    status={"phase": "Failed", "jobName": "j", "lastUpdate": stamp(CREATED), "workCompleted": True},
)
JOB = a_job(
    labels={"context-version": "1"},
    annotations={"coderun-exporter/max-runtime": "5m"},
    spec={"activeDeadlineSeconds": 60, "suspend": False},
    ended="Failed",
)
CONFIGMAP = a_configmap(data={"a": "x"}, binary={"b": "eHg="})

WRONG = [
    *(None, True, False, 0, -1, 1.5, 10**30, -(10**400), 1e300, float("nan"), float("inf")),
    *("", "x", "NaN", "true", "\u0661", "\x00", "\ud800", "\U0001f680", 'a"\\\n', "x" * 10_000, "9" * 5_000),
    *("0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999999999-14:00"),
    *("2025-10-09T08:53:20", "2025-10-09", "2025-13-45T99:99:99Z", "-1-01-01T00:00:00Z", "\ud800-01-01T00:00:00Z"),
    *([], [None], [1, "x", {}], [[]], {}, {"x": None}, {"x": 1}, {"x": "\ud800"}, {"x": {"x": []}}),
]


def fields_of(wire, at=()):
    """The paths of all fields of a Struct, including the fields of nested Structs, lists and maps."""
    for field in msgspec.structs.fields(wire):
        path = (*at, field.encode_name)
        yield path
        for kind in (field.type, *typing.get_args(field.type)):
            inner = typing.get_args(kind)
            if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
                yield from fields_of(kind, path)
            elif typing.get_origin(kind) is dict:
                yield (*path, "x")
            elif typing.get_origin(kind) is list:
                yield (*path, 0)
                if isinstance(inner[0], type) and issubclass(inner[0], msgspec.Struct):
                    yield from fields_of(inner[0], (*path, 0))


def with_value_at(item, path, value):
    """A copy of the object with the field at `path` set to `value`. Missing parents are created."""
    made = copy.deepcopy(item)
    where = made
    for key, after in itertools.pairwise(path):
        empty = [] if after == 0 else {}
        if isinstance(where, list):
            where.extend([empty] * (not where))
        else:
            where.setdefault(key, empty)
        where = where[key]
    if isinstance(where, list):
        where[:1] = [value]
    else:
        where[path[-1]] = value
    return made


def with_identity(item, number):
    """A copy of the object with its own name and UID."""
    return item | {"metadata": item["metadata"] | {"name": f"x{number}", "uid": f"uid-{number}"}}


CASES = [
    pytest.param(item, family, path, id=f"{item['kind']}.{'.'.join(map(str, path))}")
    for item, wire, family in ((RUN, CODERUN.reader.type, "coderun_phase"), (JOB, WireJob, "job_active"))
    for path in fields_of(wire)
]
IDENTITY = {("metadata",), ("metadata", "name"), ("metadata", "uid")}


@pytest.mark.parametrize(("item", "family", "path"), CASES)
def test_a_malformed_field_affects_only_itself(item, family, path):
    """For any value, no exception is raised, the exposition is valid, and each object is exposed."""
    harness = StoreHarness(thresholds=Thresholds(retention=0))
    wrong = [with_value_at(with_identity(item, number), path, value) for number, value in enumerate(WRONG)]
    for one in wrong:
        harness.put(one)
    exposed = samples(harness.text(unique=path != ("metadata", "name")), family)
    # A Job without its ownerReferences does not belong to a run and is not exposed.
    if path not in IDENTITY and not (item is JOB and "ownerReferences" in path):
        assert len(exposed) == len(WRONG), (
            f"missing: {[x for n, x in enumerate(WRONG) if f'x{n}' not in str(exposed)]}"
        )
    for one in wrong:
        harness.put(item)
        harness.delete(one)
    harness.delete(item)
    assert samples(harness.text(), "coderun_phase", "job_active") == []


@pytest.mark.parametrize("path", [path for path in fields_of(WireConfigMap) if path[0] != "metadata"], ids=".".join)
def test_a_malformed_field_of_a_configmap_affects_only_itself(path):
    """The ConfigMap exists, so its health is known."""
    harness = StoreHarness(CONFIGMAP, needed=(required(),))
    for value in WRONG:
        harness.put(with_value_at(CONFIGMAP, path, value))
        assert len(samples(harness.text(), "configmap_health", "configmap_keys", "configmap_size_bytes")) == 3


@pytest.mark.parametrize(
    "wrong", ['"x"', "5", "[]", "null", "true", "{", "", "\x00", "[" * 5_000, '{"metadata":null}']
)
@pytest.mark.parametrize("wire", [CODERUN.reader.type, WireJob, WireConfigMap])
def test_a_value_that_is_not_an_object_is_decoded_as_an_empty_object(wire, wrong):
    """It has no identity. The caller decides that it cannot be stored."""
    assert Decoder(wire).decode(raw(wrong)) == (wire(), False)


def test_a_malformed_owner_reference_does_not_hide_a_valid_one():
    """Malformed elements of the list are skipped."""
    job = a_job()
    right = job["metadata"]["ownerReferences"][0]
    job["metadata"]["ownerReferences"] = [None, 5, "x", {"kind": 7, "controller": "yes"}, [], right, {"uid": {}}]
    exposition = exposition_of(a_run(), job)
    assert samples(exposition, "coderun_job_name") == ['coderun_job_name{namespace="n",coderun="r",job_name="j"} 1']


def test_a_malformed_condition_does_not_hide_a_valid_one():
    """The Job has the condition `Failed`, so it has failed."""
    job = a_job(ended="Failed")
    job["status"]["conditions"] = [7, {"type": {}}, *job["status"]["conditions"], None]
    assert 'result="failed"' in samples(exposition_of(job), "job_finished_timestamp_seconds")[0]


def test_malformed_labels_are_ignored_and_the_others_are_read():
    """A task-id that is a number is not a string, so it is ignored. The service is read."""
    run = a_run(labels={"task-id": 5, "service": "s", "workflow-name": None, "github-app": ["x"]})
    assert 'agent="",service="s",task_id="",' in samples(exposition_of(run), "coderun_info")[0]


@pytest.mark.parametrize(
    ("written", "timestamp"),
    [
        ("2025-10-09T08:53:20", CREATED),
        ("2025-10-09T08:53:20.5Z", CREATED + 0.5),
        ("2025-10-09T10:53:20+02:00", CREATED),
        (CREATED, CREATED),
        (str(CREATED), CREATED),
        ("0001-01-01T00:00:00Z", None),
        ("9999-12-31T23:59:59Z", 253402300799),
        ("1969-12-31T23:59:59Z", -1),
        ("2025-10-09", None),
        (1e30, None),
        (float("nan"), None),
    ],
)
def test_a_time_is_read_in_every_unambiguous_form(written, timestamp):
    """Without a zone it is UTC, and a number is in seconds. The zero time of Go and other text are no time."""
    run = a_run()
    run["metadata"]["creationTimestamp"] = written
    got = samples(exposition_of(run), "coderun_created_timestamp")
    assert [float(line.split()[-1]) for line in got] == ([] if timestamp is None else [timestamp])


@pytest.mark.parametrize(
    ("version", "value"),
    [
        (10**30, "1" + "0" * 30),
        (10**400, "+Inf"),
        (-(10**400), "-Inf"),
        ("3", "3"),
        (2.0, "2"),
        (2.5, "1"),
        (None, "1"),
    ],
)
def test_an_attempt_of_any_size_is_a_valid_sample(version, value):
    """Prometheus rejects a whole scrape if one value is out of range."""
    exposition = exposition_of(a_run(spec={"contextVersion": version}))
    assert samples(exposition, "coderun_attempt") == [f'coderun_attempt{{namespace="n",coderun="r"}} {value}']


def test_an_object_without_a_uid_is_identified_by_namespace_and_name():
    """It can be changed and deleted like any other object, whatever its kind."""
    for kind in ("CodeRun", "DocsRun"):
        run = a_run(uid=None, kind=kind)
        harness = StoreHarness(run)
        assert len(samples(harness.text(), "coderun_phase")) == 1
        harness.put(run | {"status": {"phase": "Running"}})
        assert samples(harness.text(), "coderun_phase")[0].endswith('phase="Running"} 1')
        harness.delete(run)
        assert samples(harness.text(), "coderun_phase") == []
    harness = StoreHarness(job := a_job(uid=None))
    harness.delete(job)
    assert samples(harness.text(), "job_active") == []


def test_names_that_kubernetes_does_not_allow_are_cleaned():
    """A name in a command of an alert must be a single word."""
    exposition = exposition_of(a_run(name='a"b\\c\nd\x00e\ud800f'))
    assert samples(exposition, "coderun_phase") == [
        'coderun_phase{namespace="n",coderun="a_b_c_d_e_f",phase="none"} 1'
    ]
