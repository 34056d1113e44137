"""Builds the explanation of one run, or of a worker without a run, from the cached objects."""

from collections.abc import Iterable, Iterator, Sequence

from exporter.cache import RUNNING, Event, Job, ObjectCache, Pod, Run
from exporter.diagnosis.causes import CAUSES
from exporter.diagnosis.container_words import UNKNOWN_END
from exporter.diagnosis.explanation import (
    ContainerView,
    EventView,
    Explanation,
    FindingView,
    PodView,
    WorkerView,
    WorkflowView,
    time_of,
)
from exporter.diagnosis.finding import Finding, fault_from, is_fault
from exporter.diagnosis.findings import NO_FAULT, findings, verdict
from exporter.diagnosis.fixes_by_text import fix_of
from exporter.diagnosis.gone import events_of_gone
from exporter.diagnosis.kills import kill_cause
from exporter.diagnosis.queues import STOPPED, events_of_workload
from exporter.diagnosis.scaling import SCALING
from exporter.diagnosis.stages import PROGRESS, pull_in_progress
from exporter.diagnosis.time_left import time_left_notes
from exporter.diagnosis.volumes import claim_key
from exporter.diagnosis.waiting import wait_first
from exporter.plurals import plural
from exporter.untrusted import one_line

__all__ = ["explanation_of", "finding_view", "is_listed", "is_over", "is_past", "worst_first"]

_ENDS = frozenset({"succeeded", "failed", "cancelled"})
_DELETION = "pods_terminating"
"""The cause whose time is the deletionTimestamp of a Pod: the end of its grace period."""
_DECIDING = SCALING | {STOPPED}
"""Reasons of Events of type `Normal` that decide about the cause or its fix."""
_WAIT = "Wait for the end of the grace period."
_MAX_WORKERS = 10
_MAX_PODS = 10
_MAX_EVENTS = 20


def is_listed(item: Run | Job, cache: ObjectCache) -> bool:
    """Whether a list contains it: a run, or a worker whose run is unknown."""
    return isinstance(item, Run) or (
        cache.is_worker(item) and cache.run_of(item) is None and not cache.is_hidden(item)
    )


def is_over(item: Run | Job, cache: ObjectCache) -> bool:
    """Whether a run and its workers, or a worker, have ended."""
    if isinstance(item, Job):
        return bool(item.result)
    return item.terminal and (item.shared or all(job.result for job in _workers_of(item, cache)))


def explanation_of(item: Run | Job, cache: ObjectCache) -> Explanation:
    """Explains a run or a worker at the current time of the cache."""
    now, listed = cache.now, findings(item, cache)
    workers = sorted(_workers_of(item, cache), key=_age, reverse=True) if isinstance(item, Run) else [item]
    shown, uids = workers[:_MAX_WORKERS], [item.uid]
    for job in shown:
        uids += [job.uid, *(pod.uid for pod in cache.pods_of(job)[-_MAX_PODS:])]
    events = sorted((one for uid in dict.fromkeys(uids) for one in _events_of(uid, cache)), key=_last, reverse=True)
    decision = verdict(listed, now)
    healthy = shown if decision == NO_FAULT else ()
    current = cache.newest_job(item) if isinstance(item, Run) else item
    return Explanation(
        namespace=item.namespace,
        name=item.name,
        kind=item.kind if isinstance(item, Run) else item.worker,
        uid=one_line(item.uid),
        verdict=decision,
        state=item.state if isinstance(item, Run) else item.result or ("waiting" if item.suspended else "open"),
        phase=one_line(item.phase) if isinstance(item, Run) else "",  # the record has the unmodified value
        message=item.message if isinstance(item, Run) else "",
        agent=item.agent or next((job.agent for job in shown if job.agent), ""),
        attempt=item.attempt if isinstance(item, Run) else max(1, item.version),
        created=time_of(item.created),
        finished=time_of(None if isinstance(item, Run) and not item.terminal else item.finished),
        deleted=time_of(item.deleted),
        observed=time_of(now),
        findings=tuple(finding_view(one, now) for one in listed),
        workflow=_workflow(item, cache) if isinstance(item, Run) and item.workflow_owner else None,
        workers=tuple(_worker(job, cache, current=job is current) for job in shown),
        more_workers=len(workers) - len(shown),
        events=tuple(map(_event, events[:_MAX_EVENTS])),
        events_known=cache.events_known(item.namespace),
        notes=tuple(note for job in healthy for note in time_left_notes(job, cache)),
    )


def _workflow(run: Run, cache: ObjectCache) -> WorkflowView:
    """The workflow that owns the run. Its name is in the run; the rest is known only if workflows are read."""
    workflow = cache.workflow_of(run)
    if workflow is None:
        return WorkflowView(name=run.workflow_owner)
    step = next((one for one in workflow.steps if cache.run_of_step(workflow, one) is run), None)
    return WorkflowView(
        name=workflow.name,
        state=workflow.phase,
        created=time_of(workflow.created),
        step=step.name if step else "",
        step_started=time_of(step.started) if step else None,
    )


