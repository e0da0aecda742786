"""A review -> what people read on GitHub: check run, comment, replies.

The comment lists every item with a box whose line `ticks.py` reads back: what a person ticks is
what this renders for the answer, so a tick alone leads to no edit of ours.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

from ghapp.core.markdown import code, cut, visible
from ghapp.core.marks import CheckRun
from ghapp.core.memory import Entry, Verb, Verdict
from ghapp.core.policies.policy import Policy
from ghapp.core.review import AreaReview, PullState, Review
from ghapp.core.words import found, parts, questions, replies
from ghapp.core.words.annotations import notes
from ghapp.core.words.nextstep import next_step
from ghapp.core.words.texts import joined, say

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
    names = joined(language, tuple(visible(area.title.to(language)) for area in areas))
    words = [say(language, f"title_{seen.state.value}", areas=names)]
    count = sum(len(found.opened(area.findings)) for area in seen.waiting)
    if count and seen.state is not PullState.UNREADABLE:
        words.insert(0, found.counted(count, language))
    return visible(parts.BETWEEN.join(words), MOST_TITLE)


def check_run(
    seen: Review,
    verdict: Verdict,
    conclusion: str,
    others: tuple[Verdict, ...],
    siblings: tuple[Verdict, ...],
    reruns: int,
) -> CheckRun:
    """The check run on the head: the worst of all pulls that share it decides, all are named.

    others: those of the siblings that have a say. reruns: how often a fresh run was asked for.
    """
    language = seen.facts.policy.language
    head = title(seen)
    if conclusion != verdict.conclusion:
        other = next(one for one in others if one.conclusion == conclusion)
        head = say(language, "title_shared", title=other.title, number=other.number)
    summary = _paragraphs(*_summary(seen), *parts.shared(language, verdict, others))
    text = _paragraphs(*(_explained(area, seen) for area in seen.areas))
    run = CheckRun(
        head_sha=verdict.head_sha,
        digest="",
        conclusion=conclusion,
        title=visible(head, MOST_TITLE),
        summary=cut(summary, say(language, "cut")),
        text=cut(text, say(language, "cut")),
        annotations=notes(seen),
    )
    basis = [area.fingerprint for area in seen.areas]
    basis += [f"{one.number} {one.is_open} {one.conclusion}" for one in siblings]
    # Of several pulls on one head each writes a run, and the newest is the one that shows.
    return _sealed(run, basis, reruns, patched=not siblings)


def closed_run(seen: Review) -> CheckRun:
    """The run of a pull that was closed or merged while it was still waiting."""
    pull, language = seen.facts.pull, seen.facts.policy.language
    words = say(language, "title_merged" if pull.is_merged else "title_closed")
    return _sealed(CheckRun(pull.head_sha, "", "cancelled", words, words), [], 0)


def parked_run(head_sha: str, policy: Policy | None, reason: str) -> CheckRun:
    """The run on a pull whose review failed again and again; never green.

    policy: None where it is not known; then it is taken for the strictest.
    """
    policy = policy or Policy(mode="enforce")
    words = say(policy.language, "title_parked")
    summary = say(policy.language, "parked", reason=code(reason, 400))
    enforced = "enforce" in (policy.mode, *(area.mode for area in policy.areas))
    conclusion = "action_required" if enforced else "neutral"
    return _sealed(CheckRun(head_sha, "", conclusion, words, summary), [], 0)


def comment(seen: Review) -> str:
    """The one comment on a flagged pull."""
    language = seen.facts.policy.language
    body = _paragraphs(
        f"{MARKER}\n### {_heading(seen)}",
        *_notices(seen),
        parts.intro(seen),
        next_step(seen, ticking=True),
        replies.refusals(seen),
        *(_area(area, seen) for area in seen.areas),
        questions.details(seen),
    )
    return cut(body, say(language, "cut"))


def collapsed(language: str) -> str:
    """The one comment where nothing is flagged any more."""
    return f"{MARKER}\n{say(language, 'collapsed')}"


def reply(seen: Review, entry: Entry) -> str:
    """The reply to one entry: help, or why it was refused."""
    if entry.verb is Verb.HELP:
        language = seen.facts.policy.language
        return _paragraphs(say(language, "help"), replies.commands(language))
    return replies.refusal(seen, entry)


def _summary(seen: Review) -> tuple[str, ...]:
    """The check run's summary: why, how it stands, who is next."""
    language = seen.facts.policy.language
    if seen.state is PullState.CLEAR:
        who = seen.checklist.ignored
        words = say(language, "clear_ignored" if who else "clear", author=code(who or " "))
        return (*_notices(seen), words, parts.hints(seen))
    reasons = tuple(
        say(language, "reason", area=parts.title(area, language), why=parts.reasons(area, seen))
        for area in seen.areas
    )
    return (
        *_notices(seen),
        "\n".join(reasons),
        parts.findings(seen),
        replies.refusals(seen),
        next_step(seen, ticking=False),
        parts.hints(seen),
    )


def _notices(seen: Review) -> tuple[str, ...]:
    """What is wrong around the review: the policy file, a pull that is too large."""
    language = seen.facts.policy.language
    too_many = "" if seen.checklist.complete else say(language, "incomplete")
    return (parts.policy_problems(seen), too_many, parts.partly(seen))


def _heading(seen: Review) -> str:
    pull, language = seen.facts.pull, seen.facts.policy.language
    over = seen.waiting and not pull.is_open
    if over:
        return say(language, "heading_merged" if pull.is_merged else "heading_closed")
    return say(language, _HEADINGS[seen.state])


def _area(area: AreaReview, seen: Review) -> str:
    """One area in the comment: title, reasons, sign-off, questions."""
    language = seen.facts.policy.language
    why = [say(language, "flagged_by", why=parts.reasons(area, seen))]
    why += filter(None, [found.line(area.findings, language)])  # GitHub breaks lines in comments
    heading = f"#### {parts.title(area, language)}"
    signed = parts.signed(area, language)
    return _paragraphs(heading, "\n".join(why), signed, questions.asked(area, seen))


def _explained(area: AreaReview, seen: Review) -> str:
    """One area in the check run's text."""
    language = seen.facts.policy.language
    heading = f"### {parts.title(area, language)}"
    return _paragraphs(heading, parts.signed(area, language), questions.explained(area, seen))


def _paragraphs(*blocks: str) -> str:
    return "\n\n".join(block for block in blocks if block)


def _sealed(run: CheckRun, basis: list[str], reruns: int, *, patched: bool = True) -> CheckRun:
    """The run with its digests.

    basis: what else it was computed from, such as the fingerprints, so that a new diff is shown
    anew even in the same words. patched: whether it may replace an older run of ours.
    """
    notes = [[a.path, a.line, a.level, a.title, a.message] for a in run.annotations]
    digest = _digest([run.conclusion, run.title, run.summary, run.text, notes, basis, reruns])
    annotated = _digest([notes, reruns]) if patched else digest
    return replace(run, digest=digest, annotated=annotated)


def _digest(content: object) -> str:
    text = json.dumps(content, ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
