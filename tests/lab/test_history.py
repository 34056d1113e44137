"""The evaluator reads earlier scrapes as Prometheus does: compared with the documentation, and with promtool."""

import subprocess

import pytest
import yaml

from lab import promql
from lab.components import component
from lab.promql import NAME, History, Scrape
from lab.promql.history import LOOKBACK_SECONDS

STEP = 30
SERIES = {
    'steady{host="a"}': [1] * 61,
    'climbs{host="a"}': list(range(61)),
    'climbs{host="b"}': [min(count, 20) for count in range(61)],
    'restarts{host="a"}': [count % 13 for count in range(61)],
    'ends{host="a"}': [3] * 50 + [None] * 11,
    'begins{host="a"}': [None] * 57 + [7] * 4,
}
NOW = 60.0 * STEP
EXPRESSIONS = {
    "climbs offset 5m": [("climbs", "a", 50), ("climbs", "b", 20)],
    "ends offset 5m": [],
    "ends offset 5m30s": [("ends", "a", 3)],
    "ends": [],
    "begins offset 5m": [],
    "begins and begins offset 1m": [("begins", "a", 7)],
    "steady and on (host) max_over_time(climbs[1m]) > 59": [("steady", "a", 1)],
    "max_over_time(climbs[5m])": [("", "a", 60), ("", "b", 20)],
    "min_over_time(climbs[5m])": [("", "a", 51), ("", "b", 20)],
    "avg_over_time(climbs[5m])": [("", "a", 55.5), ("", "b", 20)],
    "sum_over_time(steady[5m])": [("", "a", 10)],
    "count_over_time(ends[10m])": [("", "a", 9)],
    "last_over_time(ends[10m])": [("ends", "a", 3)],
    "present_over_time(ends[5m])": [],
    "absent_over_time(ends{host='a'}[5m])": [("", "a", 1)],
    "absent_over_time(ends[10m])": [],
    "changes(restarts[10m] offset 1m)": [("", "a", 19)],
    "resets(restarts[30m])": [("", "a", 4)],
    "increase(climbs[10m])": [("", "a", 20), ("", "b", 0)],
    "increase(begins[10m])": [("", "a", 0)],
    "rate(climbs{host='a'}[10m])": [("", "a", 1 / 30)],
}


@pytest.fixture(scope="module")
def history():
    """The series, scraped every 30 seconds up to NOW."""
    scrapes = History()
    for count in range(61):
        scrapes.add(scrape_at(count), at=float(count * STEP))
    return scrapes


def scrape_at(count):
    """One scrape."""
    scrape = Scrape()
    for series, values in SERIES.items():
        name, _, host = series.removesuffix('"}').partition('{host="')
        if values[count] is not None:
            scrape.add(name=name, labels={"host": host}, value=values[count])
    return scrape


def value_of(text, history):
    """The samples of the expression as (name, host, value)."""
    found = promql.evaluate(promql.parse(text), scrape=scrape_at(60), time=NOW, history=history)
    return sorted((one.get(NAME), one.get("host"), pytest.approx(one.value)) for one in found)


@pytest.mark.parametrize(("text", "expected"), EXPRESSIONS.items())
def test_ranges_and_offsets_follow_the_documentation(text, expected, history):
    """These are offsets, ranges without their left boundary, staleness, counter resets and extrapolation."""
    assert value_of(text, history) == expected


@pytest.mark.needs("promtool")
def test_prometheus_reads_the_same(tmp_path):
    """Every expression of the table gives the same samples in promtool."""
    series = [
        {"series": name, "values": " ".join("stale" if one is None else str(one) for one in values)}
        for name, values in SERIES.items()
    ]
    expected = [
        {
            "expr": f"round({text}, 0.001)" if "rate" in text else text,
            "eval_time": f"{NOW:g}s",
            "exp_samples": [
                {"labels": f'{name}{{host="{host}"}}', "value": round(value, 3)} for name, host, value in samples
            ],
        }
        for text, samples in EXPRESSIONS.items()
    ]
    test = {"interval": f"{STEP}s", "input_series": series, "promql_expr_test": expected}
    file = tmp_path / "test.yml"
    file.write_text(yaml.safe_dump({"rule_files": [], "evaluation_interval": "30s", "tests": [test]}))
    command = [component("promtool"), "test", "rules", file]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_scrape_without_history_is_the_only_one():
    """A range has only this scrape, and an offset selects no sample."""
    scrape = Scrape([("heat", {"host": "a"}, 3.0)])
    for text, values in {"max_over_time(heat[1h])": [3.0], "heat offset 1m": [], "increase(heat[1h])": []}.items():
        found = promql.evaluate(promql.parse(text), scrape=scrape, time=100.0)
        assert [one.value for one in found] == values


def test_old_scrapes_are_dropped():
    """The memory is limited to the longest range of the rules."""
    scrapes = History(keep=100.0)
    for at in range(0, 1000, 10):
        scrapes.add(Scrape([("heat", {"host": str(at // 500)}, at)]), at=float(at))
    (one,) = scrapes.window("heat", after=-1.0, until=2000.0)
    assert one.labels["host"] == "1"
    assert 100 <= one.times[-1] - one.times[0] <= 200


def test_the_lookback_is_five_minutes():
    """Without further scrapes, an instant selector is then empty, as in Prometheus."""
    scrapes = History()
    scrapes.add(Scrape([("heat", {}, 1.0)]), at=0.0)
    assert scrapes.instant("heat", at=LOOKBACK_SECONDS - 1)
    assert not scrapes.instant("heat", at=LOOKBACK_SECONDS)
    assert not scrapes.instant("heat", at=-1.0)
