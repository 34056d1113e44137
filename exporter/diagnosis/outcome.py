"""What a finished run has delivered: from its state, its Job, the last word of its agent, and its pull request.

The last word is the final event of the agent's session in its log, which states its outcome.
"""

from typing import Final

from exporter.cache import ObjectCache, Run

__all__ = ["OUTCOMES", "outcome_of"]

OUTCOMES: Final = ("delivered", "no_result", "result_error", "no_pull_request", "failed", "cancelled", "unknown")
_BY_WORD: Final = {"error": "result_error", "none": "no_result"}


def outcome_of(run: Run, cache: ObjectCache) -> str:
    """One of OUTCOMES; empty while the run is not finished, or the end of its agent's log has not been read.

    A run has delivered only if all that is expected of it is there. A success of the Job is none of the agent: its
    script may exit with 0 although the work is incomplete. What is not known is neither there nor missing.
    """
    if run.state != "succeeded":
        return run.state if run.terminal else ""
    job = cache.newest_job(run)
    if job is not None and job.result == "failed":
        return "failed"
    word = _word(run, cache)
    return _BY_WORD.get(word) or (word and _by_pull_request(run, cache, is_success=word == "success"))


def _by_pull_request(run: Run, cache: ObjectCache, *, is_success: bool) -> str:
    """The outcome, if the log of the agent does not say that it has failed."""
    if run.pull_request is False:
        return "no_pull_request" if run in cache.pull_requests else "unknown"
    # The pull request shows that the run has delivered, also if the log is unknown.
    return "delivered" if run.pull_request or is_success else "unknown"


def _word(run: Run, cache: ObjectCache) -> str:
    """How the agent ended in the newest Job of the run, as `JobLogs.word`."""
    if run.shared:
        return "unknown"  # the log of a shared Pod is that of many runs
    if (job := cache.newest_job(run)) is None:
        return cache.logs.earlier_word_of_run(run.uid)
    logs = cache.logs_of(job)
    return "unknown" if logs is None else logs.word
