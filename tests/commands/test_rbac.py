"""`rbac`: manifests for kubectl, made of the user's own settings."""

import pytest
import yaml

from exporter.config import Settings
from exporter.rbac import Account, manifests
from tests.commands.in_process import call, wrong


def printed(*words):
    """The first line, and the manifests."""
    code, out, err = call("rbac", *words)
    assert (code, err) == (0, "")
    return out.partition("\n")[0], list(yaml.safe_load_all(out))


def test_without_a_flag_it_prints_what_the_defaults_need():
    """And says at the top by which command."""
    first, made = printed()
    assert first == "# Made by: coderun-exporter rbac"
    assert made == manifests(Settings(), account=Account())


def test_it_prints_what_these_settings_need(tmp_path):
    """The file, the flags on top of it, and the account that is named."""
    (tmp_path / "it's.yml").write_text("namespaces: [a]\nconfigmaps: {namespace: t, required: [x]}\n")
    flags = ["--namespaces=b", "--service-account.name=reader", "--service-account.namespace=monitoring"]
    first, made = printed("--config.file", tmp_path / "it's.yml", *flags)
    assert first == f"# Made by: coderun-exporter rbac '--config.file={tmp_path}/it'\"'\"'s.yml' {' '.join(flags)}"
    assert [(item["kind"], item["metadata"]["namespace"], item["metadata"]["name"]) for item in made] == [
        ("Role", "b", "reader"),
        ("RoleBinding", "b", "reader"),
        ("Role", "t", "reader-configmaps"),
        ("RoleBinding", "t", "reader-configmaps"),
    ]
    assert made[2]["rules"][0]["resourceNames"] == ["x"]
    assert made[1]["subjects"] == [{"kind": "ServiceAccount", "name": "reader", "namespace": "monitoring"}]


def test_a_flag_cannot_end_the_comment(tmp_path):
    """A line break in a file's name stays a comment."""
    folder = tmp_path / "a\nb: c"
    folder.mkdir()
    (folder / "f").write_text("")
    first, made = printed("--config.file", folder / "f")
    assert first.endswith("/a\\nb: c/f'")
    assert len(made) == 4


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--config.file=/nowhere.yml"], "--config.file: /nowhere.yml: cannot be read: No such file or directory"),
        (["--namespaces=A"], "namespaces: 'A' is not the name of a namespace"),
        (["--service-account.name=*"], "'*' is not the name of a ServiceAccount: no permission is made for it"),
        (["--service-account.namespace="], "'' is not the name of a namespace: no permission is made for it"),
    ],
)
def test_a_wrong_setting_is_one_line(words, said):
    """And exit 2; nothing is printed that could be applied."""
    assert said in wrong("rbac", *words)
