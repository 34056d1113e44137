"""The image of the Dockerfile: built, and run by podman as a pod of `deploy/` would run it."""

import asyncio
import http.client
import os
import subprocess

import pytest

from exporter import __version__
from lab.processes import free_ports
from lab.waiting import until
from tests.clusters import a_job, a_run, a_server
from tests.exporting import Metrics
from tests.image.containers import BUILD, Container, build, digest_of, inspect, podman, remove, run
from tests.kube.settings import a_kubeconfig

pytestmark = [pytest.mark.needs("podman", "runc", "mmdebstrap"), pytest.mark.timeout(600)]

MAX_MEGABYTES = 135
"""The size that the image may add to the base image. docs/image.md has the size of the packages."""

MODULES = """
import os, sys
import exporter.commands.run, kubernetes.aio.client, kubernetes.aio.config
for module in list(sys.modules.values()):
    if cached := getattr(module, "__cached__", None):
        print(module.__file__, os.path.exists(cached))
"""
"""A script that prints the path of each imported module and whether its bytecode exists."""


@pytest.fixture(scope="module")
def image():
    """The ID of the image, which has a name of its own for this test run."""
    if os.geteuid():
        needed = "building and mounting the image needs root"
        if os.environ.get("REQUIRE_COMPONENTS") == "1":
            pytest.fail(needed, pytrace=False)
        pytest.skip(needed)
    name = f"localhost/coderun-exporter-test-{os.getpid()}:first"
    yield build(name)
    remove(name)


def test_the_home_folder_may_have_a_long_path(tmp_path, monkeypatch):
    """Podman rejects a run root of more than 50 characters."""
    home = tmp_path / ("long" * 20)
    monkeypatch.setenv("XDG_CACHE_HOME", str(home))
    assert podman("info", "--format={{.Store.GraphRoot}}").startswith(str(home))


def a_mount(folder, url="http://127.0.0.1:1"):
    """The option that mounts a kubeconfig for this API server. By default no server listens there."""
    path = a_kubeconfig(folder, cluster={"server": url})
    path.chmod(0o644)
    return f"--volume={path}:/kubeconfig:ro"


def serving_container(image, folder, *, url="http://127.0.0.1:1"):
    """A container whose exporter listens on a loopback port of the host, and the port."""
    [port] = free_ports(1)
    args = ("--kubeconfig=/kubeconfig", f"--web.listen-address=127.0.0.1:{port}")
    return Container(image, *args, options=(a_mount(folder, url),)), port


def get(port, path):
    """Status and body. Raises OSError if the request fails."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def until_200(path, container, port):
    """Waits until the path is answered with 200. Returns the body."""
    return until(
        lambda: (answer := get(port, path))[0] == 200 and answer, what=path, otherwise=container.log, seconds=60
    )[1]


def scrape(image, folder, url):
    """The metrics of an exporter that has read this API server."""
    container, port = serving_container(image, folder, url=url)
    with container:
        for path in ("/livez", "/readyz"):
            until_200(path, container, port)
        return Metrics(until_200("/metrics", container, port))


async def test_a_scrape_has_the_runs_of_the_cluster(image, tmp_path):
    """The container has none of the rights that the exporter does not need."""
    async with a_server(a_run("r"), a_job("j")) as server:
        metrics = await asyncio.to_thread(scrape, image, tmp_path, server.url)
    assert metrics.values("coderun_job_name", coderun="r", job_name="j") == [1]


def test_it_runs_without_privileges(image, tmp_path):
    """User and group are 10001, without other groups. No capability set has a capability, and none can be gained."""
    container, port = serving_container(image, tmp_path)
    with container:
        until_200("/livez", container, port)
        status = container.status()
    assert [status["Uid"], status["Gid"]] == ["10001 10001 10001 10001"] * 2
    assert status["Groups"] in {"", "10001"}
    assert {status[f"Cap{name}"] for name in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {"0" * 16}
    assert status["NoNewPrivs"] == "1"


def test_nothing_in_it_is_writable(image):
    """No file or folder of a container can be written, not even in /tmp. The kernel's file systems are not tested."""
    kernels = ("(", "-path", "/proc", "-o", "-path", "/dev", "-o", "-path", "/sys", ")", "-prune")
    closed = ("-type", "d", "(", "!", "-readable", "-o", "!", "-executable", ")", "-prune")
    assert run(image, "/", *kernels, "-o", "-writable", "-print", "-o", *closed, entry="find") == ""


