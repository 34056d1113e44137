"""Lines of a log in, alerts of the shipped rules out: the log is polled, the exposition scraped every 30 s."""

import json

import pytest

from exporter.cache import CODERUNS, Change, Run, Thresholds
from exporter.log_formats import LogReader, shipped_formats
from lab.timelapse.evaluation import metrics_of, verdict
from lab.timelapse.series import Recorder
from tests.clusters import a_status
from tests.log_polling.polls import NOW, polls

pytestmark = [pytest.mark.needs("promtool"), pytest.mark.timeout(120)]

MINUTE = 60
FORMATS = shipped_formats()
INSTANCE = "a"
STARTS = {
    "claude": {"type": "system", "subtype": "init", "session_id": "s"},
    "codex": {"type": "thread.started", "thread_id": "s"},
}
WORDS = {
    "claude": {"type": "result", "subtype": "success", "is_error": False, "num_turns": 1, "session_id": "s"},
    "codex": {"type": "turn.completed", "usage": {"input_tokens": 1, "output_tokens": 1}},
}
AUTH = WORDS["claude"] | {"is_error": True, "api_error_status": 401, "result": "Invalid API key"}


class Scenario:
    """One agent. Times are in seconds since the start of its container."""

    def __init__(self, work, cli):
        self.work = work
        self.cli = cli
        self.recorder = Recorder(metrics=metrics_of())

    async def until(self, at, *, every=0, text=b"waiting"):
        """The clock advances. The container writes a line every `every` seconds, or none."""
        while self.work.now < NOW + at:
            if every:
                for second in range(0, 15, every):
                    self.work.write(text, at=self.work.now + second)
            await self.work.after(15)
            self.work.store.advance(self.work.now)
            if not (self.work.now - NOW) % 30:
                self.recorder.scrape({INSTANCE: self.work.page()}, started={INSTANCE: NOW})

    def write(self, *objects):
        """The agent writes lines."""
        self.work.write(*(json.dumps(one).encode() for one in objects), at=self.work.now)

    def start(self):
        """A session begins."""
        self.write(STARTS[self.cli])

    def end(self):
        """A session ends: its last word."""
        self.write(WORDS[self.cli])

    def own_job(self):
        """The Job belongs to a run."""
        run = Run(uid="run-r", namespace="n", name="r", created=NOW, phase="Running", finalizer=True, agent="rex")
        self.work.store.apply(Change(CODERUNS, "coderuns.agents.platform/*", run.uid, run))
        self.work.job(cli=self.cli, agent="rex", owner=run.uid, owner_name=run.name)

    def exit(self):
        """The container ends, and its Job succeeds."""
        self.work.job(cli=self.cli, agent="rex", result="succeeded", finished=self.work.now)
        self.work.store.put_pod("*", "pod-j", None)

    def forbid(self, code=403):
        """The API server rejects requests for logs from now on."""

        async def reject(request):
            return a_status(code, "no") if "/log" in request.path else None

        self.work.server.intercept = reject

    def alerts(self):
        """The alerts, with severity, and the second of their first evaluation."""
        found = verdict(self.recorder, start=NOW + 30, first=0, last=self.recorder.scrapes - 1)
        return {
            (one.alert, one.labels["severity"]): one.first - NOW for one in found if one.labels["severity"] != "info"
        }


@pytest.fixture
def play(tmp_path):
    """A function that plays a story, which is a function of a Scenario, and returns its alerts."""

    async def played(story, *, cli="claude", **limits):
        thresholds = Thresholds(**{"job_max_runtime": 14400.0, "job_max_runtime_is_set": True} | limits)
        read = lambda name: LogReader(FORMATS, expected=name)  # noqa: E731
        async with polls(tmp_path, thresholds=thresholds, read=read, job={"cli": cli, "agent": "rex"}) as work:
            scenario = Scenario(work, cli)
            await story(scenario)
            return scenario.alerts()

    return played


async def a_hang(scenario):
    """The agent works for 10 minutes, and its process does not exit."""
    scenario.start()
    await scenario.until(10 * MINUTE, every=15)
    scenario.end()


async def test_a_process_that_does_not_exit_is_reported_within_six_minutes(play):
    """Alertmanager waits for 30 s more."""

    async def story(scenario):
        await a_hang(scenario)
        await scenario.until(30 * MINUTE)

    ((alert, at),) = (await play(story)).items()
    assert alert == ("AgentFinishedNotExited", "critical")
    assert 15 * MINUTE <= at <= 15.5 * MINUTE


async def test_a_script_that_builds_silently_for_12_minutes_is_normal(play):
    """As long as its CLI is one of those whose scripts do that."""

    async def story(scenario):
        await a_hang(scenario)
        await scenario.until(22 * MINUTE)
        scenario.exit()
        await scenario.until(30 * MINUTE)

    assert await play(story, cli="codex") == {}
    assert list(await play(story, cli="claude")) == [("AgentFinishedNotExited", "critical")]


@pytest.mark.parametrize("reads", [1, 2, 3, 4, 5])
async def test_a_script_that_writes_a_line_every_225_seconds_is_not_critical(play, reads):
    """Nor if the line after `reads` lines, and all later ones, cannot be read."""

    async def story(scenario):
        await a_hang(scenario)
        for number in range(1, 6):
            await scenario.until(10 * MINUTE + 225 * number)
            scenario.work.write(b"building", at=scenario.work.now)
            if number == reads + 1:
                scenario.forbid(500)
        await scenario.until(29.5 * MINUTE)

    assert await play(story) == {}


