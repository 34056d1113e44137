"""The page at `/`."""

import html.parser
import re

import pytest

from exporter import __version__
from exporter.web import overview
from exporter.web.overview import cluster_address
from exporter.web.page import duration
from tests.objects import CREATED, a_configmap, a_job, a_run, stamp
from tests.web.serving import Site, a_site, fetch
from tests.worlds import World, required

COMPLETED = {"phase": "Running", "workCompleted": True, "lastUpdate": stamp(CREATED + 420)}
EKS = "context arn:aws:eks:eu:1:a/b, API server a.example"
HOSTILE = "<script>alert(\"1\")</script><img src=x onerror='alert(1)'>&amp;"


class Reader(html.parser.HTMLParser):
    """The tags of a page, its text, and where its links lead."""

    def __init__(self, page):
        super().__init__()
        self.source, self.tags, self.links, self.text = page, [], [], ""
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
        site.runs.record_list(objects=7)
        _, page = await page_of(site)
        assert "Not ready" in page.text
        site.jobs.record_list(objects=8)
        _, page = await page_of(site)
    assert "Ready." in page.text
    assert f"Version {__version__}" in page.text
    for word in ("coderuns", "jobs", "watching", "7", "8", "2023-11-14 22:13:20", "UTC", "No run is stuck."):
        assert word in page.text
    assert page.links == ["/metrics", "/readyz", "/livez"]


async def test_hostile_text_stays_text():
    """What the API server says is somebody else's: it makes no tags, whatever it holds."""
    async with a_site() as site:
        _, plain = await page_of(site)
        site.runs.record_failure(state="unreachable", code="500", detail=HOSTILE)
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


async def page_with(*objects, now=CREATED + 7200, address="", **more):
    """The page of a site that has read these objects."""
    site = Site()
    site.cache, site.now, site.address = World(*objects, now=now, **more).cache, now, address
    async with a_site(site):
        for status in (site.runs, site.jobs):
            status.record_list(objects=1)
        return (await page_of(site))[1]


def rows_of(page):
    """The cells of each row of the first table, as text."""
    rows = re.findall(r"<tr><td.*?</tr>", page.source, re.DOTALL)
    return [re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL) for row in rows]


async def test_stuck_runs_are_listed_worst_first_with_their_cause():
    """What is critical before what is a warning, then by the time beyond the limit."""
    old, new = (a_run(name=name, uid=name, created=created) for name, created in (("old", 0), ("new", CREATED)))
    busy = a_run(name="busy", uid="busy", status=COMPLETED)
    page = await page_with(new, old, busy, a_job(of=busy, started=CREATED))
    assert [row[:4] for row in rows_of(page)[:3]] == [
        ["no Job", "n", "old", ""],
        ["no Job", "n", "new", ""],
        ["running", "n", "busy", "j"],
    ]
    assert rows_of(page)[1][4:] == [
        "2h",
        "10m",
        "not_reconciled: no finalizer and no status: no controller has processed it",
        "kubectl -n n get coderuns.agents.platform new -o yaml",
    ]
    assert rows_of(page)[2][4:] == [
        "2h",
        "1h",
        "finished_not_exited: CodeRun busy reports completed work",
        "kubectl -n n get pods -l job-name=j -o wide",
    ]


async def test_what_is_within_its_limit_or_may_have_a_job_is_not_listed():
    """An unknown is not a no."""
    run = a_run()
    for page in (
        await page_with(run, now=CREATED + 599),
        await page_with(run, unread=("jobs",)),
        await page_with(a_run(status={"phase": "Running"}), a_job(started=CREATED), now=CREATED + 3599),
        await page_with(a_run(status={"phase": "Failed"})),
    ):
        assert "No run is stuck." in page.text


async def test_ages_are_those_of_the_moment():
    """What is stuck is looked for every few seconds, how long is computed for each response."""
    site = Site()
    site.cache, site.now = World(a_run(), now=CREATED + 700).cache, CREATED + 700
    async with a_site(site):
        for status in (site.runs, site.jobs):
            status.record_list(objects=1)
        assert rows_of((await page_of(site))[1])[0][4] == "11m"
        site.now += 60
        assert rows_of((await page_of(site))[1])[0][4] == "12m"


async def test_of_many_stuck_runs_the_worst_200_are_shown():
    """And how many more there are."""
    runs = [a_run(name=f"r{number:03}", uid=f"u{number}", created=CREATED + number) for number in range(203)]
    page = await page_with(*runs)
    rows = [row for row in rows_of(page) if row[0] == "no Job"]
    assert (len(rows), rows[0][2], rows[-1][2]) == (200, "r000", "r199")
    assert "3 more are stuck." in page.text


