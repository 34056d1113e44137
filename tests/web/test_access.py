"""Users and passwords: which requests are accepted, and the cost of guessing passwords."""

import asyncio
import threading

import bcrypt
import pytest

from exporter.web import decisions, passwords
from exporter.web.gate import BusyError
from exporter.web.passwords import Passwords
from tests.clusters import until
from tests.web.hostile import response_to
from tests.web.protected import CREDENTIALS, PASSWORD, PASSWORD_HASH, USERS, Folder, ask, basic
from tests.web.serving import a_site

ALICE = {"alice": PASSWORD_HASH}
RIGHT = PASSWORD.encode()


@pytest.fixture
def bcrypt_calls(monkeypatch):
    """The list of (password, hash) pairs for which bcrypt was called."""
    calls = []

    def look(password, hashed, *, check=bcrypt.checkpw):
        calls.append((password, hashed))
        return check(password, hashed)

    monkeypatch.setattr(passwords.bcrypt, "checkpw", look)
    return calls


async def accept(store, user="alice", password=RIGHT, *, users=ALICE, queue="1"):
    """Whether the password is accepted for a client."""
    return await store.accept(user, password, users=users, queue=queue)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Basic",
        "Basic !",
        "Basic cHJvbWV0aGV1cw==",
        "Basic /w==",
        "Basic /zo=",
        "Bearer x",
        basic("prometheus", "wrong")["Authorization"],
        basic("nobody", PASSWORD)["Authorization"],
        basic("prometheus", "")["Authorization"],
        basic("prometheus", "x" * 200)["Authorization"],
        basic("prometheus", "\0")["Authorization"],
        basic("", "")["Authorization"],
        "Basic \u00e9",
        "B\u00e4sic x",
        "\U0001f600",
        CREDENTIALS["Authorization"].replace("Basic ", "Basic\t"),
    ],
)
async def test_without_the_right_password_every_path_is_401(tmp_path, header):
    """The response does not show which paths exist."""
    async with a_site(web_file=Folder(tmp_path).load(USERS)) as site:
        for path in ("/metrics", "/", "/nowhere", "//livez", "/livez/"):
            status, headers = await ask(site.url, path=path, headers={"Authorization": header} if header else {})
            assert status == 401
            assert headers["WWW-Authenticate"].startswith("Basic realm=")
        value = site.telemetry.registry.get_sample_value
        assert value("coderun_exporter_clients_refused_total", {"reason": "unauthorized"}) == 5


async def test_with_the_right_password_everything_is_served(tmp_path):
    """The scheme is case-insensitive."""
    async with a_site(web_file=Folder(tmp_path).load(USERS)) as site:
        for path, status in (("/metrics", 200), ("/", 200), ("/nowhere", 404)):
            assert (await ask(site.url, path=path, headers=CREDENTIALS))[0] == status
        assert (
            await ask(site.url, headers={"Authorization": CREDENTIALS["Authorization"].replace("Basic", "basic")})
        )[0] == 200


async def test_health_checks_need_no_password(tmp_path):
    """The kubelet has no password."""
    async with a_site(web_file=Folder(tmp_path).load(USERS)) as site:
        for path, status in (("/livez", 200), ("/-/healthy", 200), ("/readyz", 503), ("/-/ready", 503)):
            assert (await ask(site.url, path=path))[0] == status


async def test_a_password_is_verified_once(bcrypt_calls):
    """This holds for concurrent requests. After a change of the hash it is verified again."""
    store = Passwords()
    assert await asyncio.gather(*(accept(store, queue=str(number)) for number in range(20))) == [True] * 20
    assert len(bcrypt_calls) == 1
    again = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    assert await accept(store, users={"alice": again})
    assert len(bcrypt_calls) == 2
    assert not await accept(store, users={"alice": bcrypt.hashpw(b"new", bcrypt.gensalt(4)).decode()})


async def test_two_authorization_headers_are_rejected(tmp_path):
    """A proxy may have verified only one of them."""
    good, wrong = (
        f"Authorization: {value['Authorization']}\r\n".encode() for value in (CREDENTIALS, basic("prometheus", "no"))
    )
    async with a_site(web_file=Folder(tmp_path).load(USERS)) as site:
        for headers, status in (
            (good, b"200"),
            (good + wrong, b"401"),
            (wrong + good, b"401"),
            (good + good, b"401"),
        ):
            head = b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + headers + b"\r\n"
            assert (await response_to(site, head)).split()[1] == status


async def test_cached_decisions_are_bounded_and_contain_no_password(bcrypt_calls, monkeypatch):
    """They are digests. Rejected passwords do not displace accepted ones."""
    monkeypatch.setattr(decisions, "_MAX_DECISIONS", 3)
    store = Passwords()
    assert await accept(store)
    for number in range(9):
        assert not await accept(store, password=b"%d" % number)
        assert not await accept(store, f"user-{number}")
    assert await accept(store)
    kept = store._decisions
    assert (len(kept._accepted), len(kept._rejected), len(bcrypt_calls)) == (1, 3, 19)
    assert PASSWORD not in repr((kept._accepted, kept._rejected))


async def test_a_wrong_password_is_verified_once(bcrypt_calls):
    """A scraper with an old password costs little. It is accepted once the file contains its hash."""
    store = Passwords()
    assert [await accept(store, password=b"old") for _ in range(5)] == [False] * 5
    assert len(bcrypt_calls) == 1
    old = {"alice": bcrypt.hashpw(b"old", bcrypt.gensalt(4)).decode()}
    assert await accept(store, password=b"old", users=old)


