"""Which log is read next: the one that is due first, within 8 requests, and 2 for each node."""

import pytest

from exporter.log_polling.due_queue import DueQueue


def taken(queue, now=100.0):
    """All that may be read now."""
    found = []
    while (key := queue.take(now)) is not None:
        found.append(key)
    return found


def a_queue(**nodes):
    """Containers of these nodes, due in their order."""
    queue = DueQueue()
    for at, (key, node) in enumerate(nodes.items()):
        queue.put(key, node, float(at))
    return queue


def test_the_first_one_is_first_and_none_is_read_early():
    """A changed time replaces the old one."""
    queue = a_queue(a="1", b="2", c="3")
    queue.put("a", "1", 50.0)
    assert [queue.take(1.5), queue.take(1.5)] == ["b", None]
    assert taken(queue) == ["c", "a"]
    assert queue.running == 3


def test_at_most_eight_are_read_at_once():
    """The ninth once one has been read."""
    queue = a_queue(**{f"k{at}": f"n{at}" for at in range(10)})
    assert taken(queue) == [f"k{at}" for at in range(8)]
    queue.done("k3")
    assert taken(queue) == ["k8"]


def test_at_most_two_of_a_node_are_read_at_once():
    """The others wait without delaying other nodes."""
    queue = a_queue(a="1", b="1", c="1", d="1", e="2")
    assert taken(queue) == ["a", "b", "e"]
    queue.done("e")
    assert taken(queue) == []
    queue.done("a")
    assert taken(queue) == ["c"]
    queue.done("b")
    queue.done("c")
    assert taken(queue) == ["d"]


def test_a_node_that_is_slow_has_one_request_until_it_responds():
    """Its time-outs would keep all others from being read."""
    queue = a_queue(a="1", b="1", c="1", d="1", e="1")
    taken(queue)
    queue.done("a", is_slow=True)
    assert taken(queue) == []
    queue.done("b", is_slow=True)
    assert taken(queue) == ["c"]
    queue.done("c")
    assert taken(queue) == ["d", "e"]


def test_a_removed_one_is_not_read():
    """Whether it waits for its time or for its node."""
    queue = a_queue(a="1", b="1", c="1", d="2")
    queue.remove("d")
    assert taken(queue) == ["a", "b"]
    queue.remove("c")
    queue.done("a")
    assert taken(queue) == []


def test_one_that_is_read_may_be_added_again():
    """It is read again after that time."""
    queue = a_queue(a="1")
    taken(queue)
    queue.done("a")
    queue.put("a", "1", 200.0)
    assert (taken(queue), taken(queue, 200.0)) == ([], ["a"])


def test_times_follow_a_clock_that_is_set():
    """Back by an hour: no read is an hour late."""
    queue = a_queue(a="1")
    queue.put("a", "1", 5000.0)
    queue.shift(-3600.0)
    assert taken(queue, 1400.0) == ["a"]


@pytest.mark.parametrize("number", [1, 1000])
def test_changed_times_take_no_memory(number):
    """The heap has a bounded number of old entries."""
    queue = DueQueue()
    for at in range(number):
        queue.put("a", "1", float(at))
    assert len(queue._heap) <= 70
    assert taken(queue, 1000.0) == ["a"]
