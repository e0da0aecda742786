"""Stories that are lived side by side: one GitHub, one ghapp, a repository for each story.

Waiting for ghapp is what takes long, and all of them wait together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ghapp.core.model import Repository, SweepKey
from ghapp.emulator.deliveries import Deliveries
from ghapp.emulator.faults import Fault
from ghapp.emulator.git import Files
from ghapp.emulator.issue import Issue
from ghapp.emulator.repository import Pull
from ghapp.emulator.repository import Repository as Place
from tests.e2e.world import ENFORCE, Host, World, in_store, opened, quiet, running

# Each `yield` waits until ghapp has done all that there is to do, and sets the clock forward.
Steps = Iterator[None]
HTML = "https://github.example"  # links lead to https only
# `action_required` completes the check run, so that it has buttons.
BUTTONS = ENFORCE + "pending: action_required\n"
LEADS = ENFORCE + "waivers: {teams: [sre-leads]}\n"


@dataclass(frozen=True, slots=True)
class Shop:
    """The repository of one story."""

    world: World
    repository: Place

    def open(self, files: Files | None = None, **more: object) -> Pull:
        """Ann's feature pull with a risky migration, unless told otherwise."""
        return opened(self.repository, files, **more)

    def beside(self, policy: str | None = ENFORCE) -> Shop:
        """Another repository of the same story."""
        number = len(self.world.github.repositories)
        return Shop(self.world, self.world.shop(f"{self.repository.name}-{number}", policy))

    def policy(self, text: str) -> None:
        self.repository.push("main", {".github/nfr.yml": text}, by="sue")

    def spoil(self, *bad: Fault) -> None:
        """Add faults that strike only in this repository."""
        name = self.repository.full_name
        self.world.github.faults.add(*(replace(one, within=name) for one in bad))

    @contextmanager
    def alone(self) -> Iterator[Deliveries]:
        """The deliveries, while nothing else is delivered: what ghapp writes waits meanwhile."""
        with self.world.github.lock:
            yield self.world.github.deliveries

    def lose(self, event: str, happen: Callable[[], object]) -> object:
        """The result of what happens; its delivery is lost."""
        with self.alone():
            self.world.github.lose_next(1, event)
            return happen()

    def sweep(self) -> None:
        """Sweep this repository; a sweep of all of them would find what other stories lost."""
        installation, shop = self.repository.installation, self.repository
        assert installation
        known = Repository(installation.id, shop.id, shop.full_name)
        in_store(self.world, lambda store: store.queue.mark_dirty([SweepKey(known)]))

    @property
    def issues(self) -> list[Issue]:
        """The issues that the App opened, oldest first."""
        return [issue for issue in self.repository.issues.values() if issue.via_app]


@dataclass(frozen=True, eq=False)
class Story:
    """What people do and what has to be true then; the policy of the repository.

    environment: further variables of ghapp's environment.
    """

    steps: Callable[[Shop], Steps]
    policy: str | None
    environment: tuple[tuple[str, str], ...] = ()


Outcomes = Mapping[Story, BaseException | None]  # None is a good end


def story(
    policy: str | None = ENFORCE, cases: Iterable[Any] = (), **environment: str
) -> Callable[[Callable[..., Steps]], Callable[..., None]]:
    """Make a test of a generator function; the stories of a module are lived together.

    cases: one story for each of them, which is the second argument of the function.
    """

    def decorated(steps: Callable[..., Steps]) -> Callable[..., None]:
        ways = {case: partial(steps, case=case) for case in cases} or {None: steps}
        variables = tuple(environment.items())
        stories = {case: Story(way, policy, variables) for case, way in ways.items()}

        def test(outcomes: Outcomes, case: Any) -> None:
            if error := outcomes[stories[case]]:
                raise error

        test.__name__, test.__module__ = steps.__name__, steps.__module__
        test.stories = stories  # type: ignore[attr-defined]
        ids = [str(case) if cases else pytest.HIDDEN_PARAM for case in stories]
        return pytest.mark.parametrize("case", stories, ids=ids)(test)

    return decorated


def selected(items: Iterable[pytest.Item], module: object) -> list[Story]:
    """The stories of a module that this session runs."""
    tests = [item for item in items if isinstance(item, pytest.Function) and item.module is module]
    stories = [
        test.function.stories[test.callspec.params["case"]]
        for test in tests
        if hasattr(test.function, "stories")
    ]
    return list(dict.fromkeys(stories))  # one that is tested twice is lived once


def lived(folder: Path, stories: Iterable[Story], on: Host | None = None, **more: str) -> Outcomes:
    """How each story ended. more: variables of the environment of ghapp."""
    outcomes: dict[Story, BaseException | None] = {}
    with running(folder, on=on, GHAPP_GITHUB_LIMITS="off", **more) as world:
        world.github.serve_at(world.api_url, HTML)
        quiet(world)  # what is lost stays lost until a story sweeps
        going = {
            one: one.steps(Shop(world, world.shop(f"shop-{number}", one.policy)))
            for number, one in enumerate(stories)
        }
        while going:
            world.clock.forward(3)
            for one, steps in tuple(going.items()):
                try:
                    next(steps)
                except StopIteration:
                    outcomes[one] = None
                except Exception as error:  # noqa: BLE001  # its own test raises it again
                    outcomes[one] = error
            going = {one: steps for one, steps in going.items() if one not in outcomes}
            world.settle()
    return outcomes
