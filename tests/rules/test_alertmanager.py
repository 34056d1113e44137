"""The shipped configuration of Alertmanager: routes, inhibitions and chat messages, tested with amtool."""

import json
import re
import shutil
import subprocess

import pytest

from lab import fast_yaml
from lab.components import component
from lab.monitoring.bundle import ALERTS, shipped_entries
from tests.integration.inhibitions import identity, variants

CONFIG = fast_yaml.load((ALERTS / "alertmanager.yml").read_text())
TEMPLATE = ALERTS / "templates" / "coderun-exporter.tmpl"
RULES = shipped_entries()
VARIANTS = variants()
RECEIVERS = {"critical": "pager", "warning": "chat", "info": "log"}
RUNBOOK = "https://runbooks.example/coderun-exporter/CodeRunJobCreationStalled"


def amtool(*arguments, folder=ALERTS, tool="amtool"):
    """The standard output of amtool, which must succeed."""
    done = subprocess.run(
        [component(tool), *arguments], cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def render_template(tmp_path):
    """Renders a template of the messages for a group of alerts."""

    def render(name, *, firing=(), resolved=()):
        alerts = [
            *({"status": "firing", **alert} for alert in firing),
            *({"status": "resolved", **alert} for alert in resolved),
        ]
        data = {
            "status": "firing" if firing else "resolved",
            "alerts": alerts,
            "commonLabels": common(alerts, "labels"),
            "commonAnnotations": common(alerts, "annotations"),
        }
        file = tmp_path / "data.json"
        file.write_text(json.dumps(data))
        text = f'--template.text={{{{ template "coderun-exporter.{name}" . }}}}'
        return amtool("template", "render", f"--template.glob={TEMPLATE}", text, f"--template.data={file}")

    return render


def common(alerts, part):
    """The labels or annotations that all alerts have in common."""
    return dict(set.intersection(*({*alert[part].items()} for alert in alerts)))


def stalled_alert(name, *, cause="cause unknown", **labels):
    """An alert about a run without a Job, with the texts of its rule."""
    return {
        "labels": {
            "alertname": "CodeRunJobCreationStalled",
            "namespace": "agents",
            "coderun": name,
            "severity": "critical",
            **labels,
        },
        "annotations": {
            "summary": f"CodeRun agents/{name} has no Job 15m 30s after its creation: {cause}",
            "description": f"Nobody works.\nNext:\nkubectl -n agents describe coderun {name}\nkubectl get pods",
            "runbook_url": RUNBOOK,
        },
    }


@pytest.mark.parametrize(
    "tool", [pytest.param(name, marks=pytest.mark.needs(name)) for name in ("amtool", "amtool-0.25")]
)
@pytest.mark.parametrize("file", ["alertmanager.yml", "receivers.yml"])
def test_alertmanager_accepts_the_configuration(tmp_path, file, tool):
    """The tool is `amtool check-config`, also of the oldest supported version. All inhibitions are loaded."""
    shutil.copy(ALERTS / file, tmp_path)
    shutil.copytree(ALERTS / "templates", tmp_path / "templates")
    output = amtool("check-config", file, folder=tmp_path, tool=tool)
    assert "SUCCESS" in output
    rules = fast_yaml.load((ALERTS / file).read_text()).get("inhibit_rules", [])
    assert f"{len(rules)} inhibit rules" in output
    # amtool accepts a missing template file.
    assert [list(tmp_path.glob(name)) for name in CONFIG["templates"]] == [[tmp_path / "templates" / TEMPLATE.name]]


@pytest.mark.needs("amtool")
@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_an_alert_is_routed_by_its_severity(variant):
    """Critical alerts go to the pager, warnings to the chat, and info to the log."""
    labels = {"alertname": variant.alertname, **variant.labels, **dict.fromkeys(variant.identity, "x")}
    receiver = RECEIVERS[labels["severity"]]
    routes = ["config", "routes", "test", "--config.file=alertmanager.yml", f"--verify.receivers={receiver}"]
    assert amtool(*routes, *(f"{label}={value}" for label, value in labels.items())).strip() == receiver


@pytest.mark.needs("amtool")
@pytest.mark.parametrize("file", ["alertmanager.yml", "receivers.yml"])
@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        (["severity=page", "alertname=Mine", "component=coderun-exporter"], "chat"),
        (["severity=critical", "alertname=NodeDown"], "default"),
        (["severity=warning", "alertname=NodeDown", "component=node"], "default"),
        (["severity=info", "alertname=InfoInhibitor", "namespace=agents"], "default"),
    ],
)
def test_other_alerts_are_not_routed_here(file, labels, receiver):
    """An alert of this component with another severity goes to the chat."""
    routes = ["config", "routes", "test", f"--config.file={file}", f"--verify.receivers={receiver}"]
    assert amtool(*routes, *labels).strip() == receiver


