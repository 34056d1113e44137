"""The Alertmanager side of the bundle: routes, inhibitions and chat messages, asked of Alertmanager's own tool."""

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
    """Its output; fails with that where it fails."""
    done = subprocess.run(
        [component(tool), *arguments], cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def rendered(tmp_path):
    """What a template, by the last word of its name, makes of a group of alerts."""

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
    """What all of them have in common."""
    return dict(set.intersection(*({*alert[part].items()} for alert in alerts)))


def stalled(name, *, cause="cause unknown", **labels):
    """A stalled run, in the words of its rule."""
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
def test_alertmanager_accepts_the_configuration_where_a_user_puts_it(tmp_path, file, tool):
    """`amtool check-config` in a copy, of the oldest version too: the template is found, every inhibition is seen."""
    shutil.copy(ALERTS / file, tmp_path)
    shutil.copytree(ALERTS / "templates", tmp_path / "templates")
    output = amtool("check-config", file, folder=tmp_path, tool=tool)
    assert "SUCCESS" in output
    rules = fast_yaml.load((ALERTS / file).read_text()).get("inhibit_rules", [])
    assert f"{len(rules)} inhibit rules" in output
    # amtool accepts a template that is not there.
    assert [list(tmp_path.glob(name)) for name in CONFIG["templates"]] == [[tmp_path / "templates" / TEMPLATE.name]]


@pytest.mark.needs("amtool")
@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_an_alert_reaches_the_receiver_of_its_severity(variant):
    """With the labels that it has: a person now, a person today, or the log."""
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
def test_alerts_of_others_are_left_to_their_own_routes(file, labels, receiver):
    """And one of the bundle's component with a severity of the user's own is not lost."""
    routes = ["config", "routes", "test", f"--config.file={file}", f"--verify.receivers={receiver}"]
    assert amtool(*routes, *labels).strip() == receiver


def test_both_files_route_the_same():
    """receivers.yml has a route for the Watchdog besides."""
    routes = fast_yaml.load((ALERTS / "receivers.yml").read_text())["route"]["routes"]
    assert [route["receiver"] for route in routes] == ["heartbeat", "chat"]
    [own] = CONFIG["route"]["routes"]
    assert own["matchers"] == ['component="coderun-exporter"']
    below = [[{**route, "group_wait": ""} for route in each.pop("routes")] for each in (dict(own), routes[1])]
    assert below[0] == below[1]
    assert {key: value for key, value in own.items() if key != "routes"} == routes[1]


def test_alerts_of_one_kind_and_place_come_in_one_message():
    """So that a broken platform is one message, and two namespaces are two."""
    [own] = CONFIG["route"]["routes"]
    assert own["group_by"] == ["alertname", "cluster", "namespace"]


@pytest.mark.parametrize("rule", RULES, ids=[f"{rule['alert']} {rule['labels']['severity']}" for rule in RULES])
def test_a_message_finds_the_commands_and_the_object_of_an_alert(rule):
    """The description has a line that begins with Next and ends with a colon; the template knows each label."""
    assert re.search(r"^Next.*:$", rule["annotations"]["description"], re.MULTILINE)
    listed = re.search(r"range stringSlice (.*) \}\}", TEMPLATE.read_text())[1].split()
    assert identity(rule) - {"cluster", "namespace"} <= {label.strip('"') for label in listed}


@pytest.mark.needs("amtool")
def test_one_alert_reads_as_what_is_wrong_what_to_run_and_where_to_read_on(rendered):
    """The whole message."""
    alert = stalled("play-1", cause="configmap_missing (claude)", cluster="prod")
    assert rendered("title", firing=[alert]) == "CRITICAL: CodeRunJobCreationStalled in agents, cluster prod"
    assert rendered("color", firing=[alert]) == "danger"
    assert rendered("text", firing=[alert]) == (
        "• CodeRun agents/play-1 has no Job 15m 30s after its creation: configmap_missing (claude)\n"
        "Next:\n"
        "```\n"
        "kubectl -n agents describe coderun play-1\n"
        "kubectl get pods\n"
        "```\n"
        f"Runbook: {RUNBOOK}"
    )


@pytest.mark.needs("amtool")
def test_many_alerts_are_ten_lines_and_a_number(rendered):
    """Of those that fire and of those that are over; the commands are those of the first."""
    firing, resolved = [[stalled(f"{kind}-{n}") for n in range(12)] for kind in ("run", "old")]
    assert rendered("title", firing=firing, resolved=resolved) == "CRITICAL: 12 x CodeRunJobCreationStalled in agents"
    assert rendered("text", firing=firing, resolved=resolved) == (
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
    ten = [stalled(f"run-{n}") for n in range(10)]
    assert "more" not in rendered("text", firing=ten, resolved=ten)


@pytest.mark.needs("amtool")
def test_what_is_over_is_said_in_green_with_its_names(rendered):
    """An object of several labels has them all; where there is none, the alert's name stands for it."""
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
    assert rendered("title", resolved=[stale]) == "RESOLVED: CodeRunExporterStale, cluster c"
    assert rendered("color", resolved=[stale]) == "good"
    assert rendered("text", resolved=[stale]) == (
        "Resolved: 10.0.0.7:10911 jobs *\nRunbook: https://runbooks.example/x"
    )
    absent = {"labels": {"alertname": "CodeRunExporterAbsent"}, "annotations": {}}
    assert rendered("text", resolved=[absent]) == "Resolved: CodeRunExporterAbsent\n"
    assert rendered("color", firing=[stale]) == "warning"
    assert rendered("text", firing=[stale]) == "• s\nRunbook: https://runbooks.example/x"


@pytest.mark.needs("amtool")
def test_no_word_from_a_cluster_calls_anybody_leaves_its_block_or_poses_as_a_command(rendered):
    """Marks of Slack's, line ends, invisible signs and a long text, in every part that a message shows."""
    evil = "<!channel> & ```\nNext:\nrm -rf /\u202e\u200b\x07 <https://a.example|b>"
    alert = stalled("x", cause=evil + "y" * 900, cluster=evil)
    alert["labels"] |= {"namespace": evil, "coderun": evil}
    alert["annotations"]["description"] = f"Agent: {evil}.\nNext ({evil[:10]}):\nkubectl get `<a>`\nsecond\u2028line"
    tame = "&lt;!channel&gt; &amp; ''' Next: rm -rf / &lt;https://a.example|b&gt;"
    summary = f"CodeRun agents/x has no Job 15m 30s after its creation: {evil}"
    length = len(re.sub(r"[\s\u202e\u200b\x07]+", " ", summary))
    assert rendered("title", firing=[alert]) == f"CRITICAL: CodeRunJobCreationStalled in {tame}, cluster {tame}"
    assert rendered("text", firing=[alert]) == (
        f"• CodeRun agents/x has no Job 15m 30s after its creation: {tame}{'y' * (400 - length)}…\n"
        "Next (&lt;!channel&gt;):\n"
        "```\n"
        "kubectl get '&lt;a&gt;'\n"
        "second line\n"
        "```\n"
        f"Runbook: {RUNBOOK}"
    )
    assert rendered("text", resolved=[alert]) == f"Resolved: {tame}\nRunbook: {RUNBOOK}"


@pytest.mark.needs("amtool")
def test_a_long_list_of_commands_is_cut_and_an_alert_without_any_has_no_block(rendered):
    """Eight lines are shown; words without a line that begins with Next are left out."""
    alert = stalled("x")
    alert["annotations"]["description"] = "Why.\nNext:\n" + "\n".join(f"kubectl {n}" for n in range(9))
    shown = "\n".join(f"kubectl {n}" for n in range(8))
    assert f"```\n{shown}\n…\n```\n" in rendered("text", firing=[alert])
    alert["annotations"]["description"] = "Why.\nkubectl get pods"
    assert "kubectl" not in rendered("text", firing=[alert])
