"""The parts of URLs of repositories, proxies and API servers that are safe to show: host, port and path.

Any part of a URL that was written by hand may contain a password or a token. So only the host, port and
path are shown, and only if the whole URL matches the pattern below.
"""

import functools
import ipaddress
import re
from typing import Final

from exporter.tokens import begins_as_token, looks_secret

__all__ = ["safe_address", "safe_host"]

_MAX_LENGTH: Final = 300
_LABEL: Final = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS: Final = re.compile(
    r"(?:(?P<scheme>(?i:(?:git\+)?(?:https?|ssh)|git)://)?(?:[\w.~!$&'()*+,;=%:-]*@)?"  # https://user:password@
    rf"(?P<host>{_LABEL}(?:\.{_LABEL})*|\[[0-9A-Fa-f:.]+\])(?P<port>:[0-9]{{1,5}})?(?P<path>(?:/[\w.~-]+)*)/?"
    r"(?:\?timeout=[0-9.]{1,4}m?s)?"  # as the API server calls webhooks
    rf"|[\w.~-]+@(?P<scp_host>{_LABEL}(?:\.{_LABEL})*):(?P<scp_path>[\w.~-]+(?:/[\w.~-]+)*)/?)",  # git@host:path
    re.ASCII,
)
_DOTTED: Final = re.compile(r"(?:[a-z0-9-]+\.)+[a-z][a-z0-9-]*[a-z0-9]", re.IGNORECASE | re.ASCII)
_SEGMENT: Final = re.compile(r"~?[.]?[A-Za-z0-9_][\w.-]{0,99}", re.ASCII)
_NESTED: Final = re.compile(r"~?[a-z0-9_][a-z0-9._-]{0,39}")
_MAX_NESTED: Final = 6


def safe_address(url: str) -> str:
    """`HOST[:PORT][/PATH]` of a URL, or of `git@HOST:PATH`; empty if any part has another format."""
    return _shown(url) if len(url) <= _MAX_LENGTH else ""


def safe_host(url: str) -> str:
    """`HOST[:PORT]` of a URL. The path of a webhook may be a secret."""
    return safe_address(url).partition("/")[0]


@functools.lru_cache(maxsize=1024)  # thousands of runs share a repository
def _shown(url: str) -> str:
    match = _ADDRESS.fullmatch(url)
    if match is None:
        return ""
    host, port = match["host"] or match["scp_host"], match["port"] or ""
    segments = [part for part in (match["path"] or match["scp_path"] or "").split("/") if part]
    if not _is_host(host) or not _are_segments(segments) or not (match["scheme"] or segments):
        return ""
    if port and len(segments) == 1 and host.isalnum():
        return ""  # not a repository, but possibly a user and the first digits of a password
    return "/".join([host.lower() + port, *segments])


def _is_host(host: str) -> bool:
    """Whether it is a domain name, an IP address, or one word in lower case, such as localhost."""
    if _DOTTED.fullmatch(host):
        return not begins_as_token(host)
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return host == host.lower() and host.replace("-", "").isalnum() and not looks_secret(host)
    return True


def _are_segments(segments: list[str]) -> bool:
    """Whether it is an owner and a name. Longer paths (GitLab) must be lower case, unlike most access tokens."""
    form = _SEGMENT if len(segments) <= 2 else _NESTED  # noqa: PLR2004 (owner and name)
    return len(segments) <= _MAX_NESTED and all(form.fullmatch(part) and not looks_secret(part) for part in segments)
