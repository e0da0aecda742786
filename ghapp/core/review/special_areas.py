"""The areas that no pack has: what cannot be read, and what reviewers raise themselves."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from ghapp.core.areas import Area, Detect, Hit, Item, Reviewers, Text
from ghapp.core.i18n import both
from ghapp.core.ledger import Entry, concerns
from ghapp.core.policy.policy import Policy
from ghapp.core.review.facts import Facts
from ghapp.core.review.permissions import full_team, owner_of, same_login
from ghapp.core.scan.checklist import Flagged
from ghapp.core.scan.fingerprint import fingerprint
from ghapp.core.scan.patch import change

# What cannot be read is an area of its own, for somebody has to look: files beyond GitHub's limit
# of listed ones, and files whose diff GitHub does not show.
TOO_MANY_FILES, UNREAD_FILES = "too-many-files", "unread-files"
WITHOUT_PACK = (TOO_MANY_FILES, UNREAD_FILES)
CONCERN = "concern"  # the category of a concern's one item
WEIGHT, CONCERN_WEIGHT = 9, 10  # those of packs end at 5
MODES = ("observe", "advise", "enforce")


def too_many_files(facts: Facts) -> Flagged:
    """Any push and any other base reopens it: what changed beyond the limit is not known."""
    pull = facts.pull
    hit = Hit("size", str(pull.changed_files))
    return _without_pack(TOO_MANY_FILES, (hit,), facts, f"{pull.head_sha} {pull.base_ref}")


def unread_files(facts: Facts, unread: tuple[str, ...]) -> Flagged:
    """The files' blobs tell whether they have changed."""
    files = tuple(file for file in facts.pull.files if file.path in unread)
    hits = tuple(Hit("unread", "", path) for path in unread)
    mark = fingerprint(tuple(change(file) for file in files))
    return _without_pack(UNREAD_FILES, hits, facts, mark)


def concern_areas(ledger: Iterable[Entry], facts: Facts, mode: str) -> tuple[Flagged, ...]:
    """The concerns in force, oldest first, each an area of one must item; `strictest` has the mode.

    No push makes one stale: its fingerprint is that of its words.
    """
    owner = owner_of(facts.pull)
    return tuple(
        _concern(entry, mode, concern_reviewers(entry, facts.policy, owner))
        for entry in concerns(ledger)
    )


def concern_reviewers(entry: Entry, policy: Policy, owner: str) -> Reviewers:
    """Who may settle a concern: all who may review what its raiser had the right to review.

    owner: of the repository, whose teams a policy names by their slug alone. Where no reviewers
    of the policy have the recorded right any more, the raiser alone.
    """
    named = (policy.reviewers, *(area.reviewers for area in policy.areas))
    granting = [one for one in named if _grants(one, entry.right, owner)]
    if not granting:
        return Reviewers(users=(entry.speaker,))
    return Reviewers(
        teams=tuple(dict.fromkeys(team for one in granting for team in one.teams)),
        users=tuple(dict.fromkeys(user for one in granting for user in one.users)),
    )


def strictest(flagged: Iterable[Flagged], policy: Policy) -> str:
    """The strictest of the policy's mode and those of the areas flagged.

    An area in a laxer mode, which anyone may touch, does not weaken what is said of the whole.
    """
    return max((policy.mode, *(one.area.mode for one in flagged)), key=MODES.index)


def _grants(reviewers: Reviewers, right: str, owner: str) -> bool:
    """Whether these reviewers give a right as the ledger has it; see `Entry.right`."""
    kind, _, name = right.partition(" ")
    if kind == "team":
        return name in {full_team(team, owner) for team in reviewers.teams}
    if kind == "user":
        return same_login(name, *reviewers.users)
    return kind == "maintain" and not reviewers


def _concern(entry: Entry, mode: str, reviewers: Reviewers) -> Flagged:
    name, who = entry.subject, entry.speaker
    number = name.rpartition("-")[2]
    title = both("concern_title", number=number, who=who)
    item = Item(name, "must", CONCERN, Text(entry.note, entry.note))
    area = Area(name, title, CONCERN_WEIGHT, Detect(), (item,), True, mode, reviewers)
    words = f"{name}\n{entry.note}".encode("utf-8", "surrogatepass")
    mark = hashlib.sha256(words).hexdigest()[:32]
    return Flagged(area, (Hit(CONCERN, entry.note),), (), (item,), mark)


def _without_pack(name: str, hits: tuple[Hit, ...], facts: Facts, mark: str) -> Flagged:
    """An area without questions, signed off by the general reviewers."""
    key, policy = name.replace("-", "_"), facts.policy
    area = Area(name, both(key), WEIGHT, Detect(), (), True, policy.mode, policy.reviewers)
    return Flagged(area, hits, (), (), mark)
