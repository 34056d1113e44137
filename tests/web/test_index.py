"""The page at `/`."""

import html.parser
import re

import pytest

from exporter import __version__
from exporter.web import overview
from exporter.web.overview import cluster_address
from exporter.web.page import duration
from tests.harness import StoreHarness, required
from tests.objects import CREATED, a_configmap, a_job, a_run, stamp
from tests.web.serving import Site, a_site, fetch

COMPLETED = {"phase": "Running", "workCompleted": True, "lastUpdate": stamp(CREATED + 420)}
EKS = "context arn:aws:eks:eu:1:a/b, API server a.example"
HOSTILE = "<script>alert(\"1\")</script><img src=x onerror='alert(1)'>&amp;"


class PageParser(html.parser.HTMLParser):
    """Collects the tags, the text and the links of a page."""

    def __init__(self, page):
        super().__init__()
        self.source, self.tags, self.links, self.text = page, [], [], ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        """Records the tag and its link."""
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name == "href"]

    def handle_data(self, data):
        """Records the text."""
        self.text += data


async def get_page(site):
    """Returns the headers and the parsed page."""
    status, headers, body = await fetch(f"{site.url}/")
    assert status == 200
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    return headers, PageParser(body.decode())


async def test_the_page_shows_the_state_of_every_resource():
    """It also shows whether the exporter is ready."""
    async with a_site() as site:
        site.runs.record_list(objects=7)
        _, page = await get_page(site)
        assert "Not ready" in page.text
        site.jobs.record_list(objects=8)
        _, page = await get_page(site)
    assert "Ready." in page.text
    assert f"Version {__version__}" in page.text
    for word in ("coderuns", "jobs", "watching", "7", "8", "2023-11-14 22:13:20", "UTC", "No run is stuck."):
        assert word in page.text
    assert page.links == ["/metrics", "/readyz", "/livez"]


async def test_hostile_text_is_escaped():
    """Messages of the API server cannot add tags."""
    async with a_site() as site:
        _, plain = await get_page(site)
        site.runs.record_failure(state="unreachable", code="500", detail=HOSTILE)
        headers, page = await get_page(site)
    assert page.tags == plain.tags
    assert HOSTILE in page.text
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert headers["X-Content-Type-Options"] == "nosniff"


async def test_notices_are_shown_while_they_apply():
    """They are escaped, and removed when they no longer apply."""
    async with a_site() as site:
        _, plain = await get_page(site)
        site.notices.set("configmaps", "no ConfigMap is required")
        site.notices.set("kind", HOSTILE)
        _, page = await get_page(site)
        assert page.tags.count("p") == plain.tags.count("p") + 2
        assert "script" not in page.tags
        assert "no ConfigMap is required" in page.text
        assert HOSTILE in page.text
        site.notices.set("configmaps", "")
        site.notices.set("kind", "")
        _, page = await get_page(site)
    assert page.text == plain.text


async def test_the_page_links_to_the_metrics_path():
    """The flag --web.telemetry-path sets it."""
    async with a_site(path="/a/b~c") as site:
        _, page = await get_page(site)
        assert page.links[0] == "/a/b~c"
        assert (await fetch(f"{site.url}/a/b~c"))[0] == 200
        assert (await fetch(f"{site.url}/metrics"))[0] == 404


async def page_with(*objects, now=CREATED + 7200, address="", **more):
    """The page of an exporter that has listed these objects."""
    site = Site()
    site.cache, site.now, site.address = StoreHarness(*objects, now=now, **more).cache, now, address
    async with a_site(site):
        for status in (site.runs, site.jobs):
            status.record_list(objects=1)
        return (await get_page(site))[1]


def rows_of(page):
    """The cells of each row of the first table, as HTML."""
    rows = re.findall(r"<tr><td.*?</tr>", page.source, re.DOTALL)
    return [re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL) for row in rows]


async def test_stuck_runs_are_listed_by_severity_with_their_cause():
    """Critical ones are before warnings, and then those that exceed their limit the longest."""
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


async def test_runs_within_their_limit_and_unknown_runs_are_not_listed():
    """While Jobs are unknown, a run may have a Job."""
    run = a_run()
    for page in (
        await page_with(run, now=CREATED + 599),
        await page_with(run, unread=("jobs",)),
        await page_with(a_run(status={"phase": "Running"}), a_job(started=CREATED), now=CREATED + 3599),
        await page_with(a_run(status={"phase": "Failed"})),
    ):
        assert "No run is stuck." in page.text


