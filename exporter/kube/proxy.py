"""Which proxy the environment asks for, read as kubectl and client-go read it.

Source: golang.org/x/net/http/httpproxy. NO_PROXY may hold networks, as clusters' own settings mostly do, and this
machine is never asked for through a proxy; Python's own reading knows neither.
"""

import contextlib
import ipaddress
import urllib.parse
import urllib.request
from collections.abc import Iterator

__all__ = ["proxy_for"]


def proxy_for(server: str) -> str | None:
    """The proxy's URL for the base URL of a server; None: there is none, or not for this server."""
    parts = urllib.parse.urlsplit(server)
    proxies = urllib.request.getproxies()
    if _is_exempt(parts.hostname or "", proxies.get("no", "")) or urllib.request.proxy_bypass(parts.netloc):
        return None
    return proxies.get(parts.scheme)


def _is_exempt(host: str, no_proxy: str) -> bool:
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or any(address in network for network in _networks(no_proxy))


def _networks(no_proxy: str) -> Iterator[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    for name in no_proxy.split(","):
        with contextlib.suppress(ValueError):
            yield ipaddress.ip_network(name.strip(), strict=False)
