"""The demo's evaluator of PromQL, compared with the documentation of Prometheus and with promtool."""

import json
import math
import pathlib
import subprocess
import types

import pytest
import yaml

from lab import promql
from lab.components import component
from lab.promql import NAME, PromqlError, Scrape, UnsupportedError
from lab.promql.binary import combine

NOW = 1000.0
NAN, INF = math.nan, math.inf
SERIES = (
    ("free", {"host": "a", "disk": "1"}, 10.0),
    ("free", {"host": "a", "disk": "2"}, 30.0),
    ("free", {"host": "b", "disk": "1"}, 50.0),
    ("limit", {"host": "a", "team": "x"}, 20.0),
    ("limit", {"host": "b", "team": ""}, 0.0),
    ("free_b", {"host": "b", "disk": "1"}, 7.0),
    ("odd", {"kind": "nan"}, NAN),
    ("odd", {"kind": "inf"}, INF),
    ("odd", {"kind": "one"}, 1.0),
    ("lines", {"text": "a\nb"}, 1.0),
    ("started", {"job_name": "j"}, 400.0),
)
A1, A2, B1 = ({"host": h, "disk": d} for h, d in (("a", "1"), ("a", "2"), ("b", "1")))
FREE_A1, FREE_A2, FREE_B1 = ({NAME: "free", **labels} for labels in (A1, A2, B1))
A, B = {"host": "a"}, {"host": "b"}
LIMIT_A, LIMIT_B = {NAME: "limit", "host": "a", "team": "x"}, {NAME: "limit", "host": "b"}

