"""Log formats: how to read the logs of agent CLIs.

A format is a table of the lines that a CLI prints (docs/log-formats.md). The code contains no names, types or fields
of specific CLIs. What is read is hostile: it is bounded, and no text of it is kept.
"""

from exporter.log_formats.compiling import FormatError
from exporter.log_formats.endings import end_class, end_classes
from exporter.log_formats.formats import Formats
from exporter.log_formats.language import Format
from exporter.log_formats.reader import LogReader
from exporter.log_formats.report import Line, LogReport
from exporter.log_formats.shipped import check_format, compile_formats, shipped_formats, shipped_tables

__all__ = [
    "Format",
    "FormatError",
    "Formats",
    "Line",
    "LogReader",
    "LogReport",
    "check_format",
    "compile_formats",
    "end_class",
    "end_classes",
    "shipped_formats",
    "shipped_tables",
]
