"""A malformed field loses only itself, however many there are and whatever is in them."""

import json

import msgspec
from hypothesis import given, strategies as st

from exporter.kube.decode import Decoder
from exporter.resources.configmaps import WireConfigMap
from exporter.resources.jobs import WireJob
from tests.objects import CREATED, a_configmap, a_job, a_run, stamp
from tests.property.profiles import examples
from tests.worlds import CODERUN

_RUN = a_run(
    deleted=CREATED + 5,
    labels={"task-id": "1", "service": "s"},
    annotations={"coderun-exporter/job-creation-deadline": "5m"},
    spec={
        "taskId": 1,
        "service": "s",
        "repositoryUrl": "https://git.example/r",
        "githubApp": "5DLabs-Rex",
        "contextVersion": 2,
        "cliConfig": {"cliType": "codex", "model": "m"},
    },
    status={
        "phase": "Failed",
        "jobName": "j",
        "lastUpdate": stamp(CREATED),
        "workCompleted": True,
        "finishedAt": stamp(CREATED + 9),
    },
)
_JOB = a_job(labels={"context-version": "1"}, spec={"activeDeadlineSeconds": 60, "suspend": False}, ended="Complete")
_MAP = a_configmap(data={"a": "x", "b": "y"}, binary={"c": "eHg="})
_DECODERS = {"CodeRun": Decoder(CODERUN.reader.type), "Job": Decoder(WireJob), "ConfigMap": Decoder(WireConfigMap)}
_UNKNOWN = {"apiVersion", "kind", "blockOwnerDeletion", "reason"}
_UNKNOWN |= {"phase", "workCompleted"}  # these decide: they are read as what they are, and are never malformed

# What no field takes, whatever it should be, apart from lists and from mappings.
_NO_SCALAR = (
    "[[1]]",
    '[{"x":[]}]',
    "[NaN]",
    "[1e999]",
    '["\\ud800"]',
    "[" * 3_000 + "]" * 3_000,
    "[" + "9" * 5_000 + "]",
)
_NO_LIST = (
    '"x"',
    "5",
    "NaN",
    "-Infinity",
    "1e400",
    "true",
    '"\\udfff"',
    '{"x":{}}',
    '{"a":' * 3_000 + "1" + "}" * 3_000,
)
_NO_MAPPING = ('"x"', "5", "NaN", "false", '"\\udfff"', *_NO_SCALAR)
_ANYTHING = ("NaN", "1e400", '"\\ud800"', "[" * 5_000 + "]" * 5_000, '"\\u0000"', "9" * 5_000, '"\ufffe"')


_NO_TIME = (
    "9" * 300,
    "-1e300",
    "253402300800",
    '"253402300800"',
    '"2025-13-45T99:99:99Z"',
    '"\\ud800-01-01T00:00:00Z"',
)


def _paths(item, at=()):
    """The paths of all fields of an object, those in mappings and lists included."""
    pairs = item.items() if isinstance(item, dict) else enumerate(item) if isinstance(item, list) else ()
    for key, inner in pairs:
        if key in _UNKNOWN and not (at and at[0] == "metadata" and key in {"kind", "apiVersion"}):
            continue
        yield (*at, key)
        yield from _paths(inner, (*at, key))


def _at(item, path):
    for key in path:
        item = item[key]
    return item


@st.composite
def _spoiled(draw):
    """A kind; the JSON of an object of it with some fields spoiled; and the object without these fields."""
    item = draw(st.sampled_from([_RUN, _JOB, _MAP]))
    paths = draw(st.lists(st.sampled_from(list(_paths(item))), min_size=1, max_size=4, unique=True))
    paths = [path for path in paths if not any(path != other and path[: len(other)] == other for other in paths)]
    text_of, without = json.loads(json.dumps(item)), json.loads(json.dumps(item))
    texts = []
    for path in sorted(paths, key=repr, reverse=True):  # of a list, its last item first
        old = _at(item, path)
        texts.append(draw(st.sampled_from(_wrong_for(old))))
        _at(text_of, path[:-1])[path[-1]] = f"@{len(texts) - 1}@"
        del _at(without, path[:-1])[path[-1]]
    if draw(st.booleans()):
        text_of["more"] = f"@{len(texts)}@"
        texts.append(draw(st.sampled_from(_ANYTHING)))
    made = json.dumps(text_of)
    for number, text in enumerate(texts):
        made = made.replace(f'"@{number}@"', text)
    return item["kind"], made, without


def _wrong_for(value):
    """What cannot be read where this value stands."""
    if isinstance(value, dict | list):
        return _NO_MAPPING if isinstance(value, dict) else _NO_LIST
    return _NO_TIME + _NO_SCALAR[:3] if str(value).endswith(":20Z") else _NO_SCALAR


def _told(item):
    """What an object says, without what is not there or has nothing in it."""
    if isinstance(item, dict):
        kept = {key: _told(inner) for key, inner in item.items()}
        return {key: inner for key, inner in kept.items() if inner not in (None, {}, [])}
    return [_told(inner) for inner in item if _told(inner) not in (None, {}, [])] if isinstance(item, list) else item


@examples(400)
@given(spoiled=_spoiled())
def test_a_malformed_field_loses_only_itself(spoiled):
    """The object is decoded as if the field was not there, and is said not to be whole."""
    kind, text, without = spoiled
    decoder = _DECODERS[kind]
    got, whole = decoder.decode(msgspec.Raw(text.encode()))
    expected, untouched = decoder.decode(msgspec.Raw(json.dumps(without).encode()))
    assert untouched
    assert not whole
    assert _told(msgspec.to_builtins(got)) == _told(msgspec.to_builtins(expected))
