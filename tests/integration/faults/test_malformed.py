"""Objects that are wrong in very many ways, and that the API server takes all the same."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from lab.controlplane.plane import ControlPlane
from lab.controlplane.platform_namespace import PlatformNamespace
from lab.waiting import until
from tests.integration.faults.report import Report
from tests.integration.faults.subject import Subject, samples
from tests.integration.load import in_bulk
from tests.malformed import malformed

pytestmark = pytest.mark.timeout(180)

MANY = 500


@pytest.mark.fault("500 objects malformed in 500 ways")
def test_each_malformed_object_is_on_the_page_and_hides_no_other(
    control_plane: ControlPlane, platform: PlatformNamespace, subject: Subject, report: Report
):
    """With what can be read of it, and counted. When they are gone, nothing of them is left."""
    items = malformed(count=MANY, namespace=platform.namespace)
    for item in items:
        item["metadata"]["labels"] = {"malformed": "yes"}
    with subject.enduring() as endured:
        in_bulk(control_plane, (("POST", platform.runs, item) for item in items))
        in_bulk(control_plane, (_status_of(platform, item) for item in items))
        until(lambda: _malformed(subject) == MANY, what="all are on the page")
        until(subject.is_fresh, what="as if they had always been so")
        list(text_string_to_metric_families(subject.page()))
        counted = subject.value("coderun_exporter_malformed_objects_total", resource="coderuns")
        platform.ask("DELETE", platform.runs + "?labelSelector=malformed")
        until(lambda: not _malformed(subject), what="all are off the page")
        endured.mended()
    report.note(endured, f"{counted:.0f} objects counted as malformed")
    assert counted > MANY / 2
    assert not endured.turns


def _status_of(platform: PlatformNamespace, item: dict[str, object]) -> tuple[str, str, list[dict[str, object]]]:
    """As a controller writes it: where it is a subresource, it is not taken along when the object is made."""
    path = f"{platform.runs}/{item['metadata']['name']}/status"
    return "PATCH", path, [{"op": "add", "path": "/status", "value": item["status"]}]


def _malformed(subject: Subject) -> int:
    return len([line for line in samples(subject.page(), "coderun_created_timestamp") if '"malformed-' in line])
