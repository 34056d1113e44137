"""A malformed field affects only itself, whatever its value and however many there are."""

import json

import msgspec
from hypothesis import given, strategies as st

from exporter.kube.decode import Decoder
from exporter.resources.configmaps import WireConfigMap
from exporter.resources.jobs import WireJob
from tests.harness import CODERUN
from tests.objects import CREATED, a_configmap, a_job, a_run, stamp
from tests.property.profiles import examples

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
_UNKNOWN |= {"phase", "workCompleted"}  # these determine the state: they are decoded as any type and never malformed

# Invalid values of a field of any type except lists and mappings.
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
    """The paths of all fields of an object, including those in mappings and lists."""
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
def _malformed(draw):
    """A kind, the JSON of an object with some malformed fields, and the object without these fields."""
    item = draw(st.sampled_from([_RUN, _JOB, _MAP]))
    paths = draw(st.lists(st.sampled_from(list(_paths(item))), min_size=1, max_size=4, unique=True))
    paths = [path for path in paths if not any(path != other and path[: len(other)] == other for other in paths)]
    text_of, without = json.loads(json.dumps(item)), json.loads(json.dumps(item))
    texts = []
    for path in sorted(paths, key=repr, reverse=True):  # of a list, remove its last item first
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
    """Invalid values for a field that has this value."""
    if isinstance(value, dict | list):
        return _NO_MAPPING if isinstance(value, dict) else _NO_LIST
    return _NO_TIME + _NO_SCALAR[:3] if str(value).endswith(":20Z") else _NO_SCALAR


def _non_empty(item):
    """The fields of an object that are not empty."""
    if isinstance(item, dict):
        kept = {key: _non_empty(inner) for key, inner in item.items()}
        return {key: inner for key, inner in kept.items() if inner not in (None, {}, [])}
    return (
        [_non_empty(inner) for inner in item if _non_empty(inner) not in (None, {}, [])]
        if isinstance(item, list)
        else item
    )


@examples(400)
@given(drawn=_malformed())
def test_a_malformed_field_affects_only_itself(drawn):
    """The object is decoded as if the field were missing, and counts as malformed."""
    kind, text, without = drawn
    decoder = _DECODERS[kind]
    got, whole = decoder.decode(msgspec.Raw(text.encode()))
    expected, untouched = decoder.decode(msgspec.Raw(json.dumps(without).encode()))
    assert untouched
    assert not whole
    assert _non_empty(msgspec.to_builtins(got)) == _non_empty(msgspec.to_builtins(expected))
