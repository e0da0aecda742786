"""The metrics of this process for Prometheus: an observer that counts, and the page it shows."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from typing import TypeVar

from prometheus_client import (
    CONTENT_TYPE_PLAIN_0_0_4,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Metric,
    ProcessCollector,
)
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from ghapp.core import marks
from ghapp.core.model import (
    ConfigurationKey,
    Delivery,
    InstallationKey,
    OrganisationKey,
    PolicyKey,
    ProjectKey,
    PullKey,
    QueueKey,
    RepositoryKey,
    SweepKey,
)
from ghapp.core.records import Claim
from ghapp.github.requirements import EVENTS, UNASKED
from ghapp.observer import Observer
from ghapp.store import Health

T = TypeVar("T", Counter, Gauge, Histogram)

UNVERIFIED = "unverified"  # the event of refused deliveries: they may have named any
KINDS = {
    PullKey: "pull",
    PolicyKey: "policy",
    QueueKey: "queue",
    ProjectKey: "project",
    RepositoryKey: "repository",
    SweepKey: "sweep",
    InstallationKey: "installation",
    OrganisationKey: "organisation",
    ConfigurationKey: "configuration",
}
# Each installation has 4 series. If there are more installations, those with the least left show.
MOST_INSTALLATIONS = 100

SHORT = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
RUN = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
CALL = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0)
LATENCY = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 14400.0, 86400.0)

OTHER = "other"
_OF_A_REPOSITORY = (
    "",
    "check-runs",
    "check-runs/{id}",
    "check-runs/{id}/annotations",
    "collaborators/{login}/permission",
    "commits/{sha}/check-runs",
    "compare/{path}",
    "contents/{path}",
    "git/blobs/{sha}",
    "git/trees/{sha}",
    "issues",
    "issues/comments/{id}",
    "issues/comments/{id}/reactions",
    "issues/{number}",
    "issues/{number}/comments",
    "issues/{number}/events",
    "issues/{number}/labels",
    "issues/{number}/labels/{name}",
    "labels",
    "labels/{name}",
    "pulls",
    "pulls/comments/{id}",
    "pulls/comments/{id}/reactions",
    "pulls/{number}",
    "pulls/{number}/comments",
    "pulls/{number}/files",
    "pulls/{number}/reviews",
)
# The routes that ghapp requests; all others are counted as OTHER.
ROUTES = (
    "app",
    "app/hook/deliveries",
    "app/hook/deliveries/{id}",
    "app/hook/deliveries/{id}/attempts",
    "app/installations",
    "app/installations/{id}/access_tokens",
    "graphql",
    "installation/repositories",
    "orgs/{org}/teams/{team}",
    "orgs/{org}/teams/{team}/memberships/{login}",
    *(f"repos/{{owner}}/{{repo}}/{rest}".rstrip("/") for rest in _OF_A_REPOSITORY),
)


def _pattern(route: str) -> str:
    """A regular expression for a route; GitHub's own links name a repository by its id."""
    found = re.sub(r"\{\w+\}", "[^/]+", route.replace("{path}", ".+"))
    return found.replace("repos/[^/]+/[^/]+", r"(?:repos/[^/]+/[^/]+|repositories/\d+)")


# One group for each route; a GitHub Enterprise Server has all routes below /api.
_ROUTE = re.compile(rf"/?(?:api/)?(?:v3/)?(?:({')|('.join(map(_pattern, ROUTES))}))")


def route(path: str) -> str:
    """The route of a path, such as "repos/{owner}/{repo}/pulls/{number}"; OTHER if unknown."""
    found = _ROUTE.fullmatch(path.partition("?")[0])
    return ROUTES[found.lastindex - 1] if found and found.lastindex else OTHER


@dataclass(frozen=True, slots=True)
class MetricFamily:
    """One metric as docs/operations.md lists it. buckets: of a histogram, in seconds."""

    kind: type[Counter | Gauge | Histogram]
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


