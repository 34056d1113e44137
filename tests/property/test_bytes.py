"""Any bytes from the network result in the same lines, however they are split, or in a KubeError."""

import asyncio
import contextlib
import itertools
import types

from hypothesis import given, strategies as st

from exporter.kube.budget import Budget
from exporter.kube.client import KubeClient
from exporter.kube.errors import KubeError
from exporter.kube.lines import Lines
from tests.property.profiles import examples

_BYTES = st.lists(
    st.sampled_from([b"\n", b"\n\n", b"\r\n", b" ", b"\t\n", b"{}", b'{"a":1}', b"\x00", b"\xff", b"\xc3", b"\x85"])
    | st.binary(max_size=6),
    max_size=12,
).map(b"".join)
_BODIES = st.sampled_from(
    [b"", b"{}", b'{"metadata":{},"items":[]}', b"<html>", b"\xff\n", b'{"type":"ADDED"}\n' * 3]
)
_HEADERS = st.sampled_from(
    [
        *(b"Content-Type: application/json", b"Content-Type: ;;;", b"Content-Type: \xff", b"Content-Type:"),
        *(b"Content-Encoding: gzip", b"Content-Encoding: deflate", b"Content-Encoding: br", b"Content-Encoding: x"),
        *(b"Content-Length: 5", b"Content-Length: -1", b"Content-Length: 99999999999999999999", b"Content-Length: x"),
        *(b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip, chunked", b"Retry-After: \xff", b": x", b"\x00"),
        *(b"Retry-After: 1e999", b"Location: http://[", b"Set-Cookie: \xff=;;", b"Connection: upgrade", b"x" * 9_000),
    ]
)
_STATUSES = st.sampled_from(
    [
        *(
            b"200 OK",
            b"200",
            b"403 No",
            b"410 Gone",
            b"503 \xff",
            b"302 Found",
            b"204 None",
            b"101 Switch",
            b"100 Go on",
        ),
        *(b"999 x", b"0 x", b"-1 x", b"x", b"", b"20000 x"),
    ]
)


def _answer(version, status, headers, body, chunk):
    """An HTTP response that may be invalid. With `chunk` (a size in hex) its body is one chunk."""
    head = b"\r\n".join([b"HTTP/%b %b" % (version, status), *headers, b"", b""])
    return head + (body if chunk is None else b"%b\r\n%b\r\n0\r\n\r\n" % (chunk, body))


_ANSWERS = st.builds(
    _answer,
    st.sampled_from([b"1.1", b"1.1", b"1.1", b"1.0", b"2", b"0.9", b"x"]),
    st.sampled_from([b"200 OK"]) | _STATUSES,
    st.lists(_HEADERS, max_size=4).map(lambda headers: [b"Content-Type: application/json", *headers]),
    _BODIES | _BYTES,
    st.none() | st.sampled_from([b"1", b"5", b"fffffffff", b"-1", b"x", b""]),
) | st.binary(max_size=40)


def _lines_of(chunks):
    with Budget().share("/p") as share:
        lines = Lines(share)
        return [line for chunk in chunks for line in lines.feed(chunk) or ()]


@examples(300)
@given(data=_BYTES, cuts=st.lists(st.integers(0, 60), max_size=6))
def test_any_splitting_of_any_bytes_results_in_the_same_lines(data, cuts):
    """The lines are complete and not blank. The text after the last newline is not a line."""
    ends = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    chunks = [data[start:end] for start, end in itertools.pairwise(ends)]
    expected = [line for line in data.split(b"\n")[:-1] if line.strip()]
    assert _lines_of(chunks) == expected
    assert _lines_of([data[index : index + 1] for index in range(len(data))]) == expected


class _NoCredentials:
    """Credentials of an anonymous client of a server on loopback."""

    def __init__(self, port):
        server = f"http://127.0.0.1:{port}"
        self.access = types.SimpleNamespace(server=server, ssl=True, server_hostname=None, proxy=None, generation=0)

    async def headers(self):
        """There are no headers."""
        return {}

    async def renew(self, *, generation):
        """Does nothing."""


@contextlib.asynccontextmanager
async def _a_server(data):
    """Starts a server that sends these bytes on each connection and closes it."""

    async def serve(reader, writer):
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(data)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def _ask(data):
    """Requests a body and a watch. Returns a body or KubeError, and lines or KubeError."""
    async with _a_server(data) as port, KubeClient(credentials=_NoCredentials(port)) as client:
        results = []
        try:
            results.append(await client.get("/p"))
        except KubeError as error:
            results.append(error)
        lines = []
        try:
            async for batch in client.lines("/p", {}, idle=1.0):
                lines += batch
            results.append(lines)
        except KubeError as error:
            results.append(error)
        return results


@examples(60)
@given(data=_ANSWERS)
def test_any_bytes_as_an_http_response_are_a_response_or_a_kube_error(data):
    """The bytes include invalid heads, lengths and encodings. The error is one line."""
    for result in asyncio.run(_ask(data)):
        if isinstance(result, KubeError):
            assert str(result).isprintable()
            assert len(str(result)) < 1000
        else:
            assert isinstance(result, bytes | list)
