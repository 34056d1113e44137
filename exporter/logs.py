"""Log lines as Prometheus' own programs write them: logfmt or JSON, one line each, on standard error."""

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
    """What is logged before, or without, `set_up` is warnings and errors, one line each as well."""
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(_Formatter(form="logfmt"))


def set_up(*, level: str, form: str) -> None:
    """Sends every log record to standard error in this form."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter(form=form))
    logging.basicConfig(level=level.upper().replace("WARN", "WARNING"), handlers=[handler], force=True)
    # aiohttp tells at this level of every client that sent garbage: anyone who can reach the port could fill the log.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)


class _Formatter(logging.Formatter):
    """`extra` fields become pairs. A value from the cluster stays inside its quotes."""

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
    """Numbers stay numbers in JSON."""
    return value if type(value) in (int, float) else str(value)  # type: ignore[return-value]


def _quoted(value: str) -> str:
    """As it is where it is one plain word; else in quotes with everything unprintable escaped."""
    plain = value.isascii() and value.isprintable() and not set(value) & set(' ="\\')
    return value if plain and value else json.dumps(value)