async def test_an_unknown_user_takes_as_long_as_a_wrong_password(bcrypt_calls):
    """The most expensive hash is computed for both, so the time does not show which users exist."""
    users = ALICE | {"bob": bcrypt.hashpw(b"x", bcrypt.gensalt(6)).decode()}
    assert not await accept(Passwords(), "nobody", users=users)
    assert not await accept(Passwords(), "bob", users=users)
    assert [hashed[:7] for _, hashed in bcrypt_calls] == [b"$2b$06$"] * 2


async def test_only_the_first_72_bytes_of_a_password_are_significant():
    """All tools that create bcrypt hashes have this limit."""
    users = {"alice": bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4)).decode()}
    assert await accept(Passwords(), password=b"x" * 100, users=users)
    assert not await accept(Passwords(), password=b"x" * 71, users=users)


async def test_a_client_that_guesses_does_not_delay_others(monkeypatch):
    """Clients of other addresses take turns with it. Accepted passwords do not wait."""
    store, order, gate = Passwords(), [], asyncio.Event()
    assert await accept(store)

    async def fits(password, hashed):
        await gate.wait()
        order.append(password)
        return bcrypt.checkpw(password, hashed.encode())

    monkeypatch.setattr(passwords, "_fits", fits)
    guesses = [asyncio.create_task(accept(store, password=b"%d" % number, queue="evil")) for number in range(50)]
    await asyncio.sleep(0)
    other = asyncio.create_task(accept(store, "bob", users=ALICE | {"bob": PASSWORD_HASH}, queue="other"))
    await asyncio.sleep(0)
    assert await accept(store, queue="evil")
    gate.set()
    assert await other
    assert order.index(RIGHT) <= 2
    assert not any(await asyncio.gather(*guesses))


async def test_clients_behind_one_address_get_their_turn_too(monkeypatch):
    """Behind a proxy all clients have one address, and their requests are verified in turns."""
    store = Passwords()

    async def fits(password, hashed):
        await asyncio.sleep(0)
        return bcrypt.checkpw(password, hashed.encode())

    monkeypatch.setattr(passwords, "_fits", fits)

    async def guess(who):
        for number in range(10):
            await accept(store, password=b"%d of %d" % (number, who))

    guesses = [asyncio.create_task(guess(who)) for who in range(50)]
    await asyncio.sleep(0)
    assert await accept(store)
    assert not all(one.done() for one in guesses)
    await asyncio.gather(*guesses)


async def test_a_request_that_waits_too_long_is_rejected(monkeypatch):
    """It is removed from the queue."""
    gate = asyncio.Event()
    monkeypatch.setattr(passwords, "_WAIT_SECONDS", 0.05)

    async def fits(_, __):
        await gate.wait()
        return False

    monkeypatch.setattr(passwords, "_fits", fits)
    store = Passwords()
    first = asyncio.create_task(accept(store, password=b"no"))
    await asyncio.sleep(0)
    with pytest.raises(BusyError):
        await accept(store, password=b"other", queue="2")
    gate.set()
    assert not await first
    assert not await accept(store, password=b"third")


async def test_a_cancelled_request_keeps_its_slot_until_its_check_ends(monkeypatch):
    """Otherwise clients could start any number of checks by reconnecting."""
    running, maximum, gate = 0, 0, asyncio.Event()

    async def fits(_, __):
        nonlocal running, maximum
        running += 1
        maximum = max(maximum, running)
        await gate.wait()
        running -= 1
        return False

    monkeypatch.setattr(passwords, "_fits", fits)
    store = Passwords()
    for number in range(20):
        task = asyncio.create_task(accept(store, password=b"%d" % number))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    gate.set()
    assert not await accept(store, password=b"last")
    assert (maximum, running) == (1, 0)


async def test_guessing_blocks_neither_scrapes_nor_the_event_loop(tmp_path, monkeypatch):
    """While a hash is computed, a user whose password was accepted before is served."""
    guess, go_on = threading.Event(), threading.Event()

    def wait(_, __):
        guess.set()
        return not go_on.wait(10)

    async with a_site(web_file=Folder(tmp_path).load(USERS)) as site:
        assert (await ask(site.url, headers=CREDENTIALS))[0] == 200
        monkeypatch.setattr(passwords.bcrypt, "checkpw", wait)
        guesses = [
            asyncio.create_task(ask(site.url, headers=basic("prometheus", f"guess-{number}")))
            for number in range(100)
        ]
        await until(guess.is_set)
        assert (await ask(site.url, headers=CREDENTIALS))[0] == 200
        go_on.set()
        assert {status for status, *_ in await asyncio.gather(*guesses)} <= {401, 503}


async def test_a_running_hash_does_not_delay_the_shutdown(tmp_path, monkeypatch):
    """The thread is not waited for."""
    go_on, done = threading.Event(), threading.Event()

    def slow(_, __):
        go_on.wait(10)
        done.set()
        return True

    async with a_site(web_file=Folder(tmp_path).load(USERS), idle_seconds=5) as site:
        monkeypatch.setattr(passwords.bcrypt, "checkpw", slow)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await ask(site.url, headers=basic("prometheus", "other"))
    assert not done.is_set()
    go_on.set()
    await until(done.is_set)


async def test_a_hash_that_bcrypt_rejects_matches_no_password():
    """The web configuration cannot contain it, but an exception in the thread would block all later checks."""
    assert not await accept(Passwords(), users={"alice": "$2b$04$" + "a" * 53})
