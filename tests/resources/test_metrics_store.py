"""The metrics store renders what a change affects and nothing else. See also tests/property/test_sequences.py."""

import collections
from types import SimpleNamespace

import pytest

from exporter.cache import CODERUNS
from tests.harness import StoreHarness, exposition_of, required, samples
from tests.objects import CREATED, a_configmap, a_job, a_run


def count_renderings(harness):
    """Counts from now on how often each family is rendered."""
    renderings = collections.Counter()
    for name, section in harness.store._compressed.items():
        inner, families = section._render_text, harness.store._families[name]

        def render_text(which, uids, *, inner=inner, families=families):
            renderings.update(families[index].name for index in which)
            return inner(which, uids)

        section._render_text = render_text
    return renderings


def test_changes_without_effect_render_nothing():
    """Examples are an unchanged object, the deletion of an unknown object, and a clock that advances."""
    harness = StoreHarness(
        run := a_run(), job := a_job(), (full := a_configmap(data={"a": "x"})), needed=(required(),)
    )
    exposition = harness.text()
    renderings = count_renderings(harness)
    for item in (run, job, full):
        harness.put(item)
    harness.put(run | {"status": {"qaStatus": "nothing that is kept"}})
    harness.delete(a_run(uid="unknown"))
    harness.advance(CREATED + 10_000)
    assert harness.text() == exposition
    assert not renderings


def test_a_repeated_update_uses_no_additional_memory():
    """If a controller writes a finished run every minute, its end is stored only once."""
    harness = StoreHarness(run := a_run(status={"phase": "Failed"}))
    for _ in range(9):
        harness.put(run)
    assert len(harness.cache._retention._ends) == 1


def test_a_change_renders_only_the_families_that_it_affects():
    """A changed phase affects one family of the run and none of its Job."""
    harness = StoreHarness(run := a_run(), a_job())
    harness.text()
    renderings = count_renderings(harness)
    harness.put(run | {"status": {"phase": "Running"}})
    assert 'phase="Running"' in harness.text()
    assert renderings == {"coderun_phase": 1}


def test_a_change_renders_only_the_lines_of_its_object():
    """The other lines of the block are copied, including those of objects whose name has the same prefix."""
    runs = [a_run(uid=str(number), name=f"r-{number}", status={"phase": "Running"}) for number in range(20)]
    harness = StoreHarness(*runs)
    before = set(harness.text().splitlines())
    rendered = []
    section = harness.store._compressed["coderuns"]
    section._render_text = lambda families, uids, inner=section._render_text: (
        rendered.extend(uids) or inner(families, uids)
    )
    harness.put(runs[1] | {"status": {"phase": "Pending"}})
    after = set(harness.text().splitlines())
    assert {line for line in before ^ after if line.startswith("coderun_phase")} == {
        'coderun_phase{namespace="n",coderun="r-1",phase="Running"} 1',
        'coderun_phase{namespace="n",coderun="r-1",phase="Pending"} 1',
    }
    assert rendered == ["1"]


def test_a_job_that_is_being_deleted_is_superseded_once_another_exists():
    """It is no longer superseded when the other is being deleted too."""
    run = a_run(status={"phase": "Running"})
    harness = StoreHarness(run, a_job(of=run, uid="old", name="old", deleted=CREATED + 10))
    cause = 'job_hang_cause{namespace="n",job_name="old",cause="superseded"'
    assert cause not in harness.text()
    harness.put(a_job(of=run, uid="new", name="new"))
    assert cause in harness.text()
    harness.put(a_job(of=run, uid="new", name="new", deleted=CREATED + 20))
    assert cause not in harness.text()


@pytest.mark.parametrize("by", ["watch", "list"])
def test_an_object_that_keeps_its_uid_under_another_name_leaves_no_old_lines(by):
    """No API server does this, but Prometheus would reject duplicate series."""
    harness = StoreHarness(run := a_run(name="first"), a_run(uid="other", name="other"), a_job())
    harness.text()
    renamed = run | {"metadata": run["metadata"] | {"name": "second"}}
    if by == "watch":
        harness.put(renamed)
    else:
        harness.list(CODERUNS, renamed, a_run(uid="other", name="other"))
    text = harness.text()
    assert 'coderun="first"' not in "".join(samples(text, "coderun_phase") + samples(text, "coderun_info"))
    assert len(samples(text, "coderun_created_timestamp")) == 2