def test_both_files_have_the_same_routes():
    """receivers.yml has another route, for the Watchdog."""
    routes = fast_yaml.load((ALERTS / "receivers.yml").read_text())["route"]["routes"]
    assert [route["receiver"] for route in routes] == ["heartbeat", "chat"]
    [own] = CONFIG["route"]["routes"]
    assert own["matchers"] == ['component="coderun-exporter"']
    below = [[{**route, "group_wait": ""} for route in each.pop("routes")] for each in (dict(own), routes[1])]
    assert below[0] == below[1]
    assert {key: value for key, value in own.items() if key != "routes"} == routes[1]


def test_alerts_are_grouped_by_name_cluster_and_namespace():
    """A broken platform causes one notification for each namespace."""
    [own] = CONFIG["route"]["routes"]
    assert own["group_by"] == ["alertname", "cluster", "namespace"]


@pytest.mark.parametrize("rule", RULES, ids=[f"{rule['alert']} {rule['labels']['severity']}" for rule in RULES])
def test_the_template_finds_the_commands_and_the_object_of_each_alert(rule):
    """The description has a line from `Next` to a colon. The template has the labels of the object."""
    assert re.search(r"^Next.*:$", rule["annotations"]["description"], re.MULTILINE)
    listed = re.search(r"range stringSlice (.*) \}\}", TEMPLATE.read_text())[1].split()
    assert identity(rule) - {"cluster", "namespace"} <= {label.strip('"') for label in listed}


@pytest.mark.needs("amtool")
def test_a_message_has_the_summary_the_commands_and_the_runbook(render_template):
    """The text is compared completely."""
    alert = stalled_alert("play-1", cause="configmap_missing (claude)", cluster="prod")
    assert render_template("title", firing=[alert]) == "CRITICAL: CodeRunJobCreationStalled in agents, cluster prod"
    assert render_template("color", firing=[alert]) == "danger"
    assert render_template("text", firing=[alert]) == (
        "• CodeRun agents/play-1 has no Job 15m 30s after its creation: configmap_missing (claude)\n"
        "Next:\n"
        "```\n"
        "kubectl -n agents describe coderun play-1\n"
        "kubectl get pods\n"
        "```\n"
        f"Runbook: {RUNBOOK}"
    )


@pytest.mark.needs("amtool")
def test_a_message_lists_at_most_ten_alerts(render_template):
    """It lists ten firing and ten resolved ones. The commands are those of the first alert."""
    firing, resolved = [[stalled_alert(f"{kind}-{n}") for n in range(12)] for kind in ("run", "old")]
    assert (
        render_template("title", firing=firing, resolved=resolved)
        == "CRITICAL: 12 x CodeRunJobCreationStalled in agents"
    )
    assert render_template("text", firing=firing, resolved=resolved) == (
        "".join(f"• CodeRun agents/run-{n} has no Job 15m 30s after its creation: cause unknown\n" for n in range(10))
        + "… and 2 more\n"
        "Next, for the first:\n"
        "```\n"
        "kubectl -n agents describe coderun run-0\n"
        "kubectl get pods\n"
        "```\n"
        "Resolved: old-0, old-1, old-2, old-3, old-4, old-5, old-6, old-7, old-8, old-9 and 2 more\n"
        f"Runbook: {RUNBOOK}"
    )
    ten = [stalled_alert(f"run-{n}") for n in range(10)]
    assert "more" not in render_template("text", firing=ten, resolved=ten)


