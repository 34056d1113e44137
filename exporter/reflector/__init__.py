"""Lists and watches resources, as client-go's Reflector does. Each module handles one class of failure.

`watching` decodes the events of one watch. `listing` reads the initial list, and `streaming` decides whether to
stream it. `follower` applies one stream to the sink. `reflector` retries with backoff when a stream ends or fails.
"""

from exporter.reflector.backoff import Backoff
from exporter.reflector.reflector import reflect
from exporter.reflector.source import Decoded, Delete, Sink, Snapshot, Source, Upsert
from exporter.reflector.watching import IDLE_SECONDS

__all__ = ["IDLE_SECONDS", "Backoff", "Decoded", "Delete", "Sink", "Snapshot", "Source", "Upsert", "reflect"]
