"""The web configuration that is in force: its files are read again when they change."""

import dataclasses
import logging
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from exporter.web_config.format import WebConfig, WebConfigError
from exporter.web_config.reading import parse_file, text_of
from exporter.web_config.removal import check_removal
from exporter.web_config.tls import server_context

__all__ = ["Protection", "WebFile"]

_log = logging.getLogger(__name__)

_LOOK_SECONDS = 1.0
_RETRY_SECONDS = 60.0  # what is not valid yet will be, without a change of any file


class OnReload(Protocol):
    """Called after each try to read the file again."""

    def __call__(self, *, successful: bool) -> None:
        """Whether the new configuration is in force."""
        ...


@dataclasses.dataclass(frozen=True, kw_only=True)
class Protection:
    """Who is accepted, and how. `context` is None for HTTP."""

    config: WebConfig = dataclasses.field(default_factory=WebConfig)
    context: ssl.SSLContext | None = None
    text: str = dataclasses.field(default="", repr=False)


class WebFile:
    """The file at `path`; None: no TLS and no passwords. Raises WebConfigError if it is invalid at the start.

    Later an invalid one is one log line, and the previous one stays in force. So it does where a key is missing that
    was there before: see `check_removal`. `clock` is monotonic.
    """

    def __init__(
        self, path: str | None, *, clock: Callable[[], float], on_reload: OnReload = lambda **_: None
    ) -> None:
        self._path = Path(path) if path else None
        self._clock = clock
        self._on_reload = on_reload
        self._logged = ""
        self._stamps: dict[str, tuple[int, ...]] = {}
        self._protection = Protection()
        if self._path is not None:
            self._protection = self._load(self._path)
        self._looked = self._loaded = clock()

    @property
    def secure(self) -> bool:
        """Whether the listeners speak TLS, for as long as they live."""
        return self._protection.context is not None

    @property
    def protects(self) -> bool:
        """Whether it asks for TLS or for passwords."""
        return self.secure or bool(self._protection.config.basic_auth_users)

    def now(self) -> Protection:
        """What is in force. Looks at the files at most once a second, so it may be called for each request."""
        if self._path is not None and self._clock() - self._looked >= _LOOK_SECONDS:
            self._looked = self._clock()
            late = bool(self._logged) and self._looked - self._loaded >= _RETRY_SECONDS
            if late or self._stamps != {path: _stamp(path) for path in self._stamps}:
                self._loaded = self._looked
                self._reload(self._path)
        return self._protection

    def _reload(self, path: Path) -> None:
        try:
            new = self._load(path)
            if (new.context is None) is self.secure:
                raise WebConfigError(f"{path}: enabling or disabling TLS needs a restart")  # noqa: TRY301
            if problem := check_removal(self._protection.text, new.text):
                raise WebConfigError(f"{path}: {problem}")  # noqa: TRY301
        except WebConfigError as error:
            self._on_reload(successful=False)
            if str(error) != self._logged:
                self._logged = str(error)
                message = "Failed to reload web configuration, keeping the previous one"
                _log.error(message, extra={"detail": self._logged})
            return
        self._protection, self._logged = new, ""
        self._on_reload(successful=True)
        _log.info("Reloaded web configuration", extra={"file": path})

    def _load(self, path: Path) -> Protection:
        # The stamps before the text: what changes in between is seen the next time.
        self._stamps = {str(path): _stamp(str(path))}
        text = text_of(path)
        config = parse_file(text, path=path)
        tls = config.tls_server_config
        self._stamps |= {file: _stamp(file) for file in (tls.files if tls else ())}
        return Protection(config=config, context=server_context(tls) if tls else None, text=text)


def _stamp(path: str) -> tuple[int, ...]:
    """Another one after each change of its text or its rights, and where it is replaced; empty where it is not."""
    try:
        status = Path(path).stat()
    except OSError:
        return ()
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
