"""A stand-in for the API server that reviews tokens."""

import asyncio
import json

from exporter.web.reviews import Reviews


class TokenReviewer:
    """`tokens` maps tokens to users. `allowed` are the users who may get /metrics."""

    def __init__(self):
        self.tokens = {"good": "prometheus", "poor": "somebody"}
        self.allowed = {"prometheus"}
        self.error = None
        self.requests = []
        self.now = 0.0
        self.audiences = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.waiting = 0

    async def post(self, path, body):
        """Responds like `KubeClient.post`."""
        review = json.loads(body)
        self.requests.append((path.rpartition("/")[2], review["spec"]))
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
        """The `Reviews` of a web server that uses this API server."""
        return Reviews(post=self.post, clock=lambda: self.now, **more)


def bearer(token):
    """The header that contains this token."""
    return {"Authorization": f"Bearer {token}"}
