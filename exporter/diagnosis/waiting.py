"""The fix of a state that is not a fault yet: to wait. What mends a fault may disturb what is going well."""

from exporter.diagnosis.explanation import time_of

__all__ = ["wait_first"]


def wait_first(fix: str, until: float | None) -> str:
    """The fix, to be used only if the state is the same at the time `until`; None: in two minutes."""
    moment = time_of(until)
    wait = f"Wait until {moment.strftime('%Y-%m-%dT%H:%M:%SZ')}" if moment else "Wait two minutes"
    return f"{wait}. If it is still so: {fix}" if fix else f"{wait}."
