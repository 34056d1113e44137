"""The metrics of Argo Workflows: from a Workflow as JSON to exposition text."""

import base64
import gzip
import time

import pytest

from exporter.cache import Step, Thresholds
from exporter.kube.decode import Decoder
from exporter.resources import workflows
from exporter.resources.wanted import WatchConfig
from exporter.resources.workflow_objects import WireWorkflow
from exporter.resources.workflows import step_limit, workflow_from_object
from tests.harness import CODERUN, DOCSRUN, StoreHarness, exposition_of, samples
from tests.objects import CREATED, a_job, a_run, raw
from tests.workflows import CREATE, WAIT, a_node, a_run_of, a_workflow, compress, leaf

STARTED = "workflow_step_started_timestamp_seconds"
LIMIT = "workflow_step_limit_seconds"
RUN = "workflow_step_coderun_created_timestamp_seconds"
IDLE = "workflow_idle_since_timestamp_seconds"
UNREADABLE = "workflow_steps_unreadable"
STEP = 'namespace="n",workflow="play",step="implement.0.create"'
CREATES = f'{STARTED}{{{STEP},template="create-coderun-resource",type="Pod"}} 1760000000'


def waits_for(coderun="", job_name="", created=0, step=STEP):
    """The sample of the run that a step waits for; `created` is in seconds after CREATED."""
    value = CREATED + created if coderun else 0
    return f'{RUN}{{{step},coderun="{coderun}",job_name="{job_name}"}} {value}'


def lines(*objects, **settings):
    """The samples of all families of workflows."""
    exposition = exposition_of(*objects, has_workflows=True, **settings)
    return samples(exposition, STARTED, LIMIT, RUN, IDLE, UNREADABLE)


def record_of(workflow):
    """The record of a workflow."""
    wire, _ = Decoder(WireWorkflow).decode(raw(workflow))
    return workflow_from_object(wire, kinds=(CODERUN, DOCSRUN))


def test_without_the_setting_nothing_is_exposed():
    """Not even the HELP lines."""
    assert "workflow_" not in exposition_of(a_run())


def test_a_step_that_creates_a_run_waits_for_the_run_that_its_workflow_owns():
    """The node has type Pod; its template tells that it waits for a run."""
    workflow = a_workflow(leaf())
    run = a_run_of(workflow, a_run(name="x-1", created=CREATED + 5))
    assert lines(workflow, run) == [
        CREATES,
        f"{LIMIT}{{{STEP}}} 4200",
        waits_for("x-1", created=5),
    ]


def test_the_newest_run_since_the_start_of_the_step_is_its_run():
    """Earlier runs of the workflow belong to earlier steps, and those of other workflows and kinds do not count."""
    workflow, other = a_workflow(leaf()), a_workflow(name="other", uid="wf-other")
    runs = [
        a_run_of(workflow, a_run(name=name, uid=name, created=CREATED + after, kind=kind, namespace=namespace))
        for name, after, kind, namespace in (
            ("before", -1, "CodeRun", "n"),
            ("first", 0, "CodeRun", "n"),
            ("second", 7, "CodeRun", "n"),
            ("docs", 9, "DocsRun", "n"),
            ("elsewhere", 9, "CodeRun", "m"),
        )
    ]
    stranger = a_run_of(other, a_run(name="stranger", uid="stranger", created=CREATED + 9))
    template = {**CREATE, "resource": {**CREATE["resource"], "manifest": "kind: CodeRun\nmetadata: {}\n"}}
    workflow["spec"]["templates"] = [template]
    found = lines(workflow, *runs, stranger)
    assert found[-1] == waits_for("second", created=7)


def test_a_run_that_is_older_than_the_step_is_not_its_run():
    """It belongs to an earlier step; that of this step may not exist yet."""
    workflow = a_workflow(leaf())
    run = a_run_of(workflow, a_run(name="x-1", created=CREATED - 1))
    assert lines(workflow, run)[-1] == waits_for()


def test_a_step_has_no_limit_while_its_run_waits_by_design():
    """The state of the run is that of its profile."""
    store = StoreHarness(a_run(), has_workflows=True)
    (run,) = store.cache.runs
    run.state = "waiting"
    assert step_limit(Step(name="s", started=1.0), run, store.cache) == float("inf")
    run.state = "open"
    assert step_limit(Step(name="s", started=1.0), run, store.cache) == 4200