SCALARS = {
    "1 + 2 * 3": 7.0,
    "(1 + 2) * 3": 9.0,
    "-2 ^ 2": -4.0,
    "2 ^ 3 ^ 2": 512.0,
    "7 % 4": 3.0,
    "-7 % 4": -3.0,
    "7 % 0": NAN,
    "1 / 0": INF,
    "-1 / 0": -INF,
    "0 / 0": NAN,
    "Inf - Inf": NAN,
    "-8 ^ 0.5": -(8**0.5),
    "(-8) ^ 0.5": NAN,
    "0 ^ -1": INF,
    "10 ^ 400": INF,
    "(-10) ^ 401": -INF,
    "1 / -Inf": -0.0,
    "1 atan2 1": math.atan2(1, 1),
    "NaN == bool NaN": 0.0,
    "NaN != bool NaN": 1.0,
    "3 >= bool 3": 1.0,
    "3 < bool 3": 0.0,
    "time()": NOW,
}
VECTORS = {
    # selectors
    "free": [(FREE_A1, 10), (FREE_A2, 30), (FREE_B1, 50)],
    'free{host="a"}': [(FREE_A1, 10), (FREE_A2, 30)],
    'free{host!="a"}': [(FREE_B1, 50)],
    'free{host=~"a|c"}': [(FREE_A1, 10), (FREE_A2, 30)],
    'free{host=~"."}': [(FREE_A1, 10), (FREE_A2, 30), (FREE_B1, 50)],
    'free{disk!~"2"}': [(FREE_A1, 10), (FREE_B1, 50)],
    'limit{team=""}': [(LIMIT_B, 0)],
    'limit{team!=""}': [(LIMIT_A, 20)],
    'limit{team=~".*"}': [(LIMIT_A, 20), (LIMIT_B, 0)],
    'limit{team=~".+"}': [(LIMIT_A, 20)],
    'limit{absent=""}': [(LIMIT_A, 20), (LIMIT_B, 0)],
    'lines{text=~"a.b"}': [({NAME: "lines", "text": "a\nb"}, 1)],
    '{__name__=~"li.+",host="a"}': [(LIMIT_A, 20)],
    "nothing": [],
    '{__name__=~"fre"}': [],
    # a number on one side: arithmetic and bool drop the name, a filter keeps name and value
    "-limit": [({**A, "team": "x"}, -20), (B, -0.0)],
    "limit / 10": [({**A, "team": "x"}, 2), (B, 0)],
    "10 - limit": [({**A, "team": "x"}, -10), (B, 10)],
    "free > 10": [(FREE_A2, 30), (FREE_B1, 50)],
    "10 < free": [(FREE_A2, 30), (FREE_B1, 50)],
    "free >= bool 30": [(A1, 0), (A2, 1), (B1, 1)],
    "time() - started > 500": [({"job_name": "j"}, 600)],
    "odd > 0": [({NAME: "odd", "kind": "inf"}, INF), ({NAME: "odd", "kind": "one"}, 1)],
    "odd != odd": [({NAME: "odd", "kind": "nan"}, NAN)],
    # vector matching
    "free - free_b": [(B1, 43)],
    "free > free_b": [(FREE_B1, 50)],
    "free_b < bool on (host, disk) free": [(B1, 1)],
    "free > ignoring (none) free_b": [(FREE_B1, 50)],
    'free{disk="2"} * on (host) limit': [(A, 600)],
    'free{disk="2"} > on (host) limit': [(A, 30)],
    'free{disk="2"} * ignoring (disk, team) limit': [(A, 600)],
    "free > on (host) group_left () limit": [(FREE_A2, 30), (FREE_B1, 50)],
    "free - on (host) group_left () limit": [(A1, -10), (A2, 10), (B1, 50)],
    "free - on (host) group_left (team) limit": [({**A1, "team": "x"}, -10), ({**A2, "team": "x"}, 10), (B1, 50)],
    "limit < on (host) group_right () free": [(FREE_A2, 20), (FREE_B1, 0)],
    "limit - on (host) group_right (team) free": [({**A1, "team": "x"}, 10), ({**A2, "team": "x"}, -10), (B1, -50)],
    "free > bool on (host) group_left () limit": [(A1, 0), (A2, 1), (B1, 1)],
    "free + nothing": [],
    # sets
    "free and free_b": [(FREE_B1, 50)],
    "free and on (host) (limit > 0)": [(FREE_A1, 10), (FREE_A2, 30)],
    "free unless on (host) (limit > 0)": [(FREE_B1, 50)],
    "free unless free_b": [(FREE_A1, 10), (FREE_A2, 30)],
    "free unless nothing": [(FREE_A1, 10), (FREE_A2, 30), (FREE_B1, 50)],
    "free and ignoring (disk, team) limit": [(FREE_A1, 10), (FREE_A2, 30), (FREE_B1, 50)],
    "free_b or free": [({NAME: "free_b", **B1}, 7), (FREE_A1, 10), (FREE_A2, 30)],
    "limit or on (host) free": [(LIMIT_A, 20), (LIMIT_B, 0)],
    "free and on () limit": [(FREE_A1, 10), (FREE_A2, 30), (FREE_B1, 50)],
    # aggregations
    "sum(free)": [({}, 90)],
    "sum by (host) (free)": [(A, 40), (B, 50)],
    "max by (host, nowhere) (free)": [(A, 30), (B, 50)],
    "min without (disk) (free)": [(A, 10), (B, 50)],
    "count by (team) (limit)": [({"team": "x"}, 1), ({}, 1)],
    'count by (__name__) ({host="b"})': [({NAME: "free"}, 1), ({NAME: "limit"}, 1), ({NAME: "free_b"}, 1)],
    "max(odd)": [({}, INF)],
    "min(odd)": [({}, 1)],
    'max(odd{kind="nan"})': [({}, NAN)],
    "count(odd)": [({}, 3)],
    "sum(nothing)": [],
    "topk(1, free)": [(FREE_B1, 50)],
    "topk by (host) (1, free)": [(FREE_A2, 30), (FREE_B1, 50)],
    "topk(1, nothing)": [],
    # functions
    "absent(free)": [],
    "absent(nothing)": [({}, 1)],
    'absent(nothing{host="a", disk=~"1", team!="x"})': [(A, 1)],
    'absent(nothing{host="a", host="b", disk="1"})': [({"disk": "1"}, 1)],
    'absent((nothing{host="a"}))': [(A, 1)],
    'absent(sum(nothing{host="a"}))': [({}, 1)],
    "vector(3)": [({}, 3)],
    'label_replace(vector(1), "by", "rule", "", "")': [({"by": "rule"}, 1)],
    'label_replace(max by (host) (limit), "by", "rule", "host", "a")': [({**A, "by": "rule"}, 20), (B, 0)],
}
MATCHING_ERRORS = {
    "free * on (host) limit": "many-to-one matching must be explicit",
    "limit * on (host) free": "many-to-many matching not allowed",
    "free * on (host) group_right () limit": "many-to-many matching not allowed",
    "free * on (host) group_left (disk) limit": "grouping labels must ensure unique matches",
    '-{host="b",disk="1"}': "same labelset",
    '{host="b",disk="1"} * 2': "same labelset",
}
INVALID = ('limit == ""', "1 > 2", "free and 1", "sum(1)", "free >")
UNSUPPORTED = {
    "deriv(free[5m])": "function deriv()",
    "free @ 5": "@ modifier",
    "{host='a'} offset 5m": "range or offset without a metric name",
    "max_over_time((free)[5m:1m])": "subquery",
    "free[5m]": "range vector",
    "topk(2, free)": "topk with another number than 1",
    "stddev(free)": "aggregation stddev",
    "vector(1) + abs(nothing)": "function abs()",
    '{host="a" or host="b"}': "or between matchers",
    '"text"': "string",
    'label_replace(free, "a", "$1", "host", "(.*)")': "references in label_replace()",
    "free[5m:1m]": "subquery",
    "free + fill(0) free_b": "fill modifier",
}


def value_of(text):
    """The value of the expression for SERIES at NOW."""
    return promql.evaluate(promql.parse(text), scrape=Scrape(SERIES), time=NOW)


def in_order(samples):
    """The samples in a fixed order. Values are text, so that NaN is equal to NaN."""
    return sorted((sorted(labels.items()), str(float(value))) for labels, value in samples)


