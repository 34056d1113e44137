"""Sends the alerts of all worlds to one Alertmanager, each world as a cluster, and collects the notifications.

Routes and inhibitions are those of alerts/alertmanager.yml. The clock of Alertmanager cannot be set, so the alerts
are sent in rounds. Each round has the alerts that fire at one evaluation and whose `group_wait` is over; the sources
of inhibitions are sent first.
"""

import datetime as dt
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import yaml

from lab import fast_yaml
from lab.monitoring.bundle import ALERTS
from lab.monitoring.servers import Alertmanager
from lab.monitoring.webhook import Notification, Webhook
from lab.waiting import until
from lab.worlds.outcomes import Outcome, Raised
from lab.worlds.player import AFTER, MINUTE, SNAPSHOT

__all__ = ["Delivered", "delivered"]

NOTIFIED_RECEIVERS = frozenset({"pager", "chat"})
"""The receivers whose notifications count as delivered. Those of the receiver `log` do not count."""
_FAST = {"group_wait": "1s", "group_interval": "1s"}
_HOUR = dt.timedelta(hours=1)


class Delivered(NamedTuple):
    """A delivered alert, and the text of its annotations."""

    raised: Raised
    text: str


class _Router(Alertmanager):
    """An Alertmanager with the shipped routes and short waiting times. Each receiver posts to its own path."""

    def _flags(self) -> list[str]:
        config = fast_yaml.load((ALERTS / "alertmanager.yml").read_text("utf-8"))
        del config["templates"]
        [own] = config["route"]["routes"]
        for route in (config["route"], own, *own["routes"]):
            route.update(_FAST)
        config["receivers"] = [
            {"name": each["name"], "webhook_configs": [{"url": f"{self._receiver}/{each['name']}"}]}
            for each in config["receivers"]
        ]
        (self.folder / "config.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
        return ["--storage.path=data", "--cluster.listen-address="]


def delivered(outcomes: Sequence[Outcome], *, folder: pathlib.Path) -> list[list[Delivered]]:
    """The delivered alerts of each world, in order."""
    waits = _waits()
    with Webhook() as webhook, _Router(folder / "alertmanager", receiver=webhook.url) as alertmanager:
        rounds = [list(_rounds(outcome.raised, waits)) for outcome in outcomes]
        for number in range(max(map(len, rounds), default=0)):
            here = [(cluster, of_world[number]) for cluster, of_world in enumerate(rounds) if number < len(of_world)]
            _play_round(alertmanager, webhook, here)
        arrived = {_key(each): each for each in _firing_notifications(webhook) if each.receiver in NOTIFIED_RECEIVERS}
    return [
        [
            Delivered(raised=one, text="\n".join(arrived[key].annotations.values()))
            for one in outcome.raised
            if (key := _labels(one, cluster)) in arrived
        ]
        for cluster, outcome in enumerate(outcomes)
    ]


class _Round(NamedTuple):
    """A round: the alerts that fire and whose `group_wait` is over, and the alerts that no longer fire."""

    firing: list[Raised]
    ended: list[Raised]


def _rounds(raised: Sequence[Raised], waits: Mapping[str, float]) -> Iterator[_Round]:
    posted = {id(one): one.firing.first + waits[one.alert.severity] // MINUTE * MINUTE for one in raised}
    ends = {one.firing.last + MINUTE for one in raised if one.ends}
    for at in sorted({*posted.values(), *ends}):
        if at > SNAPSHOT + AFTER + MINUTE:
            return
        posted_alerts = [one for one in raised if posted[id(one)] <= at]
        firing = [one for one in posted_alerts if at <= one.firing.last or not one.ends]
        yield _Round(firing=firing, ended=[one for one in posted_alerts if one not in firing])


def _play_round(alertmanager: Alertmanager, webhook: Webhook, here: Sequence[tuple[int, _Round]]) -> None:
    now = dt.datetime.now(dt.UTC)
    firing = [(one, cluster) for cluster, each in here for one in each.firing]
    ended = [(one, cluster) for cluster, each in here for one in each.ended]
    causes = _causes()
    for wanted in (True, False):
        alerts = [
            _alert_to_post(one, cluster, ends=now + _HOUR)
            for one, cluster in firing
            if _has_name(one, causes) == wanted
        ]
        alerts += [
            _alert_to_post(one, cluster, ends=now) for one, cluster in ended if _has_name(one, causes) == wanted
        ]
        if alerts:
            alertmanager.tell(*alerts)
    keys = {_labels(one, cluster) for one, cluster in firing}

    def open_ones() -> set[frozenset[tuple[str, str]]]:
        """The alerts that are neither suppressed nor delivered."""
        quiet = {
            frozenset(each["labels"].items())
            for each in alertmanager.get("/api/v2/alerts")
            if each["status"]["state"] == "suppressed"
        }
        return keys - quiet - {_key(each) for each in _firing_notifications(webhook)}

    until(lambda: not open_ones(), what="each alert is delivered or suppressed", otherwise=open_ones)


def _alert_to_post(one: Raised, cluster: int, *, ends: dt.datetime) -> dict[str, Any]:
    return {
        "labels": dict(_labels(one, cluster)),
        "annotations": dict(one.annotations),
        "endsAt": ends.isoformat(),
    }


def _labels(one: Raised, cluster: int) -> frozenset[tuple[str, str]]:
    labels = {**one.firing.labels, "alertname": one.alert.name, "cluster": f"world-{cluster}"}
    return frozenset(labels.items())


def _key(notification: Notification) -> frozenset[tuple[str, str]]:
    return frozenset(notification.labels.items())


def _firing_notifications(webhook: Webhook) -> list[Notification]:
    return [each for each in webhook.all() if each.status == "firing"]


def _has_name(one: Raised, names: frozenset[str]) -> bool:
    return one.alert.name in names


def _causes() -> frozenset[str]:
    """The names of the alerts that are sources of inhibitions."""
    rules = fast_yaml.load((ALERTS / "alertmanager.yml").read_text("utf-8"))["inhibit_rules"]
    matchers = " ".join(matcher for rule in rules for matcher in rule["source_matchers"])
    return frozenset(word for word in matchers.replace('"', " ").replace("|", " ").split() if word.isalnum())


def _waits() -> dict[str, float]:
    """The `group_wait` of the route of each severity, in seconds."""
    [route] = fast_yaml.load((ALERTS / "alertmanager.yml").read_text("utf-8"))["route"]["routes"]
    own = {matcher: each for each in route["routes"] for matcher in each["matchers"]}
    waits = {}
    for severity in ("critical", "warning", "info"):
        text = own.get(f'severity="{severity}"', {}).get("group_wait", route["group_wait"])
        waits[severity] = float(text.removesuffix("s"))
    return waits
