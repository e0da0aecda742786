"""Stories that are told side by side: one GitHub, one ghapp, a repository for each of them.

Waiting for ghapp is what takes long, and all wait together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from ghapp.core.model import Repository, SweepKey
from ghapp.emulator.issues import Issue
from ghapp.emulator.pull import Pull
from ghapp.emulator.repository import Repository as Place
from ghapp.emulator.state import Comment
from tests.e2e.world import ENFORCE, Host, World, in_store, opened, quiet, running

# Each `yield` waits until ghapp has done all there is to do, and sets the clock forward.
Steps = Iterator[None]
HTML = "https://github.example"  # links lead to https only
# `action_required` completes the check run, so that it has buttons.
BUTTONS = ENFORCE + "pending: action_required\n"
LEADS = ENFORCE + "waivers: {teams: [sre-leads]}\n"
# What `marks` are.
WAITING = ("in progress", {"needs sign-off"})
SIGNED = ("success", {"signed off"})
HELD = ("action_required", {"on hold"})


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
        """What happens, and whose delivery is lost."""
        with self.world.github.lock:  # else it were one of what ghapp writes meanwhile
            self.world.github.lose_next(1, event)
            return happen()

    def sweep(self) -> None:
        """What a sweep does for this repository; one of all would find what others have lost."""
        installation, shop = self.repository.installation, self.repository
        assert installation
        known = Repository(installation.id, shop.id, shop.full_name)
        in_store(self.world, lambda store: store.queue.mark_dirty([SweepKey(known)]))

    @property
    def issues(self) -> list[Issue]:
        """Those that the App has opened, oldest first."""
        return [issue for issue in self.repository.issues.values() if issue.via_app]


@dataclass(frozen=True, slots=True)
class Story:
    """A generator function that says and sees, and the policy it is told under.

    In a module of tests it is one, by its name.
    """

    tell: Callable[[Shop], Steps]
    policy: str | None

    def verify(self, ended: Ended) -> None:
        """Raises what it ended with, if it did not end well."""
        error = ended[self]
        if error:
            raise error


Ended = Mapping[Story, BaseException | None]  # None where all was as it says


def story(policy: str | None = ENFORCE) -> Callable[[Callable[[Shop], Steps]], Story]:
    return lambda tell: Story(tell, policy)


def asked(items: Iterable[pytest.Item]) -> list[Story]:
    """The stories that are to be tested in this session, of all modules that have some."""
    tests = (item.instance for item in items if isinstance(item, pytest.Function))
    return [one for one in tests if isinstance(one, Story)]


def told(folder: Path, every: Iterable[Story], on: Host | None = None) -> Ended:
    """How each story ended."""
    ended: dict[Story, BaseException | None] = {}
    with running(folder, on=on, GHAPP_GITHUB_LIMITS="off") as world:
        world.github.serve_at(world.api_url, HTML)
        quiet(world)  # what is lost here stays lost until a story sweeps
        going = {
            one: one.tell(Shop(world, world.shop(f"shop-{number}", one.policy)))
            for number, one in enumerate(every)
        }
        while going:
            world.clock.forward(3)
            for one, steps in tuple(going.items()):
                try:
                    next(steps)
                except StopIteration:
                    ended[one] = None
                except Exception as error:  # noqa: BLE001  # raised again by the test of its name
                    ended[one] = error
            going = {one: steps for one, steps in going.items() if one not in ended}
            world.settle()
    return ended


# --- what people see and do ----------------------------------------------------------------


def ours(pull: Pull) -> Comment:
    """The one comment of the App."""
    (one,) = [one for one in pull.comments if one.via_app]
    return one


def body(pull: Pull) -> str:
    return ours(pull).body


def boxes(pull: Pull) -> dict[str, bool]:
    """The items of our comment, and whether they are ticked."""
    lines = [line for line in body(pull).splitlines() if line[:5] in ("- [ ]", "- [x]")]
    return {line.split("`")[1]: line[3] == "x" for line in lines}


def tick(pull: Pull, item: str, by: str, *, on: bool = True) -> None:
    was, now = ("- [ ]", "- [x]") if on else ("- [x]", "- [ ]")
    one = ours(pull)
    assert f"{was} `{item}`" in one.body
    pull.edit_comment(one.id, one.body.replace(f"{was} `{item}`", f"{now} `{item}`"), by)


def line(pull: Pull, part: str) -> str:
    """The one line of our comment that holds this."""
    (found,) = [one for one in body(pull).splitlines() if part in one]
    return found


def reacted(pull: Pull, id: int) -> list[str]:
    """With what the App has acknowledged a comment, review or review comment."""
    (said,) = [one for one in pull.conversation() if one.id == id]
    return [one.content for one in said.reactions]


def marks(pull: Pull) -> tuple[str, frozenset[str]]:
    """The check's conclusion, or "in progress", and the labels of ours without their prefix."""
    run = next(run for run in reversed(pull.check_runs()) if run.name == "NFR review")
    labels = frozenset(name.removeprefix("nfr: ") for name in pull.labels if name[:5] == "nfr: ")
    return run.conclusion or "in progress", labels


def press(pull: Pull, identifier: str, by: str) -> None:
    pull.repository.press(pull.check_runs()[-1].id, identifier, by)


def outside_code(markdown: str) -> str:
    """The words, HTML and addresses of a text without what stands in code."""
    kept = []
    tokens = MarkdownIt("commonmark").parse(markdown)
    for one in (*tokens, *(child for token in tokens for child in token.children or ())):
        kept += [one.content] if one.type in ("text", "html_block", "html_inline") else []
        kept += [f"{one.type} {value}" for value in one.attrs.values()]
    return "\n".join(kept)
