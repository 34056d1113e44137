"""For any text in objects, all parsers accept the exposition, no series is duplicate, and labels are cleaned."""

import gzip
import http.server
import json
import re
import subprocess
import unicodedata

import pytest
from hypothesis import given, strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from exporter.exposition.exposition import TEXT
from lab.components import component
from lab.loopback import Loopback
from lab.monitoring.bundle import JOB, TARGET_LABELS
from lab.monitoring.servers import Prometheus
from lab.waiting import until
from tests.harness import StoreHarness, required
from tests.integration import samples
from tests.objects import a_configmap, a_job, a_run
from tests.property.jsons import ANY_TEXT, WORDS
from tests.property.profiles import examples

_NEEDED = 5  # each stalled run has a cause for each missing ConfigMap
_HIDDEN = {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp", "Zs"}
_INVISIBLE = {*map(chr, (*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0000, 0xE1000)))}
_INVISIBLE |= {*"\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"}
_NAMES = ("namespace", "coderun", "uid", "agent", "service", "task_id", "cli", "workflow", "run_type", "job_name")
_NAME = re.compile(r"([A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?)?")
_NASTY = st.sampled_from(
    [
        *('"', "\\", "\n", "\\n", "\r\n", '"} 1\n# EOF\n', "# HELP x\n", "{", "}", ",", "=", "\x00", "\ud800\udc00"),
        *("\udfff", "\ufffd", "\ufffe", "\uffff", "\U0010ffff", "\u2028", "\x85", "\x1b[31m", "\u202e", "\ufeff"),
    ]
)
_TEXT = (st.lists(_NASTY | ANY_TEXT, max_size=5).map("".join) | WORDS).map(lambda text: json.loads(json.dumps(text)))
_TEXTS = st.fixed_dictionaries(
    dict.fromkeys(("name", "namespace", "agent", "service", "model", "cli", "task", "repository", "workflow"), _TEXT)
    | dict.fromkeys(("phase", "kind", "reason", "job", "uid", "key", "configmap"), _TEXT)
)


def _expected_value(text):
    """The label value that is exposed for a text of the settings."""
    return "".join(
        "\ufffd" if c != " " and (unicodedata.category(c) in _HIDDEN or c in _INVISIBLE) else c for c in text
    )


class Hostile:
    """A run, its Job and a required ConfigMap that contain these texts. `number` makes their names unique."""

    def __init__(self, number, texts):
        self.texts = texts
        self.namespace = f"{number}-{texts['namespace']}"
        self.run = a_run(
            name=f"{number}-{texts['name']}",
            namespace=self.namespace,
            uid=f"{number}-{texts['uid']}",
            labels={"task-id": texts["task"], "workflow-name": texts["workflow"]},
            annotations={"coderun-exporter/job-creation-deadline": texts["phase"]},
            spec={
                "githubApp": f"5DLabs-{texts['agent']}",
                "service": texts["service"],
                "repositoryUrl": texts["repository"],
                "cliConfig": {"cliType": texts["cli"], "model": texts["model"]},
            },
            status={"phase": texts["phase"], "jobName": texts["job"]},
        )
        self.job = a_job(
            of=self.run,
            name=f"{number}-{texts['job']}",
            namespace=self.namespace,
            uid=f"job-{number}-{texts['uid']}",
            labels={"service": texts["service"], "task-id": texts["task"], texts["name"]: texts["name"]},
            reason=texts["reason"],
        )
        self.configmap = a_configmap(name=f"{number}-{texts['configmap']}", data={texts["key"]: texts["key"]})
        self.required = required(f"{number}-{texts['configmap']}", keys=(f"{number}{texts['key']}", texts["key"]))


def _harness(hostile):
    """A store with all these objects. Every second run has a Job, which fails, and a few need a ConfigMap."""
    needed = hostile[:_NEEDED]
    harness = StoreHarness(*(item.configmap for item in needed[1::3]), needed=[item.required for item in needed])
    for number, item in enumerate(hostile):
        harness.put(item.run)
        if number % 2:
            harness.put(item.job)
            harness.put(item.job | {"status": {"conditions": [_failed(item)]}})
    return harness


