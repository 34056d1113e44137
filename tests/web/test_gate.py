"""Who is verified next: by turns between lines, and in each line who came last or first."""

import asyncio
import gc

import pytest

from exporter.web.gate import BusyError, Gate
from tests.clusters import until


class Work:
    """What is verified, one after the other: `order` is the order in which it began."""

    def __init__(self, *, concurrency=1, wait_seconds=5.0):
        self.gate = Gate(concurrency=concurrency, wait_seconds=wait_seconds)
        self.order = []
        self.end = asyncio.Semaphore(0)

    def start(self, client, name):
        """A request of this line."""

        async def work():
            self.order.append(name)
            await self.end.acquire()
            return True

        return asyncio.create_task(self.gate.run(client, work))


async def test_lines_take_turns_and_in_each_the_newest_and_the_oldest_alternate():
    """A flood costs another line one turn. In its own line, a request waits not for all others."""
    work = Work()
    tasks = [work.start("a", f"a{number}") for number in range(4)]
    await asyncio.sleep(0)
    tasks += [work.start("b", f"b{number}") for number in range(3)]
    await asyncio.sleep(0)
    for _ in range(7):
        work.end.release()
    assert all(await asyncio.gather(*tasks))
    assert work.order == ["a0", "a3", "b2", "a1", "b0", "a2", "b1"]


async def test_one_line_may_take_every_slot_that_no_other_wants():
    """Slots that are free help nobody."""
    work = Work(concurrency=4)
    tasks = [work.start("a", number) for number in range(9)]
    await until(lambda: len(work.order) == 4)
    work.end.release()
    await until(lambda: len(work.order) == 5)
    for _ in range(8):
        work.end.release()
    await asyncio.gather(*tasks)


async def test_who_goes_away_or_waits_too_long_leaves_no_place_behind():
    """Nor does the slot that was just given to it get lost."""
    work = Work(wait_seconds=0.02)
    first = work.start("a", "first")
    await asyncio.sleep(0)
    gone, late = work.start("a", "gone"), work.start("b", "late")
    await asyncio.sleep(0)
    gone.cancel()
    with pytest.raises(BusyError):
        await late
    last = work.start("a", "last")
    await asyncio.sleep(0)
    work.end.release()
    while work.gate._queues:
        await asyncio.sleep(0)
    last.cancel()  # its turn has come, and it does not run yet
    assert await first
    after = work.start("a", "after")
    await asyncio.sleep(0)
    work.end.release()
    assert await after
    assert work.order == ["first", "after"]


async def test_work_that_fails_after_who_waited_went_away_leaves_no_traceback_in_the_log():
    """A review that the API server does not answer ends later than the request."""
    said = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: said.append(context))
    end = asyncio.Event()

    async def work():
        await end.wait()
        raise BusyError

    request = asyncio.create_task(Gate(concurrency=1, wait_seconds=1.0).run("a", work))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    request.cancel()
    await asyncio.wait([request])
    end.set()
    for _ in range(5):
        await asyncio.sleep(0)
    gc.collect()
    assert said == []
