"""What `/metrics` tells, over real HTTP and a real run; and what counts as what."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ghapp import metrics
from ghapp.bootstrap import swept
from ghapp.core.marks import KINDS, CheckRun, Effect, Marks, Outcome, PutCheckRun
from ghapp.core.model import Channel, InstallationKey, Key, Message, PullKey
from ghapp.core.records import Claim, History
from ghapp.emulator import faults
from ghapp.errors import GhappError, Gone, Rejected, Retry, Wait
from ghapp.github.errors import Answer, result
from ghapp.github.rate_limits import POINTS_A_MINUTE, WINDOWS, Budget, Importance
from ghapp.metrics import MOST_INSTALLATIONS, OTHER, Metrics, route
from ghapp.store import Health
from ghapp.worker import effects
from ghapp.worker.effects import quiet
from tests.e2e.marks import conclusion
from tests.e2e.processes import Process, started
from tests.e2e.world import PATIENCE_SECONDS, SECRET, World, running
from tests.store.stores import KEY

NOON = datetime(2026, 4, 1, 12, tzinfo=UTC)
ROOT = Path(__file__).parents[2]
OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")


class Page:
    """A page of metrics as Prometheus reads it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.samples = {
            (one.name, frozenset(one.labels.items())): one.value
            for family in text_string_to_metric_families(text)
            for one in family.samples
        }

    def __call__(self, name: str, **labels: str) -> float | None:
        return self.samples.get((f"ghapp_{name}", frozenset(labels.items())))

    def labels(self, name: str) -> list[dict[str, str]]:
        return [dict(labels) for found, labels in self.samples if found == f"ghapp_{name}"]


def scraped(url: str) -> Page:
    with urllib.request.urlopen(f"{url}/metrics", timeout=10) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        return Page(answer.read().decode())


def page(metrics: Metrics, health: Health | None = None) -> Page:
    return Page(metrics.page(health).decode())


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """The page after a pull was opened, and something was posted that GitHub has not signed."""
    with running(tmp_path_factory.mktemp("metrics")) as world:
        pull = world.open()
        world.settle()
        assert conclusion(pull) == "in progress"
        assert world.ghapp
        forged = urllib.request.Request(f"{world.ghapp.url}/webhook", b"{}")
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(forged, timeout=5)
        yield scraped(world.ghapp.url)


class TestAStory:
    def test_deliveries_by_event_and_outcome(self, told: Page) -> None:
        assert told("deliveries_total", event="pull_request", outcome="stored") == 1
        assert told("deliveries_total", event="unverified", outcome="unsigned") == 1
        count = sum(
            value for (name, _), value in told.samples.items() if name == "ghapp_deliveries_total"
        )
        assert told("delivery_duration_seconds_count") == count

    def test_how_long_a_delivery_took_until_its_marks(self, told: Page) -> None:
        assert (told("delivery_to_marks_seconds_count") or 0) >= 1
        assert 0 < (told("delivery_to_marks_seconds_sum") or 0) < 60

    def test_runs_and_effects(self, told: Page) -> None:
        assert (told("run_duration_seconds_count", key="pull", outcome="done") or 0) >= 1
        for effect in ("PutCheckRun", "PutComment", "AddLabels"):
            assert told("effects_total", effect=effect, result="taken") == 1
        for labels in told.labels("drift_repaired_total"):
            assert told("drift_repaired_total", **labels) == 0

    def test_api_calls_by_route(self, told: Page) -> None:
        call = {"method": "POST", "route": "repos/{owner}/{repo}/check-runs"}
        assert told("github_requests_total", **call, status="201", result="ok") == 1
        routes = {labels["route"] for labels in told.labels("github_requests_total")}
        assert OTHER not in routes
        assert "repos/{owner}/{repo}/pulls/{number}/files" in routes

    def test_the_budget_of_the_installation(self, told: Page) -> None:
        (id,) = {labels["installation"] for labels in told.labels("github_budget_remaining")}
        points = told("github_budget_remaining", installation=id, window="points_minute")
        assert points is not None
        assert 0 < points < POINTS_A_MINUTE

    def test_the_queue_as_the_database_has_it(self, told: Page) -> None:
        assert told("database_up") == 1
        assert (told("queue_dirty_keys"), told("queue_parked_keys")) == (0, 0)
        age = told("newest_delivery_age_seconds")
        assert age is not None
        assert age >= 0

    def test_nothing_is_told_of_what_is_reviewed(self, told: Page) -> None:
        for private in ("acme", "shop", "ann", SECRET, "PRIVATE"):
            assert private not in told.text


