"""Which proxy the environment or a kubeconfig configures, and the errors for an invalid one."""

import traceback

import pytest

from exporter.kube.errors import KubeConfigError
from exporter.kube.proxy import parse_proxy, proxy_from_environment

PROXY = "http://proxy.example:3128"
ENVIRON = {"HTTPS_PROXY": PROXY}


@pytest.mark.parametrize(
    "server", ["https://api.example:6443", "https://10.96.0.1:443", "https://[2001:db8::1]:6443"]
)
def test_a_remote_server_is_accessed_through_the_proxy(server):
    """The server is given by name or by address."""
    assert proxy_from_environment(ENVIRON, server) == PROXY


def test_http_has_its_own_proxy():
    """HTTP_PROXY applies to http. Go ignores ALL_PROXY."""
    server = "http://api.example:8080"
    assert proxy_from_environment(ENVIRON | {"ALL_PROXY": PROXY}, server) is None
    assert (
        proxy_from_environment(ENVIRON | {"HTTP_PROXY": "http://other.example:1"}, server) == "http://other.example:1"
    )


def test_upper_case_variables_have_precedence_and_empty_ones_are_ignored():
    """Go does so; Python does the opposite."""
    server = "https://api.example"
    assert proxy_from_environment(ENVIRON | {"https_proxy": "http://other.example:1"}, server) == PROXY
    assert proxy_from_environment({"HTTPS_PROXY": "", "https_proxy": PROXY}, server) == PROXY
    assert proxy_from_environment(ENVIRON | {"NO_PROXY": "other", "no_proxy": "example"}, server) == PROXY
    assert proxy_from_environment({"HTTPS_PROXY": ""}, server) is None


@pytest.mark.parametrize("server", ["https://localhost:6443", "https://127.0.0.1:6443", "https://[::1]:6443"])
def test_no_proxy_is_used_for_this_machine(server):
    """Kubectl does so too: kind and minikube run on this machine."""
    assert proxy_from_environment(ENVIRON, server) is None


API, ADDRESS, SIX = "https://api.example:6443", "https://10.96.0.1:443", "https://[2001:db8::1]:6443"


@pytest.mark.parametrize(
    ("no_proxy", "server", "direct"),
    [
        ("10.0.0.0/8,192.168.0.0/16", ADDRESS, True),
        ("172.16.0.0/12", ADDRESS, False),
        ("10.96.0.1/33", ADDRESS, False),
        ("10.0.0.0/255.0.0.0", ADDRESS, False),
        (" 10.96.0.1 ", ADDRESS, True),
        ("10.96.0.1:443", ADDRESS, True),
        ("10.96.0.1:6443", ADDRESS, False),
        ("::ffff:10.96.0.1", ADDRESS, True),
        ("96.0.1", ADDRESS, False),
        ("2001:db8::/32", SIX, True),
        ("2001:db8::1", SIX, True),
        ("2001:DB8:0::1", SIX, True),
        ("[2001:db8::1]:6443", SIX, True),
        ("[2001:db8::1]:443", SIX, False),
        ("api.example", API, True),
        ("API.Example", API, True),
        ("example", API, True),
        (".example", API, True),
        ("*.example", API, True),
        ("*.example:6443", API, True),
        (".example:443", API, False),
        ("example:6443", API, True),
        ("api.example:443", API, False),
        (".api.example", API, False),
        ("*.api.example", API, False),
        ("ample", API, False),
        ("*ample", API, False),
        ("api.*", API, False),
        ("*", API, True),
        ("a,*", ADDRESS, True),
        ("*:6443", API, False),
        (":6443", API, False),
        (" , ,", API, False),
        ("other; api.example", API, False),
        ("api.example.", API, False),
        ("https://api.example", API, False),
        ("example", "https://API.EXAMPLE:6443", True),
        ("example", "https://api.example", True),
        ("example:443", "https://api.example", True),
    ],
)
def test_no_proxy_is_interpreted_as_in_go(no_proxy, server, direct):
    """Clusters usually list their networks and `.svc`."""
    assert proxy_from_environment(ENVIRON | {"NO_PROXY": no_proxy}, server) == (None if direct else PROXY)


