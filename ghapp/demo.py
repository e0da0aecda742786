"""`ghapp demo`: the main job from beginning to end, against a GitHub of our own, no account.

The server is the real one, with SQLite in a temporary folder; GitHub is `ghapp.standin`.
"""

from __future__ import annotations

import asyncio
import re
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from ghapp.logs import configure
from ghapp.serve import serving
from ghapp.settings import Settings
from ghapp.standin.github import Standin
from ghapp.standin.pull import Pull
from ghapp.standin.server import StandinServer

PATIENCE_SECONDS = 15.0
SECRET = "demo secret"
MIGRATION = "db/migrate/20260401_add_points_to_orders.sql"
POLICY = """\
version: 1
mode: enforce
language: {language}
reviewers: {{teams: [sre]}}
"""
RISKY = """\
ALTER TABLE orders ADD COLUMN points INTEGER NOT NULL DEFAULT 0;
CREATE INDEX index_orders_on_points ON orders (points);
UPDATE orders SET points = total / 100;
"""
SERVICE = "def points(total):\n    return total // 100\n"


def run(*, once: bool, language: str) -> None:
    """Play it in a process of its own, which Ctrl-C and SIGTERM end.

    Raises TimeoutError (a step did not come out).
    """
    with suppress(KeyboardInterrupt, asyncio.CancelledError):
        asyncio.run(_until_terminated(play(once=once, language=language)))


async def _until_terminated(playing: Coroutine[None, None, None]) -> None:
    task = asyncio.ensure_future(playing)
    loop = asyncio.get_running_loop()
    # Not by SIGINT: shells have what they start in the background ignore it.
    signal.signal(signal.SIGTERM, lambda *_: loop.call_soon_threadsafe(task.cancel))
    await task


async def play(*, once: bool, language: str, github: Standin | None = None) -> None:
    """Play the story. once: end after it. github: a new one unless given.

    Raises TimeoutError (a step did not come out).
    """
    configure("off")
    github = github or Standin(webhook_secret=SECRET)
    server = StandinServer(github)
    url = server.start()
    with tempfile.TemporaryDirectory(prefix="ghapp-demo-") as folder:
        try:
            async with serving(_settings(github, url, Path(folder))) as ghapp_url:
                github.listen(f"{ghapp_url}/webhook")
                pull = _repository(github, language)
                print(f"GitHub stand-in {url}\nghapp           {ghapp_url}\n")
                story = Story(pull)
                try:
                    await asyncio.to_thread(story.play)
                finally:
                    story.over.set()
                print("\nDone.")
                if not once:
                    print(f"Look at it: {url}/acme/shop/pull/{pull.number}")
                    print("Play author and SRE there; Ctrl-C ends the demo.")
                    await asyncio.Event().wait()
        finally:
            server.stop()
            github.close()


def _settings(github: Standin, url: str, folder: Path) -> Settings:
    return Settings.from_environment(
        {
            "GHAPP_APP_ID": str(github.app.id),
            "GHAPP_PRIVATE_KEY": github.private_key,
            "GHAPP_WEBHOOK_SECRET": SECRET,
            "GHAPP_GITHUB_API_URL": url,
            "GHAPP_DATA_DIR": str(folder),
            "GHAPP_LOG_FORMAT": "off",
            "PORT": "0",
        }
    )


def _repository(github: Standin, language: str) -> Pull:
    """acme/shop with a policy, and Ann's pull request on it."""
    github.team("acme", "sre", members=["sam-sre"])
    repository = github.repository(
        "acme/shop",
        {
            ".github/nfr.yml": POLICY.format(language=language),
            "app/orders.py": "def total(lines):\n    return sum(lines)\n",
            "db/schema.sql": "CREATE TABLE orders (id BIGINT PRIMARY KEY);\n",
            "notes/README.md": "Notes\n",
        },
    )
    repository.collaborator("ann", "write")
    repository.collaborator("sam-sre", "write")
    return repository.open_pull(
        author="ann",
        branch="feat/points",
        title="feat: loyalty points on orders",
        files={MIGRATION: RISKY, "app/points.py": SERVICE},
    )


