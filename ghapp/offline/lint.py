"""`ghapp lint`: policies, their tests, packs and files of references -> their problems."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ghapp import builtin_packs
from ghapp.core.i18n import Words
from ghapp.core.markdown import seen
from ghapp.core.model import Problem
from ghapp.core.policy import own_packs, yaml
from ghapp.core.policy.pack_schema import References
from ghapp.core.policy.packs import NAME, Listed, read_references
from ghapp.core.policy.policy import ORGANISATION, POLICY_PATH, effective
from ghapp.core.records import PackFile, PolicySource
from ghapp.errors import BadPack
from ghapp.offline import fixtures, packs, reports
from ghapp.terminal import NO_STYLES, counted, printed, put, wrong

GOOD, PROBLEMS = 0, 1  # exit statuses
COMMAND = "ghapp lint"
STANDARD_INPUT = Path("-")
STYLES = {
    r"^.+?:\d+:\d+(?=: )": "bold",
    r"`[^`]+`": "cyan",
    r"no problems$": "green",
}
RULE = reports.Rule("ghapp-lint", "A policy, pack or file of references has a problem", "error")


@dataclass(frozen=True, slots=True)
class Linted:
    """files: those checked, including packs that a policy names. problems: each once."""

    files: tuple[str, ...]
    problems: tuple[Problem, ...]

    def summary(self) -> str:
        words = Words("en")
        files, problems = len(self.files), len(self.problems)
        found = counted(problems, "problem", words) if problems else "no problems"
        return f"{counted(files, 'file', words)}, {found}"


def run(files: Sequence[Path], format: str, organisation: Path | None = None) -> int:
    """Prints the problems of the files, by default of the policy of the current repository.

    organisation: the file below these policies, which is checked as well.
    format: text | json | github | sarif. The result is the exit status: 0 good, 1 problems, 2
    wrong use, or an output that cannot be written.
    """
    try:
        found = linted(files or [policy_here()], organisation)
    except BadPack as error:
        return wrong(f"{COMMAND}: {error}")
    painting = STYLES if format == "text" else NO_STYLES
    if status := printed(FORMATS[format](found), COMMAND, painting):
        return status
    if format == "text" and found.problems:  # the lines alone are for programs
        put(f"{COMMAND}: {found.summary()}", sys.stderr)
    return PROBLEMS if found.problems else GOOD


def policy_here() -> Path:
    """The policy in the current folder, or in one above it up to the repository's root.

    Raises BadPack (there is none).
    """
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / POLICY_PATH).is_file():
            up = len(here.parts) - len(folder.parts)
            return Path(*[".."] * up, POLICY_PATH)
        if (folder / ".git").exists():
            break
    raise BadPack(f"no {POLICY_PATH} here or in the repository's root: name the files to check")


def linted(files: Sequence[Path], organisation: Path | None = None) -> Linted:
    """The problems of the files and of the packs that policies among them name, each once.

    organisation: the file below these policies. What it locks and they weaken is a problem, too.

    Packs of one repository are checked together, because they may not have the same ids.
    Raises BadPack (a file cannot be read).
    """
    here, rules = Path.cwd(), builtin_packs.rules("advise")
    found: list[Problem] = []
    read: dict[Path, str] = {}
    own: dict[Path, list[Path]] = {}  # packs by repository
    below = None
    if organisation:
        below = packs.layer(organisation, rules)
        _, problems = packs.beside(
            organisation, packs.content(organisation), rules, otherwise=here, layer=ORGANISATION
        )
        read[organisation.absolute()] = str(organisation)
        found += problems
    for file in files:
        if organisation and file.absolute() == organisation.absolute():
            continue
        text = sys.stdin.buffer.read() if file == STANDARD_INPUT else packs.content(file)
        read[file.absolute()] = str(file)
        if (alone := _alone(file, text)) is not None:
            found += alone
            continue
        tree = yaml.read(text, str(file))
        value = tree.value if isinstance(tree, yaml.Tree) else None
        is_pack = isinstance(value, dict) and "area" in value
        if is_pack and file == STANDARD_INPUT:
            pack = PackFile(str(file), size=len(text), text=text.decode())
            found += own_packs.read((), (pack,), rules.packs, rules.references).problems
        elif is_pack:
            own.setdefault(packs.root_of(file, otherwise=here), []).append(file)
        else:
            root = packs.root_of(file, otherwise=here)
            named, problems = packs.beside(
                *(file, text, rules), otherwise=here, layer=packs.layer_in(root), organisation=below
            )
            read |= {root / one.path: one.path for one in named}
            found += problems
            if not problems and below:
                whole = PolicySource(text=packs.decoded(text), packs=named, organisation=below)
                refused = effective(whole, rules).refused
                found += [replace(one, path=str(file)) for one in refused]
    for together in own.values():
        found += packs.shelf(together).problems
    return Linted(tuple(read.values()), tuple(dict.fromkeys(found)))


def _alone(file: Path, text: bytes) -> Sequence[Problem] | None:
    """The problems of references or tests, which are checked alone; None if it is neither."""
    if file.name == NAME:
        known = References() if builtin_packs.ships(file) else builtin_packs.references()
        listed = read_references(text, str(file), known)
        return listed.problems if isinstance(listed, Listed) else listed
    if builtin_packs.holds_sets(file):
        return ()
    if packs.holds_cases(file):
        cases = fixtures.parse(text, str(file))
        return [one for one in cases if isinstance(one, Problem)]
    return None


def as_text(found: Linted) -> str:
    return "\n".join(map(str, found.problems)) if found.problems else found.summary()


def as_json(found: Linted) -> str:
    """For programs; the shape is a promise, and `version` changes with it."""
    problems = [
        {"path": seen(one.path), "line": one.line, "column": one.column, "message": one.text}
        for one in found.problems
    ]
    outcome = {"version": 1, "files": [*map(seen, found.files)], "problems": problems}
    return json.dumps(outcome, ensure_ascii=False, indent=2)


def results(found: Linted) -> list[reports.Result]:
    return [
        reports.Result(
            RULE,
            RULE.level,
            one.text,
            one.path if Path(one.path) == STANDARD_INPUT else reports.from_root(Path(one.path)),
            one.line,
            one.column,
        )
        for one in found.problems
    ]


FORMATS: Mapping[str, Callable[[Linted], str]] = {
    "text": as_text,
    "json": as_json,
    "github": lambda found: reports.as_commands(results(found)) or found.summary(),
    "sarif": lambda found: reports.as_sarif("lint", results(found), [RULE]),
}
