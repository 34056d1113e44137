"""Memory of many logs: a bounded amount for each container and each request, however much it writes."""

import gc
import tracemalloc

from exporter.kube.budget import Budget
from exporter.log_formats import LogReader, shipped_formats
from exporter.log_polling.container import ContainerReader
from exporter.log_polling.lines import MAX_KEPT_BYTES, LogLines
from exporter.log_polling.targets import Target
from tests.log_polling.polls import polls

_WARM, _PODS = 10, 20
_LIMIT = 32 << 10


async def test_a_container_takes_less_than_32_kib(tmp_path):
    """After 256 lines of 1 kB each, with the readers of the exporter."""
    formats = shipped_formats()
    line = b'{"type":"assistant","message":{"content":"' + b"x" * 1000 + b'"}}'
    async with polls(tmp_path) as work:
        work.poller._new_reader = lambda cli: LogReader(formats, expected=cli)
        for number in range(_WARM + _PODS):
            work.serve(str(number))
            work.write(*[line] * 256, name=str(number))
        await _run(work, range(_WARM))
        tracemalloc.start()
        before = _taken()
        await _run(work, range(_WARM, _WARM + _PODS))
        taken = _taken() - before
        tracemalloc.stop()
    assert 0 < taken / _PODS < _LIMIT


def test_the_text_of_a_response_is_in_memory_once():
    """While its lines are split from their stamps, too: 4 MiB for each of 8 requests."""
    one = ContainerReader(Target("k", "j", "u", "n", "p", "c", "node", ""), LogReader(shipped_formats()))
    line = b"2027-01-15T08:00:00.000000001Z " + b"x" * (16 << 10) + b"\n"
    with Budget().share("/log") as share:
        lines = LogLines(share)
        tracemalloc.start()
        for _ in range(240):
            lines.feed(line)
        reading = one.select(lines.finish(is_over=False))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert len(reading.lines) == 240
    assert peak < MAX_KEPT_BYTES + (512 << 10)


async def _run(work, numbers):
    """These containers run, and are read."""
    for number in numbers:
        work.job(str(number))
        work.pod(str(number), node=f"node-{number % 20}", served=False)
    await work.poller.poll()
    await work.minute()
    assert work.states()["ok"] == numbers.stop


def _taken():
    """Bytes that the exporter has allocated: the stand-in keeps its last answers."""
    gc.collect()
    traces = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(True, "*/exporter/*")])
    return sum(one.size for one in traces.statistics("filename"))
