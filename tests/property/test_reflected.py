"""After any failures of lists and watches, the reflectors have the same state as a single list at the end."""

import asyncio
import itertools

from hypothesis import event, given, strategies as st

from exporter.reflector import Backoff, reflect
from tests.objects import CREATED
from tests.property.offline import OfflineExporter, assert_same_state, list_again
from tests.property.profiles import examples
from tests.property.scripted import ANSWERS, ScriptedServer
from tests.property.shapes import CHANGES, SETTINGS
from tests.property.store import Store, state_of

_TURNS = 20_000  # of the event loop; an example takes some hundreds
_INTERRUPTIONS = st.lists(st.sampled_from([None, "page", "page", "render", 1, 15, 60, -40]), min_size=8, max_size=25)


async def _no_sleep(_):
    await asyncio.sleep(0)


def _reflectors(exporter, server):
    """A reflector for each informer. By its clock, half of the watches that end at once last long."""
    ticks = itertools.cycle([0.1, 5.0, 0.2, 0.3])
    clock = itertools.accumulate(ticks)
    for informer, source, sink in zip(exporter.informers, exporter.sources, exporter.sinks, strict=True):
        yield reflect(
            client=server,
            source=source,
            sink=sink,
            status=informer.status,
            backoff=Backoff(chance=lambda: 0.5),
            sleep=_no_sleep,
            monotonic=lambda: next(clock),
        )


async def _run_until_settled(exporter, server, interruptions):
    """Runs the reflectors until all changes were sent. Meanwhile the clock advances and metrics are rendered."""
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(one) for one in _reflectors(exporter, server)]
        for turn in range(_TURNS):
            await asyncio.sleep(0)
            if interruptions and turn % 7 == 0:
                _interrupt(exporter, interruptions.pop())
            if server.settled(exporter.sources) and not interruptions:
                break
        else:
            raise AssertionError(f"not settled: {server}")
        for task in running:
            task.cancel()


def _interrupt(exporter, what):
    if what == "page":
        exporter.text()
    elif what == "render":
        exporter.store.render(seconds=0)
    elif what is not None:
        exporter.advance(what)


def _errors(exporter):
    """The codes of the counted errors."""
    (family,) = [
        family for family in exporter.telemetry.registry.collect() if family.name == "coderun_exporter_errors"
    ]
    return {sample.labels["code"] for sample in family.samples}


@examples(150)
@given(
    settings=SETTINGS,
    changes=st.lists(CHANGES, min_size=5, max_size=30),
    answers=st.lists(ANSWERS, min_size=3, max_size=25),
    pace=st.lists(st.integers(0, 3), max_size=20),
    interruptions=_INTERRUPTIONS,
)
def test_any_failures_of_lists_and_watches_have_the_state_of_one_list(
    settings, changes, answers, pace, interruptions
):
    """Failures are cuts at any byte, 410, 429, 5xx, ERROR events, garbage, rejected streams and repeated events."""
    exporter = OfflineExporter(settings, now=CREATED)
    server = ScriptedServer(store=Store(), answers=answers, changes=changes, pace=pace)
    asyncio.run(_run_until_settled(exporter, server, interruptions))
    lists = [state_of(server.store.entries(source.path, source.params)) for source in exporter.sources]
    assert_same_state(exporter, list_again(exporter, lists))
    exporter.history_text()
    states = {informer.name: informer.status.state for informer in exporter.informers}
    assert set(states.values()) == {"watching"}, states
    codes = _errors(exporter)
    assert "bug" not in codes
    for seen in sorted(codes | set(server.requests)):
        event(f"seen {seen}")
