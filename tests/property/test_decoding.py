"""Any data from the API server is a KubeError, or an object whose valid fields are exposed."""

import json

import msgspec
from hypothesis import example, given, strategies as st

from exporter.config import ConfigMaps, Jobs, Settings
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
from tests.harness import CODERUN, parse_exposition
from tests.objects import CREATED, a_configmap, a_job, a_run
from tests.property.jsons import ANY_TEXT, BROKEN, NUMBERS, VALUES, encode_text, struct_text
from tests.property.offline import OfflineExporter, apply
from tests.property.profiles import examples
from tests.property.weighting import weighted

# The ConfigMap is required by name: the default set would remain required after one of its ConfigMaps was deleted.
_SETTINGS = Settings(
    jobs=Jobs(match_labels={"app": "agent"}), configmaps=ConfigMaps(required=("controller-agent-templates-claude",))
)
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
    """The bytes of a valid response with some bytes changed, removed or repeated."""
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


_IDENTITY = ("metadata", "uid", "name")  # these fields identify an object
_KNOWN = st.one_of(*(struct_text(wire, valid=_IDENTITY) for wire in (CODERUN.reader.type, WireJob, WireConfigMap)))
_SHAPED = st.one_of(
    *map(struct_text, (CODERUN.reader.type, WireJob, WireConfigMap, Status, BookmarkObject, Page, Event))
)
_STATUSES = struct_text(Status).map(encode_text) | NUMBERS.map(lambda code: b'{"code":%b}' % code.encode())
ANSWERS = weighted(
    (6, _KNOWN.map(encode_text)),
    (2, _SHAPED.map(encode_text)),
    (1, VALUES.map(encode_text)),
    (1, BROKEN.map(encode_text)),
    (2, _damaged()),
    (1, st.binary(max_size=60)),
)
"""Bytes: known fields with any values, any JSON, damaged JSON, or anything."""


def _kube_error_or(make):
    """The result of `make`, or None if it raises a KubeError. No other exception is allowed."""
    try:
        return make()
    except KubeError as raised:
        _check(raised)
        return None


def _check(error):
    """The error is one line, its code can be a label value, and its retry_after is a valid wait."""
    assert str(error).isprintable()
    assert len(str(error)) < 1000
    assert 0 < len(error.code) < 20
    assert 0 <= Backoff(chance=lambda: 1.0).next(at_least=error.retry_after) <= 330


def _apply(exporter, index, decoded):
    """Applies a decoded object to the store of the exporter."""
    assert isinstance(decoded.uid, str)
    assert isinstance(decoded.version, str)
    if decoded.uid:
        apply(exporter.sinks[index], decoded.uid, decoded.record)


def _an_exporter():
    exporter = OfflineExporter(_SETTINGS, now=CREATED)
    for index in range(len(exporter.informers)):
        exporter.list(index, b'{"metadata":{},"items":[]}')
    return exporter


@examples(150)
@given(data=ANSWERS)
def test_any_object_is_exposed_or_skipped(data):
    """Each informer's decoder reads it. The exposition is valid, and unchanged after the object is deleted."""
    exporter = _an_exporter()
    before = exporter.text()
    decoded_objects = [source.decode(msgspec.Raw(data)) for source in exporter.sources]
    for index, decoded in enumerate(decoded_objects):
        _apply(exporter, index, decoded)
    parse_exposition(exporter.text())
    for index, decoded in enumerate(decoded_objects):
        _apply(exporter, index, decoded._replace(record=None))
    assert exporter.text() == before


@examples(150)
@given(data=ANSWERS, kind=st.sampled_from(_TYPES))
@example(data=b'{"metadata":' + b"[" * 900 + b"]" * 900 + b"}", kind="BOOKMARK")
def test_any_line_of_a_watch_is_a_change_or_a_kube_error(data, kind):
    """The bytes are used as a line, and as the object of an event of any type."""
    exporter = _an_exporter()
    for line in (data, b'{"type":"%b","object":%b}' % (kind.encode(), data)):
        for index, source in enumerate(exporter.sources[:3]):
            change = _kube_error_or(lambda: _change(line, source, exporter.informers[index].status))  # noqa: B023
            assert change is None or isinstance(change.version, str)
    parse_exposition(exporter.text())


@examples(150)
@given(data=ANSWERS)
def test_any_body_is_a_list_or_a_kube_error(data):
    """The bytes are used as a body, and as its only item."""
    exporter = _an_exporter()
    for body in (data, b'{"metadata":{"resourceVersion":"5"},"items":[%b]}' % data):
        page = _kube_error_or(lambda: decode_page(body))  # noqa: B023
        for raw in () if page is None else page.items or ():
            for index, source in enumerate(exporter.sources[:3]):
                _apply(exporter, index, source.decode(raw))
    # OpenMetrics forbids duplicate series, but two objects of such a list can have the same name.
    parse_exposition(exporter.text(), openmetrics=False)


@examples(150)
@given(
    data=ANSWERS,
    status=st.integers(100, 599),
    retry_after=st.none()
    | ANY_TEXT
    | st.floats().map(str)
    | st.sampled_from(["Fri, 31 Dec 2021 23:59:59 GMT", "-5", "1_0"]),
)
def test_any_error_response_is_a_kube_error(data, status, retry_after):
    """Its body and its Retry-After can be anything."""
    error = error_from_response(status, {} if retry_after is None else {"Retry-After": retry_after}, data, path="/p")
    assert isinstance(error, KubeError)
    _check(error)


@examples(150)
@given(data=_STATUSES | ANSWERS)
def test_any_bytes_in_place_of_a_part_of_a_response_are_a_kube_error(data):
    """The parts are a line, a bookmark and a Status, each with its own decoder."""
    _kube_error_or(lambda: decode_event(data))
    _kube_error_or(lambda: decode_bookmark(msgspec.Raw(data)))
    error = error_from_event(msgspec.Raw(data), path="/p")
    assert isinstance(error, KubeError)
    _check(error)
    assert error.code == "not_json" or 100 <= int(error.code) <= 599
