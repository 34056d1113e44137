"""One run and its Job: every short sequence of what can happen to them, and not a random choice of long ones."""

import itertools

import pytest

from exporter.config import Settings
from tests.objects import CREATED, a_job, a_run, stamp
from tests.property.profiles import PROFILE
from tests.property.store import NOW, uid_of
from tests.property.test_sequences import Story

RUN, JOB = ("CodeRun", "n", "r"), ("Job", "n", "j")
RETENTION = 50
EVENTS = (
    *("run opens", "run ends", "run ends without a time", "run is deleted"),
    *("job works", "job ends", "job is deleted", "job has another owner"),
)
LENGTH = 2 if PROFILE == "quick" else 3
SEQUENCES = [found for found in itertools.product(EVENTS, repeat=LENGTH) if all(map(str.__ne__, found, found[1:]))]


class Ending(Story):
    """The run is open and its Job works, until something happens."""

    def __init__(self):
        super().__init__(Settings(retention=RETENTION))
        self._ended = None
        self._owner = uid_of(RUN, NOW)
        self.hear_all()
        for event in ("run opens", "job works"):
            self.tell(self.change(event))

    def change(self, event):
        """As the property tests describe a change."""
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
                return "put", a_run(status={"phase": "Succeeded", "finishedAt": stamp(self.parts.now)})
            case "job works":
                self._ended, self._owner = None, uid_of(RUN, NOW)
            case "job ends":
                self._ended = self.parts.now
            case "job has another owner":
                self._owner = uid_of(RUN, 7)
        owner = {"apiVersion": "agents.platform/v1", "kind": "CodeRun", "name": "r", "uid": self._owner}
        ended = "Complete" if self._ended else None
        return "put", a_job(owners=[owner | {"controller": True}], ended=ended, ended_at=self._ended, created=CREATED)


@pytest.mark.parametrize("first", EVENTS)
def test_whatever_ends_leaves_the_page_when_its_time_has_come_and_returns_with_the_clock(first):
    """After the last event: just before the retention has passed, after it, and with the clock set back."""
    for events in SEQUENCES:
        if events[0] != first:
            continue
        ending = Ending()
        for event in events:
            ending.tell(ending.change(event))
            ending.parts.advance(20)
        ending.check()
        for seconds in (20, 30, -40, RETENTION):
            ending.parts.advance(seconds)
            ending.check()