async def test_the_clock_of_a_node_may_be_behind_by_ten_minutes(play):
    """The lines of its script are not as old as they look."""

    async def story(scenario):
        await a_hang(scenario)
        for _ in range(30):
            await scenario.until(scenario.work.now - NOW + 30)
            scenario.work.write(b"building", at=scenario.work.now - 10 * MINUTE)

    assert await play(story) == {}


async def test_a_container_that_still_writes_lines_is_a_warning_after_20_minutes(play):
    """A hang that prints a line every 3 seconds."""

    async def story(scenario):
        await a_hang(scenario)
        await scenario.until(50 * MINUTE, every=3)

    assert await play(story) == {("AgentFinishedNotExited", "warning"): 30.5 * MINUTE}


async def test_five_sessions_in_one_container_are_normal(play):
    """Each new session withdraws the last word of the one before."""

    async def story(scenario):
        for number in range(4):
            scenario.start()
            await scenario.until((10 * number + 6) * MINUTE)
            scenario.end()
            await scenario.until((10 * number + 10) * MINUTE)
        scenario.start()
        await scenario.until(65 * MINUTE)
        scenario.end()
        scenario.exit()
        await scenario.until(75 * MINUTE)

    assert await play(story) == {}


async def test_a_loop_in_one_container_is_reported_at_its_sixth_session(play):
    """Its script starts the agent again after each session. The log is read once a minute, and scraped every 30 s."""

    async def story(scenario):
        for number in range(10):
            scenario.start()
            await scenario.until((4 * number + 3) * MINUTE)
            scenario.end()
            await scenario.until((4 * number + 4) * MINUTE)

    ((alert, at),) = (await play(story)).items()
    assert alert == ("CodeRunRetryLoop", "warning")
    assert 20 * MINUTE < at <= 22 * MINUTE  # the sixth session starts at 20 min


async def test_72_dollars_in_58_minutes_are_reported_when_the_sixth_session_ends(play):
    """18 sessions of 4 dollars in one run, with the limit 20. Each process counts its cost from 0."""
    ends = [round(58 * MINUTE * (number + 1) / 18 / 15) * 15 for number in range(18)]

    async def story(scenario):
        scenario.own_job()
        for number, end in enumerate(ends):
            scenario.write(STARTS["claude"] | {"session_id": f"s{number}"})
            await scenario.until(end)
            scenario.write(WORDS["claude"] | {"session_id": f"s{number}", "total_cost_usd": 4.0})
        await scenario.until(59 * MINUTE)
        assert 'coderun_cost_dollars{namespace="n",coderun="r"} 72' in scenario.work.page()

    alerts = await play(story, run_cost_limit=20.0)
    assert set(alerts) == {("AgentCostHigh", "warning"), ("CodeRunRetryLoop", "warning")}
    assert 0 < alerts["AgentCostHigh", "warning"] - ends[5] <= 2 * MINUTE
    assert set(await play(story)) == {("CodeRunRetryLoop", "warning")}  # without a limit


@pytest.mark.parametrize(("cli", "at"), [("claude", 15), ("codex", 30)])
async def test_a_rotated_log_does_not_withdraw_a_last_word(play, cli, at):
    """Its responses are empty."""

    async def story(scenario):
        await a_hang(scenario)
        await scenario.until(12 * MINUTE)
        scenario.work.server.logs.files["n", "j-x", "main"].clear()
        await scenario.until(32 * MINUTE)

    assert await play(story, cli=cli) == {("AgentFinishedNotExited", "critical"): at * MINUTE}


@pytest.mark.parametrize(
    ("limits", "expected"), [({"agent_silence_limits": {"rex": 3600.0}}, set()), ({}, {"AgentSilent"})]
)
async def test_an_agent_is_silent_for_50_minutes(play, limits, expected):
    """Its limit decides."""

    async def story(scenario):
        scenario.start()
        await scenario.until(50 * MINUTE)
        scenario.end()
        scenario.exit()
        await scenario.until(60 * MINUTE)

    assert {name for name, _ in await play(story, **limits)} == expected


async def test_an_agent_that_never_writes_a_line_is_silent_since_its_start(play):
    """The container started 9 s before the clock of the test."""

    async def story(scenario):
        await scenario.until(40 * MINUTE)

    assert await play(story) == {("AgentSilent", "warning"): 30 * MINUTE}


@pytest.mark.parametrize(("code", "word"), [(403, True), (500, False)])
async def test_a_log_that_cannot_be_read_any_more_is_not_silent(play, code, word):
    """Nor does it show that a process did not exit."""

    async def story(scenario):
        scenario.start()
        await scenario.until(10 * MINUTE, every=15)
        if word:
            scenario.end()
        await scenario.until(11 * MINUTE)
        scenario.forbid(code)
        await scenario.until(60 * MINUTE)

    assert await play(story) == {}


async def test_rejected_credentials_are_reported_within_four_minutes(play):
    """Before the process counts as not exited."""

    async def story(scenario):
        scenario.start()
        await scenario.until(10 * MINUTE, every=15)
        scenario.write(AUTH)
        await scenario.until(20 * MINUTE)

    found = await play(story)
    assert list(found) == [("AgentBlocked", "warning"), ("AgentFinishedNotExited", "critical")]
    assert 12 * MINUTE <= found["AgentBlocked", "warning"] <= 14 * MINUTE


async def test_a_silence_of_two_hours_makes_a_job_that_hangs_critical(play):
    """With the default limit of its run time, which alone is a warning until four hours have passed."""

    async def story(scenario):
        scenario.start()
        await scenario.until(125 * MINUTE)

    found = await play(story, job_max_runtime=3600.0, job_max_runtime_is_set=False)
    assert [*found] == [("AgentSilent", "warning"), ("AgentJobHanging", "warning"), ("AgentJobHanging", "critical")]
    assert found["AgentJobHanging", "critical"] == 120.5 * MINUTE
