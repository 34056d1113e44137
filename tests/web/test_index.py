"""The page at `/`."""

import html.parser

from exporter import __version__
from tests.web.serving import a_site, fetch

HOSTILE = "<script>alert(\"1\")</script><img src=x onerror='alert(1)'>&amp;"


class Reader(html.parser.HTMLParser):
    """The tags of a page, its text, and where its links lead."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.links, self.text = [], [], ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        """Noted."""
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name == "href"]

    def handle_data(self, data):
        """Noted."""
        self.text += data


async def page_of(site):
    """The page, read."""
    status, headers, body = await fetch(f"{site.url}/")
    assert status == 200
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    return headers, Reader(body.decode())


async def test_it_tells_the_state_of_everything_that_is_read():
    """And whether the exporter is ready."""
    async with a_site() as site:
        site.runs.synced(objects=7)
        _, page = await page_of(site)
        assert "Not ready" in page.text
        site.jobs.synced(objects=8)
        _, page = await page_of(site)
    assert "Ready." in page.text
    assert f"Version {__version__}" in page.text
    for word in ("coderuns", "jobs", "watching", "7", "8", "2023-11-14 22:13:20", "UTC"):
        assert word in page.text
    assert page.links == ["/metrics", "/readyz", "/livez"]


async def test_hostile_text_stays_text():
    """What the API server says is somebody else's: it makes no tags, whatever it holds."""
    async with a_site() as site:
        _, plain = await page_of(site)
        site.runs.failed(state="unreachable", code="500", detail=HOSTILE)
        headers, page = await page_of(site)
    assert page.tags == plain.tags
    assert HOSTILE in page.text
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert headers["X-Content-Type-Options"] == "nosniff"


async def test_it_shows_notices_while_they_are_true():
    """As text, whatever they hold; and none of a subject of which nothing is to be said any more."""
    async with a_site() as site:
        _, plain = await page_of(site)
        site.notices.set("configmaps", "no ConfigMap is required")
        site.notices.set("kind", HOSTILE)
        _, page = await page_of(site)
        assert page.tags.count("p") == plain.tags.count("p") + 2
        assert "script" not in page.tags
        assert "no ConfigMap is required" in page.text
        assert HOSTILE in page.text
        site.notices.set("configmaps", "")
        site.notices.set("kind", "")
        _, page = await page_of(site)
    assert page.text == plain.text


async def test_it_links_to_the_metrics_wherever_they_are():
    """--web.telemetry-path."""
    async with a_site(path="/a/b~c") as site:
        _, page = await page_of(site)
        assert page.links[0] == "/a/b~c"
        assert (await fetch(f"{site.url}/a/b~c"))[0] == 200
        assert (await fetch(f"{site.url}/metrics"))[0] == 404
