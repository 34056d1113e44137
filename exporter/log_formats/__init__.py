"""What the logs of agents say: when a session starts, and its last word."""

from exporter.log_formats.report import Formats, Line, LogReader, LogReport

__all__ = ["Formats", "Line", "LogReader", "LogReport"]
