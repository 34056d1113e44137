"""Malformed CodeRuns, and lines of a watch that no API server should send.

Each call returns the same objects, so that a failure can be reproduced.
"""

import json
import random

__all__ = ["GOOD_SPEC", "GOOD_STATUS", "WRONG_AT", "broken_lines", "malformed"]

WRONG_AT = "malformed.example/at"
"""The annotation that lists the malformed fields of an object: paths such as `spec.taskId`, separated by spaces."""

GOOD_SPEC = {
    "taskId": 7,
    "service": "checkout",
    "repositoryUrl": "https://git.example/o/checkout",
    "githubApp": "5DLabs-Rex",
    "contextVersion": 2,
    "cliConfig": {"cliType": "codex", "model": "large"},
}
GOOD_STATUS = {
    "phase": "Running",
    "jobName": "checkout-2",
    "lastUpdate": "2025-10-09T08:54:20Z",
    "workCompleted": False,
    "finishedAt": "2025-10-09T08:55:00Z",
}
"""The valid spec and status; each malformed object differs from them in some fields."""

_DEADLINE = "coderun-exporter/job-creation-deadline"
_LEVELS = 200  # levels of nesting: few enough that json.dumps does not exceed the recursion limit


def _deep(levels):
    return json.loads("[" * levels + "]" * levels)


# JSON that an API server accepts: every number fits a float. It replaces a lone surrogate with U+FFFD.
_TEXTS = (
    *(
        "",
        " ",
        "NaN",
        "-1",
        "1e3",
        "0x10",
        "\u0663",
        "\x00",
        "\x1b[31mred",
        "a\u2028b",
        "\u202eabc",
        "\ufeff",
        "\ud800",
    ),
    *(
        'a"b\\c\nd',
        "\t",
        "\U0001f680" * 70,
        "x" * 10_000,
        "9" * 5_000,
        "0001-01-01T00:00:00Z",
        "2025-13-45T99:99:99Z",
    ),
    *("9999-12-31T23:59:59.999999999-14:00", "-1-01-01T00:00:00Z", '"} 1\n# EOF\n'),
)
_OTHERS = (
    *(None, True, 0, -1, 1.5, 2**63 - 1, -(2**63), 10**30, 1e300, -1e300, 1e-300, 253402300800),
    *(
        [],
        [None],
        [[]],
        ["x", 1, {}],
        list(range(1_000)),
        {},
        {"x": None},
        {"": ""},
        {"x": {"y": []}},
        _deep(_LEVELS),
    ),
)
_PATHS = (
    *(
        ("spec",),
        ("status",),
        ("spec", "cliConfig"),
        ("spec", "cliConfig", "cliType"),
        ("spec", "cliConfig", "model"),
    ),
    *(("spec", key) for key in GOOD_SPEC if key != "cliConfig"),
    *(("status", key) for key in GOOD_STATUS),
)


def malformed(count=500, *, namespace="default"):
    """Returns `count` different malformed CodeRuns named `malformed-000` ..., as dicts for `json.dumps`.

    A real API server accepts them if their CRD preserves unknown fields: metadata is valid, and the malformed
    fields are in spec, in status and in the value of an annotation. If the CRD has a status subresource, the status
    must be written to `.../status` after the creation. About the first 700 objects have one malformed field, the
    others have two or three.
    """
    chance = random.Random(20251009)  # noqa: S311 - the same at every call
    ways = [((path, value),) for path in _PATHS for value in (*_OTHERS, *_TEXTS)]
    ways += [((("metadata", "annotations", _DEADLINE), text),) for text in _TEXTS]
    chance.shuffle(ways)
    made, seen = [], set()
    for way in _endless(ways, chance):
        item = _a_run(len(made), namespace, way)
        if (text := json.dumps([item["spec"], item["status"], item["metadata"]["annotations"]])) not in seen:
            seen.add(text)
            made.append(item)
        if len(made) == count:
            return made
    raise AssertionError


def _endless(ways, chance):
    """Yields each way to malform a run, and then combinations of two or three of them."""
    yield from ways
    while True:
        yield tuple(wrong for way in chance.sample(ways, chance.choice([2, 3])) for wrong in way)


def _a_run(number, namespace, way):
    """A run with these malformed fields."""
    annotations = {WRONG_AT: " ".join(".".join(path) for path, _ in way)}
    meta = {"name": f"malformed-{number:03}", "namespace": namespace, "annotations": annotations}
    run = {"apiVersion": "agents.platform/v1", "kind": "CodeRun", "metadata": meta}
    run |= json.loads(json.dumps({"spec": GOOD_SPEC, "status": GOOD_STATUS}))
    for path, value in sorted(way, key=lambda wrong: len(wrong[0]), reverse=True):  # nested fields first
        _put(run, path, value)
    return run


