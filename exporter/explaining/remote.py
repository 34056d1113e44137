"""Reads explanations from a running exporter."""

import base64
import dataclasses
import os
import pathlib
import ssl
import urllib.parse
from collections.abc import Mapping
from typing import Final, TypeVar

import aiohttp
import msgspec

from exporter.diagnosis.explanation import Explanation, RunList
from exporter.diagnosis.target import Target
from exporter.explaining.errors import ExplainError
from exporter.files import FileError, read_text

__all__ = ["Remote"]

_TIMEOUT_SECONDS: Final = 30.0
_MAX_RESPONSE_BYTES: Final = 64 << 20
_MAX_PAGES: Final = 1000
_OK, _REFUSED, _UNAUTHORIZED, _MISSING = 200, 400, 401, 404
_OLDER: Final = "The exporter is of an older version: it does not list runs that failed recently"

T = TypeVar("T")


class _BadRequestError(ExplainError):
    """The exporter does not know a parameter or its value."""


_one = msgspec.json.Decoder(Explanation)
_list = msgspec.json.Decoder(RunList)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Remote:
    """A running exporter with the base URL `url`. The other fields are the flags of `explain`."""

    url: str
    certificate_authority: str = ""
    client_certificate: str = ""
    client_key: str = ""
    insecure_skip_tls_verify: bool = False
    token_file: str = ""
    user: str = ""
    password_file: str = ""

    async def one(self, target: Target) -> Explanation:
        """The explanation of one run. Raises ExplainError."""
        async with self._session() as session:
            return self._decode(_one, await self._get(session, f"/{urllib.parse.quote(target.text)}", {}))

    async def all(self, *, state: str) -> tuple[list[Explanation], list[str]]:
        """All pages of the list, and its notes. Raises ExplainError.

        The state `recent` is newer than the API: from an exporter without it, the list has the open runs.
        """
        try:
            return await self._all(state)
        except _BadRequestError:
            if state != "recent":
                raise
        runs, notes = await self._all("open")
        return runs, [*notes, _OLDER]

    async def _all(self, state: str) -> tuple[list[Explanation], list[str]]:
        runs: list[Explanation] = []
        notes: dict[str, None] = {}
        token = ""
        async with self._session() as session:
            for _ in range(_MAX_PAGES):
                page = self._decode(_list, await self._get(session, "", {"state": state, "continue": token}))
                runs += page.items
                notes |= dict.fromkeys(page.notes)
                token = page.continue_
                if not token:
                    return runs, list(notes)
        raise ExplainError(f"{self.url}: the list does not end")

    def _decode(self, decoder: msgspec.json.Decoder[T], body: bytes) -> T:
        try:
            return decoder.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise ExplainError(f"{self.url}: not an answer of this API") from None

    def _session(self) -> aiohttp.ClientSession:
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT_SECONDS)
        return aiohttp.ClientSession(timeout=timeout, headers=self._headers(), cookie_jar=aiohttp.DummyCookieJar())

    def _headers(self) -> Mapping[str, str]:
        headers = {"User-Agent": "coderun-exporter", "Accept": "application/json"}
        if self.token_file:
            headers["Authorization"] = f"Bearer {_secret(self.token_file, '--token-file')}"
        elif self.user:
            password = _secret(self.password_file, "--password-file") if self.password_file else ""
            coded = base64.b64encode(f"{self.user}:{password}".encode()).decode()
            headers["Authorization"] = f"Basic {coded}"
        return headers

    async def _get(self, session: aiohttp.ClientSession, path: str, params: Mapping[str, str]) -> bytes:
        try:
            async with session.get(
                f"{self.url.rstrip('/')}/api/v1/runs{path}",
                params={key: value for key, value in params.items() if value},
                ssl=self._ssl(),
                allow_redirects=False,
            ) as response:
                body = await _body(response)
                if response.status == _OK and response.content_type == "application/json":
                    return body
                kind = _BadRequestError if response.status == _REFUSED else ExplainError
                raise kind(f"{self.url}: {_problem(response, body)}")
        except TimeoutError:
            raise ExplainError(f"{self.url}: no answer within {_TIMEOUT_SECONDS:.0f} s") from None
        except aiohttp.ClientConnectorCertificateError as error:
            text = f"its certificate does not verify: {error.certificate_error}; see --certificate-authority"
            raise ExplainError(f"{self.url}: {text}") from error
        except aiohttp.ClientConnectorError as error:
            number = error.os_error.errno or 0
            reason = os.strerror(number) if number > 0 else "TLS failed, or the name is not known"
            raise ExplainError(f"{self.url}: cannot connect: {reason}") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise ExplainError(f"{self.url}: the request failed ({type(error).__name__})") from error

    def _ssl(self) -> ssl.SSLContext | bool:
        if not self.url.startswith("https://"):
            return True
        try:
            context = ssl.create_default_context(cafile=self.certificate_authority or None)
            if self.client_certificate:
                context.load_cert_chain(self.client_certificate, self.client_key or None)
        except (OSError, ssl.SSLError) as error:
            reason = getattr(error, "strerror", None) or "not a certificate in PEM"
            raise ExplainError(f"--certificate-authority or --client-certificate: {reason}") from error
        if self.insecure_skip_tls_verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


async def _body(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > _MAX_RESPONSE_BYTES:
            raise ExplainError(f"the answer is larger than {_MAX_RESPONSE_BYTES >> 20} MiB")
    return bytes(body)


def _problem(response: aiohttp.ClientResponse, body: bytes) -> str:
    """An error message with the first line of a text response, or with the HTTP status."""
    kind = response.content_type
    text = body.decode("utf-8", "replace").strip().splitlines()[:1] if kind == "text/plain" else []
    words = text[0][:200] if text else f"HTTP status {response.status}"
    hints = {_UNAUTHORIZED: "; see --token-file and --user", _MISSING: "" if text else "; is it a coderun-exporter?"}
    return words + hints.get(response.status, "")


def _secret(path: str, flag: str) -> str:
    try:
        text = read_text(pathlib.Path(path), pipes=True).strip()
    except FileError as error:
        raise ExplainError(f"{flag}: {path}: {error}") from error
    if not text or not text.isprintable():
        raise ExplainError(f"{flag}: {path}: must have one line of text")
    return text
