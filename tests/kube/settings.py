"""What the tests of authentication write to disk, and the clock that they read."""

import base64
import json
import stat
import traceback

import pytest
import yaml

from exporter.kube.auth import Credentials
from exporter.kube.errors import KubeConfigError

SECRET = "s3cr3t-t0k3n"


class Clock:
    """Seconds since the epoch, moved by hand."""

    def __init__(self, now=1_700_000_000.0):
        self.now = now

    def __call__(self):
        """The time."""
        return self.now


def based(text):
    """As kubeconfig's -data keys want it."""
    return base64.b64encode(text).decode()


def a_kubeconfig(folder, *, cluster=None, user=None, name="config", **top):
    """A kubeconfig with one context `prod`, written into the folder; `top` replaces what stands at its top."""
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "prod",
        "contexts": [{"name": "prod", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"} if cluster is None else cluster}],
        "users": [{"name": "u", "user": {"token": SECRET} if user is None else user}],
    }
    path = folder / name
    path.write_text(yaml.safe_dump(content | {key.replace("_", "-"): value for key, value in top.items()}))
    return path


def a_plugin(folder, script, *, name="plugin"):
    """An exec plugin made of shell lines; each run adds a line to the file `runs` beside it."""
    path = folder / name
    path.write_text(f"#!/bin/sh\necho x >> {folder}/runs\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def runs_in(folder):
    """How often the plugins of this folder ran."""
    path = folder / "runs"
    return len(path.read_text().splitlines()) if path.exists() else 0


def exec_user(path, **more):
    """A user whose credentials come from the plugin."""
    return {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(path), **more}}


def answer(status, *, version="v1", quote="'"):
    """The shell line by which a plugin answers with this status; quote="" leaves the shell's variables in it."""
    content = {
        "apiVersion": f"client.authentication.k8s.io/{version}",
        "kind": "ExecCredential",
        "status": status,
    }
    return f"cat <<{quote}END{quote}\n{json.dumps(content)}\nEND"


async def load(path=None, *, environ=None, **more):
    """Credentials from this kubeconfig."""
    environ = {"PATH": "/usr/bin:/bin", "HOME": "/nowhere"} | (environ or {})
    kubeconfig = None if path is None else str(path)
    return await Credentials.load(kubeconfig=kubeconfig, environ=environ, **{"context": None} | more)


async def bearer(credentials):
    """The token that a request would carry now."""
    return (await credentials.headers())["Authorization"].removeprefix("Bearer ")


async def the_error(path=None, **more):
    """The one line that loading ends with; neither it nor its traceback shows a secret."""
    with pytest.raises(KubeConfigError) as caught:
        await load(path, **more)
    line = str(caught.value)
    assert line.isprintable()
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    return line
