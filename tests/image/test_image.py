"""The image of the Dockerfile, built and run for real: as a pod of deploy/ would run it, but by podman."""

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

MOST_MEGABYTES = 135
"""Above the base. What the packages take today is in docs/image.md."""

MODULES = """
import os, sys
import exporter.commands.run, kubernetes.aio.client, kubernetes.aio.config
for module in list(sys.modules.values()):
    if cached := getattr(module, "__cached__", None):
        print(module.__file__, os.path.exists(cached))
"""


@pytest.fixture(scope="module")
def image():
    """The image, under a name of this test run's own."""
    if os.geteuid():
        needed = "builds and looks into the image as root"
        if os.environ.get("REQUIRE_COMPONENTS") == "1":
            pytest.fail(needed, pytrace=False)
        pytest.skip(needed)
    name = f"localhost/coderun-exporter-test-{os.getpid()}:first"
    yield build(name)
    remove(name)


def test_the_home_may_have_a_long_path(tmp_path, monkeypatch):
    """Podman takes no run root of more than 50 characters, and says nothing but that."""
    home = tmp_path / ("long" * 20)
    monkeypatch.setenv("XDG_CACHE_HOME", str(home))
    assert podman("info", "--format={{.Store.GraphRoot}}").startswith(str(home))


def a_mount(folder, url="http://127.0.0.1:1"):
    """The option that gives a container a kubeconfig for this API server; by default one that is down."""
    path = a_kubeconfig(folder, cluster={"server": url})
    path.chmod(0o644)
    return f"--volume={path}:/kubeconfig:ro"


def serving(image, folder, *, url="http://127.0.0.1:1"):
    """A container that serves on a port of this machine's loopback, and the port."""
    [port] = free_ports(1)
    words = ("--kubeconfig=/kubeconfig", f"--web.listen-address=127.0.0.1:{port}")
    return Container(image, *words, options=(a_mount(folder, url),)), port


def get(port, path):
    """Status and body; OSError where nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def until_200(path, container, port):
    """Waits until the path answers with 200; its body."""
    return until(
        lambda: (answer := get(port, path))[0] == 200 and answer, what=path, otherwise=container.log, seconds=60
    )[1]


def scraped(image, folder, url):
    """The page of a container that has read this API server."""
    container, port = serving(image, folder, url=url)
    with container:
        for path in ("/livez", "/readyz"):
            until_200(path, container, port)
        return Metrics(until_200("/metrics", container, port))


async def test_a_scrape_has_the_runs_of_the_cluster(image, tmp_path):
    """With everything taken from it that it does not need, it reads an API server and answers a scrape."""
    async with a_server(a_run("r"), a_job("j")) as server:
        page = await asyncio.to_thread(scraped, image, tmp_path, server.url)
    assert page.values("coderun_job_name", coderun="r", job_name="j") == [1]


def test_it_runs_as_nobody_and_may_do_nothing(image, tmp_path):
    """User and group 10001 and no others, no capability in any set, and no way to get one."""
    container, port = serving(image, tmp_path)
    with container:
        until_200("/livez", container, port)
        status = container.status()
    assert [status["Uid"], status["Gid"]] == ["10001 10001 10001 10001"] * 2
    assert status["Groups"] in {"", "10001"}
    assert {status[f"Cap{name}"] for name in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {"0" * 16}
    assert status["NoNewPrivs"] == "1"


def test_nothing_in_it_is_writable(image):
    """No file and no folder of a container, /tmp included, but for those of the kernel."""
    kernels = ("(", "-path", "/proc", "-o", "-path", "/dev", "-o", "-path", "/sys", ")", "-prune")
    closed = ("-type", "d", "(", "!", "-readable", "-o", "!", "-executable", ")", "-prune")
    assert run(image, "/", *kernels, "-o", "-writable", "-print", "-o", *closed, entry="find") == ""


def test_it_owns_nothing_where_the_root_can_be_written(image):
    """A container that is not read-only lets it change nothing of the program either."""
    options = ("--no-healthcheck", "--pull=never")
    assert run(image, "/opt", "-writable", entry="find", options=options) == ""
    owned = ("(", "-uid", "10001", "-o", "-gid", "10001", "-o", "-nouser", "-o", "-nogroup", ")")
    assert run(image, "/", "-xdev", *owned, entry="find", options=("--user=0", *options)) == ""


def test_sigterm_ends_it_at_once(image, tmp_path):
    """It ends as the first process of its container, with 0, and within the time that is promised."""
    container, port = serving(image, tmp_path)
    with container:
        until_200("/livez", container, port)
        code, took = container.end()
        assert code == 0, container.log()
    assert took < 2  # the promise is 1, on a machine that does nothing else


def test_the_health_check_is_right_in_both_cases(image, tmp_path):
    """The image's own command, in a container of its own network: 0 while it serves, and not 0 while nobody does."""
    kind, *command = inspect(image)["Healthcheck"]["Test"]
    assert kind == "CMD"
    with Container(image, "--kubeconfig=/kubeconfig", options=("--network=none", a_mount(tmp_path))) as container:
        until(lambda: container.call(*command) == 0, what="the health check", otherwise=container.log)
    with Container(image, "60", options=("--network=none", "--entrypoint=sleep")) as container:
        assert container.call("true") == 0
        assert container.call(*command) == 1


def test_it_tells_its_version(image):
    """The program's own is the one that the image was built from."""
    assert run(image, "--version") == f"coderun-exporter {__version__}\n"


def test_its_labels_say_what_it_is(image):
    """Title, description, license and version, as the Open Container Initiative names them."""
    labels = inspect(image)["Labels"]
    told = {name.removeprefix("org.opencontainers.image."): text for name, text in labels.items()}
    assert told["title"] == "coderun-exporter"
    assert told["description"].startswith("Tells Prometheus")
    assert told["licenses"] == "Apache-2.0"
    assert told["version"] == __version__


def test_what_it_imports_is_compiled(image):
    """A root that is read-only keeps no bytecode: what the image lacks, each start would compile again."""
    told = [line.split() for line in run(image, "-c", MODULES, entry="python").splitlines()]
    assert len(told) > 400
    assert [source for source, compiled in told if compiled != "True"] == []


def test_it_is_as_small_as_its_packages(image):
    """No cache, no compiler, no second pip: the image is not much more than its base and what it installs."""
    base = inspect(podman("images", "--quiet", "--filter=reference=*/python").split()[0])["Size"]
    above = (inspect(image)["Size"] - base) / 1e6
    assert 0 < above < MOST_MEGABYTES


@pytest.mark.skipif(os.environ.get("REQUIRE_COMPONENTS") != "1", reason="takes minutes: .ci/run builds it twice")
def test_the_same_sources_make_the_same_files(image):
    """Built twice, /opt/venv has the same paths, modes, owners and contents."""
    name = f"localhost/coderun-exporter-test-{os.getpid()}:second"
    again = build(name)
    try:
        first, second = digest_of(image, "opt/venv"), digest_of(again, "opt/venv")
    finally:
        remove(name)
    assert again != image
    assert len(first) > 1000
    assert {path for path in first.keys() | second.keys() if first.get(path) != second.get(path)} == set()


def test_what_is_missing_is_named(tmp_path):
    """Without podman the build ends with 2, and one line says what to install."""
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
