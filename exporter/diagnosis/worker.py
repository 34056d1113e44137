"""Why a worker (a Job or a Pod) is unfinished, from its status and the status of its run."""

from collections.abc import Iterator

from exporter.cache import Job, ObjectCache, Run
from exporter.diagnosis.agent_log import last_word, log_findings
from exporter.diagnosis.events import began, latest, unresolved_create_failure, words
from exporter.diagnosis.finding import Finding, found, of_job
from exporter.diagnosis.main_end import main_ended
from exporter.diagnosis.main_exit import main_exit_finding
from exporter.diagnosis.node_events import with_node_event
from exporter.diagnosis.pod import pods_findings
from exporter.diagnosis.pods import current_pods
from exporter.diagnosis.refusals import refusal_of
from exporter.plurals import plural

__all__ = ["hang_findings"]


def hang_findings(job: Job, cache: ObjectCache) -> Iterator[Finding]:
    """The findings of an unfinished worker; empty if it is finished or suspended."""
    if job.result or job.suspended:
        return
    run = cache.run_of(job)
    if run is not None:
        if not cache.job_state_unknown(run):
            yield from _run_findings(run, job, cache)
    elif cache.run_is_gone(job):
        yield found("run_gone", f"{job.kind} {job.owner_name} no longer exists", about=of_job(job))
    yield from pods_findings(current_pods(job, cache), cache)
    yield from log_findings(job, cache)
    if (ended := main_ended(job, cache)) is not None:
        yield with_node_event(main_exit_finding(*ended, is_worker=job.is_pod), *ended, cache)
    if job.is_pod:
        if job.terminating:
            text = "; ".join(("the Pod is terminating", *_not_killed(job, cache)))
            yield found("pods_terminating", text, about=of_job(job), since=job.deleted)
    elif job.active <= 0:
        yield from _no_active_pod(job, cache)


def _run_findings(run: Run, job: Job, cache: ObjectCache) -> Iterator[Finding]:
    about = of_job(job)
    if run.terminal:
        yield found("run_already_finished", f"{run.kind} {run.name} is {run.phase}", about=about, since=run.finished)
    elif run.work_completed is not None and last_word(job, cache) is None:  # the time of the log is exact
        evidence = f"{run.kind} {run.name} reports completed work"
        yield found("finished_not_exited", evidence, about=about, since=run.work_completed)
    newest = None if job.is_pod else cache.newest_job(run)  # Pods of one run may work in parallel
    if newest is not None and newest.uid != job.uid and not newest.is_pod:
        evidence = f"{run.kind} {run.name} has a newer Job"
        yield found("superseded", evidence, about=about, since=newest.created)


def _not_killed(job: Job, cache: ObjectCache) -> list[str]:
    """Why the kubelet cannot end a pod that is terminating."""
    pods = [pod for pod in cache.pods_of(job) if pod.deleted is not None]
    return [words(event) for pod in pods for event in latest(cache, pod.uid, "FailedKillPod")][:1]


def _no_active_pod(job: Job, cache: ObjectCache) -> Iterator[Finding]:
    """The findings of a Job without active pods: none can be created, all terminate, or the next one will start."""
    about = of_job(job)
    ends = [pod.deleted for pod in cache.pods_of(job) if pod.deleted is not None]
    if number := job.terminating or len(ends):  # the Job controller does not count pods whose containers have ended
        evidence = "; ".join(
            filter(None, (f"{plural(number, 'pod')} terminating, none active", job.message, *_not_killed(job, cache)))
        )
        yield found("pods_terminating", evidence, about=about, since=max(ends, default=job.started))
        return
    if job.started is None:  # a Job gets its start time as soon as its controller sees it
        cause, text = "job_controller_absent", f"Job {job.name} has no start time"
        if job.managed_by:
            cause, text = "job_manager_absent", f"{text}; spec.managedBy is {job.managed_by}"
        yield found(cause, text, about=about, since=job.created)
    if (event := unresolved_create_failure(cache, job)) is not None:
        cause = refusal_of(event.note) or "pod_creation_failed"
        yield found(cause, words(event), about=about, since=began(event))
    yield found("no_pod", "the Job controller reports no pod", about=about, since=job.started or job.created)