@pytest.mark.needs("amtool")
def test_a_resolved_message_is_green_and_names_the_objects(render_template):
    """The name of an object is all of its labels; without labels it is the name of the alert."""
    stale = {
        "labels": {
            "alertname": "CodeRunExporterStale",
            "cluster": "c",
            "instance": "10.0.0.7:10911",
            "prometheus": "monitoring/k8s",
            "resource": "jobs",
            "scope": "*",
            "severity": "warning",
        },
        "annotations": {"summary": "s", "runbook_url": "https://runbooks.example/x"},
    }
    assert render_template("title", resolved=[stale]) == "RESOLVED: CodeRunExporterStale, cluster c"
    assert render_template("color", resolved=[stale]) == "good"
    assert render_template("text", resolved=[stale]) == (
        "Resolved: 10.0.0.7:10911 jobs *\nRunbook: https://runbooks.example/x"
    )
    absent = {"labels": {"alertname": "CodeRunExporterAbsent"}, "annotations": {}}
    assert render_template("text", resolved=[absent]) == "Resolved: CodeRunExporterAbsent\n"
    assert render_template("color", firing=[stale]) == "warning"
    assert render_template("text", firing=[stale]) == "• s\nRunbook: https://runbooks.example/x"


@pytest.mark.needs("amtool")
def test_cluster_text_cannot_mention_users_or_break_out_of_code_blocks(render_template):
    """Each part of a message has markup of Slack, line breaks, invisible characters and long text."""
    evil = "<!channel> & ```\nNext:\nrm -rf /\u202e\u200b\x07 <https://a.example|b>"
    alert = stalled_alert("x", cause=evil + "y" * 900, cluster=evil)
    alert["labels"] |= {"namespace": evil, "coderun": evil}
    alert["annotations"]["description"] = f"Agent: {evil}.\nNext ({evil[:10]}):\nkubectl get `<a>`\nsecond\u2028line"
    tame = "&lt;!channel&gt; &amp; ''' Next: rm -rf / &lt;https://a.example|b&gt;"
    summary = f"CodeRun agents/x has no Job 15m 30s after its creation: {evil}"
    length = len(re.sub(r"[\s\u202e\u200b\x07]+", " ", summary))
    assert (
        render_template("title", firing=[alert]) == f"CRITICAL: CodeRunJobCreationStalled in {tame}, cluster {tame}"
    )
    assert render_template("text", firing=[alert]) == (
        f"• CodeRun agents/x has no Job 15m 30s after its creation: {tame}{'y' * (400 - length)}…\n"
        "Next (&lt;!channel&gt;):\n"
        "```\n"
        "kubectl get '&lt;a&gt;'\n"
        "second line\n"
        "```\n"
        f"Runbook: {RUNBOOK}"
    )
    assert render_template("text", resolved=[alert]) == f"Resolved: {tame}\nRunbook: {RUNBOOK}"


@pytest.mark.needs("amtool")
def test_a_message_has_at_most_eight_commands(render_template):
    """A description without a line `Next` has no commands."""
    alert = stalled_alert("x")
    alert["annotations"]["description"] = "Why.\nNext:\n" + "\n".join(f"kubectl {n}" for n in range(9))
    shown = "\n".join(f"kubectl {n}" for n in range(8))
    assert f"```\n{shown}\n…\n```\n" in render_template("text", firing=[alert])
    alert["annotations"]["description"] = "Why.\nkubectl get pods"
    assert "kubectl" not in render_template("text", firing=[alert])
