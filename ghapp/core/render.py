"""A review -> what people read on GitHub: check run, comment, replies.

The comment lists every item with a box whose line `ticks.py` reads back: what a person ticks is
what this renders for the answer, so a tick alone leads to no edit of ours.
"""

from __future__ import annotations

import hashlib
import json

from ghapp.core import parts
from ghapp.core.markdown import code, cut
from ghapp.core.marks import CheckRun
from ghapp.core.memory import Entry, Verdict
from ghapp.core.model import Pull
from ghapp.core.policy import Policy
from ghapp.core.review import AreaReview, PullState, Review
from ghapp.core.texts import joined, say

MARKER = "<!-- ghapp:nfr -->"
MOST_TITLE = 255  # characters; longer ones GitHub refuses
_HEADINGS = {
    PullState.WAITING_AUTHOR: "heading_waiting_author",
    PullState.WAITING_REVIEWERS: "heading_waiting_reviewers",
    PullState.SIGNED_OFF: "heading_signed_off",
    PullState.UNREADABLE: "heading_unreadable",
}


def title(seen: Review) -> str:
    """The check run's title for this pull alone; plain text."""
    language = seen.facts.policy.language
    if seen.state is PullState.CLEAR:
        who = seen.checklist.ignored
        return say(language, "title_ignored" if who else "title_clear", author=who)
    areas = seen.areas if seen.state is PullState.SIGNED_OFF else seen.waiting
    names = joined(language, tuple(area.title.to(language) for area in areas))
    return say(language, f"title_{seen.state.value}", areas=names)[:MOST_TITLE]


def check_run(
    seen: Review,
    verdict: Verdict,
    conclusion: str,
    others: tuple[Verdict, ...],
    reruns: int,
) -> CheckRun:
    """The check run on the head: the worst of all pulls that share it decides, all are named.

    reruns: how often a fresh run was asked for; each one gets it.
    """
    language = seen.facts.policy.language
    head = title(seen)
    if conclusion != verdict.conclusion:
        other = next(one for one in others if one.conclusion == conclusion)
        head = say(language, "title_shared", title=other.title, number=other.number)
    summary = _paragraphs(*_summary(seen), *parts.shared(language, verdict, others))
    text = _paragraphs(*(parts.details(area, seen) for area in seen.areas))
    run = CheckRun(
        head_sha=verdict.head_sha,
        digest="",
        conclusion=conclusion,
        title=head[:MOST_TITLE],
        summary=cut(summary, say(language, "cut")),
        text=cut(text, say(language, "cut")),
    )
    return _sealed(run, {area.id: area.fingerprint for area in seen.areas}, reruns)


def closed_run(pull: Pull, language: str) -> CheckRun:
    """The run of a pull that was closed while it was still waiting."""
    words = say(language, "title_closed")
    return _sealed(CheckRun(pull.head_sha, "", "cancelled", words, words), {}, 0)


def parked_run(head_sha: str, policy: Policy, reason: str) -> CheckRun:
    """The run on a pull whose review failed again and again; never green."""
    words = say(policy.language, "title_parked")
    summary = say(policy.language, "parked", reason=code(reason, 400))
    conclusion = "action_required" if policy.mode == "enforce" else "neutral"
    return _sealed(CheckRun(head_sha, "", conclusion, words, summary), {}, 0)


def comment(seen: Review) -> str:
    """The one comment on a flagged pull."""
    language = seen.facts.policy.language
    body = _paragraphs(
        f"{MARKER}\n### {say(language, _HEADINGS[seen.state])}",
        *_notices(seen),
        parts.intro(seen),
        parts.next_step(seen, ticking=True),
        parts.refusals(seen),
        *(_area(area, seen) for area in seen.areas),
        parts.why_we_ask(seen),
    )
    return cut(body, say(language, "cut"))


def collapsed(language: str) -> str:
    """The one comment where nothing is flagged any more."""
    return f"{MARKER}\n{say(language, 'collapsed')}"


def helped(language: str) -> str:
    """The reply to `/nfr help`."""
    return _paragraphs(say(language, "help"), parts.commands(language))


def refused(seen: Review, entries: tuple[Entry, ...]) -> str:
    """The reply that gives the reasons of refusals."""
    return "\n".join(parts.refusal(seen, entry) for entry in entries)


def _summary(seen: Review) -> tuple[str, ...]:
    """The check run's summary: why, how it stands, who is next."""
    language = seen.facts.policy.language
    if seen.state is PullState.CLEAR:
        who = seen.checklist.ignored
        words = say(language, "clear_ignored" if who else "clear", author=code(who or " "))
        return (*_notices(seen), words, parts.hints(seen))
    reasons = tuple(
        f"- **{area.title.to(language)}**: {parts.reasons(area, language)}" for area in seen.areas
    )
    return (
        *_notices(seen),
        "\n".join(reasons),
        parts.refusals(seen),
        parts.next_step(seen, ticking=False),
        parts.hints(seen),
    )


def _notices(seen: Review) -> tuple[str, ...]:
    """What is wrong around the review: the policy file, a pull that is too large."""
    language = seen.facts.policy.language
    too_many = "" if seen.checklist.complete else say(language, "incomplete")
    return (parts.policy_problems(seen), too_many)


def _area(area: AreaReview, seen: Review) -> str:
    """One area in the comment: title, reasons, sign-off, questions."""
    language = seen.facts.policy.language
    why = say(language, "flagged_by", why=parts.reasons(area, language))
    heading = f"#### {area.title.to(language)}"
    return _paragraphs(heading, why, parts.signed(area, language), parts.questions(area, seen))


def _paragraphs(*blocks: str) -> str:
    return "\n\n".join(block for block in blocks if block)


def _sealed(run: CheckRun, fingerprints: dict[str, str], reruns: int) -> CheckRun:
    """The run with its digests; the fingerprints are in it so that a new diff is shown anew."""
    notes = [[a.path, a.line, a.level, a.title, a.message] for a in run.annotations]
    annotated = _digest([notes, reruns])
    content = [
        run.conclusion,
        run.title,
        run.summary,
        run.text,
        annotated,
        fingerprints,
    ]
    return CheckRun(
        run.head_sha,
        _digest(content),
        run.conclusion,
        run.title,
        run.summary,
        run.text,
        run.annotations,
        annotated,
    )


def _digest(content: object) -> str:
    text = json.dumps(content, ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
