"""Answers that an API server, or what stands in front of it, gives where it should give what was asked for."""

import json

from lab.faults.fault import Answer, Fault

__all__ = ["JSON", "LIST_AGAIN", "PAGES_ONLY", "error_event", "html", "refusal"]

JSON = {"Content-Type": "application/json"}


def refusal(code: int, *, headers: dict[str, str] | None = None) -> Answer:
    """A status as the API server words it."""
    return code, JSON | (headers or {}), json.dumps(_status(code)).encode()


def html(code: int, *, headers: dict[str, str] | None = None) -> Answer:
    """A page for people, from whatever stands in between."""
    body = b"<html>\n<body>\n<h1>Please come back later</h1>\n</body>\n</html>\n"
    return code, {"Content-Type": "text/html"} | (headers or {}), body


def error_event(code: int) -> Answer:
    """A watch that is accepted, and says then that it is not possible."""
    return 200, JSON, json.dumps({"type": "ERROR", "object": _status(code)}).encode() + b"\n"


def _status(code: int) -> dict[str, object]:
    return {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": "not now", "code": code}


LIST_AGAIN = Fault(kind="watch", answer=refusal(410))
"""No watch goes on from where it was, which is no trouble: what follows is a list."""

PAGES_ONLY = Fault(kind="stream", answer=refusal(422))
"""A server that does not know streamed lists, so that lists are read in pages."""
