"""Each file that a setting names has a maximum size. The error line has the setting, the path and the size."""

import json
import os

import pytest
import trustme

from tests.commands.in_process import logs_as_before, wrong
from tests.kube.settings import a_kubeconfig

__all__ = ["logs_as_before"]

pytestmark = pytest.mark.usefixtures("logs_as_before")

DEVICE = "/dev/zero"
NOT_A_FILE = "cannot be read: it is not a file"
NEITHER = "cannot be read: it is neither a file nor a pipe"
HTTPS = "https://127.0.0.1:1"


@pytest.fixture
def large_file(tmp_path):
    """A sparse file of 1 TiB."""
    path = tmp_path / "large"
    path.touch()
    os.truncate(path, 1 << 40)
    return path


def args_of(folder, setting, path):
    """The arguments of a command that reads this file because of this setting."""
    if setting in {"--config.file", "--kubeconfig", "--web.config.file"}:
        return ("run", setting, path)
    if setting in {"cert_file", "key_file", "client_ca_file"}:
        tls = tls_config(folder) | {setting: str(path)}
        (folder / "web.yml").write_text(json.dumps({"tls_server_config": tls}))
        return ("run", f"--web.config.file={folder}/web.yml")
    cluster, user = {"server": HTTPS}, {}
    (cluster if setting == "certificate-authority" else user)[setting] = str(path)
    if setting == "client-key":
        (folder / "c").write_text("-----BEGIN CERTIFICATE-----")
        user["client-certificate"] = str(folder / "c")
    return ("check", "--kubeconfig", a_kubeconfig(folder, cluster=cluster, user=user))


def tls_config(folder):
    """A `tls_server_config` with a certificate, its key and the CA of clients."""
    authority = trustme.CA()
    leaf = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(folder / "ca")
    leaf.cert_chain_pems[0].write_to_path(folder / "c")
    leaf.private_key_pem.write_to_path(folder / "k")
    return {
        "cert_file": "c",
        "key_file": "k",
        "client_ca_file": "ca",
        "client_auth_type": "RequireAndVerifyClientCert",
    }


SETTINGS = [
    ("--config.file", "1 MiB", NEITHER),
    ("--kubeconfig", "16 MiB", NEITHER),
    ("--web.config.file", "1 MiB", NOT_A_FILE),
    ("cert_file", "1 MiB", NOT_A_FILE),
    ("key_file", "1 MiB", NOT_A_FILE),
    ("client_ca_file", "1 MiB", NOT_A_FILE),
    ("certificate-authority", "1 MiB", NOT_A_FILE),
    ("client-certificate", "1 MiB", NOT_A_FILE),
    ("client-key", "1 MiB", NOT_A_FILE),
    ("tokenFile", "1 MiB", NOT_A_FILE),
]


@pytest.mark.parametrize(("setting", "size", "reason"), SETTINGS)
def test_a_file_that_is_too_large_or_a_device_is_one_line(tmp_path, large_file, setting, size, reason):
    """The exit code is 2. The file is not read beyond the maximum."""
    line = wrong(*args_of(tmp_path, setting, large_file))
    assert line.endswith(f"{large_file}: cannot be read: it is larger than {size}")
    line = wrong(*args_of(tmp_path, setting, DEVICE))
    assert line.endswith(f"{DEVICE}: {reason}")
    if not setting.startswith("--"):
        assert setting in line


def test_the_kubeconfig_of_the_environment_is_limited(large_file, monkeypatch):
    """Its maximum is that of the flag."""
    monkeypatch.setenv("KUBECONFIG", str(large_file))
    assert wrong("check") == f"kubeconfig {large_file}: cannot be read: it is larger than 16 MiB"


@pytest.mark.parametrize(
    "setting", ["--web.config.file", "cert_file", "key_file", "certificate-authority", "tokenFile"]
)
def test_a_pipe_is_refused_if_the_file_is_read_again(tmp_path, setting):
    """A pipe without a writer would block the exporter indefinitely."""
    os.mkfifo(tmp_path / "fifo")
    line = wrong(*args_of(tmp_path, setting, tmp_path / "fifo"))
    assert line.endswith("fifo: cannot be read: it is a pipe, and must be a file: it is read more than once")