def test_steps_in_parallel_are_told_apart_by_the_name_of_their_run():
    """The tags of input parameters are replaced by the values in the node."""
    manifest = (
        "kind: CodeRun\napiVersion: agents.platform/v1\nmetadata:\n  generateName: t{{ inputs.parameters.id }}-\n"
    )
    template = {**CREATE, "resource": {**CREATE["resource"], "manifest": manifest}}
    nodes = [
        a_node(
            f"play.task({number}:v)",
            templateName=CREATE["name"],
            inputs={"parameters": [{"name": "id", "value": number}]},
        )
        for number in (1, 2)
    ]
    workflow = a_workflow(*nodes, templates=[template])
    runs = [
        a_run_of(workflow, a_run(name=f"t{number}-abc", uid=f"{number}", created=CREATED + number))
        for number in (1, 2)
    ]
    assert [line for line in lines(workflow, *runs) if line.startswith(RUN)] == [
        waits_for(f"t{number}-abc", created=number, step=f'namespace="n",workflow="play",step="task.{number}"')
        for number in (1, 2)
    ]


def test_a_get_step_waits_for_the_run_that_its_parameter_names():
    """No workflow owns that run."""
    node = leaf("wait-coderun-completion", inputs={"parameters": [{"name": "coderun-name", "value": "r"}]})
    run = a_run()
    assert lines(a_workflow(node), run, a_job(of=run)) == [
        f'{STARTED}{{{STEP},template="wait-coderun-completion",type="Pod"}} 1760000000',
        f"{LIMIT}{{{STEP}}} 4200",
        waits_for("r", "j", created=10),
    ]


def test_a_run_of_another_kind_has_its_kind_before_its_name():
    """As in the label coderun of its own metrics."""
    manifest = "apiVersion: agents.platform/v1\nkind: DocsRun\nmetadata: {name: r}\n"
    template = {**WAIT, "resource": {**WAIT["resource"], "manifest": manifest}}
    found = lines(a_workflow(leaf(WAIT["name"]), templates=[template]), a_run(), a_run(kind="DocsRun", uid="d"))
    assert found[-1] == waits_for("docsrun/r")


def test_a_step_whose_run_is_unknown_has_the_default_limit():
    """The run may be deleted, or may never have been created."""
    settings = Thresholds(job_creation_deadline=60.0, job_max_runtime=120.0)
    assert lines(a_workflow(leaf()), thresholds=settings) == [CREATES, f"{LIMIT}{{{STEP}}} 180", waits_for()]


@pytest.mark.parametrize(
    ("more", "job", "limit"),
    [
        ({"annotations": {"coderun-exporter/job-creation-deadline": "1h"}}, None, "7200"),
        ({"annotations": {"coderun-exporter/job-creation-deadline": "none"}}, None, "+Inf"),
        ({"spec": {"githubApp": "5DLabs-Rex"}}, None, "14600"),
        ({}, {"annotations": {"coderun-exporter/max-runtime": "2h"}}, "7800"),
        ({}, {"annotations": {"coderun-exporter/max-runtime": "none"}}, "+Inf"),
        ({}, {"started": CREATED + 599}, "4200"),
        ({}, {"started": CREATED + 5000}, "8600"),
        ({}, {"spec": {"suspend": True}}, "+Inf"),
    ],
)
def test_the_limit_is_that_of_the_run(more, job, limit):
    """A Job that started late, after it was suspended, may run for as long as any other."""
    workflow = a_workflow(leaf())
    run = a_run_of(workflow, a_run(name="x-1", created=CREATED + 5, **more))
    objects = [run] if job is None else [run, a_job(of=run, **job)]
    settings = Thresholds(job_max_runtimes={"rex": 14000.0})
    (found,) = samples(exposition_of(workflow, *objects, has_workflows=True, thresholds=settings), LIMIT)
    assert found.endswith(f" {limit}")


def test_a_change_of_the_run_or_its_job_changes_the_series_of_the_step():
    """Also if the workflow has not changed since."""
    workflow = a_workflow(leaf())
    run = a_run_of(workflow, a_run(name="x-1", created=CREATED + 5))
    store = StoreHarness(workflow, has_workflows=True)
    assert samples(store.text(), RUN) == [waits_for()]
    store.put(run)
    assert samples(store.text(), RUN) == [waits_for("x-1", created=5)]
    store.put(a_job(of=run))
    assert samples(store.text(), RUN) == [waits_for("x-1", "j", created=10)]
    store.delete(run)
    assert samples(store.text(), RUN) == [waits_for()]
    store.delete(workflow)
    assert samples(store.text(), STARTED, RUN) == []


def test_a_run_that_a_get_step_names_may_come_later_and_go():
    """The index by name is created for the first workflow that names a run."""
    node = leaf(WAIT["name"], inputs={"parameters": [{"name": "coderun-name", "value": "r"}]})
    store = StoreHarness(a_run(name="other", uid="o"), a_workflow(node), has_workflows=True)
    assert samples(store.text(), RUN) == [waits_for()]
    store.put(a_run())
    assert samples(store.text(), RUN) == [waits_for("r")]
    store.put(a_run(uid="again"))
    store.delete(a_run())
    assert samples(store.text(), RUN) == [waits_for("r")]
    store.put(a_workflow())
    store.delete(a_run(uid="again"))
    assert samples(store.text(), RUN) == []


