"""Findings as text, JSON and JUnit XML, whatever the words in them are."""

import json
from xml.etree import ElementTree as ET

import pytest

from exporter.checks import HEALTHY, NOTE, UNHEALTHY, UNKNOWN, Finding
from exporter.checks.formats import FORMATS, worst_status

HOSTILE = "a\nUNHEALTHY  b: <script>&\"']]> \x1b[2J\x00\x85\u2028\udc80\ufffe end"
SOME = [
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
    """Unhealthy before unknown; a note is healthy, and so is nothing."""
    assert worst_status(SOME[:number]) == status
    assert worst_status(SOME[3:]) == UNKNOWN


def test_text_is_aligned():
    """One line for each finding."""
    assert FORMATS["text"](SOME).splitlines()[1:3] == [
        "ok         ConfigMap n/a: 1 key, 1 byte",
        "UNHEALTHY  ConfigMap n/b: missing",
    ]


def test_junit_has_a_test_case_for_each_finding():
    """Counts, names that occur once, a failure, an error, and the words of the rest."""
    root = ET.fromstring(FORMATS["junit"](SOME))  # noqa: S314 - made here
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
def test_hostile_words_stay_one_finding(form):
    """They end no line, move no cursor, and are legal XML; the output is text in any encoding."""
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
