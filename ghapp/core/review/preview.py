"""A pull request that edits the policy -> what it would put in force, and what that would change.

The policy that it proposes decides nothing: it is only compared with the one in force.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import msgspec

from ghapp.core.areas import Area, Detect
from ghapp.core.model import File, Problem, Pull, Repository
from ghapp.core.patterns import globs, regexes
from ghapp.core.policy import pack_files
from ghapp.core.policy.policy import (
    ORGANISATION,
    POLICY_PATH,
    REPOSITORY,
    Policy,
    Rules,
    effective,
    problems_of,
)
from ghapp.core.policy.strictness import Change, changes
from ghapp.core.records import PolicySource
from ghapp.core.scan.checklist import checklist
from ghapp.core.scan.hazards import findings, never
from ghapp.core.scan.patch import changed_file
from ghapp.core.scan.pull_conditions import in_force
from ghapp.core.scan.scan import scan

# The most that a preview reads: two lists of pulls, and one page of files for each pull; for an
# organisation's policy the repositories, and of each one the list of its pulls.
MOST_OPEN, MOST_MERGED = 50, 50
MOST_REPOSITORIES, MOST_OF_REPOSITORY = 10, 10
MOST_FILES = 100  # of each pull
# When everything is enforced that a policy enforces from some day on.
LATER = datetime(9999, 1, 1, tzinfo=UTC)
# Whether a rule always matches can be said of so many pulls.
ENOUGH = 10


@dataclass(frozen=True, slots=True)
class Proposed:
    """What a pull request would put in force.

    pull: with its files. paths: of the deciding files that it changes. source: what would be the
    policy; None if not all of it can be read. unreadable: why, and problems of calendars.
    """

    pull: Pull
    paths: tuple[str, ...]
    source: PolicySource | None
    unreadable: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Preview:
    """What a change of the policy does, by the files alone.

    problems: of the files that the pull changes. With any, nothing takes effect, and `after` is the
    policy in force. refused: values that the organisation locks; the rest applies.
    """

    pull: Pull
    before: Policy
    after: Policy
    problems: tuple[Problem, ...]
    changes: tuple[Change, ...] = ()
    refused: tuple[Problem, ...] = ()


def preview(proposed: Proposed, source: PolicySource, rules: Rules) -> Preview:
    """What would change. source: the policy in force.

    What the proposed files say is checked as any policy is.
    """
    pull, before = proposed.pull, effective(source, rules)
    problems = list(proposed.unreadable)
    if proposed.source is None:
        return Preview(pull, before, before, tuple(problems))
    repository = pull.key.repository
    new, is_organisations = layer(proposed.source, repository), repository.is_organisations
    if new.text is not None:
        problems += problems_of(
            new.text,
            rules,
            packs=new.packs,
            layer=ORGANISATION if is_organisations else REPOSITORY,
            organisation=None if is_organisations else source.organisation,
        )
    elif is_organisations and (new.good is not None or layer(source, repository).text is not None):
        problems.append(Problem(POLICY_PATH, 0, 0, KEPT))
    if problems:
        return Preview(pull, before, before, tuple(problems))
    sound = replace(new, good=new.text, good_packs=new.packs)
    after = effective(within(proposed.source, repository, sound), rules)
    return Preview(pull, before, after, (), changes(before, after), after.refused)


# Why an organisation's file cannot be deleted.
KEPT = (
    "the organisation's file cannot be deleted: its last good version stays in force, so that no "
    "lock vanishes; commit an empty file to end it"
)


class Replayed(msgspec.Struct, frozen=True):
    """One pull under both policies.

    repository: its full name, "" if it is the one of the preview. before, after: ids of the areas
    that are flagged. blocks, blocks_after: whether any of these is in mode enforce. asked,
    asked_after: ids of the questions, without folded ones.
    """

    number: int
    is_open: bool
    before: tuple[str, ...]
    after: tuple[str, ...]
    blocks: bool = False
    blocks_after: bool = False
    asked: tuple[str, ...] = ()
    asked_after: tuple[str, ...] = ()
    repository: str = ""


class Rule(msgspec.Struct, frozen=True):
    """A pattern of an area that the proposed policy adds. count: of the pulls that it matches."""

    area: str
    pattern: str
    count: int


class Replay(msgspec.Struct, frozen=True):
    """The pulls of a sample under both policies.

    rules: what the proposed policy adds. cut: how many pulls have more files than were read.
    missing: why some pulls, or all, are not in it: "" | limited | unanswered | late | slow.
    repositories: how many the sample is of; 0 if it is of the one repository.
    hides_private: whether private repositories are left out, because the preview is public.
    """

    pulls: tuple[Replayed, ...] = ()
    rules: tuple[Rule, ...] = ()
    cut: int = 0
    missing: str = ""
    repositories: int = 0
    hides_private: bool = False


def layer(source: PolicySource, repository: Repository) -> PolicySource:
    """The part of a policy that the files of this repository decide."""
    if repository.is_organisations:
        return source.organisation or PolicySource()
    return source


def within(source: PolicySource, repository: Repository, changed: PolicySource) -> PolicySource:
    """The policy with another `layer`."""
    if repository.is_organisations:
        return replace(source, organisation=changed)
    return replace(changed, organisation=source.organisation)


def named(source: PolicySource) -> tuple[str, ...]:
    """The globs of packs that a layer names, now or in its last good version."""
    texts = (source.text, source.good)
    return tuple(glob for text in texts if text for glob in pack_files.named(text))


def deciding(files: Iterable[File], patterns: tuple[str, ...]) -> tuple[File, ...]:
    """The changed files of the policy: its own, the packs that these globs name, and calendars."""
    return tuple(
        file
        for file in files
        if any(
            pack_files.decides(path, patterns) or pack_files.is_calendar(path)
            for path in (file.path, file.previous_path)
        )
    )


def proposes(pull: Pull, source: PolicySource) -> bool:
    """Whether the open pull edits what decides: the policy, its packs or a calendar."""
    known = named(layer(source, pull.key.repository))
    return pull.is_open and bool(deciding(pull.files, known))


def digest(*values: object) -> str:
    """A digest of policies and what else a preview depends on."""
    return hashlib.sha256(msgspec.json.encode(values)).hexdigest()[:32]


def content(source: PolicySource) -> object:
    """What of a policy decides, for `digest`: without when it was read."""
    below = content(source.organisation) if source.organisation else None
    return source.text, source.good, source.packs, source.good_packs, below


def basis(head_sha: str, base_ref: str, source: PolicySource) -> str:
    """What a check run is written for: a head, and the policy in force."""
    return digest(head_sha, base_ref, content(source))


def replayed(
    pull: Pull,
    before: Policy,
    after: Policy,
    overdue: Callable[[], bool] = never,
    shown_in: str = "",
) -> Replayed:
    """The pull under both policies.

    Whole files are not read, so unsure findings do not count. What is to be enforced from a later
    day on counts as if it were enforced now.
    shown_in: its repository, if the preview is of several.
    """
    old, new = (_asked(pull, policy, overdue) for policy in (before, after))
    return Replayed(
        number=pull.key.number,
        is_open=pull.is_open,
        before=tuple(area.id for area in old[0]),
        after=tuple(area.id for area in new[0]),
        blocks=any(area.mode == "enforce" for area in old[0]),
        blocks_after=any(area.mode == "enforce" for area in new[0]),
        asked=old[1],
        asked_after=new[1],
        repository=shown_in,
    )


def _asked(
    pull: Pull, policy: Policy, overdue: Callable[[], bool]
) -> tuple[tuple[Area, ...], tuple[str, ...]]:
    """The areas that are flagged, and the ids of the questions that are shown."""
    policy = in_force(policy, pull).on(LATER)
    scanned = scan(pull, policy, overdue=overdue)
    sure = replace(scanned.suspicion, doubts=())
    asked = checklist(scanned, policy, findings(sure, {}))
    flagged = [one for one in asked.flagged if one.area.mode != "observe"]
    items = (item.id for one in flagged for item in one.items if item.id in asked.shown)
    return tuple(one.area for one in flagged), tuple(items)


def added_rules(before: Policy, after: Policy) -> tuple[tuple[str, str, str], ...]:
    """What flags areas after, and did not before: (area, kind, pattern).

    kind: path, or the sign of the lines that the pattern is searched in.
    """
    known = {area.id: area.detect for area in before.areas}
    found: list[tuple[str, str, str]] = []
    for area in after.areas:
        old, new = known.get(area.id, Detect()), area.detect
        found += [(area.id, "path", one) for one in new.paths if one not in old.paths]
        found += [(area.id, "+", one) for one in new.diff if one not in old.diff]
        found += [(area.id, "-", one) for one in new.removed if one not in old.removed]
    return tuple(found)


def matching(pull: Pull, rules: Iterable[tuple[str, str, str]]) -> Iterator[tuple[str, str, str]]:
    """The rules that match a path or a changed line of the pull."""
    changes = [changed_file(file) for file in pull.files]
    paths = [path for one in changes for path in one.paths]
    lines = {sign: b"\n".join(one.text(sign) for one in changes) for sign in "+-"}
    for rule in rules:
        _, kind, pattern = rule
        if kind == "path":
            found = any(globs.matches((pattern,), path) for path in paths)
        else:
            found = any(True for _ in regexes.matching(pattern, lines[kind]))
        if found:
            yield rule


def counted(
    rules: Iterable[tuple[str, str, str]], matched: Mapping[tuple[str, str, str], int]
) -> tuple[Rule, ...]:
    """The rules with how many pulls each one matches."""
    return tuple(Rule(one[0], one[2], matched.get(one, 0)) for one in rules)


def questions(replay: Replay) -> tuple[tuple[str, int, int], ...]:
    """The questions that are asked of more or of fewer pulls: id, before, after; largest first."""
    old = Counter(item for one in replay.pulls for item in one.asked)
    new = Counter(item for one in replay.pulls for item in one.asked_after)
    changed = [(item, old[item], new[item]) for item in {*old, *new} if old[item] != new[item]]
    return tuple(sorted(changed, key=lambda one: (-abs(one[1] - one[2]), one[0])))
