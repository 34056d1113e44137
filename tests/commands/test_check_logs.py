"""Logs in `check`: whether they may be read, and whether the formats read those of running agents."""

import pytest

from tests.clusters import NAMESPACE, a_job, a_run, a_server, a_status
from tests.commands.checking import NO_CONFIGMAPS, check
from tests.log_formats.reading import lines_of
from tests.test_container_logs import a_running_pod

CONFIG = NO_CONFIGMAPS + "logs: {enabled: true}\n"
AT = 1_790_000_000.0
SECRET = "text-of-the-log"
THAT = f"that of container claude-code of pod {NAMESPACE}/j-x"
UNKNOWN = f'{{"type": "{SECRET}", "session_id": "{SECRET}"}}'.encode()
WITHOUT = "without it, the last word, the cost and the silence of agents are unknown"


def lines_about(lines):
    """Those about logs."""
    return [line for line in lines if "  logs" in line]


async def formats_of(folder, *lines, config=CONFIG):
    """The code, and the findings about the format of a log with these lines."""
    async with a_server(a_run("r"), a_job("j"), a_running_pod()) as server:
        server.logs.write(NAMESPACE, "j-x", "claude-code", *((AT, line) for line in lines))
        code, found = await check(server.url, folder, config=config)
        if "logs" not in config:
            assert not [one for one in server.requests if "/log" in one]
    assert not any(SECRET in line for line in found)
    return code, [line.replace("  log formats", "").replace(THAT, "THAT") for line in found if "log formats" in line]


async def test_logs_that_may_be_read(tmp_path):
    """A Pod that does not exist is requested, in each namespace of the settings."""
    async with a_server() as server:
        code, lines = await check(server.url, tmp_path, "--namespaces=a,b", config=CONFIG)
        requests = [one for one in server.requests if "/log" in one]
    assert lines_about(lines) == [f"ok  logs in namespace {name}: can be read" for name in "ab"]
    assert sorted(one.partition("?")[0] for one in requests) == [
        f"GET /api/v1/namespaces/{name}/pods/coderun-exporter-check/log" for name in "ab"
    ]
    assert code == 1  # the namespaces do not exist


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (lambda: a_status(403, "no"), f"not permitted: grant the verb get for pods/log; {WITHOUT}"),
        (lambda: a_status(404, "no", headers={"Audit-Id": ""}), "cannot be checked: 404 at PATH: Not Found"),
        (lambda: a_status(503, "no"), "cannot be checked: 503 at PATH: Service Unavailable"),
    ],
)
async def test_logs_that_may_not_be_read_are_a_note(tmp_path, answer, text):
    """Nothing else depends on them."""
    async with a_server() as server:

        async def intercept(request):
            return answer() if request.path.endswith("/log") else None

        server.intercept = intercept
        code, lines = await check(server.url, tmp_path, config=CONFIG)
    path = "/api/v1/namespaces/default/pods/coderun-exporter-check/log"
    assert lines_about(lines) == [f"note  logs in all namespaces: {text.replace('PATH', path)}"]
    assert code == 0


async def test_logs_are_checked_only_if_they_are_read(tmp_path):
    """By default they are not."""
    async with a_server() as server:
        _, lines = await check(server.url, tmp_path, config=NO_CONFIGMAPS)
        assert not [one for one in server.requests if "/log" in one]
    assert lines_about(lines) == []


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        ((), []),
        (
            [line.text for line in lines_of("claude.done.log")],
            ["ok: known in 1 of 1 log of running agents"],
        ),
        (
            [SECRET.encode()],
            ["ok: known in 0 of 1 log of running agents; text of no format in the others, such as THAT"],
        ),
        ([UNKNOWN], ["note: no format reads 1 of 1 log, such as THAT: add the format to logs.formats"]),
        (
            [*(line.text for line in lines_of("claude.done.log")), UNKNOWN, UNKNOWN],
            ["note: format claude does not have 2 JSON lines in 1 of 1 log (such as THAT): the CLI may be newer"],
        ),
    ],
)
async def test_the_logs_of_running_agents_are_in_known_formats(tmp_path, lines, text):
    """Logs that no format reads are a note, without their text."""
    assert await formats_of(tmp_path, *lines) == (0, text)


async def test_a_format_of_the_settings_is_known(tmp_path):
    """The note is gone with it."""
    ours = f"{{name: ours, signs: [{{type: {SECRET}}}], events: [{{when: {{type: {SECRET}}}}}]}}"
    config = f"{NO_CONFIGMAPS}logs: {{enabled: true, formats: [{ours}]}}"
    assert await formats_of(tmp_path, UNKNOWN, config=config) == (
        0,
        ["ok: known in 1 of 1 log of running agents"],
    )


async def test_a_log_that_cannot_be_read_is_left_out(tmp_path):
    """The permission is another finding."""
    async with a_server(a_run("r"), a_job("j"), a_running_pod()) as server:
        server.logs.write(NAMESPACE, "j-x", "claude-code", (AT, UNKNOWN))

        async def intercept(request):
            return a_status(500, SECRET) if request.path.endswith("j-x/log") else None

        server.intercept = intercept
        code, found = await check(server.url, tmp_path, config=CONFIG)
    assert code == 0
    assert not [line for line in found if "log formats" in line or SECRET in line]
