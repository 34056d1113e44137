"""Profile drafts of any CRD and any objects can be loaded, and their comments remain comments."""

import pathlib
import tempfile

import yaml
from hypothesis import given, strategies as st

from exporter.drafting import DraftError
from tests.drafting.drafts import draft_of, read
from tests.property.profiles import examples

_NAMES = st.sampled_from(
    [
        *(
            "phase",
            "state",
            "status",
            "conditions",
            "suspend",
            "mode",
            "agent",
            "agentRef",
            "name",
            "model",
            "repository",
        ),
        *(
            "jobName",
            "podName",
            "finishedAt",
            "message",
            "type",
            "a.b/c",
            "a b",
            "x\n- y",
            "'",
            "]",
            "\\",
            "",
            "#",
            ": ",
        ),
    ]
)
_TEXTS = st.one_of(
    st.sampled_from(
        ["Queued", "Running", "Done", "Failed", "UserStopped", "claude", "True", "absent", "no", "1e3", "a: b"]
    ),
    st.text(max_size=12),
)
_SCALARS = st.one_of(_TEXTS, st.booleans(), st.integers(), st.floats(), st.none())
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(_NAMES | st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)
_CONDITIONS = st.lists(
    st.fixed_dictionaries(
        {"type": st.sampled_from(["Ready", "Failed", "Succeeded", "Stopped", "Queued"]) | _TEXTS, "reason": _TEXTS},
        optional={"status": _SCALARS},
    ),
    max_size=3,
)
_PARTS = st.dictionaries(_NAMES, _VALUES, max_size=5)
_RUNS = st.fixed_dictionaries(
    {
        "metadata": st.one_of(
            _VALUES, st.fixed_dictionaries({"labels": st.dictionaries(_NAMES, _TEXTS, max_size=3)})
        ),
        "spec": _PARTS | _VALUES,
        "status": _PARTS | st.fixed_dictionaries({"phase": _TEXTS, "conditions": _CONDITIONS}) | _VALUES,
    }
)
_SCHEMAS = st.recursive(
    st.fixed_dictionaries({}, optional={"type": _TEXTS, "enum": st.lists(_SCALARS, max_size=4), "format": _TEXTS}),
    lambda inner: st.fixed_dictionaries({"properties": st.dictionaries(_NAMES, inner, max_size=5)}),
    max_leaves=20,
)
_PATHS = st.lists(_NAMES | st.just("[?(@.type=='Ready')]"), max_size=4).map(
    lambda names: ".status" + "".join(name if name.startswith("[?") else f".{name}" for name in names)
)
_COLUMNS = st.lists(st.fixed_dictionaries({"name": _SCALARS, "jsonPath": _PATHS | _SCALARS}), max_size=5)


@examples(150)
@given(
    schema=st.fixed_dictionaries({"spec": _SCHEMAS, "status": _SCHEMAS}) | _VALUES,
    columns=_COLUMNS | _VALUES,
    runs=st.lists(_RUNS | _VALUES, max_size=4),
)
def test_a_draft_of_anything_can_be_loaded(schema, columns, runs):
    """The draft is one mapping with the keys of a profile. All other lines are comments."""
    version = {"name": "v1", "served": True, "schema": {"openAPIV3Schema": {"properties": schema}}}
    version["additionalPrinterColumns"] = columns
    names = {"plural": "agenttasks", "kind": "AgentTask"}
    text = draft_of({"spec": {"group": "example.com", "names": names, "versions": [version]}}, *runs)
    with tempfile.TemporaryDirectory() as folder:
        profile, own = read(text, pathlib.Path(folder))
    assert profile.kind == "AgentTask"
    plain = "\n".join(line for line in text.split("\n") if not line.startswith("#"))
    assert yaml.safe_load(plain) == own
    assert set(own) - {"ready", "long_lived"} == {"resource", "kind", "state", "worker", "times", "about"}


@examples(150)
@given(
    crd=_VALUES
    | st.fixed_dictionaries({"spec": _VALUES | st.fixed_dictionaries({"versions": _VALUES, "names": _VALUES})})
)
def test_an_invalid_crd_is_an_error_of_one_line(crd):
    """If it happens to be valid, the result is a draft."""
    line = ""
    try:
        draft_of(crd)
    except DraftError as error:
        line = str(error)
    assert line.isprintable()