def _failed(item):
    return {"type": "Failed", "status": "True", "reason": item.texts["reason"]}


def _exposition(harness):
    """The exposition with the counters. Its gzip form must have the same content."""
    exposition = harness.exposition(tail=harness.lifecycle.text(openmetrics=False))
    plain = b"".join(exposition.plain())
    assert gzip.decompress(b"".join(exposition.gzip())) == plain
    return plain.decode()


def _samples(families):
    return [(sample.name, sample.labels, sample.value) for family in families for sample in family.samples]


@examples(100)
@given(texts=st.lists(_TEXTS, min_size=1, max_size=3))
def test_any_text_results_in_valid_exposition_with_cleaned_labels(texts):
    """It is valid as text format and as OpenMetrics. Values contain no invisible characters."""
    hostile = [Hostile(number, one) for number, one in enumerate(texts)]
    harness = _harness(hostile)
    found = _samples(parse_text(_exposition(harness)))
    ends = harness.text() + harness.lifecycle.text(openmetrics=True) + "# EOF\n"
    assert len(_samples(parse_openmetrics(ends))) == len(found)
    series = [(name, *sorted(labels.items())) for name, labels, _ in found]
    assert len(series) == len(set(series))
    assert [name for name, *_ in found].count("coderun_info") == len(hostile)
    values = [(label, value) for _, labels, _ in found for label, value in labels.items()]
    assert [(label, value) for label, value in values if value != _expected_value(value)] == []
    about_runs = [
        (label, labels[label]) for name, labels, _ in found for label in {*labels} & {*_NAMES} if "map" not in name
    ]
    assert [(label, value) for label, value in about_runs if not _NAME.fullmatch(value)] == []
    missing_keys = [
        (labels["configmap"], labels["key"]) for name, labels, _ in found if labels.get("problem") == "missing_key"
    ]
    assert missing_keys == [
        (_expected_value(item.required.name), _expected_value(item.required.keys[0]))
        for item in hostile[1::3]
        if item.texts["key"]
    ]


@pytest.fixture(scope="module")
def exposition():
    """The exposition of all objects of many examples."""
    drawn = []

    @examples(80)
    @given(texts=st.lists(_TEXTS, min_size=1, max_size=3))
    def collect(texts):
        drawn.extend(texts)

    collect()
    return _exposition(_harness([Hostile(number, one) for number, one in enumerate(drawn)]))


@pytest.mark.needs("promtool")
def test_promtool_accepts_any_text(exposition):
    """There is no error. Advice about names is ignored."""
    assert len(exposition) > 100_000
    code, output = _promtool(exposition)
    assert "error while" not in output
    assert code in {0, 3}, output  # 3 means that there are only lint findings
    for wrong in ('a{b="\\x"} 1', 'a{b="c"d"} 1', 'a{b="c"} 1 2 3', 'a{b="\ud800"} 1'):
        assert _promtool(f"# TYPE a gauge\n{wrong}\n")[0] == 1, wrong


def _promtool(exposition):
    """The exit code and the output of `promtool check metrics`."""
    done = subprocess.run(
        [component("promtool"), "check", "metrics"],
        input=exposition.encode("utf-8", "surrogatepass"),
        capture_output=True,
        check=False,
    )
    return done.returncode, done.stderr.decode()


@pytest.mark.needs("prometheus")
def test_prometheus_stores_every_series_for_any_text(exposition, tmp_path):
    """Prometheus stores every series with exactly these labels and values."""
    body = gzip.compress(exposition.encode())

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", TEXT)
            self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            """Logs nothing."""

    with Loopback(Handler) as server, Prometheus(tmp_path / "prometheus", exporter=server.address) as prometheus:
        prometheus.until_scraped()
        expected = samples.read(exposition, target={"job": JOB, "instance": server.address, **TARGET_LABELS})
        until(lambda: samples.stored(prometheus.stored()) == expected, what="Prometheus has stored the exposition")
        assert len(expected) > 500
