"""`explain --from` an exporter in the time-lapse explains a Job hours after its deletion."""

from lab.platform.controller import JOBS, RUNS
from lab.platform.manifests import Order
from lab.timelapse.play import Agenda, play
from lab.timelapse.series import Recorder
from lab.timelapse.world import World
from lab.waiting import until_true
from tests.commands.in_process import call_in_thread
from tests.explaining.objects import a_pod, an_event

START = 1_700_000_010.0
DELETED, HOUR = 600.0, 3600.0
ORDER = Order(task=1, agent="Cleo", exits=("pending",))


async def block_pod(world):
    """Creates a Pod of the Job that waits for a missing ConfigMap, and the Event of the kubelet about it."""
    (job,) = await world.writer.items(JOBS)
    meta = job["metadata"]
    pod = a_pod(state={"waiting": {"reason": "ContainerCreating"}})
    pod["metadata"] |= {"namespace": meta["namespace"], "labels": {"job-name": meta["name"]}}
    pod["metadata"]["ownerReferences"][0] |= {"name": meta["name"], "uid": meta["uid"]}
    event = an_event(pod, 'MountVolume.SetUp failed for volume "v" : configmap "task-files" not found')
    event["metadata"] |= {"namespace": meta["namespace"]}
    event["regarding"] |= {"namespace": meta["namespace"]}
    world.server.load([pod, event])
    for app in world.targets.values():
        app.advance()  # starts the watch of Events, because a run is open
        await until_true(lambda app=app: app.store.cache.events_about("uid-p"), what="the Event is read")


async def explain_later(world, name, *, hours):
    """`explain` this many hours after the run was deleted: exit code, standard output and standard error."""
    world.now = START + DELETED + hours * HOUR
    await world.settle()
    return await call_in_thread("explain", "--from", world.targets["a"].url, name)


async def test_a_deleted_job_is_explained_twenty_hours_later_and_forgotten_after_a_day():
    """Its Pod never started. A user deletes the run, and the garbage collector deletes the Job."""
    agenda = Agenda()
    agenda.at(START + 1, lambda world: world.order(ORDER))
    agenda.at(START + 60, block_pod)
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
