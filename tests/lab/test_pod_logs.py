"""The stand-in answers `pods/log` as the API server and the kubelet do."""

import datetime as dt

import aiohttp
import pytest

from lab.apiserver.pod_logs import Entry
from tests.clusters import a_server

AT = 1_800_000_000
PATH = "/api/v1/namespaces/n/pods/p/log"


@pytest.fixture
async def server():
    """A stand-in with a Pod of two containers."""
    spec = {"nodeName": "node", "containers": [{"name": "c"}, {"name": "d"}]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": "n", "name": "p"}, "spec": spec}
    async with a_server(pod) as running:
        yield running


def put(server, *, waiting=None, last=None, **spec):
    """Replaces the Pod."""
    containers = [{"name": "c"}, {"name": "d"}]
    state = {"name": "c", "state": {"waiting": waiting} if waiting else {"running": {}}, "lastState": last or {}}
    meta = {"namespace": "n", "name": "p"}
    server.load(
        [
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": meta,
                "spec": {"nodeName": "node", "containers": containers} | spec,
                "status": {"containerStatuses": [state]},
            }
        ]
    )


async def get(server, path=PATH, **params):
    """Status and text."""
    query = {"container": "c"} | params
    async with aiohttp.ClientSession() as session, session.get(server.url + path, params=query) as response:
        return response.status, await response.text()


def entries(server, *found):
    """The file of the container: seconds, text, and whether the line goes on."""
    server.logs.files["n", "p", "c"] = [Entry(round(AT * 10**9 + at * 10**9), *rest) for at, *rest in found]


async def test_the_tail_has_stamps_of_nine_digits(server):
    """With the offset of the node."""
    entries(server, (0, b"a"), (1.5, b"b"), (2, b"c"))
    assert await get(server, tailLines="2", timestamps="true") == (
        200,
        "2027-01-15T08:00:01.500000000Z b\n2027-01-15T08:00:02.000000000Z c\n",
    )
    server.logs.offset = dt.timedelta(hours=2)
    assert (await get(server, tailLines="1", timestamps="true"))[1] == "2027-01-15T10:00:02.000000000+02:00 c\n"
    assert await get(server, tailLines="0") == (200, "")


async def test_a_time_has_whole_seconds(server):
    """Lines of that second before it are sent as well."""
    entries(server, (0.9, b"a"), (1.1, b"b"), (2, b"c"))
    assert (await get(server, sinceTime="2027-01-15T08:00:01.5Z"))[1] == "b\nc\n"


async def test_a_limit_of_bytes_cuts_the_newest_end(server):
    """It counts from the start of what is selected."""
    entries(server, (0, b"first"), (1, b"last"))
    assert (await get(server, limitBytes="8"))[1] == "first\nla"


async def test_parts_of_a_line_count_as_lines(server):
    """The rest of a line has a stamp if the tail begins in it, and none if only its beginning is too old."""
    entries(server, (0, b"a", True), (1, b"b", True), (2, b"c"))
    assert (await get(server, timestamps="true"))[1] == "2027-01-15T08:00:00.000000000Z abc\n"
    assert (await get(server, timestamps="true", tailLines="1"))[1] == "2027-01-15T08:00:02.000000000Z c\n"
    assert (await get(server, timestamps="true", sinceTime="2027-01-15T08:00:02Z"))[1] == "c\n"
    entries(server, (0, b"a"), (1, b"b", True))
    assert (await get(server, tailLines="2"))[1] == "a\nb"
    assert (await get(server, tailLines="1"))[1] == "b"


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"container": ""}, 400),
        ({"container": "x"}, 400),
        ({"tailLines": "-1"}, 422),
        ({"limitBytes": "0"}, 422),
        ({"sinceTime": "2027-01-15T08:00:02Z", "sinceSeconds": "5"}, 422),
        ({"previous": "true"}, 400),
        ({"path": PATH.replace("/p/", "/x/")}, 404),
    ],
)
async def test_what_is_wrong_has_its_code(server, params, code):
    """As the API server validates it."""
    assert (await get(server, **params))[0] == code


async def test_states_of_the_container(server):
    """No node: 204. Waiting: 400, or the log of its former life."""
    entries(server, (0, b"a"))
    put(server, nodeName="")
    assert await get(server) == (204, "")
    put(server, waiting={"reason": "ContainerCreating"})
    assert (await get(server))[0] == 400
    put(server, waiting={"reason": "CrashLoopBackOff"}, last={"terminated": {"exitCode": 1}})
    assert await get(server) == (200, "a\n")
    put(server)
    server.logs.previous["n", "p", "c"] = [Entry(AT, b"before")]
    assert await get(server, previous="true") == (200, "before\n")
    server.logs.messages["n", "p", "c"] = "failed to create fsnotify watcher"
    assert await get(server) == (200, "failed to create fsnotify watcher")
