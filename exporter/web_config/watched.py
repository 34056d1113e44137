"""The current web configuration. It is reloaded when its files change."""

import dataclasses
import logging
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from exporter.web_config.format import WebConfig, WebConfigError
from exporter.web_config.reading import file_text, parse_file
from exporter.web_config.removal import check_removal
from exporter.web_config.tls import server_context

__all__ = ["Protection", "WebFile"]

_log = logging.getLogger(__name__)

_CHECK_SECONDS = 1.0
_RETRY_SECONDS = 60.0  # a certificate that is not valid yet becomes valid without a change of the file


class OnReload(Protocol):
    """Called after each reload of the file."""

    def __call__(self, *, successful: bool) -> None:
        """`successful`: whether the new configuration was applied."""
        ...


@dataclasses.dataclass(frozen=True, kw_only=True)
class Protection:
    """A loaded web configuration. `context` is None for HTTP; `text` is the content of the file."""

    config: WebConfig = dataclasses.field(default_factory=WebConfig)
    context: ssl.SSLContext | None = None
    text: str = dataclasses.field(default="", repr=False)


class WebFile:
    """The file at `path`; None: no TLS and no passwords. Raises WebConfigError if it is invalid at startup.

    If a reload fails, the error is logged and the previous configuration is kept. A new file that lacks a field of
    the previous one is an error too (see `check_removal`). `clock` is monotonic.
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
        self._checked = self._loaded = clock()

    @property
    def secure(self) -> bool:
        """Whether the listeners use TLS. It does not change until a restart."""
        return self._protection.context is not None

    @property
    def protects(self) -> bool:
        """Whether it enables TLS or passwords."""
        return self.secure or bool(self._protection.config.basic_auth_users)

    def now(self) -> Protection:
        """The current configuration. Checks the files for changes at most once a second."""
        if self._path is not None and self._clock() - self._checked >= _CHECK_SECONDS:
            self._checked = self._clock()
            retry = bool(self._logged) and self._checked - self._loaded >= _RETRY_SECONDS
            if retry or self._stamps != {path: _stamp(path) for path in self._stamps}:
                self._loaded = self._checked
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
        # Reads the stamps before the text, so that the next check detects a change between the two reads.
        self._stamps = {str(path): _stamp(str(path))}
        text = file_text(path)
        config = parse_file(text, path=path)
        tls = config.tls_server_config
        self._stamps |= {file: _stamp(file) for file in (tls.files if tls else ())}
        return Protection(config=config, context=server_context(tls) if tls else None, text=text)


def _stamp(path: str) -> tuple[int, ...]:
    """A value that changes with the file's content, permissions or inode; empty if the file does not exist."""
    try:
        status = Path(path).stat()
    except OSError:
        return ()
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
