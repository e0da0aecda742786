"""Facts + ledger -> Decision: where the review stands, and what the pull request should carry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from ghapp.core.checklist import Checklist
from ghapp.core.facts import Facts
from ghapp.core.marks import CheckRun, Marks, Reaction, Reply
from ghapp.core.memory import Entry, Past, Verb, Verdict
from ghapp.core.model import Door
from ghapp.core.policies.policy import Policy
from ghapp.core.review import AreaReview, PullState, Review, review
from ghapp.core.words import render

# Worst first: what a head shows when several areas or several pulls ask different things of it.
RANK = ("action_required", "", "cancelled", "neutral", "success")
REPLY_EVERY = timedelta(hours=1)  # per person, on a pull request without a comment of ours


@dataclass(frozen=True, slots=True)
class Decision:
    """What to show. writes: False where the policy only observes: nothing goes to GitHub."""

    review: Review
    marks: Marks
    verdict: Verdict
    writes: bool

    @property
    def fingerprints(self) -> Mapping[str, str]:
        """Area id -> digest of its diff, for the areas shown."""
        return {area.id: area.fingerprint for area in self.review.areas}


def decide(
    facts: Facts,
    past: Past,
    checklist: Checklist,
    ledger: tuple[Entry, ...],
    siblings: tuple[Verdict, ...],
) -> Decision:
    """What the pull request should carry, now that these are its facts and this was said.

    ledger: oldest first. siblings: what other pulls ask of the same head.
    """
    seen = review(facts, past, checklist, ledger)
    verdict = _verdict(seen)
    marks = Marks(
        check_run=_check_run(seen, verdict, siblings),
        comment=_comment(seen),
        labels=_labels(seen),
        reactions=_reactions(ledger) | facts.observed.reactions,
        replies=_replies(seen) | facts.observed.replies,
    )
    if not facts.pull.is_open:
        marks = _settled(seen, marks, siblings)
    return Decision(seen, marks, verdict, writes=writes(facts.policy))


def writes(policy: Policy) -> bool:
    """Whether anything goes to GitHub: not where the policy only observes."""
    return policy.mode != "observe" or any(area.mode != "observe" for area in policy.areas)


def worst(conclusions: tuple[str, ...]) -> str:
    """The conclusion that decides; "success" where there is none."""
    return min(conclusions, key=RANK.index, default="success")


def _verdict(seen: Review) -> Verdict:
    pull = seen.facts.pull
    return Verdict(
        pull.key.number,
        pull.head_sha,
        _conclusion(seen),
        render.title(seen),
        pull.is_open,
        waiting=tuple(f"{area.id}:{area.fingerprint}" for area in seen.waiting),
        signed=tuple(f"{area.id}:{area.fingerprint}" for area in seen.areas if area.signed_off),
    )


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


def _conclusion(seen: Review) -> str:
    """DESIGN's table of marks: the worst over the areas, each in its own mode."""
    policy = seen.facts.policy
    if seen.state is PullState.UNREADABLE:
        return "action_required" if policy.mode == "enforce" else "neutral"
    return worst(tuple(_area_conclusion(area, policy.pending) for area in seen.areas))


def _area_conclusion(area: AreaReview, pending: str) -> str:
    if area.signed_off:
        return "success"
    if area.mode != "enforce":
        return "neutral"
    return "" if pending == "in_progress" else "action_required"


def _check_run(seen: Review, verdict: Verdict, siblings: tuple[Verdict, ...]) -> CheckRun:
    others = _counting(siblings, verdict)
    conclusion = worst((verdict.conclusion, *(other.conclusion for other in others)))
    reruns = sum(entry.door is Door.RERUN for entry in seen.ledger)
    return render.check_run(seen, verdict, conclusion, others, siblings, reruns)


def _comment(seen: Review) -> str:
    """The one comment: where the policy wants it, or once somebody has spoken to us."""
    policy, observed = seen.facts.policy, seen.facts.observed
    spoken = any(entry.door is Door.COMMENT for entry in seen.ledger)
    wanted = {"flagged": True, "features": seen.checklist.feature, "never": False}[policy.comment]
    if seen.state is PullState.CLEAR:
        return render.collapsed(policy.language) if observed.comment else ""
    return render.comment(seen) if wanted or spoken or observed.comment else ""


def _labels(seen: Review) -> frozenset[str]:
    """Exactly one state label on a flagged pull that is ready, else none."""
    labels = seen.facts.policy.labels
    if seen.facts.pull.is_draft or not seen.areas:
        return frozenset()
    signed = seen.state is PullState.SIGNED_OFF
    return frozenset({labels["signed_off" if signed else "waiting"]})


def _reactions(ledger: tuple[Entry, ...]) -> frozenset[Reaction]:
    """How each comment with commands is acknowledged: the worst of its outcomes."""
    verbs: dict[int, set[Verb]] = {}
    for entry in ledger:
        if entry.comment_id and entry.door is Door.COMMENT:
            verbs.setdefault(entry.comment_id, set()).add(entry.verb)
    return frozenset(Reaction(comment, _reaction(said)) for comment, said in verbs.items())


def _reaction(verbs: set[Verb]) -> str:
    if Verb.REFUSED in verbs:
        return "confused"
    return "eyes" if verbs <= {Verb.REFRESH, Verb.HELP} else "+1"


def _replies(seen: Review) -> frozenset[Reply]:
    """Help for who asked, refusals where no comment holds them: one per person and hour."""
    replies: dict[str, Reply] = {}
    last: dict[str, Entry] = {}
    for entry in seen.ledger:
        before = last.get(entry.speaker)
        if entry.replied and (before is None or entry.said_at - before.said_at >= REPLY_EVERY):
            last[entry.speaker] = entry
            name = entry.id.partition("#")[0]
            replies[name] = Reply(name, render.reply(seen, entry))
    return frozenset(replies.values())


def _settled(seen: Review, marks: Marks, siblings: tuple[Verdict, ...]) -> Marks:
    """The marks of a pull that is closed: kept right where there are any, and none made anew.

    No run is left in progress: `cancelled` rather than `neutral`, which would satisfy a required
    check after reopening. Where an open pull shares the head, that one's run is what shows.
    """
    observed = seen.facts.observed
    run = marks.check_run if observed.check_run else None
    if any(one.is_open for one in siblings):
        run = observed.check_run
    elif run and run.conclusion in ("", "action_required"):
        run = render.closed_run(seen)
    return Marks(
        run,
        marks.comment if observed.comment else "",
        marks.labels if observed.labels else frozenset(),
        marks.reactions,
        marks.replies,
    )
