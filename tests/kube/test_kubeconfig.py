"""Which kubeconfig files are read, how they are merged, and the error messages for invalid ones."""

import asyncio
import json
import os
import threading

import pytest
import trustme
import yaml

from exporter.kube import kubeconfig
from exporter.kube.entries import Cluster, User
from exporter.kube.kubeconfig import load_context
from tests.kube.settings import SECRET, a_kubeconfig, base64_text, bearer, load, the_error


async def test_several_files_are_merged_and_the_first_has_precedence(tmp_path):
    """Like in kubectl, entries of all files are used, with the first current-context. Missing files are ignored."""
    contexts = [{"name": "prod", "context": {"cluster": "far", "user": "u", "namespace": "agents"}}]
    first = a_kubeconfig(tmp_path, name="first", contexts=contexts, clusters=[], users=[])
    far = [{"name": "far", "cluster": {"server": "http://far:8080/"}}]
    second = a_kubeconfig(tmp_path, name="second", clusters=far, current_context="other")
    listed = os.pathsep.join([str(first), str(tmp_path / "absent"), "", str(second)])
    credentials = await load(environ={"KUBECONFIG": listed})
    assert credentials.access.server == "http://far:8080"
    assert credentials.namespace == "agents"
    assert credentials.source == f"kubeconfig {first}:{second} (context prod)"
    assert await credentials.headers() == {"Authorization": f"Bearer {SECRET}"}


async def test_a_given_file_has_precedence_over_the_environment_and_a_given_context_over_the_current_one(tmp_path):
    """The command line has precedence."""
    contexts = [
        {"name": name, "context": {"cluster": "c", "user": "u", "namespace": name}} for name in ("prod", "test")
    ]
    path = a_kubeconfig(tmp_path, contexts=contexts)
    credentials = await load(path, context="test", environ={"KUBECONFIG": "/absent"})
    assert credentials.namespace == "test"


async def test_the_default_file_is_read(tmp_path):
    """It is ~/.kube/config."""
    (tmp_path / ".kube").mkdir()
    path = a_kubeconfig(tmp_path / ".kube")
    assert (await load(environ={"HOME": str(tmp_path)})).source == f"kubeconfig {path} (context prod)"


async def test_relative_paths_are_relative_to_their_file(tmp_path, monkeypatch):
    """The tokenFile of a user is relative to the file that defines the user."""
    (tmp_path / "users").mkdir()
    (tmp_path / "users" / "token").write_text("beside-the-user\n")
    clusters = a_kubeconfig(tmp_path, name="clusters", users=[])
    users = a_kubeconfig(tmp_path / "users", user={"tokenFile": "token"}, contexts=[], clusters=[])
    monkeypatch.chdir("/")
    credentials = await load(environ={"KUBECONFIG": f"{clusters}:{users}"})
    assert await credentials.headers() == {"Authorization": "Bearer beside-the-user"}


async def test_a_missing_file_is_reported(tmp_path):
    """The error states the path and its source."""
    assert await the_error(tmp_path / "absent") == f"kubeconfig {tmp_path}/absent: no such file"
    line = await the_error(environ={"KUBECONFIG": "/absent/a:/absent/b"})
    assert line == "kubeconfig /absent/a:/absent/b (from $KUBECONFIG): no such file"
    assert await the_error() == (
        "kubeconfig /nowhere/.kube/config: no such file; specify a kubeconfig, set KUBECONFIG, or run in a pod"
    )


async def test_an_unreadable_file_is_reported(tmp_path):
    """The reason is that of the operating system."""
    assert await the_error(tmp_path) == f"kubeconfig {tmp_path}: cannot be read: Is a directory"
    long = f"/{'x' * 300}"
    assert await the_error(long) == f"kubeconfig {long}: cannot be read: File name too long"


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (f"users:\n- name: u\n  token: [{SECRET}\n", ", line 4: not YAML"),
        (f"token: !{SECRET} x\n", ", line 1: not YAML"),
        (f"token: *{SECRET}\n", ", line 1: not YAML"),
        (f"token: {SECRET}\x00", ": not YAML"),
        ("\tusers: []\n", ", line 1: not YAML"),
        (f"- {SECRET}\n", ": expected `object`, got `array`"),
        (f"{SECRET}\n", ": expected `object`, got `str`"),
        ("", ": there is no current-context; name a context; known: none"),
        ("clusters: {}\n", ": clusters: expected `array | null`, got `object`"),
        ("users:\n- name: 7\n", ": users[0].name: expected `str`, got `int`"),
    ],
)
async def test_an_invalid_file_is_reported_without_its_content(tmp_path, content, wrong):
    """Errors of the YAML parser quote the file, which contains tokens. Only the line number is reported."""
    path = tmp_path / "config"
    path.write_text(content)
    assert await the_error(path) == f"kubeconfig {path}{wrong}"