def test_the_limit_waits_for_the_initial_lists_of_runs_and_jobs():
    """Before, each run would be unknown."""
    store = StoreHarness(a_workflow(leaf()), has_workflows=True, unread=("coderuns",))
    assert samples(store.text(), STARTED, LIMIT) == [CREATES]
    workflow = a_workflow(leaf())
    store.list("coderuns", a_run_of(workflow, a_run(name="x-1", created=CREATED + 5)))
    assert samples(store.text(), RUN) == [waits_for("x-1", created=5)]


@pytest.mark.parametrize(
    "node",
    [
        leaf(phase="Succeeded"),
        leaf(phase="Omitted"),
        leaf(phase=None),
        leaf(type_="Suspend"),
        leaf(type_="Steps"),
        leaf(type_="DAG"),
        leaf(type_="Retry"),
        leaf(type_="Unknown"),
        leaf(started=None),
    ],
)
def test_other_nodes_are_not_open_steps(node):
    """A suspend step waits for a person without a limit; groups contain other steps; unknown types may be either."""
    assert lines(a_workflow(node)) == []


@pytest.mark.parametrize("type_", ["HTTP", "Plugin", "Container", "Pod"])
def test_a_step_that_waits_for_no_run_has_no_limit(type_):
    """Of a step that is pending, the start is the time at which its node was created."""
    node = a_node("play.build", type_=type_, phase="Pending", templateName="build")
    expected = f'{STARTED}{{namespace="n",workflow="play",step="build",template="build",type="{type_}"}} 1760000000'
    assert lines(a_workflow(node)) == [expected]


@pytest.mark.parametrize(
    ("node", "status"),
    [
        ({"templateRef": {"name": "t", "template": "make"}}, {"storedTemplates": {"namespaced/t/make": CREATE}}),
        (
            {"templateRef": {"name": "t", "template": "make", "clusterScope": True}},
            {"storedTemplates": {"cluster/t/make": CREATE}},
        ),
        (
            {"templateName": "make", "templateScope": "namespaced/t"},
            {"storedTemplates": {"namespaced/t/make": CREATE}},
        ),
        ({"templateName": "make", "templateScope": "cluster/t"}, {"storedTemplates": {"cluster/t/make": CREATE}}),
        ({"templateScope": "namespaced/t"}, {"storedTemplates": {"namespaced/t/inline/create": CREATE}}),
        (
            {"templateName": "make"},
            {"storedWorkflowTemplateSpec": {"templates": [{**CREATE, "name": "make"}]}},
        ),
    ],
)
def test_a_template_is_found_where_argo_stores_it(node, status):
    """By reference, in the WorkflowTemplate of its caller, inline, or in the spec of the workflow's own template."""
    found = lines(a_workflow(a_node("play.implement.create", **node), templates=(), **status))
    assert [line.partition("{")[0] for line in found] == [STARTED, LIMIT, RUN]


def test_the_names_of_steps_are_unique_and_safe():
    """Loops and retries are numbers, and the items of loops are not shown."""
    names = {
        "play": "play",
        "play(1)": "1",
        "play[0].a(2)[1].b": "a.2.b",
        "play.b(3:secret=ghp_abcdefghijklmnopqrstuvwxyz0123456789)": "b.3",
        "play.c(0:x)(1)": "c.0.1",
        f"play.g(4:{'my words ' * 500}).h": "g.4",
        "play.i(5:my f(x). password hunter2).j": "i.5",
        "play.k(6:f(1)(2) hunter2)(1)": "k.6",
        "play.d e\nf": "d_e_f",
        f"play.{'e' * 5000}.f": "e" * 120,
    }
    nodes = [a_node(name, templateName="t") for name in names]
    assert sorted(step.name for step in record_of(a_workflow(*nodes)).steps) == sorted(names.values())


def test_hostile_names_of_nodes_take_little_time():
    """The time is that of the CPU. The names are equal once they are truncated."""
    nodes = [a_node(f"play.{number}{'(0:' * 660}{'x' * 130}") for number in range(600)]
    wire, _ = Decoder(WireWorkflow).decode(raw(a_workflow(*nodes)))
    began = time.process_time()
    workflow_from_object(wire, kinds=(CODERUN,))
    assert time.process_time() - began < 1.0


