"""`ghapp init`: a checkout and its history -> a commented policy to start with."""

from __future__ import annotations

import sys
import textwrap
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TextIO

from rich.cells import cell_len, set_cell_size

from ghapp import builtin_packs
from ghapp.core.i18n import Words
from ghapp.core.markdown import plain, visible
from ghapp.core.policy.policy import POLICY_PATH, Policy, effective
from ghapp.core.records import PolicySource
from ghapp.errors import GhappError
from ghapp.offline import git
from ghapp.offline.measure import Measured, measured
from ghapp.offline.survey import MIGRATIONS, Globbed, Survey, survey
from ghapp.terminal import counted, printed, put, wrapped, wrong

COMMAND = "ghapp init"
SECONDS = 60.0  # for measuring; what is not measured by then is left out
SCHEMA = "# yaml-language-server: $schema=nfr.schema.json"
DATABASES = {"postgres": "PostgreSQL", "mysql": "MySQL"}
WIDTH = 90
MOST_OF_ROW = 600

# Opens a pull request: the policy, the title and the body -> its address, and whether it is new.
Propose = Callable[[str, str, str], tuple[str, bool]]


@dataclass(frozen=True, slots=True)
class History:
    """What was measured. changes: how many, the newest of the main line. since: the oldest's day.

    flagged: how many of them. areas: id -> in how many, the most frequent first; never: the others.
    """

    changes: int = 0
    since: str = ""
    flagged: int = 0
    areas: tuple[tuple[str, int], ...] = ()
    never: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Start:
    """A policy to start with, and what it was made from. team: given by the user, else ""."""

    found: Survey
    words: Words
    mode: str = "advise"
    team: str = ""
    history: History = History()

    def text(self) -> str:
        """The file. Whatever the checkout holds, `ghapp lint` finds no problem in it."""
        words = self.words
        blocks = [
            [SCHEMA, *comment(words("init_head"))],
            ["version: 1"],
            [*comment(words("init_mode")), f"mode: {self.mode}"],
            [f"language: {words.language}  # en, ja"],
            self._reviewers(),
            self._database(),
            self._ignore(),
            self._tables(),
            self._areas(),
        ]
        return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"

    def _reviewers(self) -> list[str]:
        words, found = self.words, self.found
        about = comment(words("init_reviewers"))
        if self.team:
            return [*about, f"reviewers: {{teams: [{quoted(self.team)}]}}"]
        if found.team:
            where = words("init_found_in", file=found.team_file)
            return [*about, f"# reviewers: {{teams: [{quoted(found.team)}]}}  # {where}"]
        return [*about, "# reviewers: {teams: [sre]}"]

    def _database(self) -> list[str]:
        words, found = self.words, self.found.databases
        if not found:
            return []
        about = "init_one_database" if len(found) == 1 else "init_databases"
        setting = f"database: {{dialect: {next(iter(found))}}}"
        return [
            *comment("\n".join(self._databases())),
            *comment(words(about)),
            setting if len(found) == 1 else f"# {setting}",
        ]

    def _databases(self) -> list[str]:
        return [
            self.words("init_database", name=DATABASES[dialect], file=file)
            for dialect, file in self.found.databases.items()
        ]

    def _ignore(self) -> list[str]:
        if not self.found.ignored:
            return []
        default = [f"    - {quoted(glob)}" for glob in Policy().ignore_paths]
        rows = [self._globbed(one) for one in self.found.ignored]
        return [*comment(self.words("init_ignore")), "ignore:", "  paths:", *default, *rows]

    def _globbed(self, one: Globbed) -> str:
        return f"    - {quoted(one.glob)}  # {self._files(one)}"

    def _files(self, one: Globbed) -> str:
        return self.words("init_files", files=counted(one.files, "file", self.words))

    def _tables(self) -> list[str]:
        tables = ", ".join(map(quoted, self.found.tables))
        about = comment(self.words("init_tables"))
        return [*about, f"# large_tables: [{tables}]"] if tables else []

    def _areas(self) -> list[str]:
        words, history, places = self.words, self.history, self.found.migrations
        about = "init_areas" if history.changes else "init_unmeasured"
        lines = comment(
            words(
                about, changes=history.changes, flagged=history.flagged, since=history.since
            )
        )  # fmt: skip
        counts = dict(history.areas)
        if places:
            count = self._counted(counts.pop(MIGRATIONS, 0))
            lines += ["areas:", f"  {MIGRATIONS}:{f'  # {count}' if count else ''}"]
            lines += [f"    # {line}" for line in words("init_places").splitlines()]
            lines += ["    flag: evidence", "    paths_add:"]
            lines += [f"  {self._globbed(one)}" for one in places]
        elif counts:
            lines += ["# areas:"]
        width = max(map(len, counts), default=0) + 4  # of the longest id with `: on`
        lines += [
            f"#   {f'{area}: on':{width}}  # {self._counted(count)}"
            for area, count in counts.items()
        ]
        off = tuple(area.id for area in builtin_packs.builtin() if not area.enabled)
        for key, ids in (("init_never", history.never), ("init_off", off)):
            rows = textwrap.wrap(", ".join(ids), WIDTH, break_on_hyphens=False)
            lines += ["#", *comment(words(key)), *(f"#   {row}" for row in rows)] if rows else []
        return lines

    def _counted(self, count: int) -> str:
        changes = self.history.changes
        return self.words("init_count", count=count, changes=changes) if changes else ""

    def summary(self) -> list[tuple[str, str]]:
        """What was found, each with its name."""
        words, found, history = self.words, self.found, self.history
        rows = []
        if history.changes:
            rows.append(("init_history", words("init_flagged", changes=history.changes,
                         since=history.since, flagged=history.flagged)))  # fmt: skip
            named = [words("init_area", area=area, count=count) for area, count in history.areas]
            rows += [("measure_areas", words.joined(named))] if named else []
        else:
            rows.append(("init_history", words("init_no_history")))
        if found.databases:
            rows.append(("init_row_database", words.joined(self._databases())))
        if team := self.team or found.team:
            where = f" ({words('init_found_in', file=found.team_file)})" if not self.team else ""
            rows.append(("init_row_team", f"{team}{where}"))
        for key, globbed in (
            ("init_row_ignored", found.ignored),
            ("init_row_migrations", found.migrations),
        ):
            named = [f"{one.glob} ({self._files(one)})" for one in globbed]
            rows += [(key, words.joined(named))] if named else []
        if found.tables:
            rows.append(("init_row_tables", words.joined(found.tables)))
        return [(words(key), value) for key, value in rows]