@pytest.mark.parametrize(("text", "expected"), SCALARS.items())
def test_scalars_follow_the_documentation(text, expected):
    """Precedence, infinities and NaN are as in Prometheus."""
    assert str(value_of(text)) == str(expected)


@pytest.mark.parametrize(("text", "expected"), VECTORS.items())
def test_vectors_have_the_documented_labels_and_values(text, expected):
    """Selectors, vector matching, set operators, aggregations and functions."""
    assert in_order((sample.labels, sample.value) for sample in value_of(text)) == in_order(expected)


@pytest.mark.parametrize(("text", "message"), MATCHING_ERRORS.items())
def test_an_ambiguous_match_is_an_error(text, message):
    """Such a rule of Prometheus fails and does not fire."""
    with pytest.raises(PromqlError, match=message):
        value_of(text)


@pytest.mark.parametrize("text", INVALID)
def test_invalid_promql_is_an_error(text):
    """The post-mortem of the incident has one such expression: a vector compared with a string."""
    with pytest.raises(PromqlError):
        value_of(text)


@pytest.mark.parametrize(("text", "construct"), UNSUPPORTED.items())
def test_an_unsupported_construct_is_named(text, construct):
    """It is also an error if no series reaches it."""
    with pytest.raises(UnsupportedError) as caught:
        promql.evaluate(promql.parse(text), scrape=Scrape(), time=NOW)
    assert str(caught.value) == construct


def test_an_unknown_operator_is_named():
    """A newer parser may have operators that the evaluator does not support."""
    with pytest.raises(UnsupportedError, match="operator </"):
        combine(types.SimpleNamespace(op="</", modifier=None), [], [])


def test_a_scrape_is_read_as_prometheus_stores_it():
    """Empty labels are dropped, missing labels of the target are added, and `up` is 1."""
    text = '# TYPE a gauge\na{x="",job="own"} 1\na{y="\\"\\n"} NaN\n# TYPE c counter\nc_total 3\n'
    scrape = promql.parse_scrape(text, target={"job": "exporter", "instance": "i:1"})
    assert in_order((sample.labels, sample.value) for sample in scrape) == in_order(
        [
            ({NAME: "up", "job": "exporter", "instance": "i:1"}, 1),
            ({NAME: "a", "job": "own", "instance": "i:1"}, 1),
            ({NAME: "a", "job": "exporter", "instance": "i:1", "y": '"\n'}, NAN),
            ({NAME: "c_total", "job": "exporter", "instance": "i:1"}, 3),
        ]
    )


def notation(labels):
    """A series in the notation of promtool's tests."""
    pairs = ",".join(f"{name}={json.dumps(text)}" for name, text in labels.items() if name != NAME)
    return f"{labels.get(NAME, '')}{{{pairs}}}"


def _number(value):
    """A value in the notation of promtool, which is that of Go."""
    return {"nan": "NaN", "inf": "Inf"}.get(str(float(value)), str(float(value)))


def run_promtool(folder: pathlib.Path, expectations):
    """Runs promtool for SERIES at NOW, with pairs of an expression and its samples. Its exit code and output."""
    test = {
        "interval": f"{int(NOW)}s",
        "input_series": [
            {"series": notation({NAME: name, **labels}), "values": f"_ {_number(value)}"}
            for name, labels, value in SERIES
        ],
        "promql_expr_test": [
            {
                "expr": text,
                "eval_time": f"{int(NOW)}s",
                "exp_samples": [{"labels": notation(dict(s.labels)), "value": s.value} for s in samples],
            }
            for text, samples in expectations
        ],
    }
    file = folder / "test.yml"
    file.write_text(yaml.safe_dump({"rule_files": [], "evaluation_interval": "1s", "tests": [test]}))
    done = subprocess.run(
        [component("promtool"), "test", "rules", file], capture_output=True, text=True, check=False, timeout=15
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.needs("promtool")
def test_promtool_gives_the_same_vectors(tmp_path):
    """Every expression of the tables has the same labels and values in promtool.

    Promtool compares values exactly and NaN is not equal to itself, so expressions with NaN are left out.
    """
    numbers = [(f"vector({text})", value_of(f"vector({text})")) for text in SCALARS]
    vectors = [(text, value_of(text)) for text in VECTORS]
    comparable = [item for item in numbers + vectors if not any(math.isnan(sample.value) for sample in item[1])]
    assert len(comparable) > 75
    code, output = run_promtool(tmp_path, comparable)
    assert code == 0, output


@pytest.mark.needs("promtool")
def test_promtool_fails_for_the_same_expressions(tmp_path):
    """Each matching error has the same reason in promtool."""
    code, output = run_promtool(tmp_path, [(text, []) for text in MATCHING_ERRORS])
    assert code != 0
    for text, message in MATCHING_ERRORS.items():
        assert f"expr: {json.dumps(text)}, time: 16m40s, err: " in output
        assert message in output, (text, output)
