"""Files for the tests of authentication, and a clock that they set."""

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
    """Returns a time in seconds since the epoch, which tests set."""

    def __init__(self, now=1_700_000_000.0):
        self.now = now

    def __call__(self):
        """The current time."""
        return self.now


def base64_text(text):
    """Encodes bytes as a `-data` field of a kubeconfig."""
    return base64.b64encode(text).decode()


def a_kubeconfig(folder, *, cluster=None, user=None, name="config", **top):
    """Writes a kubeconfig with the context `prod` and returns its path. `top` replaces top-level fields."""
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
    """Writes an exec plugin that runs these shell lines. Each run adds a line to the file `runs` in its directory."""
    path = folder / name
    path.write_text(f"#!/bin/sh\necho x >> {folder}/runs\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def runs_in(folder):
    """The number of runs of the plugins in this directory."""
    path = folder / "runs"
    return len(path.read_text().splitlines()) if path.exists() else 0


def exec_user(path, **more):
    """A kubeconfig user whose credentials come from this plugin."""
    return {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(path), **more}}


def answer(status, *, version="v1", quote="'"):
    """A shell command that prints an ExecCredential with this status. With quote="" shell variables are expanded."""
    content = {
        "apiVersion": f"client.authentication.k8s.io/{version}",
        "kind": "ExecCredential",
        "status": status,
    }
    return f"cat <<{quote}END{quote}\n{json.dumps(content)}\nEND"


async def load(path=None, *, environ=None, **more):
    """Loads the credentials of this kubeconfig."""
    environ = {"PATH": "/usr/bin:/bin", "HOME": "/nowhere"} | (environ or {})
    kubeconfig = None if path is None else str(path)
    return await Credentials.load(kubeconfig=kubeconfig, environ=environ, **{"context": None} | more)


async def bearer(credentials):
    """The bearer token of a request that is sent now."""
    return (await credentials.headers())["Authorization"].removeprefix("Bearer ")


async def the_error(path=None, **more):
    """Returns the error of a load. Neither the error nor its traceback may contain the secret."""
    with pytest.raises(KubeConfigError) as caught:
        await load(path, **more)
    line = str(caught.value)
    assert line.isprintable()
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    return line
