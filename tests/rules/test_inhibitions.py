"""The inhibitions: equal in the configuration and the README, and no broader than needed."""

import re

import pytest

from lab.monitoring.bundle import ALERTS
from tests.integration.inhibitions import inhibitions, variants

VARIANTS = variants()
PAIRS = inhibitions()
SEVERITIES = ["info", "warning", "critical"]
WARNING_AND_CRITICAL = SEVERITIES[1:]
EXPLANATIONS = ["", " RequiredConfigMapUnhealthy", " CodeRunControllerBlocked"]


def test_these_causes_inhibit_these_symptoms():
    """The list is complete."""
    job_causes = ["AgentFinishedNotExited", "AgentJobWithoutPod"]
    exporter = ["CodeRunExporterAbsent critical", "CodeRunExporterAbsent warning", "CodeRunExporterDown critical"]
    assert sorted(str(pair) for pair in PAIRS if "alertname" not in pair.equal) == sorted(
        [
            *(
                f"{cause}{blocked} critical > {run} {cause}{blocked}"
                for cause, blocked in (("RequiredConfigMap", "Unhealthy"), ("CodeRunController", "Blocked"))
                for run in ("CodeRunJobCreationStalled critical", "CodeRunNotReconciled warning")
            ),
            *(
                f"CodeRunJobCreationStalled critical{one} > CodeRunNotReconciled warning{other}"
                for one in EXPLANATIONS
                for other in EXPLANATIONS
            ),
            *(
                f"{cause} critical > AgentJobHanging {severity}"
                for cause in job_causes
                for severity in WARNING_AND_CRITICAL
            ),
            *(
                f"{cause} warning > AgentJobHanging warning"
                for cause in [*job_causes, "AgentPodNotStarting", "AgentBlocked", "AgentSilent"]
            ),
            *(f"AgentBlocked warning > {symptom} warning" for symptom in ("AgentSilent", "AgentFinishedNotExited")),
            "AgentFinishedNotExited critical > AgentBlocked warning",
            "AgentNeverSucceeds warning > AgentJobsFailing warning",
            *(
                f"{cause}{one} > WorkflowStepStalled warning"
                for cause in ("CodeRunJobCreationStalled critical", "CodeRunNotReconciled warning")
                for one in EXPLANATIONS
            ),
            *(
                f"{cause} {severity} > WorkflowStepStalled warning"
                for cause in ["AgentJobHanging", *job_causes]
                for severity in WARNING_AND_CRITICAL
            ),
            *(
                f"{cause} warning > WorkflowStepStalled warning"
                for cause in (
                    *("CodeRunNotUpdated", "CodeRunNotReady", "CodeRunStuckDeleting"),
                    *("AgentPodNotStarting", "AgentBlocked", "AgentSilent"),
                )
            ),
            *(
                f"CodeRunExporterResourceUnavailable critical > CodeRunExporterStale {severity}"
                for severity in WARNING_AND_CRITICAL
            ),
            "CodeRunExporterResourceUnavailable warning > CodeRunExporterStale warning",
            *(
                f"CodeRunExporter{cause} critical > CodeRunExporterLogsUnreadable warning"
                for cause in ("ResourceUnavailable", "Stale")
            ),
            *(f"{source} > CodeRunExporterRestarting warning" for source in exporter),
            *(f"{source} > CodeRunExporterScrapesFailing warning" for source in exporter),
        ]
    )


def test_a_critical_alert_inhibits_its_warning():
    """The two have the same name and object. All labels of such objects are compared."""
    (equal,) = {pair.equal for pair in PAIRS if "alertname" in pair.equal}
    pairs = {(pair.source.alertname, pair.target.alertname) for pair in PAIRS if "alertname" in pair.equal}
    severities: dict[str, set[str]] = {}
    for variant in VARIANTS:
        severities.setdefault(variant.alertname, set()).add(variant.labels["severity"])
    assert pairs == {(name, name) for name, found in severities.items() if len(found) > 1}
    named = frozenset[str]().union(*(variant.identity for variant in VARIANTS))
    assert {*equal} == named - {"instance"} | {"alertname"}


def test_the_readme_lists_every_inhibition():
    """Its table has the rows of the configuration: cause, symptom, and the labels that are equal."""
    rows = re.findall(
        r"^\| (`.+`.*) \| (`.+`.*) \| (`cluster`.*) \|$", (ALERTS / "README.md").read_text(), re.MULTILINE
    )
    listed = {
        (source, target, tuple(re.findall(r"`(\w+)`", equal)))
        for sources, targets, equal in rows
        for source in re.findall(r"`(\w+)`", sources)
        for target in re.findall(r"`(\w+)`", targets)
    }
    assert listed == {
        (pair.source.alertname, pair.target.alertname, pair.equal) for pair in PAIRS if "alertname" not in pair.equal
    }


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_an_inhibition_compares_all_labels_that_both_alerts_have(pair):
    """A label of only one side would always or never be equal. A critical alert is never inhibited by a warning.

    Fewer labels are compared only if the target has the label `explained_by` with the source.
    """
    shared = pair.source.identity & pair.target.identity
    if "alertname" in pair.equal:
        assert shared <= {*pair.equal}
    elif pair.target.labels.get("explained_by") == pair.source.alertname:
        assert {"cluster"} <= {*pair.equal} <= shared
    else:
        assert {*pair.equal} == shared
    source, target = (SEVERITIES.index(side.labels["severity"]) for side in (pair.source, pair.target))
    assert source >= target
