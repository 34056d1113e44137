"""What the metrics and the log tell of a fault while it lasts, and when it is over."""

from collections.abc import Collection, Mapping

from lab.waiting import until
from tests.integration.faults.subject import Endured, Subject

__all__ = ["MAIN", "READ", "errors", "one_line_each", "until_counted"]

MAIN = ("coderuns", "jobs", "configmaps")
"""Those that a fault of its own may strike."""
READ = (*MAIN, "pods", "events")
"""What is listed and watched; Events as long as a run is open."""


def errors(subject: Subject, *, resource: str = "", code: str = "") -> float:
    """How many requests have failed: of that resource, with that code, where these are given."""
    labels = {"resource": resource, "code": code}
    return subject.value("coderun_exporter_errors_total", **{key: text for key, text in labels.items() if text})


def until_counted(subject: Subject, codes: Mapping[str, str], *, times: int) -> None:
    """Each of these resources has failed so often with its code."""
    until(
        lambda: all(errors(subject, resource=each, code=code) >= times for each, code in codes.items()),
        what=f"{times} errors of each of {codes}",
        otherwise=subject.readiness,
    )


def one_line_each(endured: Endured, *, of: Collection[str] = READ, state: str = "unreachable") -> bool:
    """Whether each of these has one line in the log for the start of its trouble and one for its end, others none."""
    return all(endured.turns_of(each) == ([state, "watching"] if each in of else []) for each in READ)
