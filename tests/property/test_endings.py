"""All short sequences of changes of one run and its Job, instead of random long ones."""

import itertools

import pytest

from exporter.config import Settings
from tests.objects import CREATED, a_job, a_run, stamp
from tests.property.profiles import PROFILE
from tests.property.store import NOW, uid_of
from tests.property.test_sequences import Scenario

RUN, JOB = ("CodeRun", "n", "r"), ("Job", "n", "j")
RETENTION = 50
EVENTS = (
    *("run opens", "run ends", "run ends without a time", "run is deleted"),
    *("job works", "job ends", "job is deleted", "job has another owner"),
)
LENGTH = 2 if PROFILE == "quick" else 3
SEQUENCES = [found for found in itertools.product(EVENTS, repeat=LENGTH) if all(map(str.__ne__, found, found[1:]))]


class Ending(Scenario):
    """The run is open and its Job is active before the first change."""

    def __init__(self):
        super().__init__(Settings(retention=RETENTION))
        self._ended = None
        self._owner = uid_of(RUN, NOW)
        self.deliver_all()
        for event in ("run opens", "job works"):
            self.change_and_deliver(self.change(event))

    def change(self, event):
        """A change in the form of `tests.property.shapes`."""
        match event:
            case "run is deleted":
                return "delete", RUN
            case "job is deleted":
                return "delete", JOB
            case "run opens":
                return "put", a_run(status={"phase": "Running"})
            case "run ends without a time":
                return "put", a_run(status={"phase": "Succeeded"})
            case "run ends":
                return "put", a_run(status={"phase": "Succeeded", "finishedAt": stamp(self.exporter.now)})
            case "job works":
                self._ended, self._owner = None, uid_of(RUN, NOW)
            case "job ends":
                self._ended = self.exporter.now
            case "job has another owner":
                self._owner = uid_of(RUN, 7)
        owner = {"apiVersion": "agents.platform/v1", "kind": "CodeRun", "name": "r", "uid": self._owner}
        ended = "Complete" if self._ended else None
        return "put", a_job(owners=[owner | {"controller": True}], ended=ended, ended_at=self._ended, created=CREATED)


@pytest.mark.parametrize("first", EVENTS)
def test_finished_objects_are_removed_at_their_retention_and_exposed_again_if_the_clock_is_set_back(first):
    """The expected state is checked just before the retention, after it, and with the clock set back."""
    for events in SEQUENCES:
        if events[0] != first:
            continue
        ending = Ending()
        for event in events:
            ending.change_and_deliver(ending.change(event))
            ending.exporter.advance(20)
        ending.check()
        for seconds in (20, 30, -40, RETENTION):
            ending.exporter.advance(seconds)
            ending.check()