def _put(item, path, value):
    for key in path[:-1]:
        item = item[key]
    item[path[-1]] = value


# Invalid JSON values: no server that is written in Go sends them.
_BROKEN_VALUES = (
    *(
        b"NaN",
        b"-Infinity",
        b"1e999",
        b"9" * 5_000,
        b'"\\ud800"',
        b'"\\udc00\\ud800"',
        b'"\xff\xfe"',
        b'"\xed\xa0\x80"',
    ),
    *(b'"\x00"', b'"tab\there"', b'"\\x41"', b"'x'", b"nul", b"", b"01", b"[1,]", b'{"a":1,"a":2}', b'"', b"{", b"]"),
    *(b"[" * 10_000 + b"]" * 10_000, b'{"a":' * 5_000 + b"1" + b"}" * 5_000, b'"' + b"x" * 1_000_000 + b'"'),
)
# Valid JSON values of the wrong type for fields that every API server validates.
_WRONG_VALUES = (b"null", b"5", b'"x"', b"true", b"[]", b"[null]", b"{}", b'{"x":5}', b"1.5", b'"\\u0000"')
_CHECKED = (
    *(b"metadata", b"name", b"namespace", b"uid", b"resourceVersion", b"creationTimestamp", b"deletionTimestamp"),
    *(b"labels", b"annotations", b"ownerReferences", b"spec", b"status", b"data", b"binaryData"),
)
_IN_METADATA = _CHECKED[1:10]
_NO_EVENTS = (
    *(b"", b" ", b"\x00", b"\xff\xfe", b"\xef\xbb\xbf{}", b"null", b"5", b'"ADDED"', b"[]", b"{}", b"{", b"}"),
    *(b"<html><body>502 Bad Gateway</body></html>", b"HTTP/1.1 200 OK", b'{"type":"ADDED"}', b'{"object":{}}'),
    *(
        b'{"type":null,"object":{}}',
        b'{"type":5,"object":{}}',
        b'{"type":"ADDED","object":{',
        b'{"type":"\\ud800","object":{}}',
    ),
    *(
        b'{"type":"NEWS","object":{}}',
        b'{"type":"added","object":{}}',
        b'{"type":"ADDED","type":"DELETED","object":null}',
    ),
    *(b'{"type":"BOOKMARK","object":%b}' % value for value in (b"null", b"{}", b'{"metadata":5}', b"[" * 5_000)),
    *(
        b'{"type":"ERROR","object":%b}' % value
        for value in (b"null", b"[]", b'{"code":"x"}', b'{"code":' + b"9" * 400 + b"}")
    ),
    *(b'{"type":"ERROR","object":{"code":%b}}' % code for code in (b"0", b"-1", b"200", b"99999", b"null", b"410.5")),
)


def broken_lines():
    """Returns lines of a watch, without newlines, that only a broken server or proxy sends."""
    kinds = (("agents.platform/v1", "CodeRun"), ("batch/v1", "Job"), ("v1", "ConfigMap"))
    lines = list(_NO_EVENTS)
    for version, kind in kinds:
        for key in _CHECKED:
            lines += [_line(version, kind, key, value) for value in _WRONG_VALUES]
        for key in (b"spec", b"name", b"labels"):
            lines += [_line(version, kind, key, value) for value in _BROKEN_VALUES]
    return lines


def _line(version, kind, key, value):
    """An ADDED event whose object has this value for one field, and valid fields that identify it."""
    uid = f"broken-{kind}-{key.decode()}".lower()
    meta = [(b"name", f'"{uid}"'.encode()), (b"namespace", b'"n"'), (b"uid", f'"{uid}"'.encode())]
    top = [(b"apiVersion", f'"{version}"'.encode()), (b"kind", f'"{kind}"'.encode())]
    if key in _IN_METADATA:
        meta = [pair for pair in meta if pair[0] != key] + [(key, value)]
    if key != b"metadata":
        top.append((b"metadata", _mapping(meta)))
    if key not in _IN_METADATA:
        top.append((key, value))
    return b'{"type":"ADDED","object":%b}' % _mapping(top)


def _mapping(pairs):
    return b"{%b}" % b",".join(b'"%b":%b' % pair for pair in pairs)
