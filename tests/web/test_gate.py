"""Which request is verified next: clients take turns, and within a client the newest and the oldest alternate."""

import asyncio
import gc

import pytest

from exporter.web.gate import BusyError, Gate
from tests.clusters import until


class Queue:
    """Requests that pass through a gate. `order` is the order in which their work starts."""

    def __init__(self, *, concurrency=1, wait_seconds=5.0):
        self.gate = Gate(concurrency=concurrency, wait_seconds=wait_seconds)
        self.order = []
        self.end = asyncio.Semaphore(0)

    def start(self, client, name):
        """Starts a request of this client."""

        async def work():
            self.order.append(name)
            await self.end.acquire()
            return True

        return asyncio.create_task(self.gate.run(client, work))


async def test_clients_take_turns_and_within_a_client_the_newest_and_the_oldest_alternate():
    """Many requests of one client delay another client by one turn only."""
    queue = Queue()
    tasks = [queue.start("a", f"a{number}") for number in range(4)]
    await asyncio.sleep(0)
    tasks += [queue.start("b", f"b{number}") for number in range(3)]
    await asyncio.sleep(0)
    for _ in range(7):
        queue.end.release()
    assert all(await asyncio.gather(*tasks))
    assert queue.order == ["a0", "a3", "b2", "a1", "b0", "a2", "b1"]


async def test_one_client_can_use_all_free_slots():
    """Keeping slots free has no benefit."""
    queue = Queue(concurrency=4)
    tasks = [queue.start("a", number) for number in range(9)]
    await until(lambda: len(queue.order) == 4)
    queue.end.release()
    await until(lambda: len(queue.order) == 5)
    for _ in range(8):
        queue.end.release()
    await asyncio.gather(*tasks)


async def test_requests_that_are_cancelled_or_time_out_are_removed():
    """A slot that such a request has just received is not lost."""
    queue = Queue(wait_seconds=0.02)
    first = queue.start("a", "first")
    await asyncio.sleep(0)
    gone, late = queue.start("a", "gone"), queue.start("b", "late")
    await asyncio.sleep(0)
    gone.cancel()
    with pytest.raises(BusyError):
        await late
    last = queue.start("a", "last")
    await asyncio.sleep(0)
    queue.end.release()
    while queue.gate._queues:
        await asyncio.sleep(0)
    last.cancel()  # it has received its slot but does not run yet
    assert await first
    after = queue.start("a", "after")
    await asyncio.sleep(0)
    queue.end.release()
    assert await after
    assert queue.order == ["first", "after"]


async def test_work_that_fails_after_its_request_was_cancelled_is_not_logged():
    """A review can end later than its request if the API server does not respond."""
    errors = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context))
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
    assert errors == []