def test_what_a_sweep_finds_is_drift(tmp_path: Path) -> None:
    with running(tmp_path) as world:
        # Else `ghapp sweep` has it delivered again, which is better than to find it.
        world.github.faults.add(faults.broken("GET /app/hook/deliveries", 404, times=None))
        pull = world.open()
        world.settle()
        world.clock.forward()
        world.github.lose_next(1, "pull_request")
        pull.push({"db/migrate/2.sql": "DROP TABLE orders;\n"})
        world.settle()
        assert conclusion(pull) == "missing"
        swept(world.settings)
        world.until("the check run", lambda: conclusion(pull) == "in progress")
        world.settle()
        assert world.ghapp
        told = scraped(world.ghapp.url)
    assert told("drift_repaired_total", effect="PutCheckRun", pull="known") == 1


def test_a_worker_of_its_own_tells_its_numbers_where_asked(
    tmp_path: Path, empty_postgres_url: str
) -> None:
    world = World(tmp_path, GHAPP_DATABASE_URL=empty_postgres_url)
    try:
        with (
            started(world, "serve", "--no-worker") as web,
            started(world, "work", "--metrics-port", "0") as work,
        ):
            url = until_told(world, work)
            world.github.listen(f"{web.url}/webhook")
            pull = world.open()
            # Not just any run: beside load a sweep may see the pull before its delivery is stored.
            world.until("its run", lambda: bool(scraped(url)("delivery_to_marks_seconds_count")))
            assert conclusion(pull) == "in progress"
            world.github.settle(PATIENCE_SECONDS)
            told = scraped(url)
            assert (done(told) or 0) >= 1
            assert 0 < (told("delivery_to_marks_seconds_sum") or 0) < 60
            assert scraped(web.url)("deliveries_total", event="pull_request", outcome="stored") == 1
            with urllib.request.urlopen(f"{url}/readyz", timeout=5) as answer:
                assert json.load(answer)["status"] == "ready"
            with pytest.raises(urllib.error.HTTPError, match="404"):
                urllib.request.urlopen(f"{url}/webhook", b"{}", timeout=5)
    finally:
        world.close()


def done(page: Page) -> float | None:
    return page("run_duration_seconds_count", key="pull", outcome="done")


def until_told(world: World, process: Process) -> str:
    pattern = r'"url": ?"(http://127[^"]+)"'
    world.until("the address", lambda: bool(re.search(pattern, process.log)))
    return re.findall(pattern, process.log)[0]


def test_every_field_of_the_lines_of_the_log_is_documented(tmp_path: Path) -> None:
    world = World(tmp_path)
    try:
        with started(world, "serve") as server:
            world.github.listen(f"{server.url}/webhook")
            pull = world.open()
            world.until("the check run", lambda: conclusion(pull) == "in progress")
            world.until("the run", lambda: '"outcome": "done"' in server.log)
            lines = [json.loads(line) for line in server.log.splitlines()]
    finally:
        world.close()
    for event in ("delivery", "run"):
        fields = {name for line in lines if line["event"] == event for name in line}
        assert fields > {"outcome", "milliseconds"}
        assert [name for name in sorted(fields) if f"`{name}`" not in OPERATIONS] == []


# --- what counts as what -----------------------------------------------------------------


def test_two_processes_in_one_share_nothing() -> None:
    one, other = Metrics(), Metrics()
    one.swept(3)
    assert page(one)("sweeps_total", outcome="done") == 1
    assert page(other)("sweeps_total", outcome="done") is None


def test_a_sweep_that_fails_leaves_what_the_last_one_found() -> None:
    metrics = Metrics()
    metrics.swept(3)
    metrics.swept(None)
    told = page(metrics)
    assert told("sweeps_total", outcome="failed") == 1
    assert told("sweep_installations") == 3
    assert (told("sweep_success_timestamp_seconds") or 0) > 0


def test_a_database_that_is_away_is_told_and_the_rest_goes_on() -> None:
    metrics = Metrics()
    metrics.swept(1)
    told = page(metrics)
    assert told("database_up") == 0
    assert told("queue_dirty_keys") != told("queue_dirty_keys")  # NaN
    assert told("sweeps_total", outcome="done") == 1
    again = page(metrics, Health(None, None, 2, 1))
    assert again("database_up") == 1
    assert (again("queue_dirty_keys"), again("queue_parked_keys")) == (2, 1)
    assert again("queue_oldest_due_seconds") == 0


def claim(key: PullKey | InstallationKey = KEY) -> Claim:
    return Claim(key, "token", 1, 0)


def asked_for(key: PullKey | InstallationKey = KEY, seconds: float = 0.0) -> Claim:
    """A claim on what a delivery has asked for so many seconds ago."""
    came = NOON - timedelta(seconds=seconds)
    return replace(claim(key), arrived_at=came, claimed_at=NOON)