async def test_ages_are_current():
    """The search for stuck runs is cached for some seconds. The ages are computed for each response."""
    site = Site()
    site.cache, site.now = StoreHarness(a_run(), now=CREATED + 700).cache, CREATED + 700
    async with a_site(site):
        for status in (site.runs, site.jobs):
            status.record_list(objects=1)
        assert rows_of((await get_page(site))[1])[0][4] == "11m"
        site.now += 60
        assert rows_of((await get_page(site))[1])[0][4] == "12m"


async def test_at_most_200_stuck_runs_are_shown():
    """The most severe are shown, and the number of the others."""
    runs = [a_run(name=f"r{number:03}", uid=f"u{number}", created=CREATED + number) for number in range(203)]
    page = await page_with(*runs)
    rows = [row for row in rows_of(page) if row[0] == "no Job"]
    assert (len(rows), rows[0][2], rows[-1][2]) == (200, "r000", "r199")
    assert "3 more are stuck." in page.text


async def test_names_of_the_cluster_are_escaped():
    """Names, messages and addresses cannot add tags."""
    plain = await page_with(a_run())
    page = await page_with(a_run(name=HOSTILE, namespace="\u202egnp.evil"), address=HOSTILE)
    assert page.tags == plain.tags
    assert page.text.count(HOSTILE) == 1  # the address; names are cleaned when they are decoded
    assert "gnp.evil" in page.text
    assert "\u202e" not in page.text


async def test_a_missing_required_configmap_is_marked_as_bad():
    """Its problem is shown. Only the number of healthy ones is shown."""
    good = a_configmap(name="good", namespace="agent-platform", data={"k": "v"})
    page = await page_with(good, needed=[required("gone"), required("good"), required("half", keys=["x"])])
    assert '<td class="bad">missing</td><td class="">agent-platform</td><td class="name">gone</td>' in page.source
    assert "1 required ConfigMap healthy." in page.text
    assert page.text.index("Required ConfigMaps") < page.text.index("Stuck runs")
    assert "No ConfigMap is known to be required." in (await page_with(a_run())).text


async def test_required_configmaps_that_are_forbidden_are_unknown():
    """The page must not state that none is required."""
    site = Site()
    status = site.telemetry.resource(resource="configmaps", scope="agent-platform/a", required=False)
    site.groups["configmaps"] = [status]
    async with a_site(site):
        status.record_failure(state="forbidden", code="403", detail="no")
        _, page = await get_page(site)
    assert "Unknown: required ConfigMaps have not been read, see below." in page.text
    assert "No ConfigMap is known to be required." not in page.text


@pytest.mark.parametrize(("number", "text"), [(201, "1 more is stuck."), (202, "2 more are stuck.")])
async def test_the_number_of_other_stuck_runs_is_shown(number, text):
    """The text has a singular and a plural."""
    page = await page_with(*(a_run(name=f"r{each}", uid=f"u{each}") for each in range(number)))
    assert text in page.text


async def test_before_the_initial_lists_the_page_says_unknown():
    """Stale data is marked too."""
    async with a_site() as site:
        _, page = await get_page(site)
        assert "Unknown until the initial lists have completed." in page.text
        for status in (site.runs, site.jobs):
            status.record_list(objects=1)
        site.jobs.record_failure(state="unreachable", code="connect", detail="x")
        _, page = await get_page(site)
    assert "Stale: not every required resource is watched" in page.text


async def test_the_page_shows_the_cluster():
    """The cluster is shown next to the version."""
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
def test_only_safe_addresses_are_shown(source, server, shown):
    """A URL can contain a user, a password or a secret path."""
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
def test_durations_have_one_or_two_units(seconds):
    """The largest units are used."""
    assert duration(seconds) == DURATIONS[seconds]


async def test_many_requests_search_for_stuck_runs_once(monkeypatch):
    """The result is cached."""
    searched = []
    monkeypatch.setattr(overview, "stuck", lambda item, *_, **__: searched.append(item))
    site = Site()
    site.cache = StoreHarness(a_run()).cache
    async with a_site(site):
        for _ in range(5):
            await get_page(site)
    assert len(searched) == 1