def run(
    path: Path,
    *,
    language: str | None,
    mode: str,
    team: str,
    sample: int,
    force: bool,
    only_print: bool,
    propose: Propose | None,
) -> int:
    """Writes the policy, prints it, or opens a pull request with it, and says what was found.

    language: None means what the repository is written in. sample: how many changes to measure at
    most. The result is the exit status: 0, or 2 for wrong use or a refusal.
    """
    try:
        root = git.root(path)
        if not (only_print or propose):
            check_place(root, force=force)
        start = started(root, language, mode, team, sample)
        text, words = start.text(), start.words
        if only_print:
            report(start, [], sys.stderr)
            return printed(text.rstrip("\n"), COMMAND)
        if propose:
            url, is_new = propose(text, words("init_pull_title"), pull_body(start))
            outcome = words("init_pulled" if is_new else "init_pulled_before", url=url)
            after = "init_after_pull"
        else:
            outcome, after = words("init_wrote", path=write(root, text)), "init_after"
    except (GhappError, OSError) as error:
        return wrong(f"{COMMAND}: {error}")
    put(f"{COMMAND}: {outcome}\n", sys.stdout)
    report(start, words(after).splitlines(), sys.stdout)
    return 0


def started(root: Path, language: str | None, mode: str, team: str, sample: int) -> Start:
    """A policy for the checkout, measured over its newest changes. Raises BadRange."""
    rules = builtin_packs.rules("advise")
    merged = git.merged(root, most=sample + 1) if sample and git.has_commits(root) else ()
    merged = merged[:sample]
    with git.snapshot(root, staged=False) as files:
        found = survey(files, [one.title for one in merged], Policy(areas=rules.packs))
    start = Start(found, Words(language or found.language), mode, team)
    policy = effective(PolicySource(text=start.text()), rules)
    done = [one for one in measured(root, policy, merged, SECONDS) if not one.unreadable]
    return replace(start, history=history(root, policy, done)) if done else start


def history(root: Path, policy: Policy, done: Sequence[Measured]) -> History:
    """What the policy asks about these changes, newest first."""
    counts = Counter(area for one in done for area in one.areas)
    ids = sorted(area.id for area in policy.areas)
    return History(
        changes=len(done),
        since=git.day(root, done[-1].change.commit),
        flagged=sum(one.flagged for one in done),
        areas=tuple(
            sorted(((id, counts[id]) for id in ids if counts[id]), key=lambda one: -one[1])
        ),
        never=tuple(id for id in ids if not counts[id]),
    )


def check_place(root: Path, *, force: bool) -> None:
    """Raises GhappError: a policy is there already, or a link leads elsewhere."""
    place = root / POLICY_PATH
    if place.parent.is_symlink() or (place.parent.exists() and not place.parent.is_dir()):
        raise GhappError(f"{place.parent} is not a folder: remove it, or print with `--stdout`")
    if (place.exists() or place.is_symlink()) and not force:
        raise GhappError(
            f"{place} exists: check it with `ghapp lint`, compare it with `ghapp init --stdout`, "
            "or replace it with `ghapp init --force`"
        )


def write(root: Path, text: str) -> str:
    """The path of the new policy. A link in its place is replaced, never followed."""
    place = root / POLICY_PATH
    place.parent.mkdir(exist_ok=True)
    place.unlink(missing_ok=True)
    with place.open("x", encoding="utf-8", newline="\n") as file:
        file.write(text)
    return str(place)


def report(start: Start, after: Sequence[str], stream: TextIO) -> None:
    """Print what was found, and what to do next."""
    rows = start.summary()
    width = max(cell_len(name) for name, _ in rows) + 2
    for name, value in rows:
        put(wrapped(visible(value, MOST_OF_ROW), f"  {set_cell_size(name, width)}"), stream)
    for line in ("", *after) if after else ():
        put(line, stream)


def pull_body(start: Start) -> str:
    """What the pull request says, as Markdown."""
    words = start.words
    rows = [f"- {plain(name)}: {plain(value)}" for name, value in start.summary()]
    return "\n".join([words("init_pull_body"), "", *rows])


def comment(text: str) -> list[str]:
    """The lines of a text as comments. Whatever a checkout put into it ends no line."""
    return [f"# {visible(line)}".rstrip() for line in text.splitlines()]


def quoted(text: str) -> str:
    """A name or a glob as YAML; it has to be printable."""
    return "'" + text.replace("'", "''") + "'"