@pytest.mark.parametrize(
    ("value", "proxy"),
    [
        ("127.0.0.1:3128", "http://127.0.0.1:3128"),
        ("proxy.example:3128", "http://proxy.example:3128"),
        ("proxy.example", "http://proxy.example:80"),
        ("me:pw@proxy.example:3128", "http://me:pw@proxy.example:3128"),
        ("https://proxy.example", "https://proxy.example:443"),
        ("HTTP://proxy.example:3128/", "http://proxy.example:3128"),
        ("http://[::1]:3128", "http://[::1]:3128"),
        ("http://me:p%40w@proxy.example:1", "http://me:p%40w@proxy.example:1"),
        ("http://me:p@w:x@proxy.example:1", "http://me:p%40w%3Ax@proxy.example:1"),
        ("http://me@proxy.example:1", "http://me:@proxy.example:1"),
        ("http://squid_1:3128", "http://squid_1:3128"),
    ],
)
def test_valid_forms_of_a_proxy(value, proxy):
    """The default scheme is http. Passwords may contain the characters that Go accepts."""
    assert proxy_from_environment({"HTTPS_PROXY": value}, API) == proxy
    assert parse_proxy(value, name="proxy-url") == proxy


WRONG = [
    "http://me:S3CRET/x@proxy.example:1",
    "http://me:S3CRET#x@proxy.example:1",
    "http://me:S3CRET?x@proxy.example:1",
    "http://me:S3CRET x@proxy.example:1",
    "http://me:S3CRET\\x@proxy.example:1",
    "http://me:S3CRET%zz@proxy.example:1",
    "http://me:S3CRET%4@proxy.example:1",
    "http://me:S3CRET\n@proxy.example:1",
    "http://me:S3CRET\u20ac@proxy.example:1",
    "http://me:S3CRET@proxy.example:99999",
    "http://me:S3CRET@proxy.example:0",
    "http://me:S3CRET@proxy.example:x",
    "http://me:S3CRET@",
    "http://me:S3CRET@[::1:9",
    "http://me:S3CRET@[x]:9",
    "http:/me:S3CRET@proxy.example:1",
    "http:\\\\me:S3CRET@proxy.example:1",
    "://me:S3CRET@proxy.example:1",
    "ftp://me:S3CRET@proxy.example:1",
    "http://http://me:S3CRET@proxy.example:1",
    "me:S3CRET",
    "http://proxy.example:1/?pw=S3CRET",
]


def error_of(value, name="HTTPS_PROXY"):
    """The error for this value. Neither the error nor its traceback may contain parts of the value."""
    with pytest.raises(KubeConfigError) as caught:
        proxy_from_environment({name: value}, API)
    said = "".join(traceback.format_exception(caught.value))
    assert not [part for part in ("S3CRET", "proxy.example") if part in said]
    assert str(caught.value).isprintable()
    return str(caught.value)


@pytest.mark.parametrize("value", WRONG)
def test_an_invalid_proxy_is_rejected_without_its_value(value):
    """Any part of it could be a password."""
    assert error_of(value) == (
        "HTTPS_PROXY: not the URL of a proxy; expected a URL such as http://user:password@host:3128 (http or https), "
        "with special characters in user and password percent-encoded"
    )


@pytest.mark.parametrize("scheme", ["socks5", "socks5h", "SOCKS4", "socks"])
def test_socks_is_reported_as_unsupported(scheme):
    """The error names the variable."""
    line = error_of(f"{scheme}://me:S3CRET@proxy.example:1080", name="https_proxy")
    assert line == "https_proxy: SOCKS proxies are not supported; use an HTTP proxy, such as http://host:3128"


def test_an_invalid_proxy_that_is_not_used_is_ignored():
    """Kubectl ignores it as well."""
    assert proxy_from_environment({"HTTPS_PROXY": WRONG[0], "NO_PROXY": "*.example"}, API) is None
    assert proxy_from_environment({"HTTP_PROXY": WRONG[0]}, API) is None