class TestFromDeliveryToMarks:
    def seconds(self, metrics: Metrics) -> tuple[float | None, float | None]:
        told = page(metrics)
        name = "delivery_to_marks_seconds"
        return told(f"{name}_count"), told(f"{name}_sum")

    def ran(self, metrics: Metrics, claim: Claim, outcome: str = "done") -> None:
        metrics.began(claim)
        metrics.ended(claim, outcome, 1.5)

    def test_it_is_the_wait_of_the_oldest_delivery_and_the_run(self) -> None:
        metrics = Metrics()
        self.ran(metrics, asked_for(seconds=2.0))
        assert self.seconds(metrics) == (1, 3.5)

    @pytest.mark.parametrize("outcome", ["later", "parked", "lease lost", "gone", "stopped"])
    def test_only_a_run_that_is_done_has_left_marks(self, outcome: str) -> None:
        metrics = Metrics()
        self.ran(metrics, asked_for(), outcome)
        assert self.seconds(metrics) == (0, 0)

    def test_runs_that_no_delivery_asked_for_and_keys_without_marks_do_not_count(self) -> None:
        metrics = Metrics()
        self.ran(metrics, claim())
        self.ran(metrics, asked_for(InstallationKey(1)))
        assert self.seconds(metrics) == (0, 0)

    def test_a_clock_that_was_set_back_makes_no_negative_time(self) -> None:
        metrics = Metrics()
        self.ran(metrics, asked_for(seconds=-60.0))
        assert self.seconds(metrics) == (1, 1.5)


def test_redeliveries_are_counted_from_zero_on_so_that_the_first_is_an_increase() -> None:
    metrics = Metrics()
    assert page(metrics)("redeliveries_total", outcome="given_up") == 0
    metrics.redelivered(3, 0)
    metrics.redelivered(1, 2)
    told = page(metrics)
    assert told("redeliveries_total", outcome="asked") == 4
    assert told("redeliveries_total", outcome="given_up") == 2


@pytest.mark.parametrize("event", ["pull_request", "issue_comment", "installation"])
def test_deliveries_that_are_not_stored_are_counted_from_zero_on(event: str) -> None:
    told = page(Metrics())
    assert told("deliveries_total", event=event, outcome="not_stored") == 0
    assert told("deliveries_total", event=event, outcome="stored") == 0


@pytest.mark.parametrize("outcome", ["unsigned", "not_stored"])
def test_what_nobody_has_read_is_counted_from_zero_on(outcome: str) -> None:
    assert page(Metrics())("deliveries_total", event="unverified", outcome=outcome) == 0


def test_drift_is_counted_from_zero_on_for_the_first_sweep_may_find_all_of_it() -> None:
    told = page(Metrics())
    found = [labels for labels in told.labels("drift_repaired_total") if labels["pull"] == "known"]
    assert {labels["effect"] for labels in found} == {kind.__name__ for kind in KINDS}


class Answers:
    """A GitHub whose writes come to what each test says."""

    error: GhappError | None = None

    async def apply(self, key: PullKey, effect: Effect) -> Outcome:
        if self.error:
            raise self.error
        return Outcome(1, NOON)


EFFECT = PutCheckRun(CheckRun("a" * 40, "digest"), 0)
SUSPECTED = History(marks=Marks(), touched=True)


@pytest.mark.anyio
class TestEffects:
    @pytest.fixture
    def metrics(self) -> Metrics:
        return Metrics()

    async def written(
        self, metrics: Metrics, history: History, error: GhappError | None = None
    ) -> Page:
        github = Answers()
        github.error = error
        with pytest.raises(type(error)) if error else nullcontext():
            await effects.apply(KEY, (EFFECT,), history, github, metrics)
        return page(metrics)

    @pytest.mark.parametrize(
        ("error", "result"),
        [
            (None, "taken"),
            (Retry("502", after_seconds=1.0), "failed"),
            (Wait("limit", after_seconds=1.0), "failed"),
            (Rejected("422"), "rejected"),
            (Gone("404"), "gone"),
        ],
    )
    async def test_by_what_became_of_them(
        self, metrics: Metrics, error: GhappError | None, result: str
    ) -> None:
        told = await self.written(metrics, SUSPECTED, error)
        assert told("effects_total", effect="PutCheckRun", result=result) == 1
        repaired = told("drift_repaired_total", effect="PutCheckRun", pull="known")
        assert repaired == (0 if error else 1)

    async def test_what_a_delivery_asked_for_is_no_drift(self, metrics: Metrics) -> None:
        metrics.began(asked_for())
        told = await self.written(metrics, SUSPECTED)
        assert told("drift_repaired_total", effect="PutCheckRun", pull="known") == 0
        metrics.ended(asked_for(), "done", 1.0)
        told = await self.written(metrics, SUSPECTED)
        assert told("drift_repaired_total", effect="PutCheckRun", pull="known") == 1

    async def test_a_pull_that_no_run_has_seen_is_told_apart(self, metrics: Metrics) -> None:
        told = await self.written(metrics, History(touched=True))
        assert told("drift_repaired_total", effect="PutCheckRun", pull="new") == 1

    async def test_what_a_delivery_told_of_is_no_drift(self, metrics: Metrics) -> None:
        told = await self.written(metrics, History(marks=Marks(), fresh_at=NOON))
        assert told("drift_repaired_total", effect="PutCheckRun", pull="known") == 0


