"""Tokens of the cluster: who is let in, how often the API server is asked, and what holds while it is silent."""

import asyncio

import pytest

from exporter.kube.errors import UnreachableError
from exporter.web import decisions, reviews
from exporter.web.gate import BusyError
from exporter.web.reviews import Reviews, UnknownError
from tests.clusters import until
from tests.web.hostile import answer_to
from tests.web.judge import Judge, bearer
from tests.web.protected import ME, USERS, Folder, ask, refused
from tests.web.serving import a_site


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
    assert await judge.reviews().accept("good", "/metrics", line="1")
    assert judge.asked == [
        ("tokenreviews", {"token": "good", "audiences": []}),
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


async def test_a_yes_holds_for_a_minute_and_a_no_for_ten_seconds():
    """Twenty that come at once are one question."""
    judge = Judge()
    asked = judge.reviews()
    assert all(await asyncio.gather(*(asked.accept("good", "/metrics", line=str(n)) for n in range(20))))
    assert len(judge.asked) == 2
    judge.allowed.clear()
    judge.now = 59.0
    assert await asked.accept("good", "/metrics", line="1")
    judge.now = 60.0
    for _ in range(2):
        assert not await asked.accept("good", "/metrics", line="1")
    assert len(judge.asked) == 4
    judge.allowed.add("prometheus")
    judge.now = 70.0
    assert await asked.accept("good", "/metrics", line="1")


async def test_while_the_api_server_is_down_who_was_accepted_stays_accepted(caplog):
    """For an hour, and reviewed again after ten seconds; a stranger gets no decision. One log line."""
    judge = Judge()
    asked = judge.reviews()
    assert await asked.accept("good", "/metrics", line="1")
    judge.error = UnreachableError("down", code="connect")
    judge.now = 61.0
    assert await asked.accept("good", "/metrics", line="1")
    count = len(judge.asked)
    judge.now = 70.0
    assert await asked.accept("good", "/metrics", line="1")
    assert len(judge.asked) == count
    judge.now = 3599.0
    assert await asked.accept("good", "/metrics", line="1")
    judge.now = 3610.0
    for token in ("good", "poor"):
        with pytest.raises(UnknownError):
            await asked.accept(token, "/metrics", line="1")
    assert [(record.message, record.detail) for record in caplog.records] == [("Failed to review tokens", "down")]
    async with a_site(reviews=asked) as site:
        assert (await ask(site.url, headers=bearer("good")))[0] == 503
        judge.error = None
        assert (await ask(site.url, headers=bearer("good")))[0] == 200


async def test_while_the_api_server_is_slow_who_was_accepted_is_served(monkeypatch):
    """After a second at most. The review continues, and its answer counts for the next request."""
    monkeypatch.setattr(reviews, "_RENEW_SECONDS", 0.02)
    judge = Judge()
    asked = judge.reviews()
    assert await asked.accept("good", "/metrics", line="1")
    judge.gate.clear()
    judge.now = 60.0
    assert await asked.accept("good", "/metrics", line="1")
    assert await asked.accept("good", "/metrics", line="1")
    judge.tokens.clear()
    judge.gate.set()
    await until(lambda: not asked._renewing)
    assert not await asked.accept("good", "/metrics", line="1")


@pytest.mark.parametrize("token", ["\u00e9", "\U0001f600", "a b", "a,b", "a\tb", "=", "<x>", "a\udcff"])
async def test_what_is_no_token_is_rejected_unasked(token):
    """Its form is that of RFC 6750; anything else is 401 and counted, and no mistake of ours."""
    judge = Judge()
    assert not await judge.reviews().accept(token, "/metrics", line="1")
    async with a_site(reviews=judge.reviews()) as site:
        head = b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer "
        answer = await answer_to(site, head + token.encode("utf-8", "surrogateescape") + b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 401 ")
        assert refused(site, "unauthorized") == 1
    assert judge.asked == []


async def test_a_path_that_does_not_exist_is_not_asked_about():
    """So a path can be anything, and no decision is kept for it."""
    judge = Judge()
    async with a_site(reviews=judge.reviews()) as site:
        for path in ("/nowhere", "/%ff", "/%00"):
            assert (await ask(site.url + path, path="", headers=bearer("good")))[0] == 401
    assert judge.asked == []


@pytest.mark.parametrize(
    ("audiences", "good"), [(["coderun-exporter"], True), (["https://kubernetes.default.svc"], False), ([], False)]
)
async def test_a_token_has_to_be_for_the_audience_of_the_settings(audiences, good):
    """One that is not says so by its audiences; an API server that knows none is not believed."""
    judge = Judge()
    judge.audiences = audiences
    asked = judge.reviews(audience="coderun-exporter")
    assert await asked.accept("good", "/metrics", line="1") is good
    assert judge.asked[0] == ("tokenreviews", {"token": "good", "audiences": ["coderun-exporter"]})


async def test_an_answer_that_is_none_is_no_yes():
    """Not JSON, or without a status."""
    for text in (b"", b"{}", b'{"status": {"allowed": 1}}'):

        async def post(_, __, text=text):
            return text

        with pytest.raises(UnknownError):
            await Reviews(post=post, clock=lambda: 0.0).accept("x", "/metrics", line="1")


async def test_a_silent_api_server_is_not_waited_for_longer_than_a_scrape_may_take(monkeypatch):
    """Neither in a review nor for a turn. A decision that comes late counts for the next request."""
    monkeypatch.setattr(reviews, "_TURN_SECONDS", 0.03)
    monkeypatch.setattr(reviews, "_ANSWER_SECONDS", 0.06)
    judge = Judge()
    judge.gate.clear()
    asked = judge.reviews()
    with pytest.raises(UnknownError):
        await asked.accept("good", "/metrics", line="1")
    waiting = [asyncio.create_task(asked.accept(f"x{n}", "/metrics", line="1")) for n in range(9)]
    ends = await asyncio.gather(*waiting, return_exceptions=True)
    assert {type(end) for end in ends} == {UnknownError, BusyError}
    judge.gate.set()
    await until(lambda: judge.waiting == 0 and len(judge.asked) == 2 + 3)
    count = len(judge.asked)
    assert await asked.accept("good", "/metrics", line="1")
    assert len(judge.asked) == count


async def test_a_review_ends_though_the_api_server_never_responds(monkeypatch):
    """Else its slot would be lost."""
    monkeypatch.setattr(reviews, "_REVIEW_SECONDS", 0.02)
    judge = Judge()
    judge.gate.clear()
    asked = judge.reviews()
    for number in range(9):
        with pytest.raises(UnknownError):
            await asked.accept(f"x{number}", "/metrics", line="1")


async def test_what_is_kept_is_bounded_and_no_token(monkeypatch):
    """The oldest goes first; rejected tokens push out no accepted one."""
    monkeypatch.setattr(decisions, "_MAX_DECISIONS", 3)
    judge = Judge()
    judge.tokens |= {f"secret-{number}": "prometheus" for number in range(9)}
    asked = judge.reviews()
    for number in range(9):
        assert await asked.accept(f"secret-{number}", "/metrics", line="1")
        for wrong in range(5):
            assert not await asked.accept(f"wrong-{number}-{wrong}", "/metrics", line="1")
    assert (len(asked._decisions._accepted), len(asked._decisions._rejected)) == (3, 3)
    assert "secret" not in repr(asked._decisions._accepted)
