"""YAML aliases in a kubeconfig are expanded as kubectl does, up to a limit."""

import pytest

from exporter.kube.errors import KubeConfigError
from tests.kube.settings import bearer, load


@pytest.mark.parametrize(
    "text",
    [
        "a0: &a0 [x, x]\n" + "".join(f"a{n + 1}: &a{n + 1} [*a{n}, *a{n}]\n" for n in range(60)),
        "a0: &a0 {k: v}\n" + "".join(f"a{n + 1}: &a{n + 1} {{k: *a{n}, l: *a{n}}}\n" for n in range(60)),
        "a: &a [*a]\n",
    ],
)
async def test_aliases_that_expand_exponentially_are_rejected_in_one_line(tmp_path, text):
    """The check takes a fraction of a second."""
    (tmp_path / "config").write_text(text)
    with pytest.raises(KubeConfigError) as caught:
        await load(tmp_path / "config")
    assert str(caught.value) == f"kubeconfig {tmp_path}/config: its aliases expand to too many values"


async def test_aliases_of_one_large_entry_are_read(tmp_path):
    """The users share one large entry, so the expanded file is much larger than its text."""
    values = ", ".join(f"v{number}" for number in range(60))
    users = ", ".join(f"{{name: u{number}, user: *user}}" for number in range(200))
    (tmp_path / "config").write_text(
        f"user: &user {{token: t, more: [{values}]}}\nusers: [{users}]\ncurrent-context: x\n"
        "contexts: [{name: x, context: {cluster: c, user: u7}}]\n"
        "clusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}]\n"
    )
    assert await bearer(await load(tmp_path / "config")) == "t"


async def test_aliases_of_one_entry_are_read(tmp_path):
    """Two users refer to the same entry."""
    (tmp_path / "config").write_text(
        "user: &user {token: t}\nusers: [{name: u, user: *user}, {name: v, user: *user}]\ncurrent-context: x\n"
        "contexts: [{name: x, context: {cluster: c, user: v}}]\n"
        "clusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}]\n"
    )
    assert await bearer(await load(tmp_path / "config")) == "t"
