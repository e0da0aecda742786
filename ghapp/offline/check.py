"""`ghapp check`: a local git range -> what the review would ask. Offline, by the App's own core."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ghapp import builtin_packs
from ghapp.core.model import Problem
from ghapp.core.policy.policy import POLICY_PATH, Policy, Rules, effective, problems_of
from ghapp.core.records import PackFile, PolicySource
from ghapp.core.scan.checklist import Checklist, checklist
from ghapp.core.scan.hazards import findings
from ghapp.core.scan.triggers import scan
from ghapp.errors import BadPack, BadRange
from ghapp.offline import git, packs
from ghapp.offline.check_output import FORMATS, Checked
from ghapp.offline.terminal import printed, wrong

CLEAR, FLAGGED = 0, 1
COMMAND = "ghapp check"


@dataclass(frozen=True, slots=True)
class Read:
    """A policy with its packs. name: where it was read; problems: with the names of its files."""

    name: str = ""
    source: PolicySource = PolicySource()
    problems: tuple[Problem, ...] = ()


def run(
    path: str,
    base: str,
    head: str,
    policy_file: str | None,
    format: str,
    language: str | None,
    *,
    unfolded: bool = False,
) -> int:
    """Prints what would be asked about the range from `head` into `base`.

    policy_file: None is the policy at `base`. format: text | markdown | json. language: None is
    that of the policy. unfolded: show the questions beyond the policy's `max_items`, too.
    The result is the exit status: 0 nothing flagged, 1 something flagged, 2 wrong use, a broken
    policy or an output that takes nothing.
    """
    rules = builtin_packs.rules("advise")
    try:
        found = git.range_of(path, base, head)
        if policy_file:
            read = policy_of_file(Path(policy_file), rules)
        else:
            read = policy_at(path, found.base_sha, found.pull.base_ref, rules)
    except (BadRange, BadPack) as error:
        return wrong(f"{COMMAND}: {error}")
    if read.problems:
        return wrong(*map(str, read.problems), f"{COMMAND}: mend the policy and check again")
    policy = effective(read.source, rules)
    asked = reviewed(path, found, policy)
    checked = Checked(found, policy, read.name, asked, language or policy.language, unfolded)
    return printed(FORMATS[format](checked), COMMAND) or (FLAGGED if checked.flagged else CLEAR)


def reviewed(path: git.Folder, found: git.Range, policy: Policy) -> Checklist:
    """What the App would ask about the range. Raises BadRange (git cannot read it)."""
    seen = scan(found.pull, policy, only_author_pushed=found.one_author)
    return checklist(seen, policy, findings(seen.suspicion, git.contents(path, seen.wanted)))


def policy_at(path: git.Folder, commit: str, name: str, rules: Rules) -> Read:
    """The policy and its packs in a commit. name: of the commit, as people know it."""
    raw = git.file_at(path, commit, POLICY_PATH)
    if raw is None:
        return Read()
    files = packs.in_commit(path, commit, raw)
    problems = problems_of(raw, rules, POLICY_PATH, files)
    return Read(f"{name}:{POLICY_PATH}", _source(raw, files), problems)


def policy_of_file(file: Path, rules: Rules) -> Read:
    """A policy of the working tree, with packs from the repository in which it lies."""
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise BadRange(f"cannot read the policy {file}: {error.strerror}") from error
    root = packs.root_of(file, otherwise=packs.repository_of(file))
    files = packs.in_folder(root, raw)
    problems = problems_of(raw, rules, str(file), files)
    shown = tuple(packs.shown(problems, files, root, file))
    return Read(str(file), _source(raw, files), shown)


def _source(raw: bytes, packs: tuple[PackFile, ...]) -> PolicySource:
    return PolicySource(text=raw.decode("utf-8", "surrogateescape"), packs=packs)
