"""Which kinds can be workers: how a profile names them, the errors for unknown ones, the permissions to read them."""

import pytest

from exporter.config_file import ConfigError, load
from exporter.rbac import Account, manifests
from tests.profiles.listed import a_settings

CLAIMS, SANDBOXES = "sandboxclaims.extensions.agents.x-k8s.io", "sandboxes.agents.x-k8s.io"


def load_settings(tmp_path, text):
    """Loads settings with these kinds."""
    path = tmp_path / "exporter.yml"
    path.write_text(f"coderuns:\n  kinds:\n{text}")
    return load(str(path))


INLINE = "  - {resource: tops.v1.example.com, kind: Top, worker: {is: %s}}\n"
SEVERAL = """  - resource: tops.v1.example.com
    kind: Top
    worker:
    - {is: none, when: {.a: [b]}}
    - is: Sandbox
"""
OR_NONE = "or set worker to {is: none}"
TWO_TASKS = "tasks.kelos.dev or tasks.kubeopencode.io"
TASKS = "  - tasks.kelos.dev\n  - tasks.kubeopencode.io\n"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            f"  - {CLAIMS}\n",
            f"3: coderuns.kinds.0: Sandbox is not read: add {SANDBOXES} to coderuns.kinds, {OR_NONE}",
        ),
        (
            SEVERAL,
            f"7: coderuns.kinds.0.worker.1.is: Sandbox is not read: add {SANDBOXES} to coderuns.kinds, {OR_NONE}",
        ),
        (
            f"  - {SANDBOXES}\n" + INLINE % "Sandbx",
            "4: coderuns.kinds.1.worker.is: 'Sandbx' cannot be listed; did you mean Sandbox?",
        ),
        (
            INLINE % "sandboxs.agents.x-k8s.io",
            f"3: coderuns.kinds.0.worker.is: 'sandboxs.agents.x-k8s.io' cannot be listed; did you mean {SANDBOXES}?",
        ),
        (
            TASKS + INLINE % "Task",
            f"5: coderuns.kinds.2.worker.is: several kinds are called Task: write {TWO_TASKS}",
        ),
        (
            INLINE % "Top",
            "3: coderuns.kinds.0.worker: the runs of tops.example.com would be workers of each other",
        ),
    ],
)
def test_an_unknown_worker_kind_is_reported_in_one_line(tmp_path, text, line):
    """The error states the kind to add, or the most similar name."""
    with pytest.raises(ConfigError) as caught:
        load_settings(tmp_path, text)
    assert str(caught.value) == f"{tmp_path}/exporter.yml:{line}"


@pytest.mark.parametrize("text", [f"  - {CLAIMS}\n  - {SANDBOXES}\n", TASKS + INLINE % "tasks.kelos.dev"])
def test_a_worker_can_be_named_by_its_kind_or_by_plural_and_group(tmp_path, text):
    """PLURAL.GROUP is needed if two kinds have the same name."""
    load_settings(tmp_path, text)


def test_the_permissions_are_those_for_the_kinds_and_their_pods():
    """Other resources are not granted."""
    made_for = manifests(a_settings(CLAIMS, SANDBOXES), account=Account())
    rules = [(rule["apiGroups"], rule["resources"], rule["verbs"]) for rule in made_for[0]["rules"]]
    read = ["list", "watch"]
    assert sorted(rules) == [
        ([""], ["pods"], read),
        (["agents.x-k8s.io"], ["sandboxes"], read),
        (["batch"], ["jobs"], read),
        (["events.k8s.io"], ["events"], read),
        (["extensions.agents.x-k8s.io"], ["sandboxclaims"], read),
    ]
