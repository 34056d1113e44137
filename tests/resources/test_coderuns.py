"""Runs: object in, text out."""

import msgspec
import pytest

from exporter.resources.coderuns import run_from_object
from tests.objects import CREATED, a_job, a_run, stamp
from tests.worlds import CODERUN, page_of, samples, text

FULL = {
    "taskId": 7,
    "service": "billing",
    "repositoryUrl": "https://git.example/5dlabs/billing",
    "model": "by-default",
    "githubApp": "5DLabs-Tess",
    "contextVersion": 3,
    "cliConfig": {"cliType": "Codex", "model": "gpt-5"},
}


def info(**run):
    """The labels of coderun_info, without those that never differ here."""
    (line,) = samples(page_of(a_run(**run)), "coderun_info")
    return line.removeprefix('coderun_info{namespace="n",coderun="r",uid="run-r",kind="CodeRun",').removesuffix("} 1")


def job_names(*objects, **settings):
    """The values of job_name on the page."""
    return [line.split('"')[5] for line in samples(page_of(*objects, **settings), "coderun_job_name")]


def test_a_run_as_text():
    """Every family of a run that has everything, in the page's order."""
    run = a_run(
        spec=FULL,
        labels={"workflow-name": "play-7"},
        deleted=CREATED + 90,
        status={"phase": "Running", "workCompleted": stamp(CREATED + 60)},
    )
    lines = [line for line in page_of(run).splitlines() if line.startswith("coderun_")]
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


def test_a_run_with_nothing_but_a_name_has_what_can_be_said():
    """Nothing is invented for what is missing: no creation, no completion, no deletion; the first attempt."""
    run = {"kind": "CodeRun", "metadata": {"name": "r", "namespace": "n"}}
    lines = [line for line in page_of(run).splitlines() if line.startswith("coderun_") and "_info" not in line]
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
def test_the_phase_is_one_of_a_closed_set(status, phase):
    """The known ones, `other`, and `none`: exactly one sample."""
    line = f'coderun_phase{{namespace="n",coderun="r",phase="{phase}"}} 1'
    assert samples(page_of(a_run(status=status)), "coderun_phase") == [line]


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
def test_the_agent_is_the_last_part_of_the_apps_name(app, label, agent):
    """spec.githubApp, else the label github-app; in small letters."""
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
def test_what_the_spec_does_not_say_is_taken_from_the_labels(run, labels):
    """And the model from spec.model; no CLI is invented; values are bounded; no URL has a password."""
    assert labels in info(**run)


@pytest.mark.parametrize("field", ["namespace", "kind", "phase", "agent", "service", "cli", "model", "repository"])
def test_what_many_runs_share_is_kept_once(field):
    """A copy of one word for each of 100,000 runs is 5 MB."""
    wire = msgspec.json.encode(a_run(spec=FULL, status={"phase": "Running"}))
    one, other = (
        run_from_object(msgspec.json.decode(wire, type=CODERUN.reader.type), kind=CODERUN) for _ in range(2)
    )
    assert getattr(one, field) is getattr(other, field)


def test_a_run_shows_its_newest_job():
    """By creation."""
    jobs = [a_job(uid=f"u{age}", name=f"j{age}", created=CREATED + age) for age in (5, 20, 10)]
    assert job_names(a_run(), *jobs) == ["j20"]


def test_jobs_of_one_second_are_told_apart_by_context_version_and_then_by_name():
    """As numbers: 10 is after 9. A Job without the label, or with none that is a number, is older."""

    def made(name, version):
        return a_job(uid=name, name=name, labels={"context-version": version} if version else {})

    assert job_names(a_run(), made("a", "10"), made("c", "9"), made("d", None), made("e", "vNext")) == ["a"]
    assert job_names(a_run(), made("a", "9"), made("c", "9"), made("b", "9")) == ["c"]


def test_a_job_that_is_being_deleted_is_not_the_runs_job():
    """A retry deletes the old Job, which stays until its finalizers are done."""
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
def test_a_run_without_a_job_says_so_while_it_is_open(status, names):
    """And a terminal one names the Job that it had, where it wrote that down."""
    assert job_names(a_run(status=status)) == names


def test_while_jobs_are_unknown_no_run_is_said_to_lack_one():
    """Neither an empty job_name nor a cause; the rest of the run is there."""
    page = page_of(a_run(), unread=("jobs",))
    assert samples(page, "coderun_job_name", "coderun_stall_cause") == []
    assert samples(page, "coderun_phase") != []


def test_jobs_of_another_namespace_that_was_read_tell_nothing_about_this_one():
    """Where namespaces are read one by one, each is known or unknown by itself."""
    elsewhere = a_run(namespace="m", uid="m", name="m")
    page = page_of(a_run(), elsewhere, all_namespaces=False)
    assert [line.split('"')[1] for line in samples(page, "coderun_job_name", "coderun_stall_cause")] == ["n", "n"]


def test_a_run_of_another_kind_has_its_kind_in_its_name():
    """Two kinds may use one name, and two series may not."""
    page = page_of(a_run(), a_run(kind="DocsRun", uid="docs"))
    assert samples(page, "coderun_created_timestamp") == [
        'coderun_created_timestamp{namespace="n",coderun="r"} 1760000000',
        'coderun_created_timestamp{namespace="n",coderun="docsrun/r"} 1760000000',
    ]
    assert 'uid="docs",kind="DocsRun",' in page


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
def test_completed_work_has_a_moment_where_one_is_known(status, value):
    """The field is a time in some versions, and in others a boolean whose time is the last transition."""
    got = samples(page_of(a_run(status=status)), "coderun_work_completed_timestamp_seconds")
    assert [float(line.split()[-1]) for line in got] == ([] if value is None else [value])


def test_two_runs_of_one_name_in_two_namespaces_are_two_series():
    """Each with its own Job."""
    other = a_run(namespace="m", uid="other")
    page = page_of(a_run(), other, a_job(), a_job(of=other, namespace="m", uid="j2", name="j2"))
    assert samples(page, "coderun_job_name") == [
        'coderun_job_name{namespace="n",coderun="r",job_name="j"} 1',
        'coderun_job_name{namespace="m",coderun="r",job_name="j2"} 1',
    ]