def test_the_user_owns_no_files(image):
    """A container with a writable root cannot change the program either."""
    options = ("--no-healthcheck", "--pull=never")
    assert run(image, "/opt", "-writable", entry="find", options=options) == ""
    owned = ("(", "-uid", "10001", "-o", "-gid", "10001", "-o", "-nouser", "-o", "-nogroup", ")")
    assert run(image, "/", "-xdev", *owned, entry="find", options=("--user=0", *options)) == ""


def test_sigterm_ends_the_container(image, tmp_path):
    """The exporter is the first process of the container, and exits with 0 in time."""
    container, port = serving_container(image, tmp_path)
    with container:
        until_200("/livez", container, port)
        code, took = container.end()
        assert code == 0, container.log()
    assert took < 2  # the promise is 1 s on an idle machine


def test_the_health_check_reports_success_and_failure(image, tmp_path):
    """In a container with its own network, the command returns 0 while the exporter serves metrics, and else 1."""
    kind, *command = inspect(image)["Healthcheck"]["Test"]
    assert kind == "CMD"
    with Container(image, "--kubeconfig=/kubeconfig", options=("--network=none", a_mount(tmp_path))) as container:
        until(lambda: container.call(*command) == 0, what="the health check", otherwise=container.log)
    with Container(image, "60", options=("--network=none", "--entrypoint=sleep")) as container:
        assert container.call("true") == 0
        assert container.call(*command) == 1


def test_the_version_is_that_of_the_sources(image):
    """`--version` prints it."""
    assert run(image, "--version") == f"coderun-exporter {__version__}\n"


def test_the_labels_describe_the_image(image):
    """They are title, description, license and version, with the names of the Open Container Initiative."""
    labels = inspect(image)["Labels"]
    values = {name.removeprefix("org.opencontainers.image."): text for name, text in labels.items()}
    assert values["title"] == "coderun-exporter"
    assert values["description"].startswith("Tells Prometheus")
    assert values["licenses"] == "Apache-2.0"
    assert values["version"] == __version__


def test_imported_modules_are_compiled(image):
    """Python cannot store bytecode in a read-only root, so each start would compile missing bytecode again."""
    modules = [line.split() for line in run(image, "-c", MODULES, entry="python").splitlines()]
    assert len(modules) > 400
    assert [source for source, compiled in modules if compiled != "True"] == []


def test_the_image_is_as_small_as_its_packages(image):
    """It contains no cache, no compiler and no second pip."""
    base = inspect(podman("images", "--quiet", "--filter=reference=*/python").split()[0])["Size"]
    above = (inspect(image)["Size"] - base) / 1e6
    assert 0 < above < MAX_MEGABYTES


@pytest.mark.skipif(os.environ.get("REQUIRE_COMPONENTS") != "1", reason="takes minutes: .ci/run builds it twice")
def test_the_same_sources_make_the_same_files(image):
    """/opt/venv of two builds has the same paths, modes, owners and contents."""
    name = f"localhost/coderun-exporter-test-{os.getpid()}:second"
    again = build(name)
    try:
        first, second = digest_of(image, "opt/venv"), digest_of(again, "opt/venv")
    finally:
        remove(name)
    assert again != image
    assert len(first) > 1000
    assert {path for path in first.keys() | second.keys() if first.get(path) != second.get(path)} == set()


def test_a_missing_program_is_named(tmp_path):
    """Without podman the build exits with 2, and one line says what to install."""
    for name in ("bash", "dirname"):
        (tmp_path / name).symlink_to(f"/usr/bin/{name}")
    done = subprocess.run(
        [tmp_path / "bash", BUILD], env={"PATH": str(tmp_path), "HOME": str(tmp_path)},
        capture_output=True, text=True, timeout=10, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "tools/image/build: needs podman runc mmdebstrap: "
        "apt-get install --no-install-recommends podman runc mmdebstrap\n"
    )
