"""The cost that is counted is the sum of what the result lines say, however the logs are read."""

import datetime as dt
import json
import random

from exporter.log_formats import LogReader, shipped_formats
from exporter.log_polling.container import ContainerReader
from exporter.log_polling.cursor import TAIL_LINES
from exporter.log_polling.lines import RawLine
from exporter.log_polling.stamps import split_stamp
from exporter.log_polling.targets import Target
from tests.harness import StoreHarness, samples
from tests.objects import CREATED, a_job, a_run

FORMATS = shipped_formats()
DAY = 86400
POLL = 60


def stamped(at, **fields):
    """A line of the log, with its time stamp."""
    stamp = dt.datetime.fromtimestamp(at, dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.000000000Z ")
    return at, RawLine(stamp.encode() + json.dumps(fields).encode())


def a_session(begin, end, *, session, total):
    """A session of Claude Code. `total` is that of its process, or of the session that it resumes."""
    yield stamped(begin, type="system", subtype="init", session_id=session, claude_code_version="2.1.197")
    for at in range(begin + 20, end, 20):
        yield stamped(at, type="assistant", session_id=session)
    yield stamped(end, type="result", is_error=False, session_id=session, total_cost_usd=total, num_turns=3)


class Log:
    """The log of one container: sessions one after the other, some of which resume the one before."""

    def __init__(self, number, rng):
        self.job = a_job(name=f"j{number}", uid=f"job-{number}", of=a_run())
        self.begin = at = int(CREATED) + rng.randrange(DAY - 6 * 3600)
        self.cost = total = 0.0
        self.lines, self.rotated = [], float("-inf")
        for session in range(rng.randint(1, 8)):
            cost, is_resumed = rng.uniform(0.5, 5), session and rng.random() < 0.3
            total = total + cost if is_resumed else cost
            name = name if is_resumed else f"{number}-{session}"  # noqa: F821 - the first session resumes none
            end = at + rng.randint(120, 2400)
            self.lines += a_session(at, end, session=name, total=total)
            self.cost += cost
            at = end + 5
        self.end = at
        self.rotations = sorted(rng.uniform(self.begin, self.end) for _ in range(rng.randint(0, 3)))

    def answer(self, now, since):
        """What the API server answers: the end of the current file."""
        rotated = max((at for at in self.rotations if at <= now), default=float("-inf"))
        return [line for at, line in self.lines if max(rotated, since or 0) <= at <= now][-TAIL_LINES:]


def count(logs, begin, end):
    """Runs an exporter for this time. Returns the cost that it counts."""
    harness = StoreHarness(a_run(), *(log.job for log in logs), has_logs=True, now=begin)
    readers = {}
    for now in range(begin, end, POLL):
        for log in logs:
            if not log.begin <= now < log.end + POLL:
                continue
            if log not in readers:
                target = Target(log.job["metadata"]["uid"], "j", "p", "n", "p", "main", "", "claude")
                readers[log] = ContainerReader(target, LogReader(FORMATS, expected="claude"), started=begin)
            reader = readers[log]
            since = reader.params(now).get("sinceTime")
            lines = log.answer(now, since and dt.datetime.fromisoformat(since).timestamp())
            for _ in reader.feed(reader.select(lines).lines, now):
                pass
            reader.record_success(now)
            harness.store.put_log(log.job["metadata"]["uid"], reader.log)
        harness.advance(now)
    harness.advance(end + 600)
    return sum(float(line.split()[-1]) for line in samples("\n".join(harness.history()), "agent_usage_dollars_total"))


def test_the_cost_of_a_day_is_that_of_the_result_lines():
    """40 containers, resumed sessions, rotated logs; the exporter restarts five times, each time for 20 seconds."""
    rng = random.Random(1)  # noqa: S311 - the same day each time
    logs = [Log(number, rng) for number in range(40)]
    restarts = sorted(rng.randrange(DAY) for _ in range(5))
    begins = [int(CREATED), *(int(CREATED) + at + 20 for at in restarts)]
    ends = [*(int(CREATED) + at for at in restarts), int(CREATED) + DAY]
    counted = sum(count(logs, begin, end) for begin, end in zip(begins, ends, strict=True))
    spent = sum(log.cost for log in logs)
    assert spent > 300
    assert abs(counted - spent) < 0.01 * spent, (counted, spent)


def test_split_stamp_reads_the_lines_of_these_logs():
    """Otherwise nothing would be read, and nothing would be lost."""
    at, line = stamped(int(CREATED), type="x")
    found = split_stamp(line.text)
    assert found is not None
    assert found[0] == at * 10**9
