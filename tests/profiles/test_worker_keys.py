"""Keys of a worker that is a Pod: what is wrong is one line with the file and the line."""

import pytest

from exporter.config_file import ConfigError, load

HEAD = "coderuns:\n  kinds:\n  - resource: tasks.v1.example.com\n    kind: Task\n"


def loaded(tmp_path, text):
    """The settings with a profile of this worker."""
    path = tmp_path / "exporter.yml"
    path.write_text(f"{HEAD}    worker: {text}\n")
    return load(str(path))


@pytest.mark.parametrize(
    "text",
    [
        "{is: Pod}",
        "{is: Pod, selector: app==}",
        "{is: Pod, selector: 'app in (a, b),!x', container: step-*}",
        "{is: Pod, named: .status.podName, shared: true, container: [claude, codex]}",
        "{is: Job, container: kelos-agent}",
        "[{is: Pod, named: [.status.pod, .status.podName], when: {.spec.pool: [present]}}, {is: Job}]",
        "[{is: Pod, selector: a, when: {.spec.pool: [present]}}, {is: Pod, selector: a}]",
    ],
)
def test_a_worker_may_be_a_pod(tmp_path, text):
    """By its owner or by its name, of several or alone."""
    loaded(tmp_path, text)


PODS_ONLY = "selector is only supported for Pods: write {is: Pod} or remove it"
SELECTOR = "'a b' is not a label selector, such as `kubeopencode.io/task` or `app in (a, b)`"
SHARED = "shared requires named, because no run controls a shared Pod"
NAMED = "named must contain a path: otherwise all runs have the same Pod"
CONTAINER = "'Agent' is not the name of a container: a-z, 0-9, - and * for any text"
DIFFERENT = "all Pod workers of a profile must have the same selector"
TWO = "[{is: Pod, selector: a, when: {.spec.pool: [present]}}, {is: Pod}]"


@pytest.mark.parametrize(
    ("text", "key", "line"),
    [
        ("{is: Pod, selector: 'a b'}", ".selector", SELECTOR),
        ("{is: Job, selector: a}", ".selector", PODS_ONLY),
        ("{is: Pod, shared: true}", ".shared", SHARED),
        ("{is: Pod, named: worker-0}", ".named", NAMED),
        ("{is: Pod, named: status.pod}", ".named", "'status.pod' is not a path; did you mean '.status.pod'?"),
        ("{is: Pod, container: Agent}", ".container", CONTAINER),
        ("{is: Pod, container: [agent, '']}", ".container", CONTAINER.replace("Agent", "")),
        (TWO, "", DIFFERENT),
    ],
)
def test_a_wrong_key_is_named_with_its_line(tmp_path, text, key, line):
    """And what would be right."""
    with pytest.raises(ConfigError) as error:
        loaded(tmp_path, text)
    assert str(error.value).removeprefix(f"{tmp_path}/") == f"exporter.yml:5: coderuns.kinds.0.worker{key}: {line}"


def test_an_unknown_key_has_the_nearest_right_one(tmp_path):
    """As everywhere in the settings."""
    with pytest.raises(ConfigError, match=r":5: unknown key '.*worker.selektor'; did you mean 'selector'\?$"):
        loaded(tmp_path, "{is: Pod, selektor: a}")
