"""A mail server on loopback, in a thread of the test. It accepts and keeps every message."""

import email
import email.message
import email.policy
import itertools
import socketserver
import threading

from lab.loopback import Loopback

__all__ = ["Mailbox"]


class Mailbox(Loopback):
    """Listens at `address` while the context is open."""

    def __init__(self) -> None:
        self._messages: list[email.message.EmailMessage] = []
        self._news = threading.Condition()
        super().__init__(self._handler(), server=socketserver.ThreadingTCPServer)

    def first(self, *, seconds: float = 20.0) -> email.message.EmailMessage:
        """The first message. Waits until it arrives."""
        with self._news:
            assert self._news.wait_for(lambda: self._messages, timeout=seconds), "no mail"
            return self._messages[0]

    def _take(self, data: bytes) -> None:
        with self._news:
            self._messages.append(email.message_from_bytes(data, policy=email.policy.default))
            self._news.notify_all()

    def _handler(self) -> type[socketserver.StreamRequestHandler]:
        take = self._take

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                """The part of SMTP that a client without TLS and authentication needs."""
                self._say(b"220 loopback")
                for line in self.rfile:
                    word = line[:4].upper().strip()
                    if word == b"QUIT":
                        self._say(b"221 bye")
                        return
                    if word == b"DATA":
                        self._say(b"354 go ahead")
                        # Iteration also ends if the client disconnects.
                        lines = [*itertools.takewhile(lambda each: each != b".\r\n", self.rfile)]
                        take(b"".join(each.removeprefix(b".") for each in lines))
                    self._say(b"250 ok")

            def _say(self, text: bytes) -> None:
                self.wfile.write(text + b"\r\n")

        return Handler
