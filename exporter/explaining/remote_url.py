"""The URL of a running exporter. Credentials are sent only over TLS, or to a loopback address."""

import ipaddress
import re
from typing import Final

__all__ = ["is_url", "may_send_credentials"]

_URL: Final = re.compile(
    r"https?://(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?(?:/[\w./~-]*)?"
)
_LAST_PORT: Final = 65535


def is_url(text: str) -> bool:
    """Whether it is a base URL without user, query and fragment. All parsers then agree about its host."""
    found = _URL.fullmatch(text)
    if found is None or int(found["port"] or 1) not in range(1, _LAST_PORT + 1):
        return False
    return not found["host"].startswith("[") or _address(found["host"]) is not None


def may_send_credentials(url: str) -> bool:
    """Whether credentials can be sent: over TLS, or to a loopback address."""
    found = _URL.fullmatch(url)
    if found is None or url.startswith("https://"):
        return found is not None
    address = _address(found["host"])
    return found["host"].lower() == "localhost" or (address is not None and address.is_loopback)


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None
