"""However lists and watches go wrong: what the reflectors make of them is what one list of the end makes."""

import asyncio
import itertools

from hypothesis import event, given, strategies as st

from exporter.reflector import Backoff, reflect
from tests.objects import CREATED
from tests.property.pictures import Parts, assert_alike, fresh
from tests.property.profiles import examples
from tests.property.scripted import ANSWERS, Server
from tests.property.shapes import CHANGES, SETTINGS
from tests.property.store import Store, state_of

_TURNS = 20_000  # of the event loop, of which an example takes some hundreds
_ASIDES = st.lists(st.sampled_from([None, "page", "page", "render", 1, 15, 60, -40]), min_size=8, max_size=25)


async def _no_sleep(_):
    await asyncio.sleep(0)


def _reflectors(parts, server):
    """One for each feed. Half of the watches that end at once end after a long time, by this clock."""
    ticks = itertools.cycle([0.1, 5.0, 0.2, 0.3])
    clock = itertools.accumulate(ticks)
    for feed, source, sink in zip(parts.feeds, parts.sources, parts.sinks, strict=True):
        yield reflect(
            client=server,
            source=source,
            sink=sink,
            status=feed.status,
            backoff=Backoff(chance=lambda: 0.5),
            sleep=_no_sleep,
            monotonic=lambda: next(clock),
        )


async def _follow(parts, server, asides):
    """Until all is told; meanwhile time passes, and the page is rendered."""
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(one) for one in _reflectors(parts, server)]
        for turn in range(_TURNS):
            await asyncio.sleep(0)
            if asides and turn % 7 == 0:
                _aside(parts, asides.pop())
            if server.settled(parts.sources) and not asides:
                break
        else:
            raise AssertionError(f"not settled: {server}")
        for task in running:
            task.cancel()


def _aside(parts, what):
    if what == "page":
        parts.text()
    elif what == "render":
        parts.store.render(seconds=0)
    elif what is not None:
        parts.advance(what)


def _errors(parts):
    """The errors that were counted, by their code."""
    (family,) = [family for family in parts.telemetry.registry.collect() if family.name == "coderun_exporter_errors"]
    return {sample.labels["code"] for sample in family.samples}


@examples(150)
@given(
    settings=SETTINGS,
    changes=st.lists(CHANGES, min_size=5, max_size=30),
    answers=st.lists(ANSWERS, min_size=3, max_size=25),
    pace=st.lists(st.integers(0, 3), max_size=20),
    asides=_ASIDES,
)
def test_any_failure_of_lists_and_watches_gives_the_page_of_one_list(settings, changes, answers, pace, asides):
    """Cuts at any byte, 410, 429, 5xx, ERROR events, garbage, streamed lists that are refused, what is told twice."""
    parts = Parts(settings, now=CREATED)
    server = Server(store=Store(), answers=answers, changes=changes, pace=pace)
    asyncio.run(_follow(parts, server, asides))
    lists = [state_of(server.store.entries(source.path, source.params)) for source in parts.sources]
    assert_alike(parts, fresh(parts, lists))
    parts.history_text()
    states = {feed.name: feed.status.state for feed in parts.feeds}
    assert set(states.values()) == {"watching"}, states
    codes = _errors(parts)
    assert "bug" not in codes
    for met in sorted(codes | set(server.asked)):
        event(f"met {met}")
