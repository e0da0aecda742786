"""`ghapp demo`: one pull request from opening to sign-off, without an account.

The server is the real one, with SQLite in a temporary folder; GitHub is `ghapp.emulator`. While the
story plays, three months of history are played beside it, for the pages.
"""

from __future__ import annotations

import asyncio
import errno
import re
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from ghapp.bootstrap import serving
from ghapp.demo_history import DAYS, played
from ghapp.emulator import Emulator, EmulatorServer, Pull
from ghapp.emulator.words import say
from ghapp.errors import WrongSetting
from ghapp.logs import configure
from ghapp.settings import Settings
from ghapp.store import Store, copying

PATIENCE_SECONDS = 15.0
PAGES = ("/", "/follow-ups", "/projects", "/insights")
SECRET = "demo secret"
MIGRATION = "db/migrate/20260401_add_points_to_orders.sql"
POLICY = """\
version: 1
mode: {mode}
language: {language}
reviewers: {{teams: [sre]}}
waivers: {{teams: [waiver-leads]}}
"""
RISKY = """\
ALTER TABLE orders ADD COLUMN points INTEGER NOT NULL DEFAULT 0;
CREATE INDEX index_orders_on_points ON orders (points);
UPDATE orders SET points = total / 100;
"""
JOB = """\
@shared_task
def send_weekly_report():
    reports.save("weekly", total(orders_of_last_week()))
"""
SCHEDULE = """\
weekly_report:
  task: app.jobs.weekly_report.send_weekly_report
  cron: "0 7 * * 1"
"""
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - {name: web, image: "acme/web:latest"}
"""
SERVICE = "def points(total):\n    return total // 100\n"


def run(*, once: bool, language: str, host: str, port: int, begins: bool = False) -> None:
    """Run the demo in a process of its own, which Ctrl-C and SIGTERM end.

    begins: begin with set-up, in place of the story. Raises TimeoutError (a step did not show its
    result), WrongSetting (the page cannot listen).
    """
    playing = (
        set_up(language=language, host=host, port=port)
        if begins
        else play(once=once, language=language, host=host, port=port)
    )
    with suppress(KeyboardInterrupt, asyncio.CancelledError):
        asyncio.run(_until_terminated(playing))


async def _until_terminated(playing: Coroutine[None, None, None]) -> None:
    task = asyncio.ensure_future(playing)
    loop = asyncio.get_running_loop()
    # Not SIGINT: shells make the processes that they start in the background ignore it.
    signal.signal(signal.SIGTERM, lambda *_: loop.call_soon_threadsafe(task.cancel))
    await task


async def play(
    *,
    once: bool,
    language: str,
    github: Emulator | None = None,
    host: str = "127.0.0.1",
    port: int = 0,
    days: int = DAYS,
) -> None:
    """Play the story. once: end after it, without a history. github: a new emulator by default.

    host, port: of the page; port 0 is any free one. days: of the history. Raises as `run`.
    """
    configure("off")
    github = github or Emulator(webhook_secret=SECRET)
    server, url = _started(github, language, host, port)
    with tempfile.TemporaryDirectory(prefix="ghapp-demo-") as folder:
        settings = Settings.from_environment(
            {
                "GHAPP_APP_ID": str(github.app.id),
                "GHAPP_PRIVATE_KEY": github.private_key,
                "GHAPP_WEBHOOK_SECRET": SECRET,
                "GHAPP_GITHUB_API_URL": url,
                "GHAPP_DATA_DIR": folder,
                "GHAPP_LOG_FORMAT": "off",
                "GHAPP_PAGES": "local",
                "PORT": "0",
            }
        )
        try:
            async with serving(settings) as ghapp_url:
                github.listen(f"{ghapp_url}/webhook")
                pulls = _pulls(github, language)
                pages = [f"{url}/{one.repository.full_name}/pull/{one.number}" for one in pulls]
                print(say(language, "addresses", github=url, ghapp=ghapp_url))
                hint = say(language, "try", place=pages[1])
                if not once:
                    print(hint)
                story = Story(pulls[0], language)
                works: list[asyncio.Future[None]] = []
                if not once:
                    adding = _with_history(github, url, ghapp_url, settings, language, days)
                    works.append(asyncio.ensure_future(adding))
                try:
                    await asyncio.to_thread(story.play)
                    print(f"\n{say(language, 'done')}")
                    if not once:
                        print(say(language, "look", url=pages[0]))
                        print(hint)
                        print(say(language, "buttons", url=pages[2]))
                        print(say(language, "play"), flush=True)
                        await asyncio.gather(*works)
                        await asyncio.Event().wait()
                finally:
                    story.ended.set()
                    await _ended(works)
        finally:
            server.stop()
            github.close()


async def _with_history(
    github: Emulator, github_url: str, ghapp_url: str, settings: Settings, language: str, days: int
) -> None:
    """Play the history, and add it to GitHub and to the database of the running server.

    github_url, ghapp_url: where their pages are.
    """
    ended, shown = threading.Event(), 0

    def report(share: float) -> None:
        nonlocal shown
        if int(share * 4) > shown:
            shown = int(share * 4)
            print(f"   [{say(language, 'history_is_played', percent=shown * 25)}]", flush=True)

    print(say(language, "history", url=_page(ghapp_url, "/", language)), flush=True)
    play = partial(played, github, github_url, language, days=days, ended=ended, report=report)
    playing = asyncio.ensure_future(asyncio.to_thread(play))
    try:
        history = await asyncio.shield(playing)
    except asyncio.CancelledError:
        ended.set()
        await asyncio.wait([playing])
        playing.exception()
        raise
    store = await Store.open(settings.database_url, migrate=False)
    try:
        await store.records.write(copying.put, history.rows)
    finally:
        await store.close()
    github.adopt(history.github)
    addresses = [_page(ghapp_url, path, language) for path in PAGES]
    print(
        say(language, "pages", count=history.pulls, addresses="\n   ".join(addresses)), flush=True
    )


def _page(ghapp_url: str, path: str, language: str) -> str:
    return f"{ghapp_url}{path}" + ("" if language == "en" else f"?lang={language}")


async def _ended(works: list[asyncio.Future[None]]) -> None:
    """Cancel what still goes on, and wait for its end."""
    for work in works:
        work.cancel()
    await asyncio.gather(*works, return_exceptions=True)


async def set_up(*, language: str, host: str = "127.0.0.1", port: int = 0) -> None:
    """Wait with an emulated GitHub and a ghapp without an App, which people set up on the pages.

    host, port: as of `play`. Raises WrongSetting (the page cannot listen).
    """
    configure("off")
    github = Emulator()
    server, url = _started(github, language, host, port)
    with tempfile.TemporaryDirectory(prefix="ghapp-demo-") as folder:
        settings = Settings.from_environment(
            {
                "GHAPP_GITHUB_API_URL": url,
                "GHAPP_DATA_DIR": folder,
                "GHAPP_LOG_FORMAT": "off",
                "GHAPP_PAGES": "sign-in",
                "PORT": "0",
            },
            may_be_stored=True,
        )
        try:
            _pulls(github, language, installation_id=None)
            invited: list[str] = []
            async with serving(settings, invite=invited.append) as ghapp_url:
                print(say(language, "addresses", github=url, ghapp=ghapp_url))
                print(say(language, "set_up"))
                print(invited[0].splitlines()[-1], flush=True)
                await asyncio.Event().wait()
        finally:
            server.stop()
            github.close()


def _started(github: Emulator, language: str, host: str, port: int) -> tuple[EmulatorServer, str]:
    """The pages of GitHub, served, and their address. Raises WrongSetting (it cannot listen)."""
    hint = say(language, "try", place="acme/shop #2")
    server = EmulatorServer(github, language=language, hint=hint, host=host, port=port)
    try:
        return server, server.start()
    except OSError as wrong:
        server.stop()
        key = "port_in_use" if wrong.errno == errno.EADDRINUSE else "cannot_listen"
        text = say(language, key, host=host, port=port, wrong=wrong.strerror)
        raise WrongSetting(text) from wrong


def _pulls(
    github: Emulator, language: str, installation_id: int | None = 1
) -> tuple[Pull, Pull, Pull]:
    """The pull request of the story, one that waits for people, and one that is only advised.

    On acme/shop the policy enforces, on acme/site it advises. installation_id: None if the App is
    not installed.
    """
    github.team("acme", "sre", members=["sam-sre"])
    github.team("acme", "waiver-leads", members=["lea"])
    shop = github.repository(
        "acme/shop",
        {
            ".github/nfr.yml": POLICY.format(mode="enforce", language=language),
            "app/orders.py": "def total(lines):\n    return sum(lines)\n",
            "db/schema.sql": "CREATE TABLE orders (id BIGINT PRIMARY KEY);\n",
            "notes/README.md": "Notes\n",
        },
        installation_id=installation_id,
    )
    site = github.repository(
        "acme/site",
        {
            ".github/nfr.yml": POLICY.format(mode="advise", language=language),
            "index.html": "<h1>Acme</h1>\n",
        },
        installation_id=installation_id,
    )
    for login in ("ann", "ben", "lea", "sam-sre"):
        shop.collaborator(login, "write")
        site.collaborator(login, "write")
    return (
        shop.open_pull(
            author="ann",
            branch="feat/points",
            title=say(language, "pull_title"),
            files={MIGRATION: RISKY, "app/points.py": SERVICE},
        ),
        shop.open_pull(
            author="ann",
            branch="feat/report",
            title=say(language, "waiting_title"),
            files={"app/jobs/weekly_report.py": JOB, "config/schedule.yml": SCHEDULE},
        ),
        site.open_pull(
            author="ben",
            branch="feat/deployment",
            title=say(language, "advised_title"),
            files={"deploy/kubernetes/web.yaml": DEPLOYMENT},
        ),
    )


@dataclass
class Story:
    """One pull request from opening to sign-off, printed in the terminal as it happens.

    ended: once it is set, the story stops.
    """

    pull: Pull
    language: str
    step: int = 0
    ended: threading.Event = field(default_factory=threading.Event)

    def play(self) -> None:
        """Each step waits for its result. Raises TimeoutError (there was none, or `ended`)."""
        self._print_step("opens")
        self._wait_for("all_marks", self._is_waiting)
        text = re.sub(r"<!--.*?-->\n", "", self.pull.comments[0].body)
        folded = r"<details><summary>(.*?)</summary>.*?</details>"
        _print_quoted(re.sub(folded, r"> \1 ...", text, flags=re.DOTALL))
        self._answer()
        self._sign_off()
        self._print_step("pushes_elsewhere")
        self._push({"app/points.py": SERVICE.replace("100", "200")})
        self._wait_for("success_on_new_head", lambda: self._outcome() == "success")
        self._print_step("changes_migration")
        self._push({MIGRATION: RISKY.replace("NOT NULL DEFAULT 0", "NULL")})
        self._wait_for("all_open_again", lambda: self._is_waiting() and bool(self._line("~~")))
        _print_quoted(self._line("~~"))
        self._answer()
        self._print_step("rechecks")
        self._pause()
        self.pull.add_label("nfr: signed off", "sam-sre")
        self._wait_for("success", self._is_signed_off)

    def _answer(self) -> None:
        self._print_step("answers")
        items = [line.split("`")[1] for line in self._questions() if "- [ ]" in line]
        self._pause()
        self.pull.comment(f"/nfr check {' '.join(items)} -- {self._say('evidence')}", "ann")
        self._wait_for("all_ticked", lambda: all("- [x]" in line for line in self._questions()))

    def _sign_off(self) -> None:
        command = f"/nfr done -- {self._say('note')}"
        self._print_step("signs_off", command=command)
        self._pause()
        self.pull.comment(command, "sam-sre")
        self._wait_for("signature", lambda: self._is_signed_off() and bool(self._line("sam-sre")))
        _print_quoted(self._line("sam-sre"))

    def _push(self, files: dict[str, str]) -> None:
        self._pause()
        self.pull.push(files, by="ann")

    # --- what ghapp wrote ------------------------------------------------------------------

    def _line(self, part: str) -> str:
        """The comment's first line with this in it, or ""."""
        lines = self.pull.comments[0].body.splitlines()
        return next((line for line in lines if part in line), "")

    def _questions(self) -> list[str]:
        return [line for line in self.pull.comments[0].body.splitlines() if line.startswith("- [")]

    def _is_waiting(self) -> bool:
        labelled = self.pull.labels == {"nfr: needs sign-off"}
        return labelled and self._outcome() == "in_progress" and bool(self.pull.comments)

    def _is_signed_off(self) -> bool:
        return self.pull.labels == {"nfr: signed off"} and self._outcome() == "success"

    def _outcome(self) -> str:
        runs = self.pull.check_runs()
        return (runs[-1].conclusion or "in_progress") if runs else "missing"

    def _state(self) -> str:
        runs = self.pull.check_runs()
        return self._say(
            "state_of_marks",
            outcome=self._say(f"outcome_{self._outcome()}"),
            title=runs[-1].title if runs else "",
            labels=", ".join(sorted(self.pull.labels)) or self._say("no_labels"),
        )

    # --- printing and waiting --------------------------------------------------------------

    def _say(self, key: str, **values: object) -> str:
        return say(self.language, key, **values)

    def _print_step(self, key: str, **values: object) -> None:
        self.step += 1
        print(f"\n{self.step}. {self._say(key, **values)}")

    def _wait_for(self, key: str, result: Callable[[], bool]) -> None:
        """Wait for the result and print it. key: of the words for it. Raises TimeoutError."""
        what, started = self._say(key), time.monotonic()
        while not result():
            if time.monotonic() - started > PATIENCE_SECONDS:
                state = self._state()
                raise TimeoutError(
                    self._say("did_not_appear", step=self.step, what=what, state=state)
                )
            self._sleep(0.02)
        appeared = self._say("appeared", what=what, seconds=time.monotonic() - started)
        print(f"   {appeared}\n   {self._state()}")

    def _pause(self) -> None:
        # GitHub's times have whole seconds, and a command in the same second as the check run
        # does not count as written by somebody who saw it.
        self._sleep(1.2)

    def _sleep(self, seconds: float) -> None:
        if self.ended.wait(seconds):
            raise TimeoutError(self._say("was_ended", step=self.step))


def _print_quoted(text: str) -> None:
    print("\n".join(f"   | {line}" for line in text.splitlines()))
