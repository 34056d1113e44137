"""Findings as text, JSON and JUnit XML. Subjects and texts may contain any character."""

import json
from xml.etree import ElementTree as ET

import pytest

from exporter.checks import HEALTHY, NOTE, UNHEALTHY, UNKNOWN, Finding
from exporter.checks.formats import FORMATS, worst_status

HOSTILE = "a\nUNHEALTHY  b: <script>&\"']]> \x1b[2J\x00\x85\u2028\udc80\ufffe end"
FINDINGS = [
    Finding(status=NOTE, subject="API server a:1", text="kubeconfig k (context c)"),
    Finding(status=HEALTHY, subject="ConfigMap n/a", text="1 key, 1 byte"),
    Finding(status=UNHEALTHY, subject="ConfigMap n/b", text="missing"),
    Finding(status=UNKNOWN, subject="jobs", text="403"),
    Finding(status=NOTE, subject="coderuns", text="phase 'A'"),
    Finding(status=NOTE, subject="coderuns", text="phase 'B'"),
]


@pytest.mark.parametrize(
    ("number", "status"), [(0, HEALTHY), (1, HEALTHY), (2, HEALTHY), (3, UNHEALTHY), (4, UNHEALTHY)]
)
def test_the_worst_finding_decides(number, status):
    """UNHEALTHY decides before UNKNOWN. Notes and an empty list of findings are healthy."""
    assert worst_status(FINDINGS[:number]) == status
    assert worst_status(FINDINGS[3:]) == UNKNOWN


def test_text_is_aligned():
    """Each finding is one line, and the subjects are in one column."""
    assert FORMATS["text"](FINDINGS).splitlines()[1:3] == [
        "ok         ConfigMap n/a: 1 key, 1 byte",
        "UNHEALTHY  ConfigMap n/b: missing",
    ]


def test_junit_has_a_test_case_for_each_finding():
    """A testsuite has the counts. Each test case has a unique name, and a failure, an error, or an output."""
    root = ET.fromstring(FORMATS["junit"](FINDINGS))  # noqa: S314 - made here
    (suite,) = root
    assert (root.tag, suite.tag) == ("testsuites", "testsuite")
    for element in (root, suite):
        assert element.attrib == {
            "name": "coderun-exporter check", "tests": "6", "failures": "1", "errors": "1", "time": "0",
        }  # fmt: skip
    assert [(case.get("name"), case[0].tag) for case in suite] == [
        ("API server a:1", "system-out"),
        ("ConfigMap n/a", "system-out"),
        ("ConfigMap n/b", "failure"),
        ("jobs", "error"),
        ("coderuns", "system-out"),
        ("coderuns (2)", "system-out"),
    ]
    assert {case.get("classname") for case in suite} == {"coderun-exporter.check"}
    assert (suite[2][0].get("type"), suite[2][0].get("message"), suite[2][0].text) == ("UNHEALTHY",) + (
        "missing",
    ) * 2


@pytest.mark.parametrize("form", FORMATS)
def test_hostile_text_stays_one_finding(form):
    """No text ends a line or moves the cursor. The XML is legal, and the output can be encoded in UTF-8."""
    out = FORMATS[form]([Finding(status=HEALTHY, subject=HOSTILE, text=HOSTILE)])
    assert all(char.isprintable() or char == "\n" for char in out)
    if form == "text":
        assert out.count("\n") == 0
        assert out.startswith("ok  a\\nUNHEALTHY  b: <script>")
    if form == "json":
        assert json.loads(out)["findings"] == [{"status": "ok", "subject": HOSTILE, "text": HOSTILE}]
    if form == "junit":
        out.encode("ascii")
        (case,) = ET.fromstring(out)[0]  # noqa: S314 - made here
        assert case.get("name") == "a\\nUNHEALTHY  b: <script>&\"']]> \\x1b[2J\\x00\\x85\\u2028\\udc80\\ufffe end"