SHOWN: Mapping[str, MetricFamily] = {
    "ghapp_deliveries_total": MetricFamily(
        Counter, "Deliveries answered, by what became of them.", ("event", "outcome")
    ),
    "ghapp_delivery_duration_seconds": MetricFamily(
        Histogram, "From a delivery's arrival to its answer.", (), SHORT
    ),
    "ghapp_delivery_to_marks_seconds": MetricFamily(
        Histogram,
        "From the oldest delivery's arrival to the end of the run that worked it off.",
        (),
        LATENCY,
    ),
    "ghapp_run_duration_seconds": MetricFamily(
        Histogram, "Runs, by the kind of their key and what they came to.", ("key", "outcome"), RUN
    ),
    "ghapp_effects_total": MetricFamily(
        Counter, "Writes to GitHub, by kind and what became of them.", ("effect", "result")
    ),
    "ghapp_drift_repaired_total": MetricFamily(
        Counter, "Marks written though no delivery asked for a change.", ("effect", "pull")
    ),
    "ghapp_github_requests_total": MetricFamily(
        Counter,
        "Requests to GitHub's API; status 0 is no answer.",
        ("method", "route", "status", "result"),
    ),
    "ghapp_github_request_duration_seconds": MetricFamily(
        Histogram, "How long GitHub takes to answer, or not to.", ("method",), CALL
    ),
    "ghapp_github_budget_remaining": MetricFamily(
        Gauge, "What an installation may still ask of GitHub.", ("installation", "window")
    ),
    "ghapp_github_reachable": MetricFamily(
        Gauge, "0 while GitHub is away and asked for nothing but whether it is back, else 1."
    ),
    "ghapp_sweeps_total": MetricFamily(
        Counter, "Sweeps by this process, by what became of them.", ("outcome",)
    ),
    "ghapp_sweep_installations": MetricFamily(
        Gauge, "Installations that the last sweep of this process had checked."
    ),
    "ghapp_sweep_success_timestamp_seconds": MetricFamily(
        Gauge, "When the last sweep of this process succeeded; 0 before the first."
    ),
    "ghapp_digest_run_timestamp_seconds": MetricFamily(
        Gauge, "When this process last saw all messages of a stand-up settled; 0 before the first."
    ),
    "ghapp_posts_total": MetricFamily(
        Counter, "Messages to teams, by where they go and what came of it.", ("kind", "outcome")
    ),
    "ghapp_redeliveries_total": MetricFamily(
        Counter, "Deliveries that had failed, by what this process did about them.", ("outcome",)
    ),
    "ghapp_queue_dirty_keys": MetricFamily(Gauge, "Keys to be worked on, not parked."),
    "ghapp_queue_parked_keys": MetricFamily(Gauge, "Keys that failed too often."),
    "ghapp_queue_oldest_due_seconds": MetricFamily(
        Gauge, "For how long the key that is due longest has been due; 0 if none is."
    ),
    "ghapp_newest_delivery_age_seconds": MetricFamily(
        Gauge, "How long ago the newest delivery was stored; NaN before the first."
    ),
    "ghapp_database_up": MetricFamily(
        Gauge, "1 if the database answered for this page; else 0, and what it knows is NaN."
    ),
    "ghapp_build_info": MetricFamily(Gauge, "Always 1; the version of ghapp.", ("version",)),
}


