"""Stories that are lived side by side: one GitHub, one ghapp, a repository for each story.

Waiting for ghapp is what takes long, and all of them wait together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from ghapp.core.model import Repository, SweepKey
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

    def open(self, files: dict[str, str] | None = None, **more: object) -> Pull:
        """Ann's feature pull with a risky migration, unless told otherwise."""
        return opened(self.repository, files, **more)

    def policy(self, text: str) -> None:
        self.repository.push("main", {".github/nfr.yml": text}, by="sue")

    def lose(self, event: str, happen: Callable[[], object]) -> object:
        """The result of what happens; its delivery is lost."""
        with self.world.github.lock:  # otherwise a delivery of ghapp's own writes may be lost
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


@dataclass(frozen=True, slots=True)
class Story:
    """What people do and what has to be true then, and the policy of the repository."""

    steps: Callable[[Shop], Steps]
    policy: str | None


Outcomes = Mapping[Story, BaseException | None]  # None is a good end


def story(policy: str | None = ENFORCE) -> Callable[[Callable[[Shop], Steps]], Callable[..., None]]:
    """Make a test of a generator function; the module's stories are lived together."""

    def decorated(steps: Callable[[Shop], Steps]) -> Callable[..., None]:
        made = Story(steps, policy)

        def test(outcomes: Outcomes) -> None:
            if error := outcomes[made]:
                raise error

        test.__name__, test.__module__, test.__doc__ = steps.__name__, steps.__module__, None
        test.story = made  # type: ignore[attr-defined]
        return test

    return decorated


def selected(items: Iterable[pytest.Item], module: object) -> list[Story]:
    """The stories of a module that this session runs."""
    tests = [item for item in items if isinstance(item, pytest.Function) and item.module is module]
    return [test.function.story for test in tests if hasattr(test.function, "story")]


def lived(folder: Path, stories: Iterable[Story], on: Host | None = None) -> Outcomes:
    """How each story ended."""
    outcomes: dict[Story, BaseException | None] = {}
    with running(folder, on=on, GHAPP_GITHUB_LIMITS="off") as world:
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
