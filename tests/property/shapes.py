"""Hypothesis strategies for changes in a cluster. There are few objects, so that they affect each other."""

import json

from hypothesis import strategies as st

from exporter.config import CodeRuns, ConfigMaps, Jobs, RequiredConfigMap, Settings
from exporter.profiles import Profile
from tests.objects import CREATED, stamp
from tests.property.store import CONFIGMAPS, GROUP, NOW, key_of, uid_of
from tests.property.weighting import weighted

__all__ = ["CHANGES", "ENDINGS", "SETTINGS", "apply_change"]

_RUNS = [("CodeRun", "n", "a"), ("CodeRun", "n", "b"), ("CodeRun", "m", "a"), ("DocsRun", "n", "a")]
_JOBS = [("Job", "n", "j"), ("Job", "n", "k"), ("Job", "m", "j"), ("Job", "n", "a")]
_CROWD = [("Job", "n", f"c{number}") for number in range(10)]
_MAPS = [("ConfigMap", CONFIGMAPS, "templates-claude"), ("ConfigMap", CONFIGMAPS, "templates-codex")]
_MATCH = {"app": "agent"}
AT_CHANGE = "at the change"
"""A placeholder for the time of the change. Fixed times would be in the past in most of a long sequence."""

_MOMENTS = st.sampled_from([None, None, *(stamp(CREATED + after) for after in (-5, 10, 40, 60, 100, 150))])
_MAYBE = st.none() | _MOMENTS
_GARBAGE = st.sampled_from([5, "x", [], {"x": [None]}, None, True])


def _given(**fields):
    """The fields that are not None."""
    return {key: value for key, value in fields.items() if value is not None}


def _item(key, version, meta, **fields):
    kind, namespace, name = key
    meta = {"namespace": namespace, "name": name, **_given(**meta)}
    return {"apiVersion": version, "kind": kind, "metadata": meta} | _given(**fields)


_RUN_META = st.builds(
    _given,
    deletionTimestamp=_MOMENTS,
    labels=st.sampled_from([None, {"task-id": "7", "service": "s"}, {"github-app": "5DLabs-Tess"}, {"task-id": 7}]),
    annotations=st.sampled_from([None, *({"coderun-exporter/job-creation-deadline": text} for text in ("5m", "x"))]),
    ownerReferences=st.sampled_from([None, [{"kind": "Job", "uid": uid_of(_JOBS[0]), "controller": True}]]),
)
_RUN_SPEC = st.builds(
    _given,
    githubApp=st.sampled_from([None, "5DLabs-Rex", "5DLabs-Tess"]),
    service=st.sampled_from([None, "s", 5]),
    taskId=st.sampled_from([None, 1, "2", [3]]),
    contextVersion=st.sampled_from([None, 1, 2, "x"]),
    cliConfig=st.sampled_from([None, {"cliType": "Codex", "model": "m"}, {"cliType": "claude"}, "x"]),
)
_RUN_STATUS = st.builds(
    _given,
    phase=st.sampled_from([None, "Running", "Succeeded", "Succeeded", "Failed", "Odd", 7]),
    jobName=st.sampled_from([None, "j", "stale"]),
    workCompleted=st.sampled_from([None, True, False, stamp(CREATED + 30), "x"]),
    lastUpdate=_MAYBE,
    finishedAt=_MAYBE,
)
_RUN = st.builds(
    lambda key, meta, spec, status: _item(key, f"{GROUP}/v1", meta, spec=spec, status=status),
    st.sampled_from(_RUNS),
    _RUN_META,
    weighted((4, _RUN_SPEC), (1, _GARBAGE)),
    weighted((2, st.none()), (6, _RUN_STATUS), (1, _GARBAGE)),
)


def _reference(key, generation, *, controller, version="v1"):
    kind, _, name = key
    return {
        "apiVersion": f"batch/{version}" if kind == "Job" else f"{GROUP}/{version}",
        "kind": kind,
        "name": name,
        "uid": uid_of(key, generation),
        "controller": controller,
    }