class Metrics(Observer):
    """Counts what it is notified of, in a registry of its own.

    budgets: installation -> window -> what is left; called for each page.
    """

    content_type = CONTENT_TYPE_PLAIN_0_0_4

    def __init__(self) -> None:
        self.budgets: Callable[[], Mapping[int, Mapping[str, int]]] = dict
        self._asked: set[str] = set()  # keys of runs that a delivery asked for
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._metrics = {
            name: _metric(name, shown, self._registry) for name, shown in SHOWN.items()
        }
        # Called for every request, so the labels are not looked up each time.
        self._calls = cache(self._counter("ghapp_github_requests_total").labels)
        self._call_durations = cache(
            self._histogram("ghapp_github_request_duration_seconds").labels
        )
        self._gauge("ghapp_build_info").labels(version("ghapp")).set(1)
        self.reached(is_there=True)
        self._begin_at_zero()

    def _begin_at_zero(self) -> None:
        """Create the series that alerts ask the increase of.

        `increase` does not see the first event of a series that begins with it.
        """
        self.redelivered(0, 0)
        deliveries = self._counter("ghapp_deliveries_total")
        # A delivery for which there is no room is not read either, so its event is unverified.
        for outcome in ("unsigned", "not_stored"):
            deliveries.labels(UNVERIFIED, outcome)
        for event in (*EVENTS, *UNASKED):
            for outcome in ("stored", "not_stored"):
                deliveries.labels(event, outcome)
        for kind in marks.KINDS:
            self._counter("ghapp_drift_repaired_total").labels(kind.__name__, "known")

    # --- as an observer ------------------------------------------------------------------

    def delivered(self, outcome: str, delivery: Delivery | None, seconds: float) -> None:
        event = delivery.event if delivery else UNVERIFIED
        self._counter("ghapp_deliveries_total").labels(event, outcome).inc()
        self._histogram("ghapp_delivery_duration_seconds").observe(seconds)

    def began(self, claim: Claim) -> None:
        if claim.arrived_at is not None:
            self._asked.add(str(claim.key))

    def ended(self, claim: Claim, outcome: str, seconds: float) -> None:
        labels = (KINDS[type(claim.key)], outcome.replace(" ", "_"))
        self._histogram("ghapp_run_duration_seconds").labels(*labels).observe(seconds)
        self._asked.discard(str(claim.key))
        waited = claim.waited_seconds
        if outcome == "done" and isinstance(claim.key, PullKey) and waited is not None:
            self._histogram("ghapp_delivery_to_marks_seconds").observe(waited + seconds)

    def applied(self, effect: str, result: str) -> None:
        self._counter("ghapp_effects_total").labels(effect, result).inc()

    def repaired(self, key: PullKey | ProjectKey, effect: str, *, known: bool) -> None:
        if str(key) not in self._asked:
            pull = "known" if known else "new"
            self._counter("ghapp_drift_repaired_total").labels(effect, pull).inc()

    def called(self, method: str, path: str, status: int, result: str, seconds: float) -> None:
        self._calls(method, route(path), str(status), result).inc()
        self._call_durations(method).observe(seconds)

    def reached(self, *, is_there: bool) -> None:
        self._gauge("ghapp_github_reachable").set(is_there)

    def swept(self, installations: int | None) -> None:
        done = installations is not None
        self._counter("ghapp_sweeps_total").labels("done" if done else "failed").inc()
        if installations is not None:
            self._gauge("ghapp_sweep_installations").set(installations)
            self._gauge("ghapp_sweep_success_timestamp_seconds").set_to_current_time()

    def digested(self) -> None:
        self._gauge("ghapp_digest_run_timestamp_seconds").set_to_current_time()

    def posted(self, kind: str, outcome: str) -> None:
        self._counter("ghapp_posts_total").labels(kind, outcome).inc()

    def redelivered(self, asked: int, lost: int) -> None:
        redeliveries = self._counter("ghapp_redeliveries_total")
        redeliveries.labels("asked").inc(asked)
        redeliveries.labels("given_up").inc(lost)

    # --- the page ------------------------------------------------------------------------

    def page(self, health: Health | None) -> bytes:
        """All metrics as text. health: None if the database does not answer."""
        nan = math.nan
        dirty, parked, due, newest = nan, nan, nan, nan
        if health:
            dirty, parked = health.dirty, health.parked
            due = health.oldest_due_seconds or 0.0
            newest = (
                nan if health.newest_delivery_seconds is None else health.newest_delivery_seconds
            )
        self._gauge("ghapp_database_up").set(bool(health))
        self._gauge("ghapp_queue_dirty_keys").set(dirty)
        self._gauge("ghapp_queue_parked_keys").set(parked)
        self._gauge("ghapp_queue_oldest_due_seconds").set(due)
        self._gauge("ghapp_newest_delivery_age_seconds").set(newest)
        self._show_budgets()
        return generate_latest(_Plain(self._registry))

    def _show_budgets(self) -> None:
        gauge = self._gauge("ghapp_github_budget_remaining")
        gauge.clear()
        scarcest = sorted(
            self.budgets().items(), key=lambda one: min(one[1].values(), default=math.inf)
        )
        for id, left in scarcest[:MOST_INSTALLATIONS]:
            for window, units in left.items():
                gauge.labels(str(id), window).set(units)

    def _counter(self, name: str) -> Counter:
        return _as(Counter, self._metrics[name])

    def _gauge(self, name: str) -> Gauge:
        return _as(Gauge, self._metrics[name])

    def _histogram(self, name: str) -> Histogram:
        return _as(Histogram, self._metrics[name])


class _Plain(Collector):
    """A registry without the `_created` series, which nobody asks for."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def collect(self) -> Iterator[Metric]:
        for metric in self._registry.collect():
            metric.samples = [one for one in metric.samples if not one.name.endswith("_created")]
            yield metric


def _metric(
    name: str, shown: MetricFamily, registry: CollectorRegistry
) -> Counter | Gauge | Histogram:
    if shown.kind is Histogram:
        return Histogram(name, shown.help, shown.labels, registry=registry, buckets=shown.buckets)
    made: Counter | Gauge | Histogram = shown.kind(
        name, shown.help, shown.labels, registry=registry
    )
    return made


def _as(kind: type[T], metric: Counter | Gauge | Histogram) -> T:
    assert isinstance(metric, kind)
    return metric
