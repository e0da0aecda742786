"""Facts + ledger -> Decision: where the review stands, and what the pull request should carry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from ghapp.core import render
from ghapp.core.checklist import Checklist
from ghapp.core.facts import Facts
from ghapp.core.marks import CheckRun, Marks, Reaction, Reply
from ghapp.core.memory import Entry, Past, Verb, Verdict
from ghapp.core.model import Door
from ghapp.core.review import AreaReview, PullState, Review, review

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
    pull, policy = facts.pull, facts.policy
    own = _conclusion(seen)
    verdict = Verdict(pull.key.number, pull.head_sha, own, render.title(seen), pull.is_open)
    others = tuple(other for other in siblings if other.is_open or _worse(other, own))
    marks = Marks(
        check_run=_check_run(seen, verdict, others),
        comment=_comment(seen),
        labels=_labels(seen),
        reactions=_reactions(ledger) | facts.observed.reactions,
        replies=_replies(seen) | facts.observed.replies,
    )
    if not pull.is_open:
        marks = _settled(facts, marks, verdict, others)
    observing = policy.mode == "observe" and all(a.mode == "observe" for a in policy.areas)
    return Decision(seen, marks, verdict, writes=not observing)


def worst(conclusions: tuple[str, ...]) -> str:
    """The conclusion that decides; "success" where there is none."""
    return min(conclusions, key=RANK.index, default="success")


def _worse(other: Verdict, own: str) -> bool:
    return RANK.index(other.conclusion) < RANK.index(own)


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


def _check_run(seen: Review, verdict: Verdict, others: tuple[Verdict, ...]) -> CheckRun:
    conclusion = worst((verdict.conclusion, *(other.conclusion for other in others)))
    reruns = sum(entry.door is Door.RERUN for entry in seen.ledger)
    return render.check_run(seen, verdict, conclusion, others, reruns)


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
    """Help for each who asked; refusals where there is no comment to hold them."""
    language = seen.facts.policy.language
    replies = {
        Reply(entry.id, render.helped(language)) for entry in seen.ledger if entry.verb is Verb.HELP
    }
    if seen.state is PullState.CLEAR:
        recent = seen.facts.now - REPLY_EVERY
        last: dict[str, Entry] = {}
        for entry in seen.ledger:
            if entry.verb is Verb.REFUSED and entry.said_at > recent:
                last.setdefault(entry.speaker, entry)
        replies |= {Reply(entry.id, render.refused(seen, (entry,))) for entry in last.values()}
    return frozenset(replies)


def _settled(facts: Facts, marks: Marks, verdict: Verdict, others: tuple[Verdict, ...]) -> Marks:
    """The marks of a closed pull: as they were, but no run is left in progress.

    `cancelled` rather than `neutral`, which would satisfy a required check after reopening.
    Where another open pull shares the head, that one's run shows the worst of them.
    """
    observed = facts.observed
    run = observed.check_run
    if run and not run.conclusion and not any(other.is_open for other in others):
        run = render.closed_run(facts.pull, facts.policy.language)
    return Marks(run, observed.comment, observed.labels, marks.reactions, marks.replies)