async def test_names_of_the_cluster_make_no_tags():
    """Names, messages and addresses, whatever they hold."""
    plain = await page_with(a_run())
    page = await page_with(a_run(name=HOSTILE, namespace="\u202egnp.evil"), address=HOSTILE)
    assert page.tags == plain.tags
    assert page.text.count(HOSTILE) == 1  # the address; names are cleaned where they are read
    assert "gnp.evil" in page.text
    assert "\u202e" not in page.text


async def test_a_missing_required_configmap_is_red():
    """With its problem; those that are healthy are a number."""
    good = a_configmap(name="good", namespace="agent-platform", data={"k": "v"})
    page = await page_with(good, needed=[required("gone"), required("good"), required("half", keys=["x"])])
    assert '<td class="bad">missing</td><td class="">agent-platform</td><td class="name">gone</td>' in page.source
    assert "1 required ConfigMap healthy." in page.text
    assert page.text.index("Required ConfigMaps") < page.text.index("Stuck runs")
    assert "No ConfigMap is known to be required." in (await page_with(a_run())).text


async def test_required_configmaps_that_may_not_be_read_are_unknown():
    """That none is known to be required would be untrue."""
    site = Site()
    status = site.telemetry.resource(resource="configmaps", scope="agent-platform/a", required=False)
    site.groups["configmaps"] = [status]
    async with a_site(site):
        status.record_failure(state="forbidden", code="403", detail="no")
        _, page = await page_of(site)
    assert "Unknown: required ConfigMaps have not been read, see below." in page.text
    assert "No ConfigMap is known to be required." not in page.text


@pytest.mark.parametrize(("number", "text"), [(201, "1 more is stuck."), (202, "2 more are stuck.")])
async def test_the_rest_of_the_stuck_runs_is_counted(number, text):
    """In the singular and in the plural."""
    page = await page_with(*(a_run(name=f"r{each}", uid=f"u{each}") for each in range(number)))
    assert text in page.text


async def test_before_the_first_lists_nothing_is_said_to_be_well():
    """And while the data may be old, that is said first."""
    async with a_site() as site:
        _, page = await page_of(site)
        assert "Unknown until the initial lists have completed." in page.text
        for status in (site.runs, site.jobs):
            status.record_list(objects=1)
        site.jobs.record_failure(state="unreachable", code="connect", detail="x")
        _, page = await page_of(site)
    assert "Stale: not every required resource is watched" in page.text


async def test_it_says_which_cluster_it_is_about():
    """Beside the version."""
    assert (
        "context dev, API server 10.0.0.1:6443. Version"
        in (await page_with(a_run(), address="context dev, API server 10.0.0.1:6443")).text
    )


@pytest.mark.parametrize(
    ("source", "server", "shown"),
    [
        ("kubeconfig /x/config (context dev)", "https://127.0.0.1:6443", "context dev, API server 127.0.0.1:6443"),
        ("in-cluster service account", "https://10.96.0.1:443", "API server 10.96.0.1:443"),
        ("in-cluster service account", "https://[fd00::1]:443", "API server [fd00::1]:443"),
        ("kubeconfig x (context arn:aws:eks:eu:1:a/b)", "https://a.example/secret", EKS),
        ("kubeconfig x (context a b)", "https://user:secret@host.example", "API server host.example"),
        ("kubeconfig x (context a)", "https://se<cr>et", "context a"),
        ("kubeconfig x (context a)", "https://[x", "context a"),
    ],
)
def test_only_what_has_a_good_form_is_shown_of_an_address(source, server, shown):
    """A URL may hold a user, a password or a secret path."""
    assert cluster_address(source, server) == shown


DURATIONS = {
    -5: "0s",
    59.9: "59s",
    60: "1m",
    3599: "59m",
    3600: "1h",
    7500: "2h 5m",
    9e4: "1d 1h",
    float("inf"): "none",
}


@pytest.mark.parametrize("seconds", DURATIONS)
def test_durations_are_short(seconds):
    """The two largest units."""
    assert duration(seconds) == DURATIONS[seconds]


async def test_a_flood_of_requests_looks_once(monkeypatch):
    """However many load the page at once."""
    looked = []
    monkeypatch.setattr(overview, "stuck", lambda item, *_, **__: looked.append(item))
    site = Site()
    site.cache = World(a_run()).cache
    async with a_site(site):
        for _ in range(5):
            await page_of(site)
    assert len(looked) == 1
