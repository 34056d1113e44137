"""Logs to standard error in the formats of Prometheus: logfmt or JSON, one line each."""

import json
import logging
import sys
import time

__all__ = ["FORMATS", "LEVELS", "set_up", "set_up_fallback"]

LEVELS = ("debug", "info", "warn", "error")
FORMATS = ("logfmt", "json")

_SHORT = {"WARNING": "WARN", "CRITICAL": "ERROR"}  # Go's names of these levels
_PLAIN = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "taskName"}


def set_up_fallback() -> None:
    """Formats the warnings and errors that are logged before or without `set_up`."""
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(_Formatter(form="logfmt"))


def set_up(*, level: str, form: str) -> None:
    """Logs to standard error at this level, in this format."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter(form=form))
    logging.basicConfig(level=level.upper().replace("WARN", "WARNING"), handlers=[handler], force=True)
    # aiohttp logs each malformed request as an error: any client could fill the log.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)


class _Formatter(logging.Formatter):
    """Formats `extra` fields as pairs, with quotes around values that are not one word."""

    def __init__(self, *, form: str) -> None:
        super().__init__()
        self._json = form == "json"

    def format(self, record: logging.LogRecord) -> str:
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z"
        fields: dict[str, str | int | float] = {
            "time": moment,
            "level": _SHORT.get(record.levelname, record.levelname),
            "msg": record.getMessage(),
        }
        fields |= {key: _plain(value) for key, value in record.__dict__.items() if key not in _PLAIN}
        if record.exc_info and record.exc_info[1] is not None:
            fields["error"] = self.formatException(record.exc_info)
        if self._json:
            return json.dumps(fields)
        return " ".join(f"{key}={_quoted(str(value))}" for key, value in fields.items())


def _plain(value: object) -> str | int | float:
    """Keeps numbers, which are not quoted in JSON; converts other values to strings."""
    return value if type(value) in (int, float) else str(value)  # type: ignore[return-value]


def _quoted(value: str) -> str:
    """The value, in quotes and escaped unless it is one printable ASCII word."""
    plain = value.isascii() and value.isprintable() and not set(value) & set(' ="\\')
    return value if plain and value else json.dumps(value)
