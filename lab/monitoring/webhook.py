"""A server that receives webhooks and chat messages from Alertmanager, and stores all of them."""

import http.server
import json
import threading
import time
from typing import Any, NamedTuple

from lab.loopback import Loopback

__all__ = ["ChatMessage", "Notification", "Webhook"]


class Notification(NamedTuple):
    """An alert in a notification. `at` is the monotonic time at which the notification was received."""

    receiver: str
    status: str
    labels: dict[str, str]
    annotations: dict[str, str]
    at: float


class ChatMessage(NamedTuple):
    """The visible text of a chat message."""

    receiver: str
    channel: str
    title: str
    text: str
    color: str
    fallback: str


class Webhook(Loopback):
    """Receives webhooks of Alertmanager (version 4) and messages in the format of Slack, at `url`."""

    def __init__(self) -> None:
        self._notifications: list[Notification] = []
        self._messages: list[ChatMessage] = []
        self._received = threading.Condition()
        super().__init__(self._handler())
        self.url = f"http://{self.address}"

    def all(self) -> list[Notification]:
        """All received alerts so far, oldest first."""
        with self._received:
            return list(self._notifications)

    def heard(self, alertname: str, *, status: str, **labels: str) -> list[Notification]:
        """The notifications of this alert with this status so far, oldest first."""
        wanted = {"alertname": alertname, **labels}
        with self._received:
            return [
                each
                for each in self._notifications
                if each.status == status and wanted.items() <= each.labels.items()
            ]

    def next(
        self, alertname: str, *, status: str = "firing", after: float = 0.0, seconds: float = 40.0, **labels: str
    ) -> Notification:
        """Waits for the first notification of this alert after `after` (monotonic time). Raises AssertionError."""

        def matching() -> list[Notification]:
            return [each for each in self.heard(alertname, status=status, **labels) if each.at > after]

        with self._received:
            self._received.wait_for(matching, timeout=seconds)
            found = matching()
            received = [(each.status, each.labels.get("alertname"), each.labels) for each in self._notifications]
        assert found, f"{alertname} {labels} was not delivered as {status} within {seconds:g} s, but: {received}"
        return found[0]

    def unresolved(self, alertname: str) -> bool:
        """Whether the last notification of the alert has the status `firing`."""
        with self._received:
            last = [each.status for each in self._notifications if each.labels.get("alertname") == alertname]
        return last[-1:] == ["firing"]

    def notifications(self) -> list[Notification]:
        """All received alerts so far, oldest first."""
        with self._received:
            return list(self._notifications)

    def messages(self) -> list[ChatMessage]:
        """All chat messages so far, oldest first."""
        with self._received:
            return list(self._messages)

    def message(self, title: str, *, seconds: float = 40.0) -> ChatMessage:
        """Waits for the first chat message with this title. Raises AssertionError after `seconds`."""

        def matching() -> list[ChatMessage]:
            return [each for each in self._messages if each.title == title]

        with self._received:
            self._received.wait_for(matching, timeout=seconds)
            assert matching(), f"no message {title!r} within {seconds:g} s, but: {self._messages}"
            return matching()[0]

    def _receive(self, receiver: str, message: dict[str, Any]) -> None:
        now = time.monotonic()
        with self._received:
            self._notifications += [
                Notification(receiver, alert["status"], alert["labels"], alert["annotations"], now)
                for alert in message.get("alerts", [])
            ]
            self._messages += [
                ChatMessage(receiver, message["channel"], *(each[part] for part in ChatMessage._fields[2:]))
                for each in message.get("attachments", [])
            ]
            self._received.notify_all()

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        receive = self._receive

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receive(self.path.removeprefix("/"), json.loads(body))
                answer = b"ok"  # the response of Slack to an accepted message
                self.send_response(200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                """Disables logging."""

        return Handler
