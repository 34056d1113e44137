"""The metrics of runs: from a run as JSON to exposition text."""

import msgspec
import pytest

from exporter.resources.coderuns import run_from_object
from tests.harness import CODERUN, exposition_of, samples, text
from tests.objects import CREATED, a_job, a_run, stamp

FULL_SPEC = {
    "taskId": 7,
    "service": "billing",
    "repositoryUrl": "https://git.example/5dlabs/billing",
    "model": "by-default",
    "githubApp": "5DLabs-Tess",
    "contextVersion": 3,
    "cliConfig": {"cliType": "Codex", "model": "gpt-5"},
}


def info(**run):
    """The labels of coderun_info, without those that are equal in all tests."""
    (line,) = samples(exposition_of(a_run(**run)), "coderun_info")
    return line.removeprefix('coderun_info{namespace="n",coderun="r",uid="run-r",kind="CodeRun",').removesuffix("} 1")


def job_names(*objects, **settings):
    """The values of the label `job_name` of coderun_job_name."""
    return [line.split('"')[5] for line in samples(exposition_of(*objects, **settings), "coderun_job_name")]


def test_the_metrics_of_a_run():
    """A run with all fields has every family, in the order of the exposition."""
    run = a_run(
        spec=FULL_SPEC,
        labels={"workflow-name": "play-7"},
        deleted=CREATED + 90,
        status={"phase": "Running", "workCompleted": stamp(CREATED + 60)},
    )
    lines = [line for line in exposition_of(run).splitlines() if line.startswith("coderun_")]
    assert lines == text("""
        coderun_created_timestamp{namespace="n",coderun="r"} 1760000000
        coderun_job_name{namespace="n",coderun="r",job_name=""} 1
        coderun_phase{namespace="n",coderun="r",phase="Running"} 1
        coderun_state{namespace="n",coderun="r",state="open"} 1
        coderun_info{namespace="n",coderun="r",uid="run-r",kind="CodeRun",agent="tess",service="billing",task_id="7",
            cli="codex",model="gpt-5",repository="git.example/5dlabs/billing",workflow="play-7",run_type="",
            worker="Job"} 1
        coderun_job_creation_deadline_seconds{namespace="n",coderun="r"} 600
        coderun_without_job_since_timestamp_seconds{namespace="n",coderun="r"} 1760000000
        coderun_attempt{namespace="n",coderun="r"} 3
        coderun_work_completed_timestamp_seconds{namespace="n",coderun="r"} 1760000060
        coderun_deletion_timestamp_seconds{namespace="n",coderun="r"} 1760000090
    """)


def test_the_metrics_of_a_run_that_has_only_a_name():
    """Missing timestamps have no sample. The attempt is 1."""
    run = {"kind": "CodeRun", "metadata": {"name": "r", "namespace": "n"}}
    lines = [line for line in exposition_of(run).splitlines() if line.startswith("coderun_") and "_info" not in line]
    assert lines == [
        'coderun_job_name{namespace="n",coderun="r",job_name=""} 1',
        'coderun_phase{namespace="n",coderun="r",phase="none"} 1',
        'coderun_state{namespace="n",coderun="r",state="open"} 1',
        'coderun_job_creation_deadline_seconds{namespace="n",coderun="r"} 600',
        (
            'coderun_stall_cause{namespace="n",coderun="r",cause="not_reconciled",'
            'detail="no finalizer and no status: no controller has processed it"} 1'
        ),
        'coderun_attempt{namespace="n",coderun="r"} 1',
    ]


