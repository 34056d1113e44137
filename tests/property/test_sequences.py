"""Whatever happens, in whatever order it is told: the page is the one that a fresh list makes."""

import collections

from hypothesis import given, strategies as st

from exporter.cache import JOBS
from exporter.config import Settings
from exporter.reflector.watching import _change
from tests.objects import CREATED
from tests.property.pictures import Parts, a_list, apply, assert_alike, fresh
from tests.property.profiles import examples
from tests.property.shapes import CHANGES, ENDINGS, SETTINGS, happen
from tests.property.store import Store, state_of
from tests.property.weighing import weighed

# While Jobs cannot be followed, these tell less of a run that has changed since then: a list does not know that.
_OF_DOUBT = ("coderun_job_name", "coderun_stall_cause", "job_hang_cause")
_FEEDS = st.integers(0, 7)
_STEPS = weighed(
    (12, st.tuples(st.just("happen"), CHANGES)),
    (3, st.tuples(st.just("hear"), st.tuples(_FEEDS, st.integers(1, 12)))),
    (6, st.tuples(st.just("hear_all"), st.none())),
    (2, st.tuples(st.just("again"), st.tuples(_FEEDS, st.integers(1, 5)))),
    (2, st.tuples(st.just("list"), st.tuples(_FEEDS, st.integers(0, 40)))),
    (1, st.tuples(st.just("fail"), st.tuples(_FEEDS, st.sampled_from(["forbidden", "missing", "unreachable"])))),
    (6, st.tuples(st.just("advance"), st.sampled_from([1, 15, 60, 60, -40]))),
    (1, st.tuples(st.just("render"), st.none())),
    (2, st.tuples(st.just("check"), st.none())),
)
_ENDING_STEPS = weighed(
    (3, st.tuples(st.just("tell"), ENDINGS)),
    (2, st.tuples(st.just("advance"), st.sampled_from([20, 45, 60, 60, -30]))),
)


class Story:
    """A cluster, and a picture whose feeds are each somewhere between its first change and its last."""

    def __init__(self, settings):
        self.store = Store()
        self.parts = Parts(settings, now=CREATED)
        self.heard = [None] * len(self.parts.feeds)
        self.failed = collections.defaultdict(list)

    def step(self, verb, what):
        """One thing that happens."""
        getattr(self, verb)(what)

    def happen(self, change):
        """In the cluster; no feed has heard of it yet."""
        happen(self.store, change, now=self.parts.now)

    def hear(self, what):
        """The next changes come to a feed; a list first, if it never had one."""
        feed, count = self._feed(what[0]), what[1]
        if self.heard[feed] is None:
            self._list(feed, len(self._entries(feed)))
            return
        news = self._entries(feed)[self.heard[feed] :][:count]
        self._tell(feed, news)
        self.heard[feed] += len(news)

    def hear_all(self, _=None):
        """Each feed hears of all that happened."""
        for feed in range(len(self.heard)):
            self.hear((feed, 1))
            self.hear((feed, len(self.store.log)))

    def tell(self, change):
        """It happens, and all hear of it at once."""
        self.happen(change)
        self.hear_all()

    def again(self, what):
        """The last changes once more, as after a cut, and after another cut again: they come at least once."""
        feed, count = self._feed(what[0]), what[1]
        if self.heard[feed]:
            last = self._entries(feed)[: self.heard[feed]][-count:]
            self._tell(feed, last[: count // 2])
            self._tell(feed, last)

    def list(self, what):
        """Everything at once, after a 410: some servers are behind, and all the changes on the way are missed."""
        feed = self._feed(what[0])
        self._list(feed, min(what[1], len(self._entries(feed))))

    def fail(self, what):
        """A feed cannot be read, until something of it is."""
        feed, state = self._feed(what[0]), what[1]
        self.parts.fail(feed, state)
        self.failed[feed].append(state)

    def advance(self, seconds):
        """The clock moves on, or is set back; what is on the page by then shows it."""
        self.check()
        self.parts.advance(seconds)
        self.check()

    def render(self, _):
        """Some of what is dirty, as between scrapes."""
        self.parts.store.render(seconds=0)

    def check(self, _=None):
        """The page is that of a fresh list of what each feed has heard of."""
        lists = [
            None if heard is None else state_of(self._entries(feed)[:heard]) for feed, heard in enumerate(self.heard)
        ]
        other = fresh(self.parts, lists)
        for feed, states in self.failed.items():
            for state in states:
                other.fail(feed, state)
        doubtful = any(self.parts.feeds[feed].resource == JOBS and states for feed, states in self.failed.items())
        assert_alike(self.parts, other, but=_OF_DOUBT if doubtful else ())

    def end(self):
        """When all is told, nothing is in doubt any more."""
        self.hear_all()
        assert not any(self.failed.values())
        self.check()

    def _feed(self, number):
        return number % len(self.heard)

    def _entries(self, feed):
        source = self.parts.sources[feed]
        return self.store.entries(source.path, source.params)

    def _list(self, feed, count):
        self.parts.list(feed, a_list(state_of(self._entries(feed)[:count])))
        self.heard[feed] = count
        self.failed[feed].clear()

    def _tell(self, feed, entries):
        self.parts.sinks[feed].set_state("watching")
        self.failed[feed].clear()
        for entry in entries:
            change = _change(entry.line.rstrip(), self.parts.sources[feed], self.parts.feeds[feed].status)
            apply(self.parts.sinks[feed], change.uid, getattr(change, "record", None))


@examples(100)
@given(settings=SETTINGS, steps=st.lists(_STEPS, min_size=15, max_size=50))
def test_any_sequence_gives_the_page_of_one_list(settings, steps):
    """Changes of runs, Jobs and ConfigMaps in any order, told late, twice or not at all; and time that passes."""
    story = Story(settings)
    for verb, what in steps:
        story.step(verb, what)
    story.end()


@examples(150)
@given(steps=st.lists(_ENDING_STEPS, min_size=10, max_size=35))
def test_whatever_ends_and_begins_again_leaves_the_page_when_its_time_has_come(steps):
    """One run and its many Jobs: what a fresh list would not show is gone by the clock alone, and comes with it."""
    story = Story(Settings(retention=50))
    for verb, what in steps:
        story.step(verb, what)
    story.end()