def test_a_change_of_a_run_renders_the_joined_families_of_its_job():
    """The agent of the run is also a label of job_info."""
    harness = StoreHarness(run := a_run(), a_job())
    harness.text()
    renderings = count_renderings(harness)
    harness.put(run | {"spec": {"githubApp": "5DLabs-Tess"}})
    assert len([line for line in harness.text().splitlines() if 'agent="tess"' in line]) == 2
    assert renderings == {"coderun_info": 1, "job_info": 1}


def test_an_event_of_a_run_computes_only_joined_families_of_its_jobs():
    """A run can have a thousand Jobs, so their other families must not be computed."""
    harness = StoreHarness(run := a_run(), a_job())
    asked = collections.Counter()
    for index, family in harness.store._families["jobs"].items():
        double = SimpleNamespace(
            needs=family.needs, uses=family.uses, samples=lambda *_, name=family.name: asked.update([name])
        )
        harness.store._families["jobs"][index] = double
        if family.needs and index in harness.store._joined_families["jobs"]:
            harness.store._joined_families["jobs"][index] = double
    harness.put(run | {"status": {"phase": "Running"}})
    limits = ("job_max_runtime_seconds", "job_max_runtime_configured", "job_long_lived")
    joined = ("job_info", *limits, "agent_main_container_finished_timestamp_seconds", "job_hang_cause")
    assert asked == dict.fromkeys(joined, 2)


def test_a_deleted_configmap_renders_the_runs_that_wait():
    """This includes runs whose only Job is being deleted."""
    harness = StoreHarness(
        a_run(status={"phase": "Running"}),
        a_job(deleted=CREATED + 20),
        configmap := a_configmap(data={"a": "x"}),
        needed=(required(),),
    )
    assert 'cause="job_deleting"' in samples(harness.text(), "coderun_stall_cause")[0]
    harness.delete(configmap)
    assert samples(harness.text(), "coderun_stall_cause") == [
        (
            'coderun_stall_cause{namespace="n",coderun="r",cause="configmap_missing",'
            'detail="agent-platform/controller-agent-templates-claude"} 1'
        )
    ]


@pytest.mark.parametrize(
    ("unread", "hidden"),
    [
        ("coderuns", ("coderun_created_timestamp", "coderun_job_name", "job_info", "job_max_runtime_seconds")),
        ("jobs", ("job_active", "coderun_job_name", "coderun_stall_cause", "job_info")),
        ("configmaps", ("configmap_health",)),
    ],
)
def test_a_family_is_absent_until_all_resources_that_it_needs_are_listed(unread, hidden):
    """Not even its HELP is exposed, because a partial join would be wrong. Other families are exposed."""
    objects = {"coderuns": a_run(), "jobs": a_job(), "configmaps": a_configmap(data={"a": "x"})}
    harness = StoreHarness(*objects.values(), needed=(required(),), unread=(unread,))
    exposition = harness.text()
    for name in hidden:
        assert f"# TYPE {name} " not in exposition
    assert "# TYPE" in exposition
    harness.list(unread, objects[unread])
    for name in hidden:
        assert f"# TYPE {name} " in harness.text()
    assert sorted(harness.text().splitlines()) == sorted(
        exposition_of(*objects.values(), needed=(required(),)).splitlines()
    )


def test_rendering_stops_after_its_time_and_continues_there():
    """Each slice renders at least one block, so rendering always completes."""
    harness = StoreHarness(*(a_run(uid=f"u{number}", name=f"r{number}") for number in range(300)))
    slices = 1
    while not harness.store.render(seconds=0):
        slices += 1
    assert slices > 1
    assert len(samples(harness.text(), "coderun_created_timestamp")) == 300