# The owner may be deleted, not yet created, in another namespace, or a Job that forms a cycle.
_REFERENCE = st.builds(
    _reference,
    st.sampled_from([*_RUNS, *_RUNS, *_JOBS]),
    st.sampled_from([NOW, NOW, 0, 1, 2]),
    controller=st.sampled_from([True, True, True, False]),
    version=st.sampled_from(["v1", "v2"]),
)
_OWNED = st.lists(_REFERENCE, min_size=1, max_size=1)
_JOB_META = st.builds(
    _given,
    deletionTimestamp=_MOMENTS,
    labels=st.sampled_from([None, _MATCH, {"context-version": "2", "github-user": "5DLabs-Rex"}, _MATCH | {"x": 1}]),
    annotations=st.sampled_from([None, *({"coderun-exporter/max-runtime": text} for text in ("5m", "none", "x"))]),
    ownerReferences=weighted((1, st.lists(_REFERENCE, max_size=2)), (2, _OWNED)),
)
_CONDITION = st.builds(
    lambda kind, status, reason, at: _given(type=kind, status=status, reason=reason, lastTransitionTime=at),
    st.sampled_from(["Complete", "Complete", "Failed", "Failed", "FailureTarget"]),
    st.sampled_from(["True", "True", "False"]),
    st.sampled_from([None, "DeadlineExceeded", "Odd"]),
    _MOMENTS,
)
_JOB_STATUS = st.builds(
    _given,
    active=st.sampled_from([None, 0, 1, 2, "x"]),
    startTime=_MOMENTS,
    completionTime=_MOMENTS,
    conditions=st.lists(_CONDITION, max_size=2),
)
_JOB_SPEC = st.builds(
    _given, suspend=st.sampled_from([None, True, False]), activeDeadlineSeconds=st.sampled_from([None, 60, "x"])
)
_JOB = st.builds(
    lambda key, meta, spec, status: _item(key, "batch/v1", meta, spec=spec, status=status),
    st.sampled_from([*_JOBS, *_CROWD[:1], *_CROWD[-2:]]),
    _JOB_META,
    _JOB_SPEC,
    weighted((1, st.none()), (6, _JOB_STATUS), (1, _GARBAGE)),
)
_MAP = st.builds(
    lambda key, data, binary: _item(key, "v1", {}, data=data, binaryData=binary),
    st.sampled_from(_MAPS),
    st.sampled_from([None, {}, {"a.hbs": ""}, {"a.hbs": "x"}, {"b.hbs": "y", "a.hbs": 5}]),
    st.sampled_from([None, None, {"b.hbs": "eHg="}]),
)

_ITEM = weighted((4, _RUN), (4, _JOB), (2, _MAP))
CHANGES = weighted(
    (9, st.tuples(st.just("put"), _ITEM)),
    (2, st.tuples(st.just("delete"), st.sampled_from([*_RUNS, *_JOBS, *_CROWD[-2:], *_MAPS, *_MAPS]))),
    (2, st.tuples(st.just("recreate"), _ITEM)),
    (1, st.tuples(st.just("crowd"), st.sampled_from(_RUNS))),
)
"""Changes: ("put", object), ("delete", key), ("recreate", object) for a deletion and a new creation, and
("crowd", key), which creates ten Jobs of one run at once.
"""

_AN_END = st.sampled_from([None, None, stamp(CREATED + 10), AT_CHANGE, AT_CHANGE, AT_CHANGE])
_NARROW_RUN = st.builds(
    lambda phase, end: _item(_RUNS[0], f"{GROUP}/v1", {}, status=_given(phase=phase, finishedAt=end)),
    st.sampled_from(["Running", "Running", "Running", "Succeeded", "Succeeded"]),
    _AN_END,
)
_NARROW_JOB = st.builds(
    lambda key, meta, end, active: _item(
        key, "batch/v1", meta, status={"active": active, "conditions": [] if active else [end]}
    ),
    st.sampled_from([_CROWD[0], _CROWD[-1]]),
    st.builds(
        _given,
        deletionTimestamp=st.sampled_from([None, None, None, stamp(CREATED)]),
        ownerReferences=st.sampled_from(
            [[_reference(_RUNS[0], number, controller=True)] for number in (NOW, NOW, NOW, 0)]
        ),
    ),
    st.builds(lambda at: _given(type="Complete", status="True", lastTransitionTime=at), _AN_END),
    st.sampled_from([0, 0, 1]),
)
ENDINGS = weighted(
    (5, st.tuples(st.just("put"), _NARROW_RUN)),
    (9, st.tuples(st.just("put"), _NARROW_JOB)),
    (5, st.tuples(st.just("delete"), st.sampled_from([_RUNS[0], _RUNS[0], _CROWD[-1]]))),
    (1, st.tuples(st.just("crowd"), st.just(_RUNS[0]))),
)
"""Changes of one run and its Jobs, which finish and start again."""

SETTINGS = st.builds(
    lambda namespaces, retention, match: Settings(
        namespaces=namespaces,
        retention=retention,
        coderuns=CodeRuns(kinds=(Profile(), Profile(plural="docsruns", kind="DocsRun"))),
        jobs=Jobs(match_labels=match),
        configmaps=ConfigMaps(
            namespace=CONFIGMAPS,
            required=(_MAPS[0][2], RequiredConfigMap(name=_MAPS[1][2], keys=("a.hbs", "b.hbs"))),
        ),
    ),
    namespaces=st.sampled_from([(), (), ("n", "m"), ("n",)]),
    retention=st.sampled_from([0, 50, 50, 100]),
    match=st.sampled_from([{}, _MATCH]),
)


def apply_change(store, change, *, now=CREATED):
    """Applies a change to the store. `now` replaces the placeholder `AT_CHANGE`."""
    verb, what = change
    if verb in {"put", "recreate"}:
        what = json.loads(json.dumps(what).replace(AT_CHANGE, stamp(now)))
    if verb == "delete":
        store.delete(what)
        return
    if verb == "crowd":
        for key in _CROWD:
            store.put(_item(key, "batch/v1", {"ownerReferences": [_reference(what, 0, controller=True)]}))
        return
    if verb == "recreate":
        store.delete(key_of(what))
    store.put(what)
