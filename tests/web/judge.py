"""An API server that reviews tokens, as far as the web server asks it."""

import asyncio
import json

from exporter.web.reviews import Reviews


class Judge:
    """An API server's opinion: `tokens` are its users, `allowed` those of them that may get /metrics."""

    def __init__(self):
        self.tokens = {"good": "prometheus", "poor": "somebody"}
        self.allowed = {"prometheus"}
        self.error = None
        self.asked = []
        self.now = 0.0
        self.audiences = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.waiting = 0

    async def post(self, path, body):
        """As the client of the API server does."""
        review = json.loads(body)
        self.asked.append((path.rpartition("/")[2], review["spec"]))
        if self.error:
            raise self.error
        self.waiting += 1
        await self.gate.wait()
        self.waiting -= 1
        spec = review["spec"]
        if review["kind"] == "TokenReview":
            user = {
                "username": self.tokens.get(spec["token"], ""),
                "groups": ["g"],
                "extra": {"k": ["v"]},
                "uid": "u",
            }
            status = {"authenticated": spec["token"] in self.tokens, "user": user, "audiences": self.audiences}
            return json.dumps({"status": status}).encode()
        good = spec["user"] in self.allowed and spec["nonResourceAttributes"] == {"path": "/metrics", "verb": "get"}
        return json.dumps({"status": {"allowed": good}}).encode()

    def reviews(self, **more):
        """What the server asks by."""
        return Reviews(post=self.post, clock=lambda: self.now, **more)


def bearer(token):
    """The header of a token."""
    return {"Authorization": f"Bearer {token}"}
