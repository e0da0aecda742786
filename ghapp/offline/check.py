"""`ghapp check`: a local git range -> what the review would ask. Offline, by the App's own core."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from ghapp import builtin_packs
from ghapp.core.i18n import Words
from ghapp.core.markdown import literal, visible
from ghapp.core.model import Problem
from ghapp.core.policy.policy import (
    ORGANISATION,
    POLICY_PATH,
    Policy,
    Rules,
    effective,
    problems_of,
)
from ghapp.core.records import PolicySource
from ghapp.core.scan.checklist import Checklist, checklist
from ghapp.core.scan.hazards import findings
from ghapp.core.scan.pull_conditions import in_force
from ghapp.core.scan.scan import scan
from ghapp.errors import BadPack, BadRange
from ghapp.offline import git, packs, reports
from ghapp.offline.check_output import CHECK_RUN, FORMATS, Checked, styles
from ghapp.terminal import MOST_OF_ERROR, NO_STYLES, WRONG, printed, put, wrong

GOOD, FAILED = 0, 1  # exit statuses, beside WRONG
COMMAND = "ghapp check"


@dataclass(frozen=True, slots=True)
class Read:
    """A policy with its packs. name: where it was read, "" if there is none.

    problems: in its files, under the names that people know them by.
    """

    name: str = ""
    source: PolicySource = PolicySource()
    problems: tuple[Problem, ...] = ()


def run(
    path: str,
    base: str | None,
    head: str,
    policy_file: str | None,
    format: str,
    language: str | None,
    *,
    organisation: str | None = None,
    unfolded: bool = False,
    fail_on: str = "must",
    changes: str = "",
    policy_at: str | None = None,
    summary: Path | None = None,
) -> int:
    """Prints what would be asked about the range from `head` into `base`.

    base: None means the remote's default branch. policy_file: None means the policy at `base`.
    organisation: the policy file below that one.
    format: text | markdown | json | github | sarif. language: None means that of the policy.
    unfolded: also show the questions beyond the policy's `max_items`. changes: what to add to
    `head`: "" | staged | worktree. fail_on: must | should | finding | never. policy_at: the commit
    whose policy counts, in the place of that at `base`. summary: a file that gets the result as
    Markdown, too, at its end.
    The result is the exit status: 1 if something is as heavy as `fail_on`, else 0; 2 for wrong use,
    a broken policy or an output that cannot be written.
    """
    rules = builtin_packs.rules("advise")
    with ExitStack() as closing:
        try:
            base = base or default_base(path, changes)
            snapshot = None
            if changes:
                snapshot = closing.enter_context(git.snapshot(path, staged=changes == "staged"))
            found = git.range_of(path, base, head, snapshot)
            at = git.commit_of(path, policy_at) if policy_at else found.base_sha
            read = read_policy(path, at, policy_at or base, policy_file, rules, organisation)
            left: tuple[str, ...] = ()
            if head == "HEAD" and changes != "worktree":
                left = git.uncommitted(path, staged=changes == "staged")
        except (BadRange, BadPack) as error:
            return _refused(format, summary, f"{COMMAND}: {error}")
        if read.problems:
            last = f"{COMMAND}: fix the policy and check again"
            return _refused(format, summary, *map(str, read.problems), last)
        policy = in_force(effective(read.source, rules), found.pull)
        for refused in policy.refused:
            put(f"{COMMAND}: {refused}", sys.stderr)
        words = Words(language or policy.language)
        asked = reviewed(found, policy)
    checked = Checked(
        found, policy, read.name, asked, words, unfolded, fail_on, changes, uncommitted=left
    )
    if summary and (status := _added(FORMATS["markdown"](checked), summary)):
        return status
    painting = styles(words) if format == "text" else NO_STYLES
    status = printed(FORMATS[format](checked), COMMAND, painting)
    return status or (FAILED if checked.failed else GOOD)


def _refused(format: str, summary: Path | None, *reasons: str) -> int:
    """2, with the reasons where findings would be: on the page of the job, and in the summary."""
    if summary:
        lines = "\n".join(f"- {literal(one)}" for one in reasons)
        _added(f"## {CHECK_RUN}\n\n{lines}", summary)
    if format != "github":
        return wrong(*reasons)
    for one in reasons:
        put(reports.command("error", visible(one, MOST_OF_ERROR), title=CHECK_RUN), sys.stdout)
    return WRONG


def _added(text: str, summary: Path) -> int:
    """0 once the file has the text at its end, else 2, with the reason on standard error."""
    try:
        with summary.open("a", encoding="utf-8") as file:
            file.write(f"{text}\n")
    except OSError as error:
        return wrong(f"{COMMAND}: cannot write {summary}: {error.strerror}")
    return GOOD


def default_base(path: git.Folder, changes: str) -> str:
    """The default branch of the remote; for uncommitted changes without a remote the last commit.

    Raises BadRange (it is not known).
    """
    try:
        return git.default_base(path)
    except BadRange:
        if changes:
            return git.commit_of(path, "HEAD") and "HEAD"
        raise


def reviewed(found: git.Range, policy: Policy) -> Checklist:
    """What the App would ask about the range. Raises BadRange (git cannot read it).

    policy: in force for the range.
    """
    scanned = scan(found.pull, policy, only_author_pushed=found.one_author)
    texts = git.contents(found.objects, scanned.wanted)
    return checklist(scanned, policy, findings(scanned.suspicion, texts))


def read_policy(
    path: git.Folder,
    commit: str,
    name: str,
    file: str | None,
    rules: Rules,
    organisation: str | None = None,
) -> Read:
    """The policy in a file of the working tree, or in a commit if there is no `file`.

    name: of the commit, as people know it. organisation: the policy file below it, of the working
    tree. Raises BadRange and BadPack (it cannot be read).
    """
    below, wrong_below = None, tuple[Problem, ...]()
    if organisation is not None:
        under = Path(organisation)
        below = packs.layer(under, rules)
        _, wrong_below = packs.beside(
            under, packs.content(under), rules, otherwise=Path.cwd(), layer=ORGANISATION
        )
    if file is None:
        raw = git.file_at(path, commit, POLICY_PATH)
        if raw is None:
            return Read(source=PolicySource(organisation=below), problems=wrong_below)
        files = packs.in_commit(path, commit, raw)
        layer = packs.layer_in(git.root(path))
        problems = problems_of(raw, rules, POLICY_PATH, files, layer=layer, organisation=below)
        name = f"{name}:{POLICY_PATH}"
        if layer == ORGANISATION:  # there, the file is the layer below every repository
            own = PolicySource(text=packs.decoded(raw), packs=files)
            return Read(name, PolicySource(organisation=own), (*wrong_below, *problems))
    else:
        place = Path(file)
        try:
            raw = place.read_bytes()
        except OSError as error:
            raise BadRange(f"cannot read the policy {place}: {error.strerror}") from error
        # A policy outside of any `.github` takes its packs from the repository that it is in.
        above = (one for one in place.absolute().parents if (one / ".git").exists())
        files, problems = packs.beside(
            place, raw, rules, otherwise=next(above, Path.cwd()), organisation=below
        )
        name = str(place)
    source = PolicySource(text=packs.decoded(raw), packs=files, organisation=below)
    return Read(name, source, (*wrong_below, *problems))
