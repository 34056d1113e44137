"""Findings as text, as JSON, and as JUnit XML."""

import json
from collections import Counter
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from exporter.checks.finding import HEALTHY, UNHEALTHY, UNKNOWN, Finding
from exporter.untrusted import spelled_out

__all__ = ["FORMATS", "status_of"]

_WORST_FIRST = (UNHEALTHY, UNKNOWN, HEALTHY)
_ELEMENTS = {UNHEALTHY: "failure", UNKNOWN: "error"}


def status_of(findings: Sequence[Finding]) -> str:
    """The worst status, where unhealthy is worse than unknown; a note is healthy."""
    return next(status for status in _WORST_FIRST if status in {HEALTHY, *(item.status for item in findings)})


def _text(findings: Sequence[Finding]) -> str:
    """A line for each."""
    width = max((len(item.status) for item in findings), default=0)
    return "\n".join(spelled_out(f"{item.status:{width}}  {item.subject}: {item.text}") for item in findings)


def _json(findings: Sequence[Finding]) -> str:
    listed = [
        {"status": item.status.lower(), "subject": item.subject, "text": item.text, **item.data} for item in findings
    ]
    return json.dumps({"status": status_of(findings).lower(), "findings": listed}, indent=2)


def _junit(findings: Sequence[Finding]) -> str:
    """One test suite with a test case for each finding, in the form that Jenkins and GitLab read.

    Unhealthy is a failure, unknown an error. GitLab uses the first of several test cases with one name: others are
    numbered.

    https://github.com/testmoapp/junitxml
    https://docs.gitlab.com/ci/testing/unit_test_reports/
    """
    count = Counter(item.status for item in findings)
    numbers = {"tests": len(findings), "failures": count[UNHEALTHY], "errors": count[UNKNOWN]}
    named = {"name": "coderun-exporter check"} | {key: str(number) for key, number in numbers.items()} | {"time": "0"}
    root = ET.Element("testsuites", named)
    suite = ET.SubElement(root, "testsuite", named)
    seen = Counter[str]()
    for item in findings:
        subject, text = spelled_out(item.subject), spelled_out(item.text)
        seen[subject] += 1
        name = subject if seen[subject] == 1 else f"{subject} ({seen[subject]})"
        case = ET.SubElement(suite, "testcase", {"name": name, "classname": "coderun-exporter.check", "time": "0"})
        if element := _ELEMENTS.get(item.status):
            ET.SubElement(case, element, {"type": item.status, "message": text}).text = text
        else:
            ET.SubElement(case, "system-out").text = f"{item.status}: {text}"
    ET.indent(root)
    written: bytes = ET.tostring(root, encoding="us-ascii", xml_declaration=True)
    return written.decode("ascii")


FORMATS = {"text": _text, "json": _json, "junit": _junit}
"""From a name to the function that writes findings so."""
