"""The small parts that the rest of the lab stands on."""

import json

import pytest

from lab import waiting
from lab.kubeconfig import kubeconfig
from lab.timelapse import judge
from lab.timelapse.series import Recorder


def test_a_kubeconfig_has_what_it_is_given_and_no_more():
    """Without an authority, a namespace or a user it has none of their keys."""
    plain = json.loads(kubeconfig("http://127.0.0.1:1"))
    assert plain["clusters"] == [{"name": "lab", "cluster": {"server": "http://127.0.0.1:1"}}]
    assert plain["contexts"][0]["context"] == {"cluster": "lab", "user": "user"}
    whole = json.loads(kubeconfig("https://127.0.0.1:1", authority="/ca", namespace="n", user={"token": "t"}))
    assert whole["clusters"][0]["cluster"]["certificate-authority"] == "/ca"
    assert whole["contexts"][0]["context"]["namespace"] == "n"
    assert whole["users"][0]["user"] == {"token": "t"}


async def test_a_wait_that_is_in_vain_says_for_what(monkeypatch):
    """TimeoutError; a wait that is not in vain returns."""
    await waiting.until_true(lambda: True, what="nothing")
    monkeypatch.setattr(waiting, "_PATIENCE_SECONDS", 0.0)
    with pytest.raises(TimeoutError, match="the exporter is ready: not within 0 s"):
        await waiting.until_true(lambda: False, what="the exporter is ready")


def test_an_answer_of_promtool_that_is_not_understood_is_an_error_with_its_text(monkeypatch):
    """Another version may word it differently: JudgeError, and no alert is taken for silent."""
    monkeypatch.setattr(judge, "_failures", lambda *_, **__: ["a new wording, got:{} 1"])
    with pytest.raises(judge.JudgeError, match="promtool: not understood: a new wording"):
        judge.verdict(Recorder(metrics=[]), start=0.0, first=0, last=0)
