"""The areas that no pack has: what cannot be read, the policy, and the concerns of reviewers."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ghapp.core.areas import MODES, Area, Detect, Hit, Item, Reviewers, Text
from ghapp.core.i18n import both
from ghapp.core.ledger import Entry, concerns
from ghapp.core.model import File
from ghapp.core.policy import pack_files
from ghapp.core.policy.policy import Policy
from ghapp.core.review.facts import Facts
from ghapp.core.review.permissions import grants, owner_of
from ghapp.core.review.preview import layer, named
from ghapp.core.review.projects import PROJECT_CONCERN, concerns_here, spelled
from ghapp.core.scan.checklist import Checklist, Flagged
from ghapp.core.scan.fingerprint import fingerprint
from ghapp.core.scan.patch import changed_file
from ghapp.core.scan.triggers import FilesHit

# What cannot be read is an area, so that somebody has to check it: files beyond GitHub's limit of
# listed files, and files whose diff GitHub does not show.
TOO_MANY_FILES, UNREAD_FILES = "too-many-files", "unread-files"
# A change of what is reviewed is signed off under the policy in force.
REVIEW_POLICY = "review-policy"
WITHOUT_PACK = (TOO_MANY_FILES, UNREAD_FILES, REVIEW_POLICY)
CONCERN = "concern"  # the category of a concern's item
WEIGHT, CONCERN_WEIGHT = 9, 10  # those of packs end at 5


@dataclass(frozen=True, slots=True)
class UnreadHit(Hit):
    """A file whose diff GitHub does not show."""

    kind = words = "unread"


@dataclass(frozen=True, slots=True)
class PolicyHit(Hit):
    """A file that decides what is reviewed."""

    kind = words = "policy"


@dataclass(frozen=True, slots=True)
class ConcernHit(Hit):
    """What a reviewer has raised, in their words."""

    kind = words = CONCERN
    concern: str


def flagged_areas(
    facts: Facts, checklist: Checklist, ledger: Iterable[Entry]
) -> tuple[Flagged, ...]:
    """All areas that are shown, heaviest first: concerns, the policy, unread files, packs' areas.

    ledger: with the concerns. Areas in mode observe are not shown.
    """
    found = [*checklist.flagged]
    if not checklist.complete and not checklist.ignored:
        # Any push and any other base makes it stale: what changed beyond the limit is not known.
        pull = facts.pull
        hit = FilesHit(pull.changed_files)
        mark = f"{pull.head_sha} {pull.base_ref}"
        found.insert(0, _without_pack(TOO_MANY_FILES, both("too_many_files"), (hit,), facts, mark))
    if checklist.unread:
        # The SHAs of the files' blobs show whether they have changed.
        files = tuple(file for file in facts.pull.files if file.path in checklist.unread)
        hits = tuple(UnreadHit(path=path) for path in checklist.unread)
        mark = fingerprint(tuple(changed_file(file) for file in files))
        found.insert(0, _without_pack(UNREAD_FILES, both("unread_files"), hits, facts, mark))
    if deciding := _deciding(facts):
        changes = tuple(PolicyHit(path=file.path) for file in deciding)
        mark = fingerprint(tuple(changed_file(file) for file in deciding))
        title, by = both("review_policy"), guards(facts)
        found.insert(0, _without_pack(REVIEW_POLICY, title, changes, facts, mark, by))
    areas = [one.area for one in found]
    all_raised = (*concerns(ledger), *concerns_here(facts))
    raised = [_concern(entry, areas, facts) for entry in all_raised]
    return tuple(one for one in (*raised, *found) if one.area.mode != "observe")


def _deciding(facts: Facts) -> tuple[File, ...]:
    """The changed files of the policy: its own, and the packs that it names or named."""
    globs = named(layer(facts.source, facts.pull.key.repository))
    return tuple(
        file
        for file in facts.pull.files
        if pack_files.decides(file.path, globs) or pack_files.decides(file.previous_path, globs)
    )


def guards(facts: Facts) -> Reviewers:
    """Who signs off a change of the policy: waivers, if it may weaken what is in force."""
    policy = facts.policy
    return policy.waivers if any(map(_may_weaken, _deciding(facts))) else policy.reviewers


# What an added line may weaken.
_WEAKENS = re.compile(
    r"\b(mode|mode_when|when|enabled|off|reviewers|waivers|teams|users|ignore|sign_off|allow_author|stale_on"
    r"|require_answers|pending|never|max_items|exclude|retired|sev|must_when|packs)\b"
)


def _may_weaken(file: File) -> bool:
    """Whether a change of the policy does more than add to it; so does what is not seen in full."""
    changed = changed_file(file)
    if file.status not in ("added", "modified") or changed.hidden or not changed.added:
        return True
    taken = (line.strip() for line in changed.removed.decode("utf-8", "replace").split("\n"))
    if any(line and not line.startswith("#") for line in taken):
        return True
    return _WEAKENS.search(changed.added.decode("utf-8", "replace")) is not None


def strictest(areas: Iterable[Area], policy: Policy) -> str:
    """The strictest of the policy's mode and those of the areas.

    A flagged area in a laxer mode does not weaken what concerns the pull as a whole.
    """
    return max((policy.mode, *(area.mode for area in areas)), key=MODES.index)


def begins(areas: Iterable[Area], policy: Policy) -> str:
    """The day on which `strictest` becomes enforce; "" if it is, or if no such day is known."""
    known: tuple[Policy | Area, ...] = (policy, *areas)
    days = [one.enforce_from for one in known if one.enforce_from]
    return "" if any(one.mode == "enforce" for one in known) else min(days, default="")


def concern_reviewers(entry: Entry, policy: Policy, owner: str) -> Reviewers:
    """Who may sign off a concern: all who may review what its raiser had the right to review.

    If no reviewers in the policy have the recorded right any more, only its raiser.
    owner: of the repository; a policy names its teams by slug alone.
    """
    named = (policy.reviewers, *(area.reviewers for area in policy.areas))
    granting = [one for one in named if grants(one, entry.right, owner)]
    if not granting:
        return Reviewers(users=(entry.speaker,))
    return Reviewers(
        teams=tuple(dict.fromkeys(team for one in granting for team in one.teams)),
        users=tuple(dict.fromkeys(user for one in granting for user in one.users)),
    )


def _concern(entry: Entry, areas: Sequence[Area], facts: Facts) -> Flagged:
    """A concern as an area with one must item.

    Its fingerprint is that of its words, so that no push makes its sign-off stale. areas: those
    that are flagged beside it.
    """
    name, number = entry.subject, entry.subject.rpartition("-")[2]
    title = both("concern_title", number=number, who=entry.speaker)
    if facts.project and name.startswith(PROJECT_CONCERN):
        place = spelled(facts.project.key.reference, facts.pull.key.repository.full_name)
        title = both("concern_of_project", number=number, who=entry.speaker, project=place)
    item = Item(name, "must", CONCERN, Text(entry.note, entry.note))
    reviewers = concern_reviewers(entry, facts.policy, owner_of(facts.pull))
    area = _strict(Area(name, title, CONCERN_WEIGHT, Detect(), (item,)), areas, facts.policy)
    area = replace(area, reviewers=reviewers)
    words = f"{name}\n{entry.note}".encode("utf-8", "surrogatepass")
    mark = hashlib.sha256(words).hexdigest()[:32]
    return Flagged(area, (ConcernHit(entry.note),), (), (item,), mark)


def _without_pack(
    name: str,
    title: Text,
    hits: tuple[Hit, ...],
    facts: Facts,
    mark: str,
    reviewers: Reviewers | None = None,
) -> Flagged:
    """An area without questions. reviewers: by default those for what nobody could read."""
    policy = facts.policy
    # What nobody has read may belong to any area: it takes the mode of the strictest.
    area = _strict(Area(name, title, WEIGHT, Detect(), ()), policy.areas, policy)
    guarding = max((policy.general or policy).modes, key=MODES.index)
    if name == REVIEW_POLICY and MODES.index(guarding) > MODES.index(area.mode):
        # The policy guards every pull, so that no fact of this one makes its mode laxer.
        area = replace(area, mode=guarding, enforce_from="")
    by = policy.unread_reviewers if reviewers is None else reviewers
    return Flagged(replace(area, reviewers=by), hits, (), (), mark)


def _strict(area: Area, areas: Sequence[Area], policy: Policy) -> Area:
    """The area in the strictest mode of these and the policy."""
    return replace(area, mode=strictest(areas, policy), enforce_from=begins(areas, policy))
