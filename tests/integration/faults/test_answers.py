"""Answers that are not what was asked for. Three faults at once strike a resource each."""

import json
from itertools import pairwise

import pytest

from lab.controlplane.platform_namespace import PlatformNamespace
from lab.faults.fault import Answer, Fault
from lab.faults.proxy import FaultProxy
from lab.waiting import until
from tests.integration.faults.answers import JSON, LIST_AGAIN, error_event, html, refusal
from tests.integration.faults.changes import change
from tests.integration.faults.report import Report
from tests.integration.faults.subject import Subject
from tests.integration.faults.told import MAIN, errors, one_line_each, until_counted

pytestmark = pytest.mark.timeout(180)

WISH_SECONDS = 2
LATER = {"Retry-After": str(WISH_SECONDS)}
LATER_STATUS = {"kind": "Status", "code": 429, "details": {"retryAfterSeconds": WISH_SECONDS}}


@pytest.mark.parametrize(
    ("answers", "codes"),
    [
        pytest.param(
            [refusal(500), refusal(503), (429, {"Content-Type": "text/plain"}, b"Too many requests")],
            ["500", "503", "429"],
            marks=pytest.mark.fault("500, 503, and 429 without Retry-After"),
            id="refusals",
        ),
        pytest.param(
            [html(502), html(200), html(302, headers={"Location": "/login"})],
            ["502", "not_json", "302"],
            marks=pytest.mark.fault("HTML: 502, a login page with 200, a redirect"),
            id="HTML",
        ),
        pytest.param(
            [(200, {}, b""), (200, JSON | {"Content-Encoding": "gzip"}, b"no gzip"), (200, JSON, b'{"type":\n')],
            ["not_json", "encoding", "not_json"],
            marks=pytest.mark.fault("200 with an empty body, with invalid gzip, with half a line"),
            id="200",
        ),
    ],
)
def test_an_answer_that_is_none_is_told_once_and_asked_for_again(
    platform: PlatformNamespace,
    proxy: FaultProxy,
    subject: Subject,
    report: Report,
    answers: list[Answer],
    codes: list[str],
):
    """In place of watches first and then of lists; the page stays as it was until the server answers again."""
    faults = [Fault(path=f"/{each}", answer=answer, times=3) for each, answer in zip(MAIN, answers, strict=True)]
    with subject.enduring() as endured:
        proxy.strike(*faults)
        proxy.end()
        change(platform)
        until_counted(subject, dict(zip(MAIN, codes, strict=True)), times=3)
        endured.mended()
    report.note(endured)
    assert one_line_each(endured, of=MAIN)
    assert errors(subject) == 9


@pytest.mark.fault("429 and 503 with Retry-After")
def test_a_servers_wish_to_be_asked_later_is_honoured(
    platform: PlatformNamespace, proxy: FaultProxy, subject: Subject, report: Report
):
    """In the header or in the Status: nothing of that resource is asked for sooner."""
    status = 429, JSON, json.dumps(LATER_STATUS).encode()
    answers = [refusal(429, headers=LATER), refusal(503, headers=LATER), status]
    faults = [Fault(path=f"/{each}", answer=answer, times=1) for each, answer in zip(MAIN, answers, strict=True)]
    with subject.enduring() as endured:
        proxy.strike(*faults)
        proxy.end()
        change(platform)
        until_counted(subject, {"coderuns": "429", "jobs": "503", "configmaps": "429"}, times=1)
        endured.mended()
    report.note(endured)
    assert one_line_each(endured, of=MAIN)
    for each in MAIN:
        asked = [one for one in proxy.asked if one.resource == each]
        waits = [later.at - one.at for one, later in pairwise(asked) if one.struck]
        assert len(waits) == 1
        assert waits[0] >= WISH_SECONDS


@pytest.mark.fault("empty and truncated JSON in lists, streamed and in pages")
def test_half_a_list_is_none(platform: PlatformNamespace, proxy: FaultProxy, subject: Subject, report: Report):
    """What is not whole never reaches the page."""
    with subject.enduring() as endured:
        proxy.strike(
            LIST_AGAIN,
            Fault(kind="stream", path="/coderuns", answer=(200, JSON, b""), times=2),
            Fault(kind="stream", answer=refusal(422)),
            Fault(kind="page", path="/jobs", after=700, then="end", times=2),
            Fault(kind="page", path="/configmaps", answer=(200, JSON, b""), times=2),
        )
        proxy.end()
        change(platform)
        until_counted(subject, {"coderuns": "cut", "jobs": "not_json", "configmaps": "not_json"}, times=2)
        proxy.strike()
        endured.mended()
    report.note(endured)
    assert one_line_each(endured, of=MAIN)


@pytest.mark.fault("410, 500 and half an event inside a watch")
def test_what_a_watch_says_against_itself_leads_to_a_list(
    platform: PlatformNamespace, proxy: FaultProxy, subject: Subject, report: Report
):
    """410 at once, which is normal life and no line; what is wrong with a watch twice, then too, while it lasts."""
    with subject.enduring() as endured:
        proxy.strike(
            Fault(kind="watch", path="/coderuns", answer=error_event(410)),
            Fault(kind="watch", path="/jobs", answer=error_event(500)),
            Fault(kind="watch", path="/configmaps", answer=(200, JSON, b'{"type":"ADDED","object":{"meta\n')),
        )
        proxy.end()
        change(platform)
        until_counted(subject, {"coderuns": "410"}, times=1)
        until_counted(subject, {"jobs": "500", "configmaps": "not_json"}, times=2)
        endured.mended()
        until(subject.is_watching, what="lists have helped")
    report.note(endured)
    assert endured.turns_of("coderuns") == []
    assert endured.turns_of("jobs") == endured.turns_of("configmaps") == ["unreachable", "watching"]
    assert sum(proxy.struck().values()) == 5
