"""Facts + ledger -> Decision: where the review stands, and what the pull request should carry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ghapp.core.ledger import Entry, Verb
from ghapp.core.marks import AddLabels, CheckRun, Issue, Marks, Reaction, Reply
from ghapp.core.model import Channel
from ghapp.core.policy.policy import Policy
from ghapp.core.records import FollowUp, History, Verdict
from ghapp.core.review.facts import Facts
from ghapp.core.review.follow_ups import follow_ups, has_open
from ghapp.core.review.review import RANK, PullState, Review, conclusion, review, worst
from ghapp.core.scan.checklist import Checklist
from ghapp.core.text import render
from ghapp.core.text.follow_ups import issue

REPLY_EVERY = timedelta(hours=1)  # per person, on a pull request without a comment of ours
# Two days before GitHub calls a run stale that is in progress.
# Source: https://docs.github.com/rest/guides/using-the-rest-api-to-interact-with-checks
RENEWED_AFTER = timedelta(days=12)
# The channels that commands come through, and what a reaction to each is put on.
REACTED: Mapping[Channel, str] = {
    Channel.COMMENT: "comment",
    Channel.REVIEW: "review",
    Channel.APPROVAL: "review",
    Channel.REVIEW_COMMENT: "review_comment",
}
SPOKEN = frozenset({Channel.COMMENT, Channel.REVIEW, Channel.REVIEW_COMMENT})
LABELS: Mapping[PullState, str] = {
    PullState.ON_HOLD: "hold",
    PullState.SIGNED_OFF: "signed_off",
    PullState.WAIVED: "waived",
}


@dataclass(frozen=True, slots=True)
class Decision:
    """What to show. writes: False where the policy only observes: nothing goes to GitHub.

    follow_ups: all of this pull, those without an issue yet included.
    pending_since: since when the run that is there has been in progress, where it is to stay so.
    renews: whether that is so long ago that a new run is to take its place.
    """

    review: Review
    marks: Marks
    verdict: Verdict
    writes: bool
    follow_ups: tuple[FollowUp, ...] = ()
    pending_since: datetime | None = None
    renews: bool = False

    @property
    def fingerprints(self) -> Mapping[str, str]:
        """Area id -> digest of its diff, for the areas shown."""
        return {area.id: area.fingerprint for area in self.review.areas}

    @property
    def items(self) -> Mapping[str, str]:
        """Item id -> digest of what it is about, for the areas shown."""
        return {item: mark for area in self.review.areas for item, mark in area.marks.items()}


def decide(
    facts: Facts,
    history: History,
    checklist: Checklist,
    ledger: tuple[Entry, ...],
    siblings: tuple[Verdict, ...],
) -> Decision:
    """What the pull request should carry, now that these are its facts and this was said.

    ledger: oldest first. siblings: what other pulls ask of the same head.
    """
    seen = review(facts, history, checklist, ledger)
    put_off, made = follow_ups(seen), {one.item for one in seen.follow_ups}
    # What was made is told with the day that an extension gives it, for no run need follow.
    seen = replace(seen, follow_ups=tuple(one for one in put_off if one.item in made))
    verdict = _verdict(seen)
    marks = Marks(
        check_run=_check_run(seen, verdict, siblings),
        comment=_comment(seen),
        labels=_labels(seen),
        reactions=_reactions(ledger) | facts.observed.reactions,
        replies=_replies(seen) | facts.observed.replies,
        issues=_issues(seen, put_off),
    )
    if not facts.pull.is_open:
        marks = _settled(seen, marks, siblings, history)
    since = _pending_since(facts, history, marks)
    renews = since is not None and facts.now - since >= RENEWED_AFTER
    return Decision(seen, marks, verdict, writes(facts.policy), put_off, since, renews)


def writes(policy: Policy) -> bool:
    """Whether anything goes to GitHub: not where the policy only observes."""
    return policy.mode != "observe" or any(area.mode != "observe" for area in policy.areas)


def _verdict(seen: Review) -> Verdict:
    pull = seen.facts.pull
    return Verdict(
        pull.key.number,
        pull.head_sha,
        conclusion(seen),
        render.title(seen),
        pull.is_open,
        waiting=(*(f"{area.id}:{area.fingerprint}" for area in seen.waiting), *_held(seen)),
        signed=tuple(f"{area.id}:{area.fingerprint}" for area in seen.areas if area.settled),
        base_ref=pull.base_ref,
    )


def _held(seen: Review) -> tuple[str, ...]:
    """The holds that block: what no sign-off on another pull settles."""
    blocked = seen.state is PullState.ON_HOLD
    return tuple(f"hold:{one.id}" for one in seen.holds) if blocked else ()


def _counting(siblings: tuple[Verdict, ...], own: Verdict) -> tuple[Verdict, ...]:
    """The other pulls that have a say in the head's one check run.

    A closed one has it where it is worse, for else closing a pull and opening another on the same
    head would turn it green; but not where its very diffs are signed off on an open one.
    """
    signed = set(own.signed).union(*(one.signed for one in siblings if one.is_open))
    worse = RANK.index(own.conclusion)
    return tuple(
        one
        for one in siblings
        if one.is_open
        or (RANK.index(one.conclusion) < worse and not (one.waiting and signed >= {*one.waiting}))
    )


def _check_run(seen: Review, verdict: Verdict, siblings: tuple[Verdict, ...]) -> CheckRun:
    others = _counting(siblings, verdict)
    shown = worst((verdict.conclusion, *(other.conclusion for other in others)))
    reruns = sum(entry.channel is Channel.RERUN for entry in seen.ledger)
    return render.check_run(seen, verdict, shown, others, siblings, reruns)


def _comment(seen: Review) -> str:
    """The one comment: where the policy wants it, or once somebody has spoken to us."""
    policy, observed = seen.facts.policy, seen.facts.observed
    spoken = any(entry.channel in SPOKEN for entry in seen.ledger)
    wanted = {"flagged": True, "features": seen.checklist.feature, "never": False}[policy.comment]
    if seen.state is PullState.CLEAR:
        return render.collapsed(policy.language) if observed.comment else ""
    return render.comment(seen) if wanted or spoken or observed.comment else ""


def _labels(seen: Review) -> frozenset[str]:
    """Exactly one state label on a pull that is ready and not clear, else none."""
    labels = seen.facts.policy.labels
    if seen.facts.pull.is_draft or not (seen.areas or seen.state is PullState.ON_HOLD):
        return frozenset()
    found = {labels[LABELS.get(seen.state, "waiting")]}
    if seen.state is PullState.SIGNED_OFF and has_open(seen):
        found.add(labels["follow_ups"])
    return frozenset(found)


def _reactions(ledger: tuple[Entry, ...]) -> frozenset[Reaction]:
    """How each comment and review with commands is acknowledged: the worst of its outcomes."""
    said: dict[tuple[str, int], list[Entry]] = {}
    for entry in ledger:
        if entry.comment_id and entry.channel in REACTED:
            said.setdefault((REACTED[entry.channel], entry.comment_id), []).append(entry)
    return frozenset(
        Reaction(number, _reaction({one.verb for one in entries}), on, entries[0].node_id)
        for (on, number), entries in said.items()
    )


def _reaction(verbs: set[Verb]) -> str:
    if Verb.REFUSED in verbs:
        return "confused"
    return "eyes" if verbs <= {Verb.REFRESH, Verb.EXPLAIN, Verb.HELP} else "+1"


def _replies(seen: Review) -> frozenset[Reply]:
    """Answers to who asked, refusals where no comment holds them: one per person and hour.

    Those that stand already are not written again.
    """
    there = {one.message_id for one in seen.facts.observed.replies}
    found: dict[str, Reply] = {}
    last: dict[str, Entry] = {}
    for entry in seen.ledger:
        before = last.get(entry.speaker)
        if entry.replied and (before is None or entry.said_at - before.said_at >= REPLY_EVERY):
            last[entry.speaker] = entry
            name = entry.id.partition("#")[0]
            if name not in there:
                found[name] = Reply(name, render.reply(seen, entry))
    return frozenset(found.values())


def _issues(seen: Review, put_off: tuple[FollowUp, ...]) -> frozenset[Issue]:
    """One for each follow-up; what is there stays, for none is ever closed by us."""
    wanted = {issue(one, seen) for one in put_off}
    named = {one.item for one in wanted}
    kept = {one for one in seen.facts.observed.issues if one.item not in named}
    return frozenset(wanted | kept)


def _pending_since(facts: Facts, history: History, marks: Marks) -> datetime | None:
    """By GitHub where the run was read back, else by our record."""
    run, there = marks.check_run, facts.observed.check_run
    if not run or not there or run.head_sha != there.head_sha:
        return None
    if run.conclusion or there.conclusion or not facts.pull.is_open:
        return None
    return facts.found_at or history.pending_since


def _settled(seen: Review, marks: Marks, siblings: tuple[Verdict, ...], history: History) -> Marks:
    """The marks of a pull that is closed: kept right where there are any, and none made anew.

    A label whose write had failed is made good: the one before it may be gone already.

    No run is left in progress: `cancelled` rather than `neutral`, which would satisfy a required
    check after reopening. Where an open pull shares the head, that one's run is what shows.
    """
    observed = seen.facts.observed
    run = marks.check_run if observed.check_run else None
    if any(one.is_open for one in siblings):
        run = observed.check_run
    elif run and run.conclusion in ("", "action_required"):
        run = render.closed_run(seen)
    labelled = observed.labels or AddLabels.__name__ in history.unresolved
    return replace(
        marks,
        check_run=run,
        comment=marks.comment if observed.comment else "",
        labels=marks.labels if labelled else frozenset(),
    )
