"""`explain --from` an exporter in the time-lapse explains a Job hours after its deletion."""

from lab.platform.controller import JOBS, RUNS
from lab.platform.manifests import RunSpec
from lab.timelapse.play import Agenda, play
from lab.timelapse.series import Recorder
from lab.timelapse.world import World
from tests.commands.in_process import call_in_thread

START = 1_700_000_010.0
DELETED, HOUR = 600.0, 3600.0
ORDER = RunSpec(task=1, agent="Cleo", exits=("pending",))


async def explain_later(world, name, *, hours):
    """`explain` this many hours after the run was deleted: exit code, standard output and standard error."""
    world.now = START + DELETED + hours * HOUR
    await world.settle()
    return await call_in_thread("explain", "--from", world.targets["a"].url, name)


async def test_a_deleted_job_is_explained_twenty_hours_later_and_forgotten_after_a_day():
    """Its pod cannot mount a ConfigMap. A user deletes the run, and the garbage collector deletes Job and pod."""
    agenda = Agenda()
    agenda.at(START + 1, lambda world: world.order(ORDER))
    agenda.at(START + DELETED, lambda world: world.writer.delete(f"{RUNS}/{ORDER.name}"))
    async with World(start=START) as world:
        await world.start("a")
        await play(world, agenda, Recorder(metrics=[]), until=START + DELETED - 30)
        (job,) = [item["metadata"]["name"] for item in await world.writer.items(JOBS)]
        await play(world, agenda, Recorder(metrics=[]), until=START + DELETED + 60)
        assert await world.writer.items(JOBS) == []

        for name in (ORDER.name, job):
            code, out, err = await explain_later(world, name, hours=20)
            assert (code, err) == (1, "")
            assert "no longer exists" in out
            assert "pod_configmap_missing" in out
            assert job in out

        assert (await explain_later(world, ORDER.name, hours=23.9))[0] == 1
        code, out, err = await explain_later(world, ORDER.name, hours=24.1)
        assert (code, out) == (2, "")
        assert "are kept for 24 h, and not from before the start at 2023-11-14T22:13:30Z" in err
