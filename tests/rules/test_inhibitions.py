"""Which alert silences which: as the configuration says, as the README says, and never too much."""

import re

import pytest

from lab.monitoring.bundle import ALERTS
from tests.integration.inhibitions import inhibitions, variants

VARIANTS = variants()
PAIRS = inhibitions()
LOUDNESS = ["info", "warning", "critical"]
LOUD = LOUDNESS[1:]
EXPLANATIONS = ["", " RequiredConfigMapUnhealthy", " CodeRunControllerBlocked"]


def test_these_causes_silence_these_symptoms():
    """No more, and no fewer."""
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
            *(f"{cause} critical > AgentJobHanging {severity}" for cause in job_causes for severity in LOUD),
            *(f"{cause} warning > AgentJobHanging warning" for cause in [*job_causes, "AgentPodNotStarting"]),
            "AgentNeverSucceeds warning > AgentJobsFailing warning",
            *(f"CodeRunExporterResourceUnavailable critical > CodeRunExporterStale {severity}" for severity in LOUD),
            "CodeRunExporterResourceUnavailable warning > CodeRunExporterStale warning",
            *(f"{source} > CodeRunExporterRestarting warning" for source in exporter),
            *(f"{source} > CodeRunExporterScrapesFailing warning" for source in exporter),
        ]
    )


def test_what_is_critical_is_no_warning_too():
    """Of one alert about one object, by every label that names the object of such an alert."""
    (equal,) = {pair.equal for pair in PAIRS if "alertname" in pair.equal}
    pairs = {(pair.source.alertname, pair.target.alertname) for pair in PAIRS if "alertname" in pair.equal}
    severities: dict[str, set[str]] = {}
    for variant in VARIANTS:
        severities.setdefault(variant.alertname, set()).add(variant.labels["severity"])
    assert pairs == {(name, name) for name, found in severities.items() if len(found) > 1}
    named = frozenset[str]().union(*(variant.identity for variant in VARIANTS))
    assert {*equal} == named - {"instance"} | {"alertname"}


def test_the_readme_lists_every_inhibition():
    """Its table is the configuration's, row by row: cause, symptom, and the labels that agree."""
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
def test_an_inhibition_is_between_alerts_that_exist_on_every_label_that_both_have(pair):
    """A label that one side lacks would never be equal, or always. And no page is given up for a quieter word.

    Fewer labels are compared only where the target says by a label of its own that this source explains it.
    """
    shared = pair.source.identity & pair.target.identity
    if "alertname" in pair.equal:
        assert shared <= {*pair.equal}
    elif pair.target.labels.get("explained_by") == pair.source.alertname:
        assert {"cluster"} <= {*pair.equal} <= shared
    else:
        assert {*pair.equal} == shared
    louder, quieter = (LOUDNESS.index(side.labels["severity"]) for side in (pair.source, pair.target))
    assert louder >= quieter
