"""Replays the incidents at full length with the exporter and the shipped rules: `make replay`.

Writes docs/time-to-detection.md. The fixes are applied at the times of the incident report.
"""

import argparse
import asyncio
import sys
import time

from exporter.config import Thresholds
from lab.clock import of_day
from lab.timelapse.evaluation import EvaluationError, metrics_of, texts, verdict
from lab.timelapse.play import play
from lab.timelapse.series import Recorder
from lab.timelapse.world import World
from tools.replay.incidents import BEGIN, DAY, END, REPLAYS, Replay
from tools.replay.page import PAGE, Played, render_page

_HALF_INTERVAL = 15  # seconds from a full minute to the next scrape: the average, half a scrape interval


def main() -> int:
    """Writes the page. Returns 1 if an incident was not detected, an unexpected alert fired or the page was stale."""
    parser = argparse.ArgumentParser(prog="make replay", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 if the page is stale")
    check = parser.parse_args().check
    begun = time.monotonic()
    try:
        played = [asyncio.run(_play(one)) for one in REPLAYS]
    except EvaluationError as error:
        print(f"make replay: {error}", file=sys.stderr)
        return 2
    text, faults = render_page(played)
    print(text)
    print(f"{len(played)} replays of {BEGIN} to {END} in {time.monotonic() - begun:.0f} s")
    if not check:
        PAGE.write_text(text, encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text("utf-8") != text:
        faults.append(f"docs/{PAGE.name} is stale: run `make replay`")
    for fault in faults:
        print(f"make replay: {fault}", file=sys.stderr)
    return 1 if faults else 0


async def _play(replay: Replay) -> Played:
    recorder, start = Recorder(metrics=metrics_of()), of_day(DAY, BEGIN) + _HALF_INTERVAL
    async with World(start=start, logs=replay.logs, thresholds=Thresholds()) as world:
        world.writer.policy = False  # on that day no Job had a deadline
        await world.start("exporter-0")
        await play(world, replay.agenda(), recorder, until=of_day(DAY, END))
    fired = verdict(recorder, start=start, first=0, last=recorder.scrapes - 1)
    return Played(
        replay, scrapes=recorder.scrapes, fired=fired, annotations=list(texts(recorder, fired, start=start))
    )


if __name__ == "__main__":
    sys.exit(main())