@pytest.mark.parametrize(
    ("status", "phase"),
    [
        (None, "none"),
        ({}, "none"),
        ({"phase": ""}, "none"),
        ({"phase": None}, "none"),
        ({"phase": "Pending"}, "Pending"),
        ({"phase": "Running"}, "Running"),
        ({"phase": "Succeeded"}, "Succeeded"),
        ({"phase": "Failed"}, "Failed"),
        ({"phase": "running"}, "other"),
        ({"phase": "Thinking hard"}, "other"),
    ],
)
def test_the_phase_is_one_of_a_fixed_set(status, phase):
    """A phase is a known one, `other` or `none`, and has exactly one sample."""
    line = f'coderun_phase{{namespace="n",coderun="r",phase="{phase}"}} 1'
    assert samples(exposition_of(a_run(status=status)), "coderun_phase") == [line]


@pytest.mark.parametrize(
    ("app", "label", "agent"),
    [
        ("5DLabs-Tess", None, "tess"),
        ("5DLabs-Tess", "5DLabs-Rex", "tess"),
        (None, "5dlabs-rex", "rex"),
        ("", "5dlabs-rex", "rex"),
        ("cleo", None, "cleo"),
        (None, None, ""),
    ],
)
def test_the_agent_is_the_last_part_of_the_name_of_the_github_app(app, label, agent):
    """It is read from spec.githubApp, or else from the label github-app, and converted to lower case."""
    labels = {"github-app": label} if label else None
    assert f'agent="{agent}",' in info(spec={"githubApp": app}, labels=labels)


@pytest.mark.parametrize(
    ("run", "labels"),
    [
        ({}, 'service="",task_id="",cli="",model="",repository="",workflow=""'),
        (
            {"labels": {"service": "s", "task-id": "4", "workflow-name": "w"}},
            'service="s",task_id="4",cli="",model="",repository="",workflow="w"',
        ),
        ({"spec": {"taskId": 0}, "labels": {"task-id": "4"}}, 'task_id="0"'),
        ({"spec": {"taskId": "TAS-9"}}, 'task_id="TAS-9"'),
        ({"spec": {"model": "m"}}, 'cli="",model="m"'),
        ({"spec": {"model": "m", "cliConfig": {"cliType": "factory"}}}, 'cli="factory",model="m"'),
        ({"spec": {"service": "x" * 300}}, f'service="{"x" * 63}",'),
        ({"spec": {"repositoryUrl": "https://x:s3cret@git.example/o/r"}}, 'repository="git.example/o/r"'),
        ({"spec": {"repositoryUrl": "https://git.example/o/r?t=s3cret"}}, 'repository=""'),
        ({"spec": {"model": "us.anthropic/claude-opus-4:0[1m]"}}, 'model="us.anthropic/claude-opus-4:0[1m]"'),
    ],
)
def test_fields_that_the_spec_lacks_are_read_from_the_labels(run, labels):
    """The model is also read from spec.model. Values are truncated, and credentials are removed from URLs."""
    assert labels in info(**run)


@pytest.mark.parametrize("field", ["namespace", "kind", "phase", "agent", "service", "cli", "model", "repository"])
def test_equal_strings_of_runs_are_stored_once(field):
    """Storing a copy of one string for each of 100,000 runs would take 5 MB."""
    wire = msgspec.json.encode(a_run(spec=FULL_SPEC, status={"phase": "Running"}))
    one, other = (
        run_from_object(msgspec.json.decode(wire, type=CODERUN.reader.type), kind=CODERUN) for _ in range(2)
    )
    assert getattr(one, field) is getattr(other, field)


def test_the_job_name_is_that_of_the_newest_job():
    """The newest Job has the latest creation time."""
    jobs = [a_job(uid=f"u{age}", name=f"j{age}", created=CREATED + age) for age in (5, 20, 10)]
    assert job_names(a_run(), *jobs) == ["j20"]


def test_jobs_created_in_the_same_second_are_ordered_by_context_version_and_then_by_name():
    """Versions are numbers: 10 is after 9. A Job without a numeric version is older than one with it."""

    def made(name, version):
        return a_job(uid=name, name=name, labels={"context-version": version} if version else {})

    assert job_names(a_run(), made("a", "10"), made("c", "9"), made("d", None), made("e", "vNext")) == ["a"]
    assert job_names(a_run(), made("a", "9"), made("c", "9"), made("b", "9")) == ["c"]