@dataclass
class Story:
    """One pull request from opening to sign-off, told in the terminal as it happens."""

    pull: Pull
    step: int = 0
    over: threading.Event = field(default_factory=threading.Event)  # set: nobody wants the rest

    def play(self) -> None:
        """Each step waits for what must appear. Raises TimeoutError (it did not, or over)."""
        self._tell("ann opens the pull request with a risky migration")
        self._until("the check run, the comment and the label", self._is_waiting)
        print(_indented(_without_folded(self.pull.comments[0].body)))
        self._answer()
        self._sign_off()
        self._tell("ann pushes a change elsewhere: the sign-off holds")
        self._push({"app/points.py": SERVICE.replace("100", "200")})
        self._until("success on the new head", lambda: self._conclusion() == "success")
        self._tell("ann changes the migration: the sign-off is stale")
        self._push({MIGRATION: RISKY.replace("NOT NULL DEFAULT 0", "NULL")})
        self._until(
            "a check in progress, the label, and the comment with its boxes empty again",
            lambda: self._is_waiting() and bool(self._said("~~")),
        )
        print(_indented(self._said("~~")))
        self._answer()
        self._tell("sam-sre looks again and sets the label")
        self._pause()
        self.pull.add_label("nfr: signed off", "sam-sre")
        self._until("success", self._is_signed_off)

    def _answer(self) -> None:
        self._tell("ann answers the questions")
        items = [line.split("`")[1] for line in self._questions() if "- [ ]" in line]
        self._pause()
        self.pull.comment(
            f"/nfr check {' '.join(items)} -- rehearsed on a copy of production", "ann"
        )
        self._until("every box ticked", lambda: all("- [x]" in line for line in self._questions()))

    def _sign_off(self) -> None:
        self._tell("sam-sre signs off: /nfr done -- plan and rollback are fine")
        self._pause()
        self.pull.comment("/nfr done -- plan and rollback are fine", "sam-sre")
        self._until(
            "success, the label and the signature in the comment",
            lambda: self._is_signed_off() and bool(self._said("sam-sre")),
        )
        print(_indented(self._said("sam-sre")))

    def _said(self, part: str) -> str:
        """The comment's first line with this in it, or ""."""
        lines = self.pull.comments[0].body.splitlines()
        return next((line for line in lines if part in line), "")

    def _questions(self) -> list[str]:
        return [line for line in self.pull.comments[0].body.splitlines() if line.startswith("- [")]

    def _push(self, files: dict[str, str]) -> None:
        self._pause()
        self.pull.push(files, by="ann")

    def _is_waiting(self) -> bool:
        labelled = self.pull.labels == {"nfr: needs sign-off"}
        return labelled and self._conclusion() == "in progress" and bool(self.pull.comments)

    def _is_signed_off(self) -> bool:
        return self.pull.labels == {"nfr: signed off"} and self._conclusion() == "success"

    def _conclusion(self) -> str:
        runs = self.pull.check_runs()
        return (runs[-1].conclusion or "in progress") if runs else "missing"

    def _tell(self, words: str) -> None:
        self.step += 1
        print(f"\n{self.step}. {words}")

    def _until(self, what: str, true: Callable[[], bool]) -> None:
        started = time.monotonic()
        while not true():
            if time.monotonic() - started > PATIENCE_SECONDS:
                raise TimeoutError(f"step {self.step}: {what} did not appear: {self._state()}")
            self._wait(0.02)
        print(f"   {what}, after {time.monotonic() - started:.2f} s\n   {self._state()}")

    def _state(self) -> str:
        runs = self.pull.check_runs()
        title = runs[-1].title if runs else ""
        labels = ", ".join(sorted(self.pull.labels)) or "none"
        return f"check run NFR review: {self._conclusion()} ({title}); label: {labels}"

    def _pause(self) -> None:
        # GitHub's times have whole seconds, and a command in the very second of the check run
        # does not count as said by someone who saw it.
        self._wait(1.2)

    def _wait(self, seconds: float) -> None:
        if self.over.wait(seconds):
            raise TimeoutError(f"step {self.step}: the story was ended")


def _indented(text: str) -> str:
    return "\n".join(f"   | {line}" for line in text.splitlines())


def _without_folded(text: str) -> str:
    return re.sub(
        r"<details><summary>(.*?)</summary>.*?</details>", r"> \1 ...", text, flags=re.DOTALL
    )