SAID = Message("comment:1", Channel.COMMENT, "sam", NOON, "/nfr done")


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        (SUSPECTED, True),
        (History(), False),  # marked by something else of ours: a policy, another pull of its head
        (replace(SUSPECTED, fresh_at=NOON), False),
        (replace(SUSPECTED, opened=True), False),
        (replace(SUSPECTED, messages=(SAID,)), False),
    ],
)
def test_a_run_is_quiet_where_nothing_new_is_told(history: History, expected: bool) -> None:
    assert quiet(history) is expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("app/installations?per_page=100&page=2", "app/installations"),
        ("repos/acme/shop", "repos/{owner}/{repo}"),
        ("repos/acme/issues/issues/3", "repos/{owner}/{repo}/issues/{number}"),
        ("repos/acme/shop/contents/.github/nfr.yml", "repos/{owner}/{repo}/contents/{path}"),
        ("repos/a/b/issues/3/labels/a%2Fb", "repos/{owner}/{repo}/issues/{number}/labels/{name}"),
        ("/repositories/7/pulls/3", "repos/{owner}/{repo}/pulls/{number}"),
        ("/api/v3/repos/a/b/pulls?state=open", "repos/{owner}/{repo}/pulls"),
        ("/api/graphql", "graphql"),
        ("repos/acme/shop/something/new", OTHER),
        ("", OTHER),
    ],
)
def test_a_route_names_nobody(path: str, expected: str) -> None:
    assert route(path) == expected


LIMITED = {"x-ratelimit-remaining": "0"}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Answer(200, {}, b""), "ok"),
        (Answer(304, {}, b""), "ok"),
        (Answer(404, {}, b"{}"), "refused"),
        (Answer(403, {}, b"{}"), "refused"),
        (Answer(403, LIMITED, b"{}"), "limited"),
        (Answer(429, {}, b"{}"), "limited"),
        (Answer(502, {}, b""), "failed"),
        (None, "unanswered"),
    ],
)
def test_what_became_of_a_call(answer: Answer | None, expected: str) -> None:
    assert result(answer) == expected
    metrics = Metrics()
    status = answer.status if answer else 0
    metrics.called("GET", "/app", status, result(answer), 0.1)
    labels = {"method": "GET", "route": "app", "status": str(status), "result": expected}
    assert page(metrics)("github_requests_total", **labels) == 1


class TestBudgets:
    def test_what_is_left_is_what_would_pass(self) -> None:
        budget = Budget()
        for _ in range(3):
            budget.take("POST", Importance.CHECK_RUN, 0.0)
        left = budget.left(1.0)
        assert left == {"points_minute": 885, "content_minute": 77, "content_hour": 497}
        assert budget.left(60.0)["points_minute"] == POINTS_A_MINUTE

    def test_nothing_is_left_while_github_has_us_wait(self) -> None:
        budget = Budget()
        budget.close(10.0, 0.0)
        assert budget.left(9.0) == dict.fromkeys(WINDOWS, 0)
        assert budget.left(10.0)["points_minute"] == POINTS_A_MINUTE

    def test_without_limits_there_is_nothing_to_tell(self) -> None:
        assert Budget("off").left(0.0) == {}

    def test_of_many_installations_the_scarcest_are_shown(self) -> None:
        metrics = Metrics()
        metrics.budgets = lambda: {id: {"points_minute": 900 - id} for id in range(150)}
        shown = {one["installation"] for one in page(metrics).labels("github_budget_remaining")}
        assert shown == {str(id) for id in range(150 - MOST_INSTALLATIONS, 150)}
        metrics.budgets = dict
        assert page(metrics).labels("github_budget_remaining") == []


def test_every_kind_of_key_has_a_name() -> None:
    assert set(metrics.KINDS) == set(get_args(Key))
