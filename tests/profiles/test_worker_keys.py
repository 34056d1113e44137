"""The settings of a worker that is a Pod, and the errors for invalid ones."""

import pytest

from exporter.config_file import ConfigError, load

HEAD = "coderuns:\n  kinds:\n  - resource: tasks.v1.example.com\n    kind: Task\n"


def load_settings(tmp_path, text):
    """Loads settings with a profile that has this worker."""
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
    """It is found by its owner or by its name."""
    load_settings(tmp_path, text)


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
def test_an_invalid_key_is_reported_with_its_line(tmp_path, text, key, line):
    """The error also states what is valid."""
    with pytest.raises(ConfigError) as error:
        load_settings(tmp_path, text)
    assert str(error.value).removeprefix(f"{tmp_path}/") == f"exporter.yml:5: coderuns.kinds.0.worker{key}: {line}"


def test_an_unknown_key_is_reported_with_the_most_similar_valid_key(tmp_path):
    """All settings have such errors."""
    with pytest.raises(ConfigError, match=r":5: unknown key '.*worker.selektor'; did you mean 'selector'\?$"):
        load_settings(tmp_path, "{is: Pod, selektor: a}")