async def test_a_missing_current_context_is_reported_with_the_known_contexts(tmp_path):
    """The user can then choose one of them."""
    path = a_kubeconfig(tmp_path, current_context="")
    assert await the_error(path) == (f"kubeconfig {path}: there is no current-context; name a context; known: 'prod'")


async def test_an_unknown_context_is_reported_with_the_most_similar_one(tmp_path):
    """Control characters in its name are escaped."""
    path = a_kubeconfig(tmp_path, current_context="pord\n\x1b[31m")
    assert await the_error(path) == (f"kubeconfig {path}: there is no context 'pord\\n\\x1b[31m'; known: 'prod'")
    assert (await the_error(path, context="prd")).endswith("known: 'prod'; did you mean 'prod'?")
    many = [{"name": f"c{number}", "context": {}} for number in range(12)]
    path = a_kubeconfig(tmp_path, contexts=many)
    assert (await the_error(path)).endswith("'c8', 'c9' and 2 more")


async def test_an_unknown_cluster_or_user_is_reported(tmp_path):
    """An unknown user must not become an anonymous one, as in the kubernetes package."""
    at = f"kubeconfig {tmp_path}/config: context 'prod': "
    assert (
        await the_error(a_kubeconfig(tmp_path, clusters=None)) == f"{at}its cluster 'c' does not exist; known: none"
    )
    path = a_kubeconfig(tmp_path, users=[{"name": "uu", "user": {"token": SECRET}}])
    assert await the_error(path) == f"{at}its user 'u' does not exist; known: 'uu'; did you mean 'uu'?"
    path = a_kubeconfig(tmp_path, contexts=[{"name": "prod", "context": {"user": "u"}}])
    assert await the_error(path) == f"{at}object missing required field `cluster`"


PLAIN = """\
apiVersion: v1
kind: Config
current-context: prod
contexts:
- name: prod
  context: {cluster: c, user: u}
clusters:
- name: c
  cluster:
    server: http://127.0.0.1:1
users:
- name: u
  user:
    token: 2030-01-01
"""


