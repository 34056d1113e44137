"""Drafts of real platforms, compared with the shipped profiles."""

import pathlib

import msgspec
import pytest

from exporter.profiles import Reader, shipped_profiles
from lab.worlds.loading import documents
from tests.drafting.drafts import crd_of, draft_of, read
from tests.objects import CREATED

ROOT = pathlib.Path(__file__).parents[2]
OBJECTS = ROOT / "tests/profiles/objects"
WORLDS = ROOT / "lab/worlds/objects"
PLATFORMS = [
    ("kelos", "tasks.kelos.dev"),
    ("kubeopencode", "tasks.kubeopencode.io"),
    ("agent-sandbox", "sandboxes.agents.x-k8s.io"),
    ("agent-sandbox", "sandboxclaims.extensions.agents.x-k8s.io"),
]
REQUIRED_KINDS = {"sandboxclaims.extensions.agents.x-k8s.io": ["sandboxes.agents.x-k8s.io"]}
"""The other kinds that the settings of a kind need, because they are its workers."""
RUNS_WITH_OTHER_STATES = {
    "tasks.kelos.dev": {"pool-queued"},
    "tasks.kubeopencode.io": {"s-queue"},
    "sandboxes.agents.x-k8s.io": set(),
    "sandboxclaims.extensions.agents.x-k8s.io": set(),
}


def load_platform(folder, name):
    """The CRD, the objects of its kind, and all other objects as pairs of a kind and an object."""
    crd = crd_of(OBJECTS / folder / "00-crd.yaml", name)
    items = [
        one for path in sorted((OBJECTS / folder).glob("[1-9]*.yaml")) for one in documents(path, snapshot=CREATED)
    ]
    group_and_kind = (crd["spec"]["group"], crd["spec"]["names"]["kind"])
    runs = [one for one in items if (one["apiVersion"].partition("/")[0], one["kind"]) == group_and_kind]
    return crd, runs, [(one["kind"], one) for one in items if one not in runs]


def states(profile, runs):
    """The state of each run by this profile."""
    reader = Reader(profile)
    return {
        one["metadata"]["name"]: reader.state(reader.values(msgspec.convert(one, reader.type, strict=False))).state
        for one in runs
    }


@pytest.mark.parametrize(("folder", "name"), PLATFORMS)
@pytest.mark.parametrize("with_objects", [True, False], ids=["objects", "crd"])
def test_a_draft_of_a_platform_loads_and_is_short(tmp_path, folder, name, with_objects):
    """It can be used without changes, and has at most twelve lines, as a shipped profile has."""
    crd, runs, others = load_platform(folder, name)
    text = draft_of(crd, *runs, workers=others) if with_objects else draft_of(crd)
    profile, _ = read(text, tmp_path, *REQUIRED_KINDS.get(name, ()))
    assert f"{profile.plural}.{profile.group}" == name
    assert len([line for line in text.splitlines() if not line.startswith("#")]) <= 12
    assert f"There is a shipped profile, {name}" in text


@pytest.mark.parametrize(("folder", "name"), PLATFORMS)
def test_a_draft_with_objects_gives_nearly_all_runs_the_shipped_state(tmp_path, folder, name):
    """The objects do not show the other states: queued tasks of a kelos pool, and waiting tasks of kubeopencode."""
    crd, runs, others = load_platform(folder, name)
    profile, _ = read(draft_of(crd, *runs, workers=others), tmp_path, *REQUIRED_KINDS.get(name, ()))
    shipped, drafted = states(shipped_profiles()[name], runs), states(profile, runs)
    different = {run for run in shipped if shipped[run] != drafted[run]}
    assert different == RUNS_WITH_OTHER_STATES[name]
    assert profile.worker.is_ in {"Job", "Pod", "Sandbox"}


@pytest.mark.parametrize(
    ("folder", "name", "worker", "lasting"),
    [
        (*PLATFORMS[0], {"is": "Job", "reported": ".status.jobName", "container": "kelos-agent"}, False),
        (
            *PLATFORMS[1],
            {
                "is": "Pod",
                "reported": ".status.podName",
                "selector": "kubeopencode.io/task",
                "container": "agent",
            },
            False,
        ),
        (*PLATFORMS[2], {"is": "Pod", "container": "claude"}, True),
        (*PLATFORMS[3], {"is": "Sandbox"}, True),
    ],
)
def test_a_draft_with_objects_has_the_keys_that_the_objects_show(tmp_path, folder, name, worker, lasting):
    """`container` and `selector` are from the workers, `ready` and `long_lived` from objects without a phase."""
    crd, runs, others = load_platform(folder, name)
    text = draft_of(crd, *runs, workers=others)
    profile, own = read(text, tmp_path, *REQUIRED_KINDS.get(name, ()))
    assert own["worker"] == worker
    assert (profile.long_lived, bool(profile.ready)) == ((True, True) if lasting else (None, False))
    assert profile.ready == (shipped_profiles()[name].ready if lasting else None)
    assert "# decide: there is no phase" in text or not lasting
    unset = text.splitlines()[-1] if "# may be set: " in text else ""
    assert ("long_lived" in unset, "worker.selector" in unset) == (not lasting, name.startswith("sandboxes"))
    assert ("Sandbox must be a kind of coderuns.kinds too" in text) == (worker["is"] == "Sandbox")


@pytest.mark.parametrize("number", ["01", "02", "03"])
def test_each_version_of_the_platform_has_a_draft(tmp_path, number):
    """The phases have the usual names, and the status has the name of the Job."""
    (path,) = WORLDS.glob(f"{number}-*.yaml")
    profile, own = read(draft_of(crd_of(path)), tmp_path)
    assert (profile.kind, profile.group) == ("CodeRun", "agents.platform")
    assert own["state"] == [
        {
            "path": ".status.phase",
            "open": ["absent", "Pending", "Running"],
            "succeeded": ["Succeeded"],
            "failed": ["Failed"],
        }
    ]
    assert own["worker"] == {"is": "Job", "reported": ".status.jobName"}
