"""Formats findings as text, JSON, or JUnit XML."""

import json
from collections import Counter
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from exporter.checks.finding import HEALTHY, UNHEALTHY, UNKNOWN, Finding
from exporter.untrusted import escape_invisible

__all__ = ["FORMATS", "worst_status"]

_WORST_FIRST = (UNHEALTHY, UNKNOWN, HEALTHY)
_ELEMENTS = {UNHEALTHY: "failure", UNKNOWN: "error"}


def worst_status(findings: Sequence[Finding]) -> str:
    """The worst status: unhealthy, then unknown, then healthy. Notes count as healthy."""
    return next(status for status in _WORST_FIRST if status in {HEALTHY, *(item.status for item in findings)})


def _text(findings: Sequence[Finding]) -> str:
    """One line for each finding."""
    width = max((len(item.status) for item in findings), default=0)
    return "\n".join(escape_invisible(f"{item.status:{width}}  {item.subject}: {item.text}") for item in findings)


def _json(findings: Sequence[Finding]) -> str:
    listed = [
        {"status": item.status.lower(), "subject": item.subject, "text": item.text, **item.data} for item in findings
    ]
    return json.dumps({"status": worst_status(findings).lower(), "findings": listed}, indent=2)


def _junit(findings: Sequence[Finding]) -> str:
    """One test suite with a test case for each finding, in the format of Jenkins and GitLab.

    Unhealthy is a failure, unknown an error. Test cases with equal names are numbered, because GitLab reads only the
    first of them.

    https://github.com/testmoapp/junitxml
    https://docs.gitlab.com/ci/testing/unit_test_reports/
    """
    count = Counter(item.status for item in findings)
    numbers = {"tests": len(findings), "failures": count[UNHEALTHY], "errors": count[UNKNOWN]}
    attributes = (
        {"name": "coderun-exporter check"} | {key: str(number) for key, number in numbers.items()} | {"time": "0"}
    )
    root = ET.Element("testsuites", attributes)
    suite = ET.SubElement(root, "testsuite", attributes)
    seen = Counter[str]()
    for item in findings:
        subject, text = escape_invisible(item.subject), escape_invisible(item.text)
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
"""The formatting functions by name of the format."""
