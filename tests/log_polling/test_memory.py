"""Memory of many logs: a bounded amount for each container, however much it writes."""

import gc
import tracemalloc

from exporter.log_formats import LogReader, shipped_formats
from tests.log_polling.polls import polls

PODS = 40
_LIMIT = 32 << 10


async def test_a_container_takes_less_than_32_kib(tmp_path):
    """After 256 lines of 1 kB each, with the readers of the exporter."""
    formats = shipped_formats()
    line = b'{"type":"assistant","message":{"content":"' + b"x" * 1000 + b'"}}'
    async with polls(tmp_path) as work:
        work.poller._new_reader = lambda cli: LogReader(formats, expected=cli)
        for number in range(PODS):
            work.job(str(number))
            work.pod(str(number), node=f"node-{number % 20}")
            work.write(*[line] * 256, name=str(number))
        gc.collect()
        tracemalloc.start()
        await work.poller.poll()
        await work.minute()
        assert work.states() == {"ok": PODS, "empty": 1}
        work.server.requests.clear()
        gc.collect()
        taken, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert taken / PODS < _LIMIT
