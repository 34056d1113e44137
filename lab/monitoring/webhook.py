"""Where Alertmanager delivers in a test: a receiver of webhooks and of chat messages that keeps all it is told."""

import http.server
import json
import threading
import time
from typing import Any, NamedTuple

from lab.loopback import Loopback

__all__ = ["ChatMessage", "Notification", "Webhook"]


class Notification(NamedTuple):
    """One alert of one delivery. `at` is the monotonic time of its arrival."""

    receiver: str
    status: str
    labels: dict[str, str]
    annotations: dict[str, str]
    at: float


class ChatMessage(NamedTuple):
    """What a chat window shows of one delivery; `channel` is where."""

    receiver: str
    channel: str
    title: str
    text: str
    color: str
    fallback: str


class Webhook(Loopback):
    """Listens on `url` while it is open, for Alertmanager's webhook format, version 4, and for Slack's."""

    def __init__(self) -> None:
        self._heard: list[Notification] = []
        self._read: list[ChatMessage] = []
        self._news = threading.Condition()
        super().__init__(self._handler())
        self.url = f"http://{self.address}"

    def all(self) -> list[Notification]:
        """Everything that was delivered up to now, oldest first."""
        with self._news:
            return list(self._heard)

    def heard(self, alertname: str, *, status: str, **labels: str) -> list[Notification]:
        """What was delivered of such an alert up to now, oldest first."""
        wanted = {"alertname": alertname, **labels}
        with self._news:
            return [each for each in self._heard if each.status == status and wanted.items() <= each.labels.items()]

    def next(
        self, alertname: str, *, status: str = "firing", after: float = 0.0, seconds: float = 40.0, **labels: str
    ) -> Notification:
        """The first such alert that arrives later than `after` (monotonic time), waited for if need be."""

        def fitting() -> list[Notification]:
            return [each for each in self.heard(alertname, status=status, **labels) if each.at > after]

        with self._news:
            self._news.wait_for(fitting, timeout=seconds)
            found = fitting()
            told = [(each.status, each.labels.get("alertname"), each.labels) for each in self._heard]
        assert found, f"{alertname} {labels} was not delivered as {status} within {seconds:g} s, but: {told}"
        return found[0]

    def unresolved(self, alertname: str) -> bool:
        """Whether the last delivery of such an alert has it firing."""
        with self._news:
            last = [each.status for each in self._heard if each.labels.get("alertname") == alertname]
        return last[-1:] == ["firing"]

    def notifications(self) -> list[Notification]:
        """Every alert of every delivery of webhooks up to now, oldest first."""
        with self._news:
            return list(self._heard)

    def messages(self) -> list[ChatMessage]:
        """Every chat message up to now, oldest first."""
        with self._news:
            return list(self._read)

    def message(self, title: str, *, seconds: float = 40.0) -> ChatMessage:
        """The first chat message with that title, waited for if need be."""

        def fitting() -> list[ChatMessage]:
            return [each for each in self._read if each.title == title]

        with self._news:
            self._news.wait_for(fitting, timeout=seconds)
            assert fitting(), f"no message {title!r} within {seconds:g} s, but: {self._read}"
            return fitting()[0]

    def _take(self, receiver: str, message: dict[str, Any]) -> None:
        now = time.monotonic()
        with self._news:
            self._heard += [
                Notification(receiver, alert["status"], alert["labels"], alert["annotations"], now)
                for alert in message.get("alerts", [])
            ]
            self._read += [
                ChatMessage(receiver, message["channel"], *(each[part] for part in ChatMessage._fields[2:]))
                for each in message.get("attachments", [])
            ]
            self._news.notify_all()

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        take = self._take

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                take(self.path.removeprefix("/"), json.loads(body))
                answer = b"ok"  # the word by which a chat accepts a message
                self.send_response(200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                """Quiet."""

        return Handler
