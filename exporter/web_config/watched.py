"""What the web configuration file and the files that it names say by now: they are read again when they change."""

import dataclasses
import logging
import ssl
from collections.abc import Callable
from pathlib import Path

from exporter.web_config.format import WebConfig, WebConfigError
from exporter.web_config.reading import read
from exporter.web_config.tls import server_context

__all__ = ["Protection", "WebFile"]

_log = logging.getLogger(__name__)

_LOOK_SECONDS = 1.0
_RETRY_SECONDS = 60.0  # what is not valid yet will be, without a change of any file


@dataclasses.dataclass(frozen=True, kw_only=True)
class Protection:
    """Who may come in, and how. `context` is None for HTTP."""

    config: WebConfig = dataclasses.field(default_factory=WebConfig)
    context: ssl.SSLContext | None = None


class WebFile:
    """The file at `path`; None: no TLS and no passwords. Raises WebConfigError if it is wrong at the start.

    Later a wrong one is one log line, and what was right before goes on. `clock` is monotonic.
    """

    def __init__(self, path: str | None, *, clock: Callable[[], float]) -> None:
        self._path = Path(path) if path else None
        self._clock = clock
        self._said = ""
        self._stamps: dict[str, tuple[int, ...]] = {}
        self._protection = Protection()
        if self._path is not None:
            self._protection = self._load(self._path)
        self._looked = self._loaded = clock()

    @property
    def secure(self) -> bool:
        """Whether the listeners speak TLS, for as long as they live."""
        return self._protection.context is not None

    def now(self) -> Protection:
        """What holds now. Looks at the files' stamps, at most once a second: to be asked for each connection."""
        if self._path is not None and self._clock() - self._looked >= _LOOK_SECONDS:
            self._looked = self._clock()
            late = bool(self._said) and self._looked - self._loaded >= _RETRY_SECONDS
            if late or self._stamps != {path: _stamp(path) for path in self._stamps}:
                self._loaded = self._looked
                self._reload(self._path)
        return self._protection

    def _reload(self, path: Path) -> None:
        try:
            new = self._load(path)
            if (new.context is None) is self.secure:
                self._refuse(f"{path}: TLS begins or ends with a restart only")
                return
        except WebConfigError as error:
            self._refuse(str(error))
            return
        self._protection, self._said = new, ""
        _log.info("web configuration read again", extra={"file": path})

    def _refuse(self, why: str) -> None:
        if why != self._said:
            self._said = why
            _log.error("the new web configuration is wrong: the old one goes on", extra={"detail": why})

    def _load(self, path: Path) -> Protection:
        # The stamps before the text: what changes in between is seen the next time.
        self._stamps = {str(path): _stamp(str(path))}
        config = read(path)
        tls = config.tls_server_config
        self._stamps |= {file: _stamp(file) for file in (tls.files if tls else ())}
        return Protection(config=config, context=server_context(tls) if tls else None)


def _stamp(path: str) -> tuple[int, ...]:
    """Another one after each change of its text or its rights, and where it is replaced; empty where it is not."""
    try:
        status = Path(path).stat()
    except OSError:
        return ()
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
