"""A repeated Event, whose count increases, changes no series."""

from exporter.config import ConfigMaps, Settings
from exporter.kube.decode import Decoder
from exporter.resources.events import WireEvent, event_from_object
from tests.objects import CREATED, a_job, a_run, raw, stamp
from tests.profiles.listed import ListedExporter
from tests.resources.test_events import an_event
from tests.resources.test_job_pods import a_pod


def test_a_repeated_event_changes_no_series():
    """Otherwise job_hang_cause would have a new series, and the alert a new text, for each repetition."""
    pod = a_pod(phase="Pending", containerStatuses=[{"name": "claude-code", "state": {"waiting": {}}}])
    exporter = ListedExporter(
        Settings(configmaps=ConfigMaps(required=())), a_run(status={"phase": "Running"}), now=CREATED + 60
    )
    exporter.put(a_job(), pod)
    pages = []
    for count in (1, 2, 30):
        event = an_event(
            regarding={"kind": "Pod", "name": "j-x", "namespace": "n", "uid": "pod-x"},
            deprecatedCount=count,
            deprecatedLastTimestamp=stamp(CREATED + count),
        )
        exporter.store.put_event(event_from_object(Decoder(WireEvent).decode(raw(event))[0]))
        pages.append(exporter.values("job_hang_cause"))
        exporter.put(a_job(created=CREATED + 10 + count))  # a change of the Job renders its lines again
        pages.append(exporter.values("job_hang_cause"))
    assert "pod_not_starting" in [own["cause"] for own, _ in pages[0]]
    assert pages == [pages[0]] * 6
    assert [one.count for one in exporter.store.cache.events_about("pod-x")] == [30]
