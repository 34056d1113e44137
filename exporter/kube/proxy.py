"""The HTTP proxy for the API server: from the kubeconfig, else from the environment, with the rules of Go.

Source: https://pkg.go.dev/golang.org/x/net/http/httpproxy. Python's urllib does not support networks, ports,
`*.domain` and proxies without a scheme. Errors show no part of a value, because it may contain a password.
"""

import contextlib
import dataclasses
import ipaddress
import re
import urllib.parse
from collections.abc import Iterator, Mapping
from typing import Final

from exporter.kube.errors import KubeConfigError

__all__ = ["parse_proxy", "proxy_from_environment"]

_PORTS: Final = {"http": 80, "https": 443}
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)
_PROXY: Final = re.compile(
    r"(?:(?P<user>[\w.~!$&'()*+,;=%@-]*?)(?::(?P<password>[\w.~!$&'()*+,;=%:@-]*))?@)?"
    r"(?P<host>[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?/?",
    re.ASCII,
)
_BROKEN_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_MAX_PORT: Final = 65535
_NETWORK: Final = re.compile(r"[0-9a-f:.]+/[0-9]{1,3}")
_HOST_PORT: Final = re.compile(r"(\[[^\]]*\]|[^:\[\]]*):([^:]*)")

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def parse_proxy(url: str, *, name: str) -> str:
    """The proxy's URL, from the setting `name`. Raises KubeConfigError if it is invalid or not supported."""
    scheme, rest = match.groups() if (match := _SCHEME.fullmatch(url)) else ("http", url)
    scheme = scheme.lower()
    if scheme.startswith("socks"):
        raise KubeConfigError(f"{name}: SOCKS proxies are not supported; use an HTTP proxy, such as http://host:3128")
    parts = _PROXY.fullmatch(rest)
    if scheme not in _PORTS or parts is None or not _is_sound(parts):
        raise KubeConfigError(
            f"{name}: not the URL of a proxy; expected a URL such as http://user:password@host:3128 (http or https), "
            "with special characters in user and password percent-encoded"
        )
    user, password = (
        urllib.parse.quote(urllib.parse.unquote(parts[key] or ""), safe="") for key in ("user", "password")
    )
    login = f"{user}:{password}@" if user or password else ""
    return f"{scheme}://{login}{parts['host']}:{parts['port'] or _PORTS[scheme]}"


def proxy_from_environment(environ: Mapping[str, str], server: str) -> str | None:
    """The proxy's URL for the base URL of a server, or None. Raises KubeConfigError as `parse_proxy` does."""
    parts = urllib.parse.urlsplit(server)
    name, value = _variable(environ, f"{parts.scheme}_PROXY")
    if not value or _goes_direct(parts, _variable(environ, "NO_PROXY")[1]):
        return None
    return parse_proxy(value, name=name)


def _variable(environ: Mapping[str, str], name: str) -> tuple[str, str]:
    """The name and value of a variable, in upper case, else in lower case. An empty one counts as not set."""
    names = name.upper(), name.lower()
    return next(((name, value) for name in names if (value := environ.get(name))), (names[0], ""))


def _is_sound(parts: re.Match[str]) -> bool:
    if parts["host"].startswith("[") and _address(parts["host"][1:-1]) is None:
        return False
    port = int(parts["port"] or 1)
    return 0 < port <= _MAX_PORT and not _BROKEN_ESCAPE.search(f"{parts['user']}:{parts['password']}")


def _goes_direct(server: urllib.parse.SplitResult, no_proxy: str) -> bool:
    """Whether to connect without a proxy: always for localhost."""
    host, port = (server.hostname or "").lower(), server.port or _PORTS.get(server.scheme, 0)
    address = _address(host)
    if host == "localhost" or (address is not None and address.is_loopback):
        return True
    all_hosts = "*" in map(str.strip, no_proxy.split(","))
    return all_hosts or any(entry.covers(host, address, port) for entry in _exempt(no_proxy))


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Exempt:
    """An entry of NO_PROXY: a network or a domain, with an optional port."""

    network: ipaddress.IPv4Network | ipaddress.IPv6Network | None = None
    domain: str = ""
    port: str = ""

    def covers(self, host: str, address: _Address | None, port: int) -> bool:
        """Whether it matches this server. Networks match only addresses, domains only names."""
        if self.port not in {"", str(port)}:
            return False
        if self.network is not None:
            return address is not None and address in self.network
        # `.example` and `*.example` match subdomains; `example` matches itself as well.
        return address is None and (host == self.domain or host.endswith("." + self.domain.removeprefix(".")))


def _exempt(no_proxy: str) -> Iterator[_Exempt]:
    for entry in no_proxy.lower().split(","):
        text = entry.strip()
        if _NETWORK.fullmatch(text):
            with contextlib.suppress(ValueError):
                yield _Exempt(network=ipaddress.ip_network(text, strict=False))
            continue
        host, port = match.groups() if (match := _HOST_PORT.fullmatch(text)) else (text, "")
        if (address := _address(host.strip("[]"))) is not None:
            yield _Exempt(network=ipaddress.ip_network(address), port=port)
        elif host:
            yield _Exempt(domain=host.removeprefix("*") if host.startswith("*.") else host, port=port)


def _address(host: str) -> _Address | None:
    """The IP address, or None for a name. An IPv4-mapped IPv6 address is returned as IPv4."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
