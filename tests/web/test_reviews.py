"""Tokens of the cluster: who is let in, how often the API server is asked, and what holds while it is silent."""

import asyncio
import json

import pytest

from exporter.kube.errors import UnreachableError
from exporter.web import reviews
from exporter.web.gate import BusyError
from exporter.web.reviews import Reviews, UnknownError
from tests.web.protected import ME, USERS, Folder, ask
from tests.web.serving import a_site


class Judge:
    """An API server's opinion: `tokens` are its users, `allowed` those of them that may get /metrics."""

    def __init__(self):
        self.tokens = {"good": "prometheus", "poor": "somebody"}
        self.allowed = {"prometheus"}
        self.error = None
        self.asked = []
        self.now = 0.0

    async def post(self, path, body):
        """As the client of the API server does."""
        review = json.loads(body)
        self.asked.append((path.rpartition("/")[2], review["spec"]))
        if self.error:
            raise self.error
        spec = review["spec"]
        if review["kind"] == "TokenReview":
            user = {
                "username": self.tokens.get(spec["token"], ""),
                "groups": ["g"],
                "extra": {"k": ["v"]},
                "uid": "u",
            }
            return json.dumps({"status": {"authenticated": spec["token"] in self.tokens, "user": user}}).encode()
        good = spec["user"] in self.allowed and spec["nonResourceAttributes"] == {"path": "/metrics", "verb": "get"}
        return json.dumps({"status": {"allowed": good}}).encode()

    def reviews(self):
        """What the server asks by."""
        return Reviews(post=self.post, clock=lambda: self.now)


def bearer(token):
    """The header of a token."""
    return {"Authorization": f"Bearer {token}"}


async def test_only_a_token_that_may_read_the_path_is_let_in():
    """Health checks are open to everybody, other paths need rights of their own."""
    async with a_site(reviews=Judge().reviews()) as site:
        for headers, path, status in (
            (bearer("good"), "/metrics", 200),
            ({"Authorization": "bearer  good"}, "/metrics", 200),
            (bearer("good"), "/", 401),
            (bearer("poor"), "/metrics", 401),
            (bearer("none"), "/metrics", 401),
            (bearer(""), "/metrics", 401),
            (ME, "/metrics", 401),
            ({}, "/metrics", 401),
            ({}, "/livez", 200),
        ):
            got, told = await ask(site.url, path=path, headers=headers)
            assert got == status, (headers, path)
            assert (told.get("WWW-Authenticate") == "Bearer") is (status == 401)


async def test_a_user_with_a_password_is_let_in_as_well(tmp_path):
    """Either is enough."""
    async with a_site(reviews=Judge().reviews(), web_file=Folder(tmp_path).load(USERS)) as site:
        assert (await ask(site.url, headers=ME))[0] == 200
        assert (await ask(site.url, headers=bearer("good")))[0] == 200
        assert (await ask(site.url))[0] == 401


async def test_a_token_means_nothing_where_tokens_are_not_reviewed(tmp_path):
    """Only passwords count."""
    async with a_site(web_file=Folder(tmp_path).load(USERS)) as site:
        assert (await ask(site.url, headers=bearer("good")))[0] == 401


async def test_all_that_is_known_of_a_user_is_asked_about():
    """Groups, uid and extra: rights may hang on each."""
    judge = Judge()
    assert await judge.reviews().accept("good", "/metrics", client="1")
    assert judge.asked == [
        ("tokenreviews", {"token": "good"}),
        (
            "subjectaccessreviews",
            {
                "user": "prometheus",
                "uid": "u",
                "groups": ["g"],
                "extra": {"k": ["v"]},
                "nonResourceAttributes": {"path": "/metrics", "verb": "get"},
            },
        ),
    ]


async def test_a_yes_holds_for_a_minute_and_a_no_not_at_all():
    """Twenty that come at once are one question."""
    judge = Judge()
    asked = judge.reviews()
    assert all(await asyncio.gather(*(asked.accept("good", "/metrics", client=str(n)) for n in range(20))))
    assert len(judge.asked) == 2
    judge.allowed.clear()
    judge.now = 59.0
    assert await asked.accept("good", "/metrics", client="1")
    judge.now = 60.0
    for _ in range(2):
        assert not await asked.accept("good", "/metrics", client="1")
    assert len(judge.asked) == 6


async def test_while_the_api_server_is_silent_who_was_known_is_let_in(caplog):
    """For an hour, and asked about again after ten seconds; a stranger is told that nobody knows. One log line."""
    judge = Judge()
    asked = judge.reviews()
    assert await asked.accept("good", "/metrics", client="1")
    judge.error = UnreachableError("down", code="connect")
    judge.now = 61.0
    assert await asked.accept("good", "/metrics", client="1")
    count = len(judge.asked)
    judge.now = 70.0
    assert await asked.accept("good", "/metrics", client="1")
    assert len(judge.asked) == count
    judge.now = 3599.0
    assert await asked.accept("good", "/metrics", client="1")
    judge.now = 3610.0
    for token in ("good", "poor"):
        with pytest.raises(UnknownError):
            await asked.accept(token, "/metrics", client="1")
    assert [(record.message, record.detail) for record in caplog.records] == [("tokens cannot be reviewed", "down")]
    async with a_site(reviews=asked) as site:
        assert (await ask(site.url, headers=bearer("good")))[0] == 503
        judge.error = None
        assert (await ask(site.url, headers=bearer("good")))[0] == 200


async def test_an_answer_that_is_none_is_no_yes():
    """Not JSON, or without a status."""
    for text in (b"", b"{}", b'{"status": {"allowed": 1}}'):

        async def post(_, __, text=text):
            return text

        with pytest.raises(UnknownError):
            await Reviews(post=post, clock=lambda: 0.0).accept("x", "/metrics", client="1")


async def test_a_silent_api_server_is_not_waited_for_longer_than_a_scrape_may_take(monkeypatch):
    """And few wait with it."""
    monkeypatch.setattr(reviews, "_ASK_SECONDS", 0.05)

    async def post(_, __):
        await asyncio.Event().wait()

    asked = Reviews(post=post, clock=lambda: 0.0)
    waiting = [asyncio.create_task(asked.accept("x", "/metrics", client="1")) for _ in range(4)]
    await asyncio.sleep(0)
    with pytest.raises(BusyError):
        await asked.accept("x", "/metrics", client="1")
    assert all(isinstance(end, UnknownError) for end in await asyncio.gather(*waiting, return_exceptions=True))


async def test_what_is_kept_is_bounded_and_no_token(monkeypatch):
    """The oldest goes first; wrong tokens are not kept."""
    monkeypatch.setattr(reviews, "_MOST", 3)
    judge = Judge()
    judge.tokens |= {f"secret-{number}": "prometheus" for number in range(9)}
    asked = judge.reviews()
    for number in range(9):
        assert await asked.accept(f"secret-{number}", "/metrics", client="1")
        assert not await asked.accept(f"wrong-{number}", "/metrics", client="1")
    assert len(asked._yes) == 3
    assert "secret" not in repr(asked._yes)
