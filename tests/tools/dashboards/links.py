"""Links in table cells as Grafana expands them, and the variables that the URL of a link sets."""

import re
import urllib.parse
from collections.abc import Mapping

__all__ = ["expand_link", "link_target"]

_FIELD = re.compile(r"\$\{__data\.fields\.(?P<field>\w+)(?::(?P<format>\w+))?\}")
_KEPT_IN_URLS = ";,/?:@&=+$#-_.~"


def expand_link(url: str, row: Mapping[str, str], *, datasource: str = "prometheus", since: str = "now-3h") -> str:
    """The URL. Without a format, `&` and `#` of a field are kept, as Grafana does. A missing field is empty."""

    def expand(found: re.Match[str]) -> str:
        kept = "" if found["format"] == "percentencode" else _KEPT_IN_URLS
        return urllib.parse.quote(row.get(found["field"], ""), safe=kept)

    url = url.replace("${datasource:queryparam}", f"var-datasource={datasource}")
    return _FIELD.sub(expand, url.replace("${__url_time_range}", f"from={since}&to=now"))


def link_target(address: str) -> tuple[str, dict[str, str | list[str]], str]:
    """The UID of the dashboard, the values of its variables, and the start of its time range."""
    parts = urllib.parse.urlsplit(address)
    query = urllib.parse.parse_qs(parts.query, keep_blank_values=True, strict_parsing=True)
    assert not parts.fragment
    chosen: dict[str, str | list[str]] = {
        name.removeprefix("var-"): values[0] for name, values in query.items() if name.startswith("var-")
    }
    assert all(len(values) == 1 for values in query.values()), query
    return parts.path.removeprefix("/d/"), chosen | {"cluster": query["var-cluster"]}, query["from"][0]
