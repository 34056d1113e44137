"""Evaluates the syntax tree of an expression at one time.

Prometheus documents the meaning of each construct under "Querying". A construct that is not supported here raises an
error that names it.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, cast

import promql_parser
from promql_parser import AggModifierType, MatchOp

from lab.promql.binary import combine
from lab.promql.errors import PromqlError, UnsupportedError
from lab.promql.history import History
from lab.promql.overtime import KEEPS_NAME, OVER_TIME
from lab.promql.vector import NAME, Key, Sample, Scrape, Vector, distinct, key

__all__ = ["evaluate", "parse"]

Value = float | Vector


def parse(text: str) -> Any:
    """The syntax tree of an expression. Raises PromqlError if PromQL does not allow it."""
    try:
        return promql_parser.parse(text)
    except ValueError as error:
        raise PromqlError(f"{error}: {text}") from error


def evaluate(tree: Any, *, scrape: Scrape, time: float, history: History | None = None) -> Value:
    """The value of a parsed expression at `time` (Unix time): a number or a vector.

    `history` has the current and earlier scrapes, for `offset` and range selectors. Without it, only `scrape` is
    used. Raises UnsupportedError for an unsupported construct, even if there are no series, and PromqlError if
    Prometheus would fail too.
    """
    if history is None:
        history = History()
        history.add(scrape, at=time)
    return _Evaluation(scrape, time, history).value(tree)


class _Evaluation:
    """One expression at one time. Both sides of every operator are evaluated, so every construct is checked."""

    def __init__(self, scrape: Scrape, time: float, history: History) -> None:
        self._scrape = scrape
        self._time = time
        self._history = history

    def value(self, tree: Any) -> Value:
        kind = type(tree)
        if kind not in _NODES:
            raise UnsupportedError(_WORDS.get(kind.__name__, kind.__name__))
        return _NODES[kind](self, tree)

    def vector(self, tree: Any) -> Vector:
        return cast("Vector", self.value(tree))  # the parser rejects other types here

    def number(self, tree: Any) -> Value:
        return float(tree.val)

    def inner(self, tree: Any) -> Value:
        return self.value(tree.expr)

    def negated(self, tree: Any) -> Value:
        value = self.value(tree.expr)
        if not isinstance(value, list):
            return -value
        return distinct([sample.without_name(-sample.value) for sample in value])

    def binary(self, tree: Any) -> Value:
        return combine(tree, self.value(tree.lhs), self.value(tree.rhs))

    def selected(self, tree: Any) -> Value:
        passes = _matches(tree)
        if tree.offset is not None:
            return [sample for sample in self._history.instant(_name(tree), at=self._moment(tree)) if passes(sample)]
        series = self._scrape.family(tree.name) if tree.name else self._scrape
        return [sample for sample in series if passes(sample)]

    def _moment(self, selector: Any) -> float:
        """The time of a selector: that of the evaluation minus its offset."""
        return self._time - (selector.offset.total_seconds() if selector.offset is not None else 0.0)

    def over_time(self, tree: Any) -> Value:
        """A function of a range selector."""
        (ranged,) = tree.args
        if not isinstance(ranged, promql_parser.MatrixSelector):
            raise UnsupportedError(_WORDS.get(type(ranged).__name__, type(ranged).__name__))
        name, selector = tree.func.name, ranged.vector_selector
        passes, until = _matches(selector), self._moment(selector)
        after = until - ranged.range.total_seconds()
        window = self._history.window(_name(selector), after=after, until=until)
        series = [(one, Sample(one.labels, 0.0)) for one in window if passes(Sample(one.labels, 0.0))]
        if name == "absent_over_time":
            return [] if series else [Sample(_absent_labels(selector), 1.0)]
        found = []
        for one, labels in series:
            if (value := OVER_TIME[name](one, after, until)) is not None:
                found.append(Sample(one.labels, value) if name in KEEPS_NAME else labels.without_name(value))
        return distinct(found)

    def aggregated(self, tree: Any) -> Value:
        if str(tree.op) == "topk":
            return self.largest(tree)
        reduce = _AGGREGATIONS.get(str(tree.op))
        if reduce is None:
            raise UnsupportedError(f"aggregation {tree.op}")
        groups: dict[Key, list[float]] = {}
        for sample in self.vector(tree.expr):
            groups.setdefault(_group(tree.modifier, sample), []).append(sample.value)
        return [Sample(dict(group), reduce(values)) for group, values in groups.items()]

    def largest(self, tree: Any) -> Value:
        """`topk(1, ...)`: the sample with the largest value of each group, with all of its labels."""
        if self.value(tree.param) != 1:
            raise UnsupportedError("topk with another number than 1")
        groups: dict[Key, Sample] = {}
        for sample in self.vector(tree.expr):
            group = _group(tree.modifier, sample)
            known = groups.setdefault(group, sample)
            if not known.value >= sample.value:  # NaN is the smallest
                groups[group] = sample
        return list(groups.values())

    def called(self, tree: Any) -> Value:
        if tree.func.name in OVER_TIME or tree.func.name == "absent_over_time":
            return self.over_time(tree)
        match tree.func.name:
            case "time":
                return self._time
            case "vector":
                value = self.value(tree.args[0])
                return [Sample({}, value)] if isinstance(value, float) else value
            case "label_replace":
                return _label_replace(self.vector(tree.args[0]), *(argument.val for argument in tree.args[1:]))
            case "absent":
                return [] if self.vector(tree.args[0]) else [Sample(_absent_labels(tree.args[0]), 1.0)]
            case name:
                raise UnsupportedError(f"function {name}()")


def _label_replace(vector: Vector, label: str, text: str, source: str, pattern: str) -> Vector:
    """`label_replace` with a replacement that is plain text."""
    if "$" in text:
        raise UnsupportedError("references in label_replace()")
    matches = re.compile(pattern, re.DOTALL).fullmatch
    return distinct(
        [
            Sample({**sample.labels, label: text}, sample.value) if matches(sample.get(source)) else sample
            for sample in vector
        ]
    )


def _matches(selector: Any) -> Callable[[Sample], bool]:
    """Whether a series matches a selector."""
    if selector.at is not None:
        raise UnsupportedError("@ modifier")
    if selector.matchers.or_matchers:
        raise UnsupportedError("or between matchers")
    tests = [(matcher.name, _test(matcher)) for matcher in selector.matchers.matchers]
    return lambda sample: all(passes(sample.get(name)) for name, passes in tests)


def _name(selector: Any) -> str:
    """The metric of a selector that reads past samples."""
    if not selector.name:
        raise UnsupportedError("range or offset without a metric name")
    return str(selector.name)


def _test(matcher: Any) -> Callable[[str], bool]:
    """Tests a matcher. Regular expressions match the whole value, and the dot matches a line break (Prometheus 3)."""
    if matcher.op == MatchOp.Equal:
        return lambda text: text == matcher.value
    if matcher.op == MatchOp.NotEqual:
        return lambda text: text != matcher.value
    pattern = re.compile(matcher.value, re.DOTALL)
    if matcher.op == MatchOp.Re:
        return lambda text: pattern.fullmatch(text) is not None
    return lambda text: pattern.fullmatch(text) is None


def _group(modifier: Any, sample: Sample) -> Key:
    """The labels by which a sample is aggregated: none without a modifier; the name only if it is listed."""
    if modifier is None:
        return frozenset()
    if modifier.type == AggModifierType.By:
        return key({label: sample.get(label) for label in modifier.labels})
    dropped = {NAME, *modifier.labels}
    return key({label: text for label, text in sample.labels.items() if label not in dropped})


def _absent_labels(tree: Any) -> dict[str, str]:
    """The labels of the result of `absent`: its equality matchers with unique names."""
    while isinstance(tree, promql_parser.ParenExpr):
        tree = tree.expr
    labels: dict[str, str] = {}
    if not isinstance(tree, promql_parser.VectorSelector):
        return labels
    seen: set[str] = set()
    for matcher in tree.matchers.matchers:
        labels.pop(matcher.name, None)
        if matcher.op == MatchOp.Equal and matcher.value and matcher.name not in seen | {NAME}:
            labels[matcher.name] = matcher.value
            seen.add(matcher.name)
    return labels


def _largest(values: list[float]) -> float:
    """The maximum; NaN only if all values are NaN."""
    return max((value for value in values if value == value), default=float("nan"))  # noqa: PLR0124 - not NaN


def _smallest(values: list[float]) -> float:
    return min((value for value in values if value == value), default=float("nan"))  # noqa: PLR0124 - not NaN


_AGGREGATIONS: Mapping[str, Callable[[list[float]], float]] = {
    "max": _largest,
    "min": _smallest,
    "sum": sum,
    "avg": lambda values: sum(values) / len(values),
    "count": lambda values: float(len(values)),
    "group": lambda _: 1.0,
}
_NODES: Mapping[type, Callable[[_Evaluation, Any], Value]] = {
    promql_parser.NumberLiteral: _Evaluation.number,
    promql_parser.ParenExpr: _Evaluation.inner,
    promql_parser.UnaryExpr: _Evaluation.negated,
    promql_parser.BinaryExpr: _Evaluation.binary,
    promql_parser.VectorSelector: _Evaluation.selected,
    promql_parser.AggregateExpr: _Evaluation.aggregated,
    promql_parser.Call: _Evaluation.called,
}
_WORDS = {
    "MatrixSelector": "range vector",
    "SubqueryExpr": "subquery",
    "StringLiteral": "string",
}
