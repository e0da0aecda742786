"""Facts, checklist and ledger joined: where the review of a pull request stands. Values only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from ghapp.core.areas import Finding, Hit, Item, Reviewers, Text
from ghapp.core.ledger import Entry, SignOff, State, Verb, answers, holds, standing
from ghapp.core.model import Channel
from ghapp.core.policy.policy import Policy
from ghapp.core.records import FollowUp, History
from ghapp.core.releases import Freeze, Release, frozen, release_of
from ghapp.core.review.facts import Facts
from ghapp.core.review.projects import Inherited, holding, inherited
from ghapp.core.review.special_areas import CONCERN, begins, flagged_areas, strictest
from ghapp.core.scan.checklist import Checklist, Flagged


class PullState(StrEnum):
    """Where the review of a pull request is."""

    CLEAR = "clear"
    WAITING_AUTHOR = "waiting_author"
    WAITING_REVIEWERS = "waiting_reviewers"
    ON_HOLD = "on_hold"
    SIGNED_OFF = "signed_off"
    WAIVED = "waived"
    FROZEN = "frozen"  # all settled, and a release freeze holds what is signed off
    UNREADABLE = "unreadable"


class Base(StrEnum):
    """What is known of the branch that a pull is to be merged into.

    settled: it decides what the pull changes. changed: it was another one a moment ago, and what
    GitHub lists as changed may still be for that one. unguarded: whoever can write may change it as
    they like, so that what the pull changes there says nothing about any other branch.
    """

    SETTLED = "settled"
    CHANGED = "changed"
    UNGUARDED = "unguarded"


@dataclass(frozen=True, slots=True)
class AreaReview:
    """One flagged area, with its sign-off, its answers and its holds.

    given: item id -> its last answer, to any diff. worded: item id -> the last answer that is shown
    in words: ticks of the present diff are skipped, because a tick adds no words.
    inherited: item id -> what its project says about it.
    changed_by: if the sign-off is stale, the first other head SHA whose diff of this area differs;
    "" if the same head has another diff (its base or the policy changed).
    holds: those in force on this area, oldest first.
    """

    flagged: Flagged
    standing: SignOff
    given: Mapping[str, Entry]
    worded: Mapping[str, Entry]
    changed_by: str = ""
    holds: tuple[Entry, ...] = ()
    inherited: Mapping[str, Inherited] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return self.flagged.area.id

    @property
    def title(self) -> Text:
        return self.flagged.area.title

    @property
    def mode(self) -> str:
        return self.flagged.area.mode

    @property
    def enforce_from(self) -> str:
        return self.flagged.area.enforce_from

    @property
    def reviewers(self) -> Reviewers:
        return self.flagged.area.reviewers

    @property
    def fingerprint(self) -> str:
        return self.flagged.fingerprint

    @property
    def marks(self) -> Mapping[str, str]:
        """Item id -> digest of what the item is about."""
        return {item.id: mark_of(self.flagged, item.id) for item in self.items}

    @property
    def hits(self) -> tuple[Hit, ...]:
        return self.flagged.hits

    @property
    def items(self) -> tuple[Item, ...]:
        return self.flagged.items

    @property
    def findings(self) -> tuple[Finding, ...]:
        return self.flagged.findings

    @property
    def is_concern(self) -> bool:
        """Whether a reviewer raised it; nothing in the diff flagged it."""
        return any(hit.kind == CONCERN for hit in self.hits)

    @property
    def signed_off(self) -> bool:
        return self.standing.state is State.SIGNED_OFF

    @property
    def waived(self) -> bool:
        return self.standing.state is State.WAIVED

    @property
    def settled(self) -> bool:
        return self.signed_off or self.waived

    def is_present(self, entry: Entry) -> bool:
        """Whether an answer was given to the present diff."""
        return entry.fingerprint == mark_of(self.flagged, entry.subject)

    @property
    def answered(self) -> Mapping[str, Entry]:
        """The answers that hold, also those of the project.

        An answer to a must item given here holds only for the present diff.
        """
        of_project = holding(self.inherited)
        if not self.given:
            return of_project
        musts = {item.id for item in self.items if item.severity == "must"}
        own = {k: one for k, one in self.given.items() if k not in musts or self.is_present(one)}
        return {**of_project, **own}

    @property
    def deferred(self) -> Mapping[str, Entry]:
        """Item id -> the deferral in force that was given here; a project keeps its own."""
        own = self.answered.items() if self.given else ()
        return {k: one for k, one in own if one.verb is Verb.DEFER and k in self.given}

    @property
    def open_musts(self) -> tuple[Item, ...]:
        answered = self.answered
        return tuple(
            item for item in self.items if item.severity == "must" and item.id not in answered
        )

    def conclusion(self, pending: str) -> str:
        """As in CheckRun; "" is in progress. pending: as in Policy."""
        if self.signed_off:
            return "success"
        if self.waived or self.mode != "enforce":
            return "neutral"
        return "" if pending == "in_progress" else "action_required"


@dataclass(frozen=True, slots=True)
class Review:
    """The review as it stands.

    areas: those shown, heaviest first, without areas in mode observe. mode: for the pull as a
    whole: the strictest of its areas' modes and the policy's. enforce_from: the day on which that
    becomes enforce, as in Policy.
    holds: those in force, oldest first; if the pull is waived, they are overridden.
    follow_ups: of this pull, as far as they exist. debts: open follow-ups of other pulls.
    base_since: as in History.
    release: the next one that the pull may be in. freeze: the release freeze in force; None if
    nothing is flagged, or the pull is closed.
    """

    state: PullState
    areas: tuple[AreaReview, ...]
    facts: Facts
    checklist: Checklist
    ledger: tuple[Entry, ...]
    mode: str = "advise"
    enforce_from: str = ""
    holds: tuple[Entry, ...] = ()
    follow_ups: tuple[FollowUp, ...] = ()
    debts: tuple[FollowUp, ...] = ()
    base_since: datetime | None = None
    release: Release | None = None
    freeze: Freeze | None = None

    @property
    def frozen(self) -> tuple[AreaReview, ...]:
        """The areas that the freeze holds, whether they are signed off or not."""
        return _frozen(self.areas, self.facts.policy, self.freeze)

    @property
    def waiting(self) -> tuple[AreaReview, ...]:
        return tuple(area for area in self.areas if not area.settled)

    @property
    def base(self) -> Base:
        if self.base_since:
            return Base.CHANGED
        return Base.SETTLED if self.facts.pull.is_guarded else Base.UNGUARDED

    @property
    def is_withheld(self) -> bool:
        """Whether it would pass, but only against this base or these files."""
        return self.base is not Base.SETTLED and self._reviewed in PASSING

    @property
    def conclusion(self) -> str:
        """As in CheckRun; "" is in progress. What is withheld is so while anything is enforced.

        Then it is not neutral: GitHub lets that pass a required check.
        """
        if not self.is_withheld:
            return self._reviewed
        return "" if self.facts.policy.enforces else "neutral"

    @property
    def _reviewed(self) -> str:
        """The worst over the areas and the holds, each in its own mode."""
        blocked = {"enforce": "action_required"}
        if self.state is PullState.UNREADABLE:
            return blocked.get(self.facts.policy.mode, "neutral")
        pending = self.facts.policy.pending
        areas = [area.conclusion(pending) for area in self.areas]
        if self.frozen:
            areas.append("" if pending == "in_progress" else "action_required")
        if self.state is not PullState.ON_HOLD:
            return worst(areas)
        modes = {area.id: area.mode for area in self.areas}
        held = [blocked.get(modes.get(one.subject, self.mode), "neutral") for one in self.holds]
        return worst((*areas, *held))


PASSING = frozenset({"success", "neutral"})
# For so long after its base has changed, a pull is not believed to be read as it is now.
SETTLES = timedelta(seconds=3)
# Worst first: if several areas or pulls share a head, the worst of their conclusions is shown.
RANK = ("action_required", "", "cancelled", "neutral", "success")


def worst(conclusions: Iterable[str]) -> str:
    """The conclusion that decides; "success" if there is none."""
    return min(conclusions, key=RANK.index, default="success")


def review_of(
    facts: Facts, history: History, checklist: Checklist, ledger: tuple[Entry, ...]
) -> Review:
    """Where the review stands. ledger: oldest first."""
    flagged = flagged_areas(facts, checklist, ledger)
    areas_shown = [one.area for one in flagged]
    mode = strictest(areas_shown, facts.policy)
    held = holds(ledger) if mode != "observe" else ()
    areas = tuple(_area_review(one, facts, history, ledger, held) for one in flagged)
    made = {one.item: one for one in (*history.follow_ups, *facts.follow_ups)}
    concerns = (area for area in areas if area.is_concern)
    asked = frozenset(item.id for area in concerns for item in area.items)
    policy, pull, now = facts.policy, facts.pull, facts.now
    plan, zone = policy.release, policy.working_time.zone
    freeze = frozen(plan.freezes, now, zone) if areas and pull.is_open else None
    return Review(
        state=_state(areas, facts, held, _frozen(areas, policy, freeze)),
        areas=areas,
        facts=facts,
        checklist=replace(checklist, shown=checklist.shown | asked),
        ledger=ledger,
        mode=mode,
        enforce_from=begins(areas_shown, facts.policy),
        holds=held,
        follow_ups=tuple(made.values()),
        debts=history.debts,
        base_since=_base_since(facts, history),
        release=release_of(plan.sources, pull.milestone, facts.releases, now, zone),
        freeze=freeze,
    )


def _frozen(
    areas: tuple[AreaReview, ...], policy: Policy, freeze: Freeze | None
) -> tuple[AreaReview, ...]:
    """What is enforced and not waived, if the policy has a freeze hold it."""
    if freeze is None or policy.release.freeze != "hold":
        return ()
    return tuple(area for area in areas if area.mode == "enforce" and not area.waived)


def _base_since(facts: Facts, history: History) -> datetime | None:
    last, since = history.compared, history.base_since
    if last and last.base_ref and last.base_ref != facts.pull.base_ref:
        return facts.now
    return since if since and facts.now - since < SETTLES else None


def _area_review(
    flagged: Flagged,
    facts: Facts,
    history: History,
    ledger: tuple[Entry, ...],
    held: tuple[Entry, ...],
) -> AreaReview:
    area, head_sha = flagged.area.id, facts.pull.head_sha
    signoff = standing(ledger, area, flagged.fingerprint, head_sha, facts.policy.stale_on)
    changed_by = ""
    if signoff.signed:
        signed = signoff.signed
        later = (
            shown.head_sha
            for shown in history.shown
            if shown.accepted_at > signed.said_at and shown.head_sha != signed.head_sha
            if shown.fingerprints.get(area) != signed.fingerprint
        )
        changed_by = next(later, head_sha if head_sha != signed.head_sha else "")
    asked = {item.id for item in flagged.items}
    given = tuple(entry for entry in ledger if entry.subject in asked)
    return AreaReview(
        flagged,
        signoff,
        given=answers(given),
        worded=_without_ticks(given, flagged),
        changed_by=changed_by,
        holds=tuple(one for one in held if one.subject == area),
        inherited=inherited(facts, flagged, given),
    )


def mark_of(flagged: Flagged, item: str) -> str:
    """The digest of the part of the diff that an item is about, or of the whole area."""
    return flagged.marks.get(item, flagged.fingerprint)


def _without_ticks(given: tuple[Entry, ...], flagged: Flagged) -> Mapping[str, Entry]:
    """The answers in force if the last ticks of the present diff are ignored."""
    while True:
        found = answers(given)
        ticks = [
            one
            for item, one in found.items()
            if one.channel is Channel.TICK and one.fingerprint == mark_of(flagged, item)
        ]
        if not ticks:
            return found
        given = tuple(one for one in given if one not in ticks)


def _state(
    areas: tuple[AreaReview, ...],
    facts: Facts,
    held: tuple[Entry, ...],
    frozen_areas: tuple[AreaReview, ...],
) -> PullState:
    if facts.policy.standing == "unreadable":
        return PullState.UNREADABLE
    waiting = [area for area in areas if not area.settled]
    waivers = [area.standing.signed for area in areas if area.waived]
    if held:
        # A waiver overrides earlier holds. In the same second the hold counts as the later one,
        # because the ids of reviews and comments have no common order.
        waived_at = max((one.said_at for one in waivers if one), default=None)
        overridden = not waiting and waived_at and waived_at > max(one.said_at for one in held)
        if not overridden:
            return PullState.ON_HOLD
    if not areas:
        return PullState.CLEAR
    if not waiting and frozen_areas:
        return PullState.FROZEN
    if not waiting:
        return PullState.WAIVED if waivers else PullState.SIGNED_OFF
    asked = any(area.open_musts for area in waiting)
    return PullState.WAITING_AUTHOR if asked else PullState.WAITING_REVIEWERS
