"""Whatever the API server sends: a KubeError, or an object that is shown by what can be read of it."""

import json

import msgspec
from hypothesis import example, given, strategies as st

from exporter.config import Jobs, Settings
from exporter.kube.decode import (
    BookmarkObject,
    Event,
    Page,
    decode_bookmark,
    decode_event,
    decode_page,
    error_from_event,
)
from exporter.kube.errors import KubeError
from exporter.kube.responses import Status, error_from_response
from exporter.reflector import Backoff
from exporter.reflector.watching import _change
from exporter.resources.configmaps import WireConfigMap
from exporter.resources.jobs import WireJob
from tests.objects import CREATED, a_configmap, a_job, a_run
from tests.property.jsons import ANY_TEXT, BROKEN, NUMBERS, VALUES, shaped, written
from tests.property.pictures import Parts, apply
from tests.property.profiles import examples
from tests.property.weighing import weighed
from tests.worlds import CODERUN, parsed

_SETTINGS = Settings(jobs=Jobs(match_labels={"app": "agent"}))
_GOOD = (
    a_run(labels={"task-id": "1"}, spec={"taskId": 1, "githubApp": "5DLabs-Rex"}, status={"phase": "Running"}),
    a_job(labels={"app": "agent"}, ended="Failed"),
    a_configmap(data={"a": "x"}, binary={"b": "eHg="}),
    {"kind": "Status", "code": 410, "message": "too old", "details": {"retryAfterSeconds": 1}},
    {"kind": "Bookmark", "metadata": {"resourceVersion": "7", "annotations": {"k8s.io/initial-events-end": "true"}}},
)
_TYPES = ("ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR", "NEWS", "")
_GOOD_BYTES = [json.dumps(item).encode() for item in _GOOD]
_GOOD_BYTES += [b'{"type":"%b","object":%b}' % (kind.encode(), item) for kind in _TYPES for item in _GOOD_BYTES[:2]]
_GOOD_BYTES += [b'{"metadata":{"resourceVersion":"5"},"items":[%b,%b]}' % (item, item) for item in _GOOD_BYTES[:3]]


@st.composite
def _damaged(draw):
    """Bytes of a good answer, in some places changed, cut out, or doubled."""
    data = bytearray(draw(st.sampled_from(_GOOD_BYTES)))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 12)))
        data[start:end] = draw(
            st.sampled_from(
                [b"", b"null", b'"', b"{", b"}", b"[", b"\\", b",", b"\x00", b"\xff", b"\xed\xa0\x80", b"1e999"]
            )
            | st.binary(max_size=6)
            | st.just(bytes(data[start:end]) * 2)
        )
    return bytes(data)


_SURE = ("metadata", "uid", "name")  # by which objects are known, and belong to one another
_KNOWN = st.one_of(*(shaped(wire, sure=_SURE) for wire in (CODERUN.reader.type, WireJob, WireConfigMap)))
_SHAPED = st.one_of(*map(shaped, (CODERUN.reader.type, WireJob, WireConfigMap, Status, BookmarkObject, Page, Event)))
_STATUSES = shaped(Status).map(written) | NUMBERS.map(lambda code: b'{"code":%b}' % code.encode())
ANSWERS = weighed(
    (6, _KNOWN.map(written)),
    (2, _SHAPED.map(written)),
    (1, VALUES.map(written)),
    (1, BROKEN.map(written)),
    (2, _damaged()),
    (1, st.binary(max_size=60)),
)
"""Bytes: the right fields with anything in them, any JSON, what was JSON before it was damaged, or anything."""


def _kube_error_or(make):
    """What it gives, or None where it raises a KubeError; nothing else may come out."""
    try:
        return make()
    except KubeError as raised:
        _check(raised)
        return None


def _check(error):
    """Its words are one line for a log, its code can be a label, and its wish is a time to wait."""
    assert str(error).isprintable()
    assert len(str(error)) < 1000
    assert 0 < len(error.code) < 20
    assert 0 <= Backoff(chance=lambda: 1.0).next(at_least=error.retry_after) <= 330


def _show(parts, index, decoded):
    """Puts what was decoded into a picture."""
    assert isinstance(decoded.uid, str)
    assert isinstance(decoded.version, str)
    if decoded.uid:
        apply(parts.sinks[index], decoded.uid, decoded.record)


def _a_reader():
    parts = Parts(_SETTINGS, now=CREATED)
    for index in range(len(parts.feeds)):
        parts.list(index, b'{"metadata":{},"items":[]}')
    return parts


@examples(150)
@given(data=ANSWERS)
def test_any_object_is_shown_or_left_out(data):
    """By each feed's own decoder; the page parses, and is empty again when the object is gone."""
    parts = _a_reader()
    before = parts.text()
    told = [source.decode(msgspec.Raw(data)) for source in parts.sources]
    for index, decoded in enumerate(told):
        _show(parts, index, decoded)
    parsed(parts.text())
    for index, decoded in enumerate(told):
        _show(parts, index, decoded._replace(record=None))
    assert parts.text() == before


@examples(150)
@given(data=ANSWERS, kind=st.sampled_from(_TYPES))
@example(data=b'{"metadata":' + b"[" * 900 + b"]" * 900 + b"}", kind="BOOKMARK")
def test_any_line_of_a_watch_is_a_change_or_a_kube_error(data, kind):
    """As a line of its own, and as the object of an event of any type."""
    parts = _a_reader()
    for line in (data, b'{"type":"%b","object":%b}' % (kind.encode(), data)):
        for index, source in enumerate(parts.sources[:3]):
            change = _kube_error_or(lambda: _change(line, source, parts.feeds[index].status))  # noqa: B023
            assert change is None or isinstance(change.version, str)
    parsed(parts.text())


@examples(150)
@given(data=ANSWERS)
def test_any_body_is_a_list_or_a_kube_error(data):
    """As it is, and with the bytes as its only item, whose decoder takes them."""
    parts = _a_reader()
    for body in (data, b'{"metadata":{"resourceVersion":"5"},"items":[%b]}' % data):
        page = _kube_error_or(lambda: decode_page(body))  # noqa: B023
        for raw in () if page is None else page.items or ():
            for index, source in enumerate(parts.sources[:3]):
                _show(parts, index, source.decode(raw))
    parsed(parts.text(), openmetrics=False)  # which forbids what only such a list has: two objects of one name


@examples(150)
@given(
    data=ANSWERS,
    status=st.integers(100, 599),
    wish=st.none()
    | ANY_TEXT
    | st.floats().map(str)
    | st.sampled_from(["Fri, 31 Dec 2021 23:59:59 GMT", "-5", "1_0"]),
)
def test_any_refusal_is_a_kube_error(data, status, wish):
    """Whatever its body is, and its Retry-After."""
    error = error_from_response(status, {} if wish is None else {"Retry-After": wish}, data, path="/p")
    assert isinstance(error, KubeError)
    _check(error)


@examples(150)
@given(data=_STATUSES | ANSWERS)
def test_any_bytes_where_a_part_of_an_answer_should_be_are_a_kube_error(data):
    """A line, a bookmark, a Status: each by its own decoder."""
    _kube_error_or(lambda: decode_event(data))
    _kube_error_or(lambda: decode_bookmark(msgspec.Raw(data)))
    error = error_from_event(msgspec.Raw(data), path="/p")
    assert isinstance(error, KubeError)
    _check(error)
    assert error.code == "not_json" or 100 <= int(error.code) <= 599
