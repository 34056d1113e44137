"""One never-ending task for each list and watch, in layers that own one class of failure each.

`watching` owns what one stream can say, `listing` how an initial list is read, `streaming` when it is streamed,
`follower` where it goes, and `reflector` what happens when a stream ends or fails: it waits, and tries again.
"""

from exporter.reflector.backoff import Backoff
from exporter.reflector.reflector import reflect
from exporter.reflector.source import Decoded, Put, Sink, Snapshot, Source
from exporter.reflector.watching import IDLE_SECONDS

__all__ = ["IDLE_SECONDS", "Backoff", "Decoded", "Put", "Sink", "Snapshot", "Source", "reflect"]
