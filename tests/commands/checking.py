"""What the tests of `check` share: the command against a server, and the server's refusals."""

import re

from aiohttp import web

from tests.clusters import a_server
from tests.commands.in_process import call_in_thread
from tests.kube.settings import SECRET, a_kubeconfig

NO_CONFIGMAPS = "configmaps: {required: []}\n"
OPTIONAL = [f"ok  {what} in all namespaces: can be listed and watched" for what in ("pods of Jobs", "events")]
TWO = "configmaps: {required: [a, {name: b, keys: [x.sh]}]}\n"


def a_config(folder, text=TWO):
    """A settings file."""
    path = folder / "settings.yml"
    path.write_text(text)
    return path


async def check(url, folder, *more, config=TWO, user=None):
    """Exit code and lines, without their padding and without the first one: it names the cluster."""
    kubeconfig = a_kubeconfig(folder, cluster={"server": url}, user=user)
    words = ("check", "--kubeconfig", kubeconfig, "--config.file", a_config(folder, config), *more)
    code, out, err = await call_in_thread(*words)
    assert err == ""
    assert SECRET not in out
    lines = out.splitlines()
    if "--output" in more:
        return code, lines
    assert lines[0].split()[:4] == ["note", "API", "server", f"{url.removeprefix('http://')}:"]
    return code, [re.sub(r"^(\w+) +", r"\1  ", line) for line in lines[1:]]


def refuses(server, path, make, *, named="", verb=""):
    """Requests under this path get such an answer: all, or those for one name, or those of one verb."""

    async def intercept(request):
        selected = request.query.get("fieldSelector", "")
        asked = "watch" if request.query.get("watch") else "list"
        hit = request.path.startswith(path) and selected.endswith(named) and asked.startswith(verb)
        return make() if hit else None

    server.intercept = intercept


def a_review(body):
    """The answer to a review."""
    return web.json_response(body, status=201)


def kinds(*kinds):
    """Settings with these kinds, and without ConfigMaps."""
    return NO_CONFIGMAPS + f"coderuns: {{kinds: [{', '.join(kinds)}]}}\n"


async def lines_of(folder, *objects, config=NO_CONFIGMAPS, words=(), code=0, without="can be listed|profile of"):
    """The lines of a check that ends with this code, but for those that hold some words."""
    async with a_server(*objects) as server:
        got, lines = await check(server.url, folder, *words, config=config)
    assert got == code, lines
    return [line for line in lines if not without or not re.search(without, line)]
