"""After any sequence of changes and events, the exposition is that of a new list."""

import collections

from hypothesis import given, strategies as st

from exporter.cache import JOBS
from exporter.config import Settings
from exporter.reflector.watching import _change
from tests.objects import CREATED
from tests.property.offline import OfflineExporter, a_list, apply, assert_same_state, list_again
from tests.property.profiles import examples
from tests.property.shapes import CHANGES, ENDINGS, SETTINGS, apply_change
from tests.property.store import Store, state_of
from tests.property.weighting import weighted

# While Jobs cannot be watched, these families of changed runs are not exposed. A new list exposes them.
_UNKNOWN_FAMILIES = ("coderun_job_name", "coderun_stall_cause", "job_hang_cause")
_INFORMERS = st.integers(0, 7)
_STEPS = weighted(
    (12, st.tuples(st.just("apply_change"), CHANGES)),
    (3, st.tuples(st.just("deliver"), st.tuples(_INFORMERS, st.integers(1, 12)))),
    (6, st.tuples(st.just("deliver_all"), st.none())),
    (2, st.tuples(st.just("redeliver"), st.tuples(_INFORMERS, st.integers(1, 5)))),
    (2, st.tuples(st.just("list"), st.tuples(_INFORMERS, st.integers(0, 40)))),
    (1, st.tuples(st.just("fail"), st.tuples(_INFORMERS, st.sampled_from(["forbidden", "missing", "unreachable"])))),
    (6, st.tuples(st.just("advance"), st.sampled_from([1, 15, 60, 60, -40]))),
    (1, st.tuples(st.just("render"), st.none())),
    (2, st.tuples(st.just("check"), st.none())),
)
_ENDING_STEPS = weighted(
    (3, st.tuples(st.just("change_and_deliver"), ENDINGS)),
    (2, st.tuples(st.just("advance"), st.sampled_from([20, 45, 60, 60, -30]))),
)


class Scenario:
    """A cluster, and an exporter whose informers have each received a part of the changes."""

    def __init__(self, settings):
        self.store = Store()
        self.exporter = OfflineExporter(settings, now=CREATED)
        self.delivered = [None] * len(self.exporter.informers)
        self.failed = collections.defaultdict(list)

    def step(self, verb, what):
        """Calls the method `verb` with `what`."""
        getattr(self, verb)(what)

    def apply_change(self, change):
        """Changes the cluster. No informer has received the event yet."""
        apply_change(self.store, change, now=self.exporter.now)

    def deliver(self, what):
        """Delivers the next (number, count) events to an informer, or a list if it has none yet."""
        index, count = self._index(what[0]), what[1]
        if self.delivered[index] is None:
            self._list(index, len(self._entries(index)))
            return
        news = self._entries(index)[self.delivered[index] :][:count]
        self._deliver(index, news)
        self.delivered[index] += len(news)

    def deliver_all(self, _=None):
        """Delivers all events to all informers."""
        for index in range(len(self.delivered)):
            self.deliver((index, 1))
            self.deliver((index, len(self.store.log)))

    def change_and_deliver(self, change):
        """Changes the cluster and delivers the event to all informers."""
        self.apply_change(change)
        self.deliver_all()

    def redeliver(self, what):
        """Delivers the last events again, as after one or two interruptions."""
        index, count = self._index(what[0]), what[1]
        if self.delivered[index]:
            last = self._entries(index)[: self.delivered[index]][-count:]
            self._deliver(index, last[: count // 2])
            self._deliver(index, last)

    def list(self, what):
        """Lists the objects as after a 410. The list may be older than the last changes, if a server is behind."""
        index = self._index(what[0])
        self._list(index, min(what[1], len(self._entries(index))))

    def fail(self, what):
        """An informer fails until it receives an event or a list."""
        index, state = self._index(what[0]), what[1]
        self.exporter.fail(index, state)
        self.failed[index].append(state)

    def advance(self, seconds):
        """Advances the clock or sets it back, and checks the state before and after."""
        self.check()
        self.exporter.advance(seconds)
        self.check()

    def render(self, _):
        """Renders a slice, as between scrapes."""
        self.exporter.store.render(seconds=0)

    def check(self, _=None):
        """The state is that of a new list of the events that each informer has received."""
        lists = [
            None if count is None else state_of(self._entries(index)[:count])
            for index, count in enumerate(self.delivered)
        ]
        other = list_again(self.exporter, lists)
        for index, states in self.failed.items():
            for state in states:
                other.fail(index, state)
        is_unknown = any(
            self.exporter.informers[index].resource == JOBS and states for index, states in self.failed.items()
        )
        assert_same_state(self.exporter, other, ignored=_UNKNOWN_FAMILIES if is_unknown else ())

    def end(self):
        """After all events were delivered, no Job is unknown."""
        self.deliver_all()
        assert not any(self.failed.values())
        self.check()

    def _index(self, number):
        return number % len(self.delivered)

    def _entries(self, index):
        source = self.exporter.sources[index]
        return self.store.entries(source.path, source.params)

    def _list(self, index, count):
        self.exporter.list(index, a_list(state_of(self._entries(index)[:count])))
        self.delivered[index] = count
        self.failed[index].clear()

    def _deliver(self, index, entries):
        self.exporter.sinks[index].set_state("watching")
        self.failed[index].clear()
        for entry in entries:
            change = _change(entry.line.rstrip(), self.exporter.sources[index], self.exporter.informers[index].status)
            apply(self.exporter.sinks[index], change.uid, getattr(change, "record", None))


@examples(100)
@given(settings=SETTINGS, steps=st.lists(_STEPS, min_size=15, max_size=50))
def test_any_sequence_has_the_state_of_one_list(settings, steps):
    """Runs, Jobs and ConfigMaps change in any order. Events are late, repeated or missed, and time advances."""
    scenario = Scenario(settings)
    for verb, what in steps:
        scenario.step(verb, what)
    scenario.end()


@examples(150)
@given(steps=st.lists(_ENDING_STEPS, min_size=10, max_size=35))
def test_finished_objects_are_removed_and_exposed_again_at_the_right_time(steps):
    """One run and its many Jobs finish and start again. The clock alone removes and exposes finished objects."""
    scenario = Scenario(Settings(retention=50))
    for verb, what in steps:
        scenario.step(verb, what)
    scenario.end()
