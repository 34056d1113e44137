"""The address of the API server and the credentials for it, with their renewal."""

import asyncio
import dataclasses
import logging
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from ssl import SSLContext
from typing import Final

from exporter.addresses import safe_host
from exporter.kube import kubeconfig as files, login as logins
from exporter.kube.errors import KubeConfigError, UnauthorizedError
from exporter.kube.plugin import PluginError

__all__ = ["Access", "Credentials"]

_LOG: Final = logging.getLogger(__name__)
_TOKEN_SECONDS: Final = 60.0  # interval at which a token file is read again, as in client-go
_EARLY_SECONDS: Final = 60.0  # how long before its expiry a plugin's credential is renewed
_PAUSE_SECONDS: Final = 10.0  # minimum interval between runs of a plugin without a 401


@dataclasses.dataclass(frozen=True, kw_only=True)
class Access:
    """The connection settings, as of one load of the configuration.

    `server` is the base URL without a trailing slash. `ssl`, `server_hostname` (tls-server-name) and `proxy`
    (proxy-url) are the request parameters of aiohttp with these names. `generation` increases by one with each
    reload.
    """

    server: str
    ssl: SSLContext | bool
    server_hostname: str | None
    proxy: str | None = dataclasses.field(repr=False)  # may hold the proxy's password
    generation: int

    @property
    def address(self) -> str:
        """The server's host and port, for display; empty if the URL could hold a credential."""
        return safe_host(self.server)


class Credentials:
    """The current configuration. Read `headers` and `access` before each request; call `renew` after a 401.

    `source` is for logs: "kubeconfig /path (context x)" or "in-cluster service account". `namespace` is that of the
    context, if it has one.
    """

    def __init__(
        self,
        *,
        source: str,
        namespace: str | None,
        login: logins.ResolvedCredentials,
        log_in: Callable[[], Awaitable[logins.ResolvedCredentials]],
        clock: Callable[[], float],
    ) -> None:
        self.source = source
        self.namespace = namespace
        self._log_in = log_in
        self._clock = clock
        self._lock = asyncio.Lock()
        self._reloads = 0  # finished reloads, successful or not
        self._failure: KubeConfigError | None = None
        self._logged = ""
        self._due: float | None = None  # when the plugin runs again without a 401
        self._take(login, generation=0)

    @classmethod
    async def load(
        cls,
        *,
        kubeconfig: str | None,
        context: str | None,
        environ: Mapping[str, str] = os.environ,
        clock: Callable[[], float] = time.time,
        plugin_timeout: float = 60.0,
        service_account: Path = logins.SERVICE_ACCOUNT,
    ) -> "Credentials":
        """Loads `kubeconfig`, else $KUBECONFIG, else the pod's service account, else ~/.kube/config.

        `clock` returns seconds since the epoch; `plugin_timeout` limits a run of an exec plugin, in seconds.
        Raises KubeConfigError.
        """
        paths = files.locate(kubeconfig=kubeconfig, context=context, environ=environ, service_account=service_account)
        log_in: Callable[[], Awaitable[logins.ResolvedCredentials]]
        if paths is None:
            source, namespace = "in-cluster service account", None

            async def log_in() -> logins.ResolvedCredentials:
                return logins.from_service_account(folder=service_account, environ=environ)
        else:
            # In a thread: parsing a file with 1,000 contexts would block the event loop.
            choice = await asyncio.to_thread(files.load_context, paths, context=context)
            namespace = choice.namespace
            source = f"kubeconfig {os.pathsep.join(map(str, paths))} (context {choice.context})"
            first = [choice]  # the file may be a pipe, which can be read only once

            async def log_in() -> logins.ResolvedCredentials:
                # By name: a change of current-context must not switch to another cluster.
                again = (
                    first.pop()
                    if first
                    else await asyncio.to_thread(files.load_context, paths, context=choice.context)
                )
                return await logins.from_context(again, environ=environ, plugin_timeout=plugin_timeout)

        try:
            login = await log_in()
        except PluginError as error:
            if error.output:
                _LOG.error("Exec plugin: %s", error.output)
            raise
        return cls(source=source, namespace=namespace, login=login, log_in=log_in, clock=clock)

    @property
    def access(self) -> Access:
        """The current connection settings."""
        return self._access

    async def headers(self) -> dict[str, str]:
        """The Authorization header, or {}. Never raises: if renewal fails, the previous credential is sent.

        A token file is read again after 60 s. An exec plugin runs again 60 s before its credentials expire; until it
        ends, other callers use the credentials that are still valid.
        """
        if self._due is not None and self._clock() >= self._due:
            await self._renew_early()
        elif self._login.token_file is not None and self._clock() >= self._read_again:
            self._read_token(self._login.token_file)
        return {} if self._authorization is None else {"Authorization": self._authorization}

    async def renew(self, *, generation: int) -> None:
        """Reloads the configuration after a 401 for a request with `generation`, once for all concurrent callers.

        Raises UnauthorizedError if that fails; the previous configuration is kept.
        """
        ended = self._reloads
        async with self._lock:
            if generation < self._access.generation:
                return
            if ended == self._reloads:
                await self._reload()
            # Else another caller's reload finished meanwhile, and its result applies here as well.
            if self._failure is not None:
                raise UnauthorizedError(
                    f"401, and the credentials could not be renewed: {self._failure}", code="401"
                ) from self._failure

    async def _renew_early(self) -> None:
        expiry = self._login.expiry
        if self._lock.locked() and expiry is not None and self._clock() < expiry:
            return
        async with self._lock:
            if self._due is None or self._clock() < self._due:
                return
            await self._reload()
            if self._failure is not None:
                self._due = self._clock() + _PAUSE_SECONDS

    async def _reload(self) -> None:
        """The caller holds the lock."""
        try:
            login = await self._log_in()
        except KubeConfigError as error:
            self._failure = error
            self._log(error)
        else:
            self._failure = None
            self._logged = ""
            self._take(login, generation=self._access.generation + 1)
        self._reloads += 1

    def _log(self, error: KubeConfigError) -> None:
        """Logs each failure once. Only the log has the output of a plugin."""
        output = error.output if isinstance(error, PluginError) else ""
        line = f"Failed to renew the credentials: {error}{output and f'; exec plugin: {output}'}"
        if line != self._logged:
            self._logged = line
            _LOG.warning(line)

    def _take(self, login: logins.ResolvedCredentials, *, generation: int) -> None:
        self._login = login
        self._authorization = login.authorization
        self._access = Access(
            server=login.server,
            ssl=login.ssl,
            server_hostname=login.server_hostname,
            proxy=login.proxy,
            generation=generation,
        )
        now = self._clock()
        self._read_again = now + _TOKEN_SECONDS
        # At least _PAUSE_SECONDS, so that a plugin with short-lived credentials does not run for each request.
        self._due = None if login.expiry is None else max(login.expiry - _EARLY_SECONDS, now + _PAUSE_SECONDS)

    def _read_token(self, path: Path) -> None:
        """Keeps the previous token if the file cannot be read, as in client-go: it may still be valid."""
        self._read_again = self._clock() + _TOKEN_SECONDS
        try:
            self._authorization = f"Bearer {logins.load_token(path, name='token')}"
        except KubeConfigError as error:
            _LOG.warning("Failed to read the token again, keeping the previous one: %s", error)