def test_compressed_nodes_are_read():
    """Argo compresses the nodes of a workflow of more than 1 MiB."""
    assert lines(a_workflow(nodes=None, compressedNodes=compress(leaf()))) == [
        CREATES,
        f"{LIMIT}{{{STEP}}} 4200",
        waits_for(),
    ]


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ({"offloadNodeStatusVersion": "fnv:123"}, "offloaded"),
        ({"compressedNodes": base64.b64encode(b"\x28\xb5\x2f\xfd zstd").decode()}, "compression"),
        ({"compressedNodes": base64.b64encode(b"brotli").decode()}, "compression"),
        ({"compressedNodes": "%%%"}, "malformed"),
        ({"compressedNodes": "\u00e4"}, "malformed"),
        ({"compressedNodes": base64.b64encode(b"\x1f\x8bno gzip").decode()}, "malformed"),
        ({"compressedNodes": base64.b64encode(gzip.compress(b"[]")).decode()}, "malformed"),
        ({"compressedNodes": base64.b64encode(gzip.compress(b"[" * 100_000)).decode()}, "malformed"),
        ({"compressedNodes": base64.b64encode(gzip.compress(b" " * (17 << 20), 1)).decode()}, "too_large"),
    ],
)
def test_nodes_that_cannot_be_read_are_a_state(status, reason):
    """Nothing is said about the steps of such a workflow, and it is not idle."""
    expected = f'{UNREADABLE}{{namespace="n",workflow="play",reason="{reason}"}} 1'
    assert lines(a_workflow(nodes=None, **status)) == [expected]


def test_a_running_workflow_without_an_open_node_is_idle_since_its_last_node_ended():
    """The workflow of argo-workflows issue 13937: a deadline ended the pod before it reported."""
    nodes = [
        a_node("play", type_="Steps", phase="Failed", finished=CREATED + 90),
        a_node("play[0].a", phase="Failed", finished=CREATED + 80, taskResultSynced=False),
    ]
    assert lines(a_workflow(*nodes)) == [f'{IDLE}{{namespace="n",workflow="play"}} 1760000090']


@pytest.mark.parametrize(
    "workflow",
    [
        a_workflow(),
        a_workflow(a_node("play", type_="Retry"), a_node("play(0)", phase="Failed", finished=CREATED)),
        a_workflow(a_node("play.s", type_="Suspend"), a_node("play.a", phase="Failed", finished=CREATED)),
        a_workflow(a_node("play.a", phase="Failed", finished=CREATED), a_node("play.b", phase="")),
        a_workflow(a_node("play.a", phase="Failed", finished=CREATED), phase="Failed"),
        a_workflow(a_node("play.a", phase="Failed", finished=CREATED), phase="Pending"),
        a_workflow(a_node("play.a", phase="Failed", finished=CREATED), spec={"suspend": True}),
    ],
)
def test_other_workflows_are_not_idle(workflow):
    """No node yet, a retry that waits, a suspend step, an unknown phase, an ended or a suspended workflow."""
    assert samples(exposition_of(workflow, has_workflows=True), IDLE) == []


def test_at_most_a_hundred_steps_of_a_workflow_are_exposed():
    """The oldest ones."""
    nodes = [a_node(f"play.s{number}", started=CREATED - number) for number in range(150)]
    steps = record_of(a_workflow(*nodes)).steps
    assert (len(steps), steps[0].name, steps[-1].name) == (100, "s149", "s50")


@pytest.mark.parametrize(
    "broken",
    [
        {"status": {"nodes": []}},
        {"status": {"nodes": {"a": 1}}},
        {"status": {"nodes": {"a": leaf(inputs=7)}}},
        {"status": {"nodes": {"a": {**leaf(), "templateRef": "x", "startedAt": "yesterday"}}}},
        {"status": {"nodes": {"a": leaf()}, "storedTemplates": [1]}},
        {"spec": {"templates": [7, {"name": 7, "resource": "x"}]}},
        {"spec": 7},
        {"status": "x"},
    ],
)
def test_a_malformed_workflow_is_read_field_by_field(broken):
    """Nothing is raised, and the name is known."""
    assert record_of({**a_workflow(leaf()), **broken}).name == "play"


def test_a_malformed_node_does_not_hide_the_others():
    """The valid one is exposed, although the object must be salvaged."""
    workflow = a_workflow(leaf())
    workflow["status"]["nodes"]["broken"] = {"name": 7, "phase": []}
    assert [step.name for step in record_of(workflow).steps] == ["implement.0.create"]


def test_the_list_excludes_completed_workflows_on_the_server():
    """A workflow that completes leaves the selector, and its watch reports it as deleted."""
    assert workflows.RESOURCE.lists(WatchConfig(kinds=(CODERUN,))) == []
    (watch,) = workflows.RESOURCE.lists(WatchConfig(kinds=(CODERUN,), workflows=True))
    assert watch.params == {"labelSelector": "workflows.argoproj.io/completed!=true"}
    assert (watch.optional, watch.custom, watch.required) == (True, True, False)
