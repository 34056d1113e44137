"""Helpers for tests of `check`: the command against the stand-in API server, and requests that it rejects."""

import re

from aiohttp import web

from tests.clusters import a_server
from tests.commands.in_process import call_in_thread
from tests.kube.settings import SECRET, a_kubeconfig

NO_CONFIGMAPS = "configmaps: {required: []}\n"
OPTIONAL = [f"ok  {what} in all namespaces: can be listed and watched" for what in ("pods of Jobs", "events")]
TWO_CONFIGMAPS = "configmaps: {required: [a, {name: b, keys: [x.sh]}]}\n"


def a_config(folder, text=TWO_CONFIGMAPS):
    """The path of a settings file with this text."""
    path = folder / "settings.yml"
    path.write_text(text)
    return path


async def check(url, folder, *more, config=TWO_CONFIGMAPS, user=None):
    """Exit code and lines, with uniform padding. The first line, which names the cluster, is checked and left out."""
    kubeconfig = a_kubeconfig(folder, cluster={"server": url}, user=user)
    args = ("check", "--kubeconfig", kubeconfig, "--config.file", a_config(folder, config), *more)
    code, out, err = await call_in_thread(*args)
    assert err == ""
    assert SECRET not in out
    lines = out.splitlines()
    if "--output" in more:
        return code, lines
    assert lines[0].split()[:4] == ["note", "API", "server", f"{url.removeprefix('http://')}:"]
    return code, [re.sub(r"^(\w+) +", r"\1  ", line) for line in lines[1:]]


def reject_requests(server, path, make, *, named="", verb=""):
    """The server responds with `make()` to requests under this path: to all, or those for a name or with a verb."""

    async def intercept(request):
        selected = request.query.get("fieldSelector", "")
        requested = "watch" if request.query.get("watch") else "list"
        hit = request.path.startswith(path) and selected.endswith(named) and requested.startswith(verb)
        return make() if hit else None

    server.intercept = intercept


def a_review(body):
    """The response to a review."""
    return web.json_response(body, status=201)


def kinds(*kinds):
    """Settings with these kinds and without required ConfigMaps."""
    return NO_CONFIGMAPS + f"coderuns: {{kinds: [{', '.join(kinds)}]}}\n"


async def lines_of(folder, *objects, config=NO_CONFIGMAPS, args=(), code=0, without="can be listed|profile of"):
    """The lines of a check that must exit with `code`, except those that match the pattern `without`."""
    async with a_server(*objects) as server:
        got, lines = await check(server.url, folder, *args, config=config)
    assert got == code, lines
    return [line for line in lines if not without or not re.search(without, line)]