@pytest.mark.parametrize(
    "content",
    [
        PLAIN,
        PLAIN.replace("2030-01-01", "2030-01-01\t# rotated by\tops"),
        PLAIN.replace("name: u", "name:\tu"),
        PLAIN.replace("\n", "\r\n"),
        f"---\n{PLAIN}---\n{PLAIN.replace('2030', '1999')}",
        f"{PLAIN}...\n---\n- a: [\n",
        f"# old\n%YAML 1.1\n---\n{PLAIN}---\n",
        PLAIN.replace("users:\n", "users:\n- {}\n- name: a\n- name: b\n  user: null\n"),
        PLAIN.replace("clusters:\n", "clusters:\n-\n- name: a\n  cluster: null\n"),
        PLAIN + "preferences: null\nextensions: []\nunknown: 1:2:3\nexpiry: 2024-99-99\n",
        PLAIN.replace("01-01\n", "01-01\n    exec: null\n    as:\n"),
        PLAIN.replace("kind: Config", "kind: &k Config\nx: *k\n<<: {y: z}"),
        json.dumps(yaml.safe_load(PLAIN.replace("2030-01-01", "'2030-01-01'")), indent="\t"),
        json.dumps(yaml.safe_load(PLAIN.replace("2030-01-01", "'2030-01-01'"))) + "\n",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
async def test_files_that_kubectl_reads_are_read(tmp_path, content, encoding):
    """Examples are tabs, several documents, empty entries, nulls, unquoted dates, and other encodings."""
    path = tmp_path / "config"
    path.write_bytes(content.encode(encoding))
    credentials = await load(path)
    assert await credentials.headers() == {"Authorization": "Bearer 2030-01-01"}


async def test_a_kubeconfig_can_be_a_pipe(tmp_path):
    """A shell passes a pipe for `--kubeconfig <(command)`. It can be read only once."""
    path = a_kubeconfig(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    writing = asyncio.create_task(asyncio.to_thread((tmp_path / "pipe").write_bytes, path.read_bytes()))
    assert await bearer(await load(tmp_path / "pipe")) == SECRET
    await writing


async def test_a_kubeconfig_is_read_in_a_thread_and_parsed_once(tmp_path, monkeypatch):
    """Parsing 1,000 contexts takes a third of a second, and each renewal of the credentials reads the file again."""
    parsed = []
    without_nulls = kubeconfig._without_nulls

    def parsing(value):
        if isinstance(value, dict) and "contexts" in value:
            parsed.append(threading.current_thread())
        return without_nulls(value)

    monkeypatch.setattr(kubeconfig, "_without_nulls", parsing)
    credentials = await load(a_kubeconfig(tmp_path, cluster={"server": f"http://{tmp_path.name}"}))
    await credentials.renew(generation=0)
    a_kubeconfig(tmp_path, cluster={"server": f"http://{tmp_path.name}"}, user={"token": "another"})
    await credentials.renew(generation=1)
    assert await credentials.headers() == {"Authorization": "Bearer another"}
    assert len(parsed) == 2
    assert threading.main_thread() not in parsed


@pytest.mark.parametrize("more", [{"insecure-skip-tls-verify": True}, {"certificate-authority-data": "CA"}])
async def test_a_server_without_a_scheme_is_https_if_tls_is_configured(tmp_path, more):
    """Client-go does so too. Without TLS settings, the token would be sent in plain text."""
    if "certificate-authority-data" in more:
        more = {"certificate-authority-data": base64_text(trustme.CA().cert_pem.bytes())}
    path = a_kubeconfig(tmp_path, cluster={"server": "api.example:6443", **more})
    assert (await load(path)).access.server == "https://api.example:6443"


URL = "a URL such as https://host:6443 (http or https)"


@pytest.mark.parametrize(
    ("cluster", "wrong"),
    [
        ({}, f"server is missing; it must be {URL}"),
        ({"server": "host:6443"}, f"server must be {URL}"),
        ({"server": "https://host:port"}, f"server must be {URL}"),
        ({"server": 6443}, "server: expected `str`, got `int`"),
        (
            {"server": f"https://me:{SECRET}@host"},
            "server: must not contain user or password; write them in the user entry",
        ),
        (
            {"server": "http://h", "proxy-url": f"socks5://me:{SECRET}@proxy"},
            "proxy-url: SOCKS proxies are not supported; use an HTTP proxy, such as http://host:3128",
        ),
        (
            {"server": "http://h", "proxy-url": f"http://me:{SECRET}/@proxy"},
            (
                "proxy-url: not the URL of a proxy; expected a URL such as http://user:password@host:3128 (http or "
                "https), with special characters in user and password percent-encoded"
            ),
        ),
        (
            {"server": "https://h", "insecure-skip-tls-verify": "false"},
            "insecure-skip-tls-verify: expected `bool`, got `str`",
        ),
    ],
)
async def test_an_invalid_cluster_is_reported(tmp_path, cluster, wrong):
    """The error states the key and what is valid. The string "false" must not disable verification."""
    path = a_kubeconfig(tmp_path, cluster=cluster)
    assert await the_error(path) == f"kubeconfig {path}: cluster 'c': {wrong}"


@pytest.mark.parametrize(
    ("user", "wrong"),
    [
        ({"token": 12345}, "token: expected `str`, got `int`"),
        ({"token": f"{SECRET}\n{SECRET}"}, "token: has characters that are not allowed in an HTTP header"),
        ({"tokenFile": "absent"}, "tokenFile {folder}/absent: cannot be read: No such file or directory"),
        ({"tokenFile": "config"}, "tokenFile {folder}/config: has characters that are not allowed in an HTTP header"),
        ({"auth-provider": {"name": "gcp"}}, "auth-provider 'gcp' is not supported; use its exec plugin"),
        ({"as": "root"}, "as: impersonation is not supported; give the user its own credentials"),
        ({"exec": {"command": "aws"}}, "exec: object missing required field `apiVersion`"),
    ],
)
async def test_an_invalid_user_is_reported(tmp_path, user, wrong):
    """The error states the key and what is valid. Unsupported settings are not silently ignored."""
    path = a_kubeconfig(tmp_path, user=user)
    assert await the_error(path) == f"kubeconfig {path}: user 'u': {wrong.format(folder=tmp_path)}"


async def test_no_repr_shows_a_secret(tmp_path):
    """Log messages may contain a repr."""
    plugin = {"apiVersion": "v1", "command": "aws", "args": [SECRET], "env": [{"name": "n", "value": SECRET}]}
    provider = {"name": "oidc", "config": {"id-token": SECRET}}
    user = {"exec": plugin, "auth-provider": provider, "token": SECRET, "password": SECRET, "client-key-data": SECRET}
    cluster = {"server": "http://h", "proxy-url": f"http://me:{SECRET}@proxy"}
    choice = load_context([a_kubeconfig(tmp_path, cluster=cluster, user=user)])
    shaped = choice.user.convert(User)
    everything = [choice, shaped, shaped.exec, shaped.auth_provider, choice.cluster.convert(Cluster)]
    assert SECRET not in repr(everything)
