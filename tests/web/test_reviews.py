"""Bearer tokens of the cluster: which are accepted, how often they are reviewed, and outages of the API server."""

import asyncio

import pytest

from exporter.kube.errors import UnreachableError
from exporter.web import decisions, reviews
from exporter.web.gate import BusyError
from exporter.web.reviews import Reviews, ReviewUnavailableError
from tests.clusters import until
from tests.web.hostile import response_to
from tests.web.protected import CREDENTIALS, USERS, Folder, ask, refused
from tests.web.serving import a_site
from tests.web.token_reviewer import TokenReviewer, bearer


async def test_only_a_token_that_may_get_the_path_is_accepted():
    """Health checks need no token, and other paths need their own permission."""
    async with a_site(reviews=TokenReviewer().reviews()) as site:
        for headers, path, status in (
            (bearer("good"), "/metrics", 200),
            ({"Authorization": "bearer  good"}, "/metrics", 200),
            (bearer("good"), "/", 401),
            (bearer("poor"), "/metrics", 401),
            (bearer("none"), "/metrics", 401),
            (bearer(""), "/metrics", 401),
            (CREDENTIALS, "/metrics", 401),
            ({}, "/metrics", 401),
            ({}, "/livez", 200),
        ):
            status_code, response_headers = await ask(site.url, path=path, headers=headers)
            assert status_code == status, (headers, path)
            assert (response_headers.get("WWW-Authenticate") == "Bearer") is (status == 401)


async def test_a_user_with_a_password_is_accepted_as_well(tmp_path):
    """Either is sufficient."""
    async with a_site(reviews=TokenReviewer().reviews(), web_file=Folder(tmp_path).load(USERS)) as site:
        assert (await ask(site.url, headers=CREDENTIALS))[0] == 200
        assert (await ask(site.url, headers=bearer("good")))[0] == 200
        assert (await ask(site.url))[0] == 401


async def test_a_token_is_rejected_if_reviews_are_disabled(tmp_path):
    """Only passwords are accepted."""
    async with a_site(web_file=Folder(tmp_path).load(USERS)) as site:
        assert (await ask(site.url, headers=bearer("good")))[0] == 401