def _workers_of(run: Run, cache: ObjectCache) -> Iterator[Job]:
    """The Jobs or Pods of a run and of its worker runs, such as those of the Sandbox of a SandboxClaim.

    The namespace is compared, because a Job in another namespace may have any UID as that of its controller.
    """
    for one in (run, *cache.worker_runs(run)):
        yield from (job for job in cache.jobs_of(one) if job.namespace == run.namespace)


def finding_view(finding: Finding, now: float) -> FindingView:
    """The finding, with its entry in the table of causes."""
    info, evidence = CAUSES[finding.cause], finding.evidence
    if finding.node and finding.node not in evidence:
        evidence += f"; on node {finding.node}"
    if finding.more:
        evidence += f"; and {plural(finding.more, 'more pod')}"
    is_a_fault = is_fault(finding, now)
    return FindingView(
        cause=finding.cause,
        fault=is_a_fault,
        evidence=evidence,
        since=time_of(finding.since),
        meaning=info.meaning,
        act=finding.act or info.act,
        next=finding.next,
        fix=_fix(finding, now, is_early=info.fault and not is_a_fault),
    )


def _fix(finding: Finding, now: float, *, is_early: bool) -> str:
    """The fix; while the state is not a fault yet, first to wait."""
    if finding.cause == _DELETION and finding.since is not None and finding.since > now:
        return _WAIT
    fix = finding.fix or fix_of(finding.cause, finding.evidence)
    return wait_first(fix, fault_from(finding)) if is_early else fix


def _worker(job: Job, cache: ObjectCache, *, current: bool) -> WorkerView:
    pods = cache.pods_of(job)
    return WorkerView(
        kind=job.worker,
        name=job.name,
        state=_state(job, pods),
        reason=job.reason,
        current=current,
        created=time_of(job.created),
        started=time_of(job.started),
        finished=time_of(job.finished),
        deleted=time_of(job.deleted),
        pods=tuple(map(_pod, reversed(pods[-_MAX_PODS:]))),
        more_pods=max(0, len(pods) - _MAX_PODS),
        pods_known=cache.pods_known(job),
    )


def _state(job: Job, pods: Sequence[Pod]) -> str:
    if job.result:
        return job.result
    if job.suspended:
        return "suspended"
    if job.active <= 0:
        return "terminating" if job.terminating or job.deleted is not None else "no pod"
    if pods:
        return "running" if any(pod.phase in RUNNING for pod in pods) else "pending"
    return "running" if job.ready is None or job.ready > 0 else "pending"


def _pod(pod: Pod) -> PodView:
    return PodView(
        name=pod.name,
        state="Terminating" if pod.deleted is not None else pod.phase or "Unknown",
        reason=pod.reason or pod.disruption or pod.unscheduled,
        node=pod.node,
        created=time_of(pod.created),
        started=time_of(pod.started),
        finished=time_of(pod.finished),
        deleted=time_of(pod.deleted),
        containers=tuple(
            ContainerView(
                name=one.name,
                role=one.role,
                state=one.state,
                reason=one.reason,
                exit_code=None if one.reason == UNKNOWN_END else one.exit_code,
                since=time_of(one.since),
                restarts=one.restarts,
                last_reason=one.last_reason,
            )
            for one in pod.containers
        ),
    )


def _events_of(uid: str, cache: ObjectCache) -> Iterator[Event]:
    """The warnings about an object, and all Events about its Workload, claims and objects that no longer exist.

    And the other Events that decide: of an autoscaler, of a pull in progress, and of the end of a container.
    """
    every = cache.events_about(uid)
    pull = pull_in_progress(every)
    yield from (one for one in every if not one.normal or one is pull or one.reason in _DECIDING or kill_cause(one))
    yield from (one for one in events_of_gone(uid, cache) if not one.normal or one.reason not in PROGRESS)
    yield from events_of_workload(uid, cache)
    yield from cache.events_about(claim_key(uid))


def _event(event: Event) -> EventView:
    return EventView(
        object=f"{event.about_kind.lower()}/{event.about_name}",
        reason=event.reason,
        note=event.note,
        count=event.count,
        first=time_of(event.first),
        last=time_of(event.last),
    )


def _age(job: Job) -> tuple[float, int, str]:
    return job.created or 0.0, job.version, job.name


def _last(event: Event) -> float:
    return event.last or 0.0


def worst_first(explanations: Iterable[Explanation]) -> list[Explanation]:
    """Sorts by verdict (fault, unknown, ok), open runs before those that are over, the oldest fault first."""
    order = {"fault": 0, "unknown": 1}
    return sorted(
        explanations,
        key=lambda one: (order.get(one.verdict, 2), is_past(one), _start(one), one.namespace, one.name),
    )


def is_past(run: Explanation) -> bool:
    """Whether the explained run and its workers have ended, as in `is_over`."""
    return run.state in _ENDS and all(worker.state in _ENDS for worker in run.workers)


def _start(one: Explanation) -> float:
    first = next((finding.since for finding in one.findings if finding.fault and finding.since), None)
    moment = first or one.created
    return moment.timestamp() if moment is not None else float("inf")
