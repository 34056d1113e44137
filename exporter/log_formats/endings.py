"""The class of a termination message: why the process in a container failed, as a word of a closed set.

The message may be the end of the log (terminationMessagePolicy: FallbackToLogsOnError), so no text of it is kept.
"""

import functools
import re
from collections.abc import Iterator, Sequence
from typing import Final

from exporter.log_formats.classes import BILLING, Words
from exporter.log_formats.json_lines import clean, parse
from exporter.log_formats.reader import LOGGERS, LogReader
from exporter.log_formats.report import Line
from exporter.log_formats.shipped import ending_phrases, shipped_formats

__all__ = ["end_class", "end_classes"]

_MAX_LENGTH: Final = 4096
"""Characters from the end. The kubelet keeps 4096 bytes of a message, 2048 of a log: pkg/kubelet/kuberuntime."""
_MIN_CUT: Final = 2000
"""Characters. The first line of a longer message may be the end of a line."""
_MAX_LINES: Final = 12
"""Lines from the end, without those of a stack trace: an earlier error need not have ended the process."""
_TRACE: Final = re.compile(r"\s*+(?:at |File \"|#?[0-9]+: (?:0x)?[0-9a-f]|<---|node:internal|Node\.js v|\W*$)")
"""Lines of a stack trace, and lines without words."""
_LAST_WORDS: Final = {"budget": "max_turns", "other": ""}


def end_class(text: str) -> str:
    """The class of a message; empty if no line shows one, or if several lines disagree."""
    lines = [*map(clean, text[-_MAX_LENGTH:].encode("utf-8", "replace").splitlines())]
    reader = LogReader(shipped_formats())
    reader.feed(Line(0.0, line) for line in lines)
    report = reader.report
    if report.is_billing:
        return BILLING
    if error := report.error:  # the last word of an agent
        return _LAST_WORDS.get(error, error)
    whole = lines[len(text) >= _MIN_CUT :]
    found = {name for line in _last(whole) if (name := _words()(line))}
    return found.pop() if len(found) == 1 else ""


def end_classes() -> frozenset[str]:
    """All classes."""
    return frozenset({*ending_phrases(), "max_turns", "loop"})


def _last(lines: Sequence[bytes]) -> Iterator[str]:
    """The last lines that may contain an error. The JSON of an agent contains what it reads and writes."""
    number = 0
    for line in reversed(lines):
        text = line.decode("utf-8", "replace")
        parsed = parse(line)
        is_logger = any(LOGGERS & found.keys() for found in parsed.objects)
        is_agent = (parsed.is_json or text.startswith("{")) and not is_logger
        if number < _MAX_LINES and not is_agent and not _TRACE.match(text):
            number += 1
            yield text


@functools.cache
def _words() -> Words:
    return Words(ending_phrases())
