"""Prometheus dies and comes back: what was late is told again as late as it is, for ages are those of the objects."""

import http.server
import pathlib
import signal
import time
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

import pytest

from tests.integration.loopback import Loopback
from tests.integration.monitoring import Prometheus
from tests.integration.waiting import until

pytestmark = [pytest.mark.needs("prometheus"), pytest.mark.timeout(60)]

HOUR = 3600.0
LATE = {"CodeRunJobCreationStalled": HOUR, "AgentJobHanging": 2 * HOUR}
"""What is told about the object `late`, and the age of that when the page was made."""


class Page(Loopback):
    """An exporter's page on loopback, at `address` while it is open, with two late objects and two that are not.

    The objects' ages are counted from its making, in seconds; their limits are the defaults.
    """

    def __init__(self) -> None:
        self.made = time.time()
        self._text = "".join(
            [
                *(self._run(name, age=age) for name, age in (("late", HOUR), ("young", 60.0))),
                *(self._job(name, age=age) for name, age in (("late", 2 * HOUR), ("young", HOUR / 2))),
            ]
        ).encode()
        super().__init__(self._handler())

    def _run(self, name: str, *, age: float) -> str:
        labels = f'namespace="n",coderun="{name}"'
        return (
            f"coderun_created_timestamp{{{labels}}} {self.made - age}\n"
            f"coderun_job_creation_deadline_seconds{{{labels}}} 600\n"
            f'coderun_job_name{{{labels},job_name=""}} 1\n'
        )

    def _job(self, name: str, *, age: float) -> str:
        labels = f'namespace="n",job_name="{name}"'
        return (
            f"job_start_time{{{labels}}} {self.made - age}\n"
            f"job_max_runtime_seconds{{{labels}}} 3600\n"
            f"job_active{{{labels}}} 1\n"
        )

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        text = self._text

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_: object) -> None:
                """Quiet."""

        return Handler


class Told(NamedTuple):
    """A firing alert: of which object, since when, which age it tells, and when it was asked. Seconds; Unix times."""

    name: str
    since: float
    age: float
    at: float


@pytest.fixture
def page() -> Iterator[Page]:
    """The page, while a test reads it."""
    with Page() as open_page:
        yield open_page


def both(prometheus: Prometheus) -> dict[str, Told]:
    """The two main alerts by their names, once both fire; nothing before."""
    found = {}
    for alert in prometheus.get("/api/v1/alerts")["data"]["alerts"]:
        labels = alert["labels"]
        if alert["state"] == "firing" and labels["alertname"] in LATE:
            assert labels["alertname"] not in found, "an object that is not late is told"
            name = labels.get("coderun") or labels["job_name"]
            since = datetime.fromisoformat(alert["activeAt"]).timestamp()
            found[labels["alertname"]] = Told(name, since, float(alert["value"]), time.time())
    return found if found.keys() == LATE.keys() else {}


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=lambda number: number.name)
def test_a_restart_costs_the_main_alerts_no_more_than_their_for(
    tmp_path: pathlib.Path, page: Page, number: signal.Signals
):
    """The `for` begins again, the ages do not: both tell the true age of what is late, and of nothing else."""
    with Prometheus(tmp_path / "prometheus", exporter=page.address) as prometheus:
        before = until(lambda: both(prometheus), what="both are told")
        prometheus.end(number)
        ended = time.time()
        prometheus.start()
        after = until(lambda: both(prometheus), what="both are told again")
    for alert, age in LATE.items():
        assert after[alert].since > ended
        for told in (before[alert], after[alert]):
            assert told.name == "late"
            assert told.age == pytest.approx(age + told.at - page.made, abs=5)  # evaluated each second