def test_a_job_that_is_being_deleted_is_not_the_job_of_its_run():
    """A retry deletes the old Job, which exists until its finalizers are removed."""
    gone = a_job(name="old", uid="old", created=CREATED + 99, deleted=CREATED + 100)
    assert job_names(a_run(), gone) == [""]
    assert job_names(a_run(), gone, a_job()) == ["j"]


@pytest.mark.parametrize(
    ("status", "names"),
    [
        (None, [""]),
        ({"phase": "Running", "jobName": "stale"}, [""]),
        ({"phase": "Succeeded", "jobName": "was"}, ["was"]),
        ({"phase": "Failed", "jobName": "x" * 300}, ["x" * 253]),
        ({"phase": "Failed"}, []),
        ({"phase": "Failed", "jobName": ""}, []),
    ],
)
def test_an_open_run_without_a_job_has_an_empty_job_name(status, names):
    """A finished run has the Job name of its status, if its status has one."""
    assert job_names(a_run(status=status)) == names


def test_while_jobs_are_unknown_no_run_is_reported_without_a_job():
    """There is neither an empty job_name nor a stall cause. Other families of the run are exposed."""
    exposition = exposition_of(a_run(), unread=("jobs",))
    assert samples(exposition, "coderun_job_name", "coderun_stall_cause") == []
    assert samples(exposition, "coderun_phase") != []


def test_jobs_of_one_namespace_do_not_affect_runs_of_another():
    """If namespaces are watched separately, the Jobs of each are known or unknown separately."""
    elsewhere = a_run(namespace="m", uid="m", name="m")
    exposition = exposition_of(a_run(), elsewhere, all_namespaces=False)
    assert [line.split('"')[1] for line in samples(exposition, "coderun_job_name", "coderun_stall_cause")] == [
        "n",
        "n",
    ]


def test_the_name_of_a_run_of_another_kind_contains_its_kind():
    """Runs of two kinds can have the same name, but series must be unique."""
    exposition = exposition_of(a_run(), a_run(kind="DocsRun", uid="docs"))
    assert samples(exposition, "coderun_created_timestamp") == [
        'coderun_created_timestamp{namespace="n",coderun="r"} 1760000000',
        'coderun_created_timestamp{namespace="n",coderun="docsrun/r"} 1760000000',
    ]
    assert 'uid="docs",kind="DocsRun",' in exposition


@pytest.mark.parametrize(
    ("status", "value"),
    [
        ({"workCompleted": True, "lastUpdate": stamp(CREATED + 70)}, CREATED + 70),
        ({"workCompleted": True}, None),
        ({"workCompleted": False, "lastUpdate": stamp(CREATED + 70)}, None),
        ({"lastUpdate": stamp(CREATED + 70)}, None),
        ({"workCompleted": stamp(CREATED + 60), "lastUpdate": stamp(CREATED + 70)}, CREATED + 60),
    ],
)
def test_the_completion_time_of_the_work_is_exposed_if_known(status, value):
    """In some versions the field is a time, in others a boolean; its time is then the last transition."""
    got = samples(exposition_of(a_run(status=status)), "coderun_work_completed_timestamp_seconds")
    assert [float(line.split()[-1]) for line in got] == ([] if value is None else [value])


def test_two_runs_of_the_same_name_in_two_namespaces_are_two_series():
    """Each has its own Job."""
    other = a_run(namespace="m", uid="other")
    exposition = exposition_of(a_run(), other, a_job(), a_job(of=other, namespace="m", uid="j2", name="j2"))
    assert samples(exposition, "coderun_job_name") == [
        'coderun_job_name{namespace="n",coderun="r",job_name="j"} 1',
        'coderun_job_name{namespace="m",coderun="r",job_name="j2"} 1',
    ]