async def test_the_access_review_contains_all_attributes_of_the_user():
    """Permissions can depend on groups, uid and extra."""
    reviewer = TokenReviewer()
    assert await reviewer.reviews().accept("good", "/metrics", queue="1")
    assert reviewer.requests == [
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


async def test_acceptance_is_cached_for_a_minute_and_rejection_for_ten_seconds():
    """Twenty concurrent requests cause a single review."""
    reviewer = TokenReviewer()
    token_reviews = reviewer.reviews()
    assert all(await asyncio.gather(*(token_reviews.accept("good", "/metrics", queue=str(n)) for n in range(20))))
    assert len(reviewer.requests) == 2
    reviewer.allowed.clear()
    reviewer.now = 59.0
    assert await token_reviews.accept("good", "/metrics", queue="1")
    reviewer.now = 60.0
    for _ in range(2):
        assert not await token_reviews.accept("good", "/metrics", queue="1")
    assert len(reviewer.requests) == 4
    reviewer.allowed.add("prometheus")
    reviewer.now = 70.0
    assert await token_reviews.accept("good", "/metrics", queue="1")


async def test_while_the_api_server_is_down_accepted_tokens_remain_accepted(caplog):
    """They remain so for an hour, and are reviewed every ten seconds. Other tokens get 503. One line is logged."""
    reviewer = TokenReviewer()
    token_reviews = reviewer.reviews()
    assert await token_reviews.accept("good", "/metrics", queue="1")
    reviewer.error = UnreachableError("down", code="connect")
    reviewer.now = 61.0
    assert await token_reviews.accept("good", "/metrics", queue="1")
    count = len(reviewer.requests)
    reviewer.now = 70.0
    assert await token_reviews.accept("good", "/metrics", queue="1")
    assert len(reviewer.requests) == count
    reviewer.now = 3599.0
    assert await token_reviews.accept("good", "/metrics", queue="1")
    reviewer.now = 3610.0
    for token in ("good", "poor"):
        with pytest.raises(ReviewUnavailableError):
            await token_reviews.accept(token, "/metrics", queue="1")
    assert [(record.message, record.detail) for record in caplog.records] == [("Failed to review tokens", "down")]
    async with a_site(reviews=token_reviews) as site:
        assert (await ask(site.url, headers=bearer("good")))[0] == 503
        reviewer.error = None
        assert (await ask(site.url, headers=bearer("good")))[0] == 200


async def test_while_the_api_server_is_slow_accepted_tokens_are_served(monkeypatch):
    """They wait a second at most. The result of the review applies to the next request."""
    monkeypatch.setattr(reviews, "_RENEW_SECONDS", 0.02)
    reviewer = TokenReviewer()
    token_reviews = reviewer.reviews()
    assert await token_reviews.accept("good", "/metrics", queue="1")
    reviewer.gate.clear()
    reviewer.now = 60.0
    assert await token_reviews.accept("good", "/metrics", queue="1")
    assert await token_reviews.accept("good", "/metrics", queue="1")
    reviewer.tokens.clear()
    reviewer.gate.set()
    await until(lambda: not token_reviews._renewing)
    assert not await token_reviews.accept("good", "/metrics", queue="1")


@pytest.mark.parametrize("token", ["\u00e9", "\U0001f600", "a b", "a,b", "a\tb", "=", "<x>", "a\udcff"])
async def test_an_invalid_token_is_rejected_without_a_review(token):
    """RFC 6750 defines the valid characters. Other values are 401 and counted."""
    reviewer = TokenReviewer()
    assert not await reviewer.reviews().accept(token, "/metrics", queue="1")
    async with a_site(reviews=reviewer.reviews()) as site:
        head = b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer "
        answer = await response_to(site, head + token.encode("utf-8", "surrogateescape") + b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 401 ")
        assert refused(site, "unauthorized") == 1
    assert reviewer.requests == []


async def test_an_unknown_path_is_not_reviewed():
    """A path can contain anything, so no decision is cached for it."""
    reviewer = TokenReviewer()
    async with a_site(reviews=reviewer.reviews()) as site:
        for path in ("/nowhere", "/%ff", "/%00"):
            assert (await ask(site.url + path, path="", headers=bearer("good")))[0] == 401
    assert reviewer.requests == []


@pytest.mark.parametrize(
    ("audiences", "good"), [(["coderun-exporter"], True), (["https://kubernetes.default.svc"], False), ([], False)]
)
async def test_a_token_must_have_the_configured_audience(audiences, good):
    """An API server that returns no audiences does not support them, so the token is rejected."""
    reviewer = TokenReviewer()
    reviewer.audiences = audiences
    token_reviews = reviewer.reviews(audience="coderun-exporter")
    assert await token_reviews.accept("good", "/metrics", queue="1") is good
    assert reviewer.requests[0] == ("tokenreviews", {"token": "good", "audiences": ["coderun-exporter"]})


async def test_an_invalid_review_response_does_not_accept_the_token():
    """The response is not JSON or has no status."""
    for text in (b"", b"{}", b'{"status": {"allowed": 1}}'):

        async def post(_, __, text=text):
            return text

        with pytest.raises(ReviewUnavailableError):
            await Reviews(post=post, clock=lambda: 0.0).accept("x", "/metrics", queue="1")


async def test_a_request_does_not_wait_for_the_api_server_longer_than_a_scrape_may_take(monkeypatch):
    """This includes the time in the queue. A later result applies to the next request."""
    monkeypatch.setattr(reviews, "_TURN_SECONDS", 0.03)
    monkeypatch.setattr(reviews, "_ANSWER_SECONDS", 0.06)
    reviewer = TokenReviewer()
    reviewer.gate.clear()
    token_reviews = reviewer.reviews()
    with pytest.raises(ReviewUnavailableError):
        await token_reviews.accept("good", "/metrics", queue="1")
    waiting = [asyncio.create_task(token_reviews.accept(f"x{n}", "/metrics", queue="1")) for n in range(9)]
    ends = await asyncio.gather(*waiting, return_exceptions=True)
    assert {type(end) for end in ends} == {ReviewUnavailableError, BusyError}
    reviewer.gate.set()
    await until(lambda: reviewer.waiting == 0 and len(reviewer.requests) == 2 + 3)
    count = len(reviewer.requests)
    assert await token_reviews.accept("good", "/metrics", queue="1")
    assert len(reviewer.requests) == count


async def test_a_review_times_out_if_the_api_server_never_responds(monkeypatch):
    """Otherwise its slot would be lost."""
    monkeypatch.setattr(reviews, "_REVIEW_SECONDS", 0.02)
    reviewer = TokenReviewer()
    reviewer.gate.clear()
    token_reviews = reviewer.reviews()
    for number in range(9):
        with pytest.raises(ReviewUnavailableError):
            await token_reviews.accept(f"x{number}", "/metrics", queue="1")


async def test_cached_decisions_are_bounded_and_contain_no_token(monkeypatch):
    """The oldest is removed first. Rejected tokens do not displace accepted ones."""
    monkeypatch.setattr(decisions, "_MAX_DECISIONS", 3)
    reviewer = TokenReviewer()
    reviewer.tokens |= {f"secret-{number}": "prometheus" for number in range(9)}
    token_reviews = reviewer.reviews()
    for number in range(9):
        assert await token_reviews.accept(f"secret-{number}", "/metrics", queue="1")
        for wrong in range(5):
            assert not await token_reviews.accept(f"wrong-{number}-{wrong}", "/metrics", queue="1")
    assert (len(token_reviews._decisions._accepted), len(token_reviews._decisions._rejected)) == (3, 3)
    assert "secret" not in repr(token_reviews._decisions._accepted)
