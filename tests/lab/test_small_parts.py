"""Small modules of the lab: kubeconfig, waiting, and the results of promtool."""

import json

import pytest

from lab import waiting
from lab.kubeconfig import kubeconfig
from lab.timelapse import evaluation
from lab.timelapse.series import Recorder


def test_a_kubeconfig_has_only_the_given_fields():
    """Without an authority, a namespace or a user it does not have these fields."""
    plain = json.loads(kubeconfig("http://127.0.0.1:1"))
    assert plain["clusters"] == [{"name": "lab", "cluster": {"server": "http://127.0.0.1:1"}}]
    assert plain["contexts"][0]["context"] == {"cluster": "lab", "user": "user"}
    complete = json.loads(kubeconfig("https://127.0.0.1:1", authority="/ca", namespace="n", user={"token": "t"}))
    assert complete["clusters"][0]["cluster"]["certificate-authority"] == "/ca"
    assert complete["contexts"][0]["context"]["namespace"] == "n"
    assert complete["users"][0]["user"] == {"token": "t"}


async def test_a_wait_that_times_out_says_for_what(monkeypatch):
    """TimeoutError has the text. A condition that holds ends the wait."""
    await waiting.until_true(lambda: True, what="nothing")
    monkeypatch.setattr(waiting, "_PATIENCE_SECONDS", 0.0)
    with pytest.raises(TimeoutError, match="the exporter is ready: not within 0 s"):
        await waiting.until_true(lambda: False, what="the exporter is ready")


def test_unknown_output_of_promtool_is_an_error(monkeypatch):
    """Another version may print other text. EvaluationError has the text, and no alert is assumed not to fire."""
    monkeypatch.setattr(evaluation, "_failures", lambda *_, **__: ["a new wording, got:{} 1"])
    with pytest.raises(evaluation.EvaluationError, match="promtool: not understood: a new wording"):
        evaluation.verdict(Recorder(metrics=[]), start=0.0, first=0, last=0)
