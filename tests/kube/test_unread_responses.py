"""Connections of responses that are not read to their end, to a TLS server that never closes one itself."""

import asyncio
import contextlib
import socket
import ssl

import pytest
import trustme

from tests.kube.clients import a_client
from tests.kube.settings import base64_text

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n"


async def test_a_response_that_is_not_read_to_its_end_is_closed_at_once(tmp_path):
    """The server sees the end of the connection, and not a request to close TLS, which it could leave unanswered."""
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer():
            accepted, _ = listener.accept()
            accepted.settimeout(10)
            with context.wrap_socket(accepted, server_side=True, suppress_ragged_eofs=False) as connection:
                connection.recv(1 << 16)
                connection.sendall(HEAD + b"{}\n")
                with pytest.raises((ssl.SSLEOFError, ConnectionResetError)):
                    connection.recv(1)

        answered = asyncio.create_task(asyncio.to_thread(answer))
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        trust = {"certificate-authority-data": base64_text(authority.cert_pem.bytes())}
        async with (
            a_client(tmp_path, url, cluster=trust) as client,
            contextlib.aclosing(client.lines("/api/v1/pods", {"watch": "true"}, idle=5.0)) as batches,
        ):
            assert await anext(batches) == [b"{}"]
        await answered
