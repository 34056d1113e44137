"""The output formats of `explain`."""

import json
import sys
from collections.abc import Sequence
from typing import Any, Final

import msgspec
import yaml

from exporter.diagnosis.explanation import Explanation, RunList
from exporter.explaining.listing import format_list
from exporter.explaining.paint import paint_for
from exporter.explaining.text import format_run

__all__ = ["FORMATS", "exit_code", "format_runs"]

FORMATS: Final = ("text", "json", "yaml")
_CODES: Final = {"fault": 1, "unknown": 2}


def format_runs(runs: Sequence[Explanation], *, form: str, single: bool, notes: Sequence[str] = ()) -> str:
    """The runs in the format `form`. `single`: prints one run instead of a list."""
    if form == "text":
        paint = paint_for(sys.stdout)
        return format_run(runs[0], paint) if single else format_list(runs, paint, notes=notes)
    document: Any = runs[0] if single else RunList(items=tuple(runs), notes=tuple(notes))
    if form == "json":
        return json.dumps(
            msgspec.to_builtins(document), indent=2
        )  # ASCII, so control characters for a terminal are escaped
    return str(yaml.safe_dump(msgspec.to_builtins(document), sort_keys=False, width=118)).rstrip("\n")


def exit_code(runs: Sequence[Explanation], *, is_partial: bool = False) -> int:
    """1 if a run has a fault; 2 if none has, but some objects could not be read; otherwise 0.

    `is_partial`: some runs could not be read.
    """
    verdicts = {run.verdict for run in runs} | ({"unknown"} if is_partial else set())
    return next((code for verdict, code in _CODES.items() if verdict in verdicts), 0)
