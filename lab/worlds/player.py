"""Runs a world: applies its steps at their times, and scrapes each minute until 20 minutes after the snapshot."""

import dataclasses
import itertools
from collections.abc import Mapping
from typing import Any

from lab.clock import seconds_of
from lab.timelapse.evaluation import metrics_of
from lab.timelapse.series import Recorder
from lab.worlds.history import History, history
from lab.worlds.stage import Stage
from lab.worlds.table import World

__all__ = ["AFTER", "MINUTE", "SNAPSHOT", "Played", "play", "play_history"]

MINUTE = 60
SNAPSHOT = seconds_of("2025-11-02T20:00:00Z")
AFTER = 20 * MINUTE
_OFFSET = 30  # seconds from a full minute to the next scrape: the average, half a scrape interval


@dataclasses.dataclass(frozen=True, kw_only=True)
class Played:
    """The series of a world, the time of scrape 0, and the response of the exporter at the snapshot."""

    recorder: Recorder
    start: float
    page: str


async def play(world: World) -> Played:
    """Runs a world, from the time before its first run."""
    return await play_history(history(world.files, snapshot=SNAPSHOT), settings=world.settings, after=AFTER)


async def play_history(past: History, *, settings: Mapping[str, Any], after: int) -> Played:
    """Runs the steps of a history, until `after` seconds after the snapshot."""
    recorder = Recorder(metrics=metrics_of())
    scrapes = range(round(past.begin) + _OFFSET, round(SNAPSHOT + after) + _OFFSET + 1, MINUTE)
    moments = [(at, list(steps)) for at, steps in itertools.groupby(past.steps, key=lambda step: step.at)]
    page = ""
    async with Stage(now=past.begin, settings=settings) as stage:
        for step in moments.pop(0)[1]:
            stage.take(step)
        await stage.serve()
        for at in scrapes:
            while moments and moments[0][0] <= at:
                stage.now, steps = moments.pop(0)
                for step in steps:
                    stage.take(step)
                await stage.settle()
            stage.now = float(at)
            await stage.settle()
            shown = await stage.page()
            recorder.scrape({"exporter-0": shown}, started={"exporter-0": past.begin})
            page = shown if at <= SNAPSHOT + _OFFSET else page
    return Played(recorder=recorder, start=float(scrapes[0]), page=page)
