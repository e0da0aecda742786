"""A review -> what people read on GitHub: check run, comment, replies.

The comment lists every item with a box whose line `ticks.py` reads back: what a person ticks is
what this renders for the answer, so a tick alone leads to no edit of ours.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

from ghapp.core.i18n import joined, say
from ghapp.core.ledger import Entry, Verb
from ghapp.core.markdown import code, cut, visible
from ghapp.core.marks import Action, CheckRun
from ghapp.core.policy.policy import Policy
from ghapp.core.records import Verdict
from ghapp.core.review.follow_ups import has_open
from ghapp.core.review.review import AreaReview, PullState, Review
from ghapp.core.text import findings, parts, questions, replies, status
from ghapp.core.text.findings import notes
from ghapp.core.text.replies import explanation
from ghapp.core.text.status import next_step

MARKER = "<!-- ghapp:nfr -->"
MOST_TITLE = 255  # characters; longer ones GitHub refuses
_JSON = json.JSONEncoder(ensure_ascii=False)


def title(seen: Review) -> str:
    """The check run's title for this pull alone; plain text."""
    language = seen.facts.policy.language
    if seen.state is PullState.CLEAR:
        who = seen.checklist.ignored
        return say(language, "title_ignored" if who else "title_clear", author=who)
    words = [say(language, f"title_{seen.state.value}", areas=joined(language, _titled(seen)))]
    count = sum(len(findings.opened(area.findings)) for area in seen.waiting)
    if count and seen.state is not PullState.UNREADABLE:
        words.insert(0, findings.counted(count, language))
    if seen.state is PullState.SIGNED_OFF and has_open(seen):
        words.append(say(language, "title_follow_ups"))
    return visible(parts.BETWEEN.join(words), MOST_TITLE)


def _titled(seen: Review) -> tuple[str, ...]:
    """What the title names: what is held, waived or signed off, else what waits."""
    language = seen.facts.policy.language
    if seen.state is PullState.ON_HOLD:
        shown = {area.id: area.title.to(language) for area in seen.areas}
        whole = {"": say(language, "whole_pull")}
        subjects = dict.fromkeys(one.subject for one in seen.holds)
        return tuple(visible((shown | whole).get(one, one)) for one in subjects)
    if seen.state is PullState.WAIVED:
        areas = tuple(area for area in seen.areas if area.waived)
    else:
        areas = seen.areas if seen.state is PullState.SIGNED_OFF else seen.waiting
    return tuple(visible(area.title.to(language)) for area in areas)


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
    summary = _paragraphs(*_summary(seen), *parts.shared(language, verdict, others))
    text = _paragraphs(*(_explained(area, seen) for area in seen.areas))
    run = CheckRun(
        head_sha=verdict.head_sha,
        digest="",
        conclusion=conclusion,
        title=_shared_title(verdict, conclusion, others, language),
        summary=cut(summary, say(language, "cut")),
        text=cut(text, say(language, "cut")),
        annotations=notes(seen),
        actions=buttons(seen, conclusion),
    )
    basis = [area.fingerprint for area in seen.areas]
    basis += [f"{one.number} {one.is_open} {one.conclusion}" for one in siblings]
    # Of several pulls on one head each writes a run, and the newest is the one that shows.
    return _sealed(run, basis, reruns, patched=not siblings)


def _shared_title(
    verdict: Verdict, conclusion: str, others: tuple[Verdict, ...], language: str
) -> str:
    """The pull's own title, or that of the pull on the same head which decides."""
    if conclusion == verdict.conclusion:
        return verdict.title
    other = next(one for one in others if one.conclusion == conclusion)
    words = say(language, "title_shared", title=other.title, number=other.number)
    return visible(words, MOST_TITLE)


def closed_run(seen: Review) -> CheckRun:
    """The run of a pull that was closed or merged while it was still waiting."""
    pull, language = seen.facts.pull, seen.facts.policy.language
    words = say(language, f"title_{_ended(seen)}")
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
        status.holds(seen),
        status.waivers(seen),
        parts.intro(seen),
        next_step(seen, ticking=True),
        replies.refusals(seen),
        status.own(seen),
        *(_area(area, seen) for area in seen.areas),
        questions.details(seen),
    )
    return cut(body, say(language, "cut"))


def collapsed(language: str) -> str:
    """The one comment where nothing is flagged any more."""
    return f"{MARKER}\n{say(language, 'collapsed')}"


def reply(seen: Review, entry: Entry) -> str:
    """The reply to one entry: help, why things are asked, or why it was refused."""
    language = seen.facts.policy.language
    if entry.verb is Verb.HELP:
        return _paragraphs(say(language, "help"), replies.commands(language))
    if entry.verb is Verb.EXPLAIN:
        return cut(explanation(seen), say(language, "cut"))
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
        status.holds(seen),
        status.waivers(seen),
        "\n".join(reasons),
        parts.findings(seen),
        replies.refusals(seen),
        next_step(seen, ticking=False),
        status.own(seen),
        parts.hints(seen),
    )


def _notices(seen: Review) -> tuple[str, ...]:
    """What is wrong around the review: the policy file, a pull that is too large."""
    language = seen.facts.policy.language
    too_many = "" if seen.checklist.complete else say(language, "incomplete")
    return (parts.policy_problems(seen), too_many, parts.partly(seen))


def _heading(seen: Review) -> str:
    key = _ended(seen) if _is_over(seen) else seen.state.value
    return say(seen.facts.policy.language, f"heading_{key}")


def _is_over(seen: Review) -> bool:
    """Whether the pull was closed before its review was done."""
    done = not seen.waiting and seen.state is not PullState.ON_HOLD
    return not seen.facts.pull.is_open and not done


def _ended(seen: Review) -> str:
    """How a pull ended whose review was not done; the end of a key."""
    ended = "merged" if seen.facts.pull.is_merged else "closed"
    return f"{ended}_on_hold" if seen.state is PullState.ON_HOLD else ended


def _area(area: AreaReview, seen: Review) -> str:
    """One area in the comment: title, reasons, sign-off, questions."""
    language = seen.facts.policy.language
    reasons = say(language, "flagged_by", why=parts.reasons(area, seen))
    why = [] if area.is_concern else [reasons]  # a concern's words are its question
    why += filter(None, [findings.line(area.findings, language)])  # GitHub breaks lines in comments
    why += status.debts(area, seen)
    heading = f"#### {parts.title(area, language)}"
    signed = status.signed(area, seen)
    return _paragraphs(heading, "\n".join(why), signed, questions.asked(area, seen))


def _explained(area: AreaReview, seen: Review) -> str:
    """One area in the check run's text."""
    language = seen.facts.policy.language
    heading = f"### {parts.title(area, language)}"
    debts = "\n".join(f"- {line}" for line in status.debts(area, seen))
    signed = status.signed(area, seen)
    return _paragraphs(heading, debts, signed, questions.explained(area, seen))


def _paragraphs(*blocks: str) -> str:
    return "\n\n".join(block for block in blocks if block)


def _sealed(run: CheckRun, basis: list[str], reruns: int, *, patched: bool = True) -> CheckRun:
    """The run with its digests.

    basis: what else it was computed from, such as the fingerprints, so that a new diff is shown
    anew even in the same words. patched: whether it may replace an older run of ours.
    """
    notes = [[a.path, a.line, a.level, a.title, a.message] for a in run.annotations]
    pressed = [[one.label, one.description, one.identifier] for one in run.actions]
    words = [run.conclusion, run.title, run.summary, run.text]
    digest = _digest([*words, notes, pressed, basis, reruns])
    annotated = _digest([notes, reruns]) if patched else digest
    return replace(run, digest=digest, annotated=annotated)


def _digest(content: object) -> str:
    text = _JSON.encode(content)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def buttons(seen: Review, conclusion: str) -> tuple[Action, ...]:
    """What can be pressed. GitHub shows buttons on completed runs alone."""
    if not conclusion:
        return ()
    policy = seen.facts.policy
    signs = seen.waiting and seen.state is not PullState.UNREADABLE
    names = ("signoff",) if signs and "button" in policy.sign_off_by else ()
    return tuple(
        Action(
            say(policy.language, f"button_{name}"),
            say(policy.language, f"button_{name}_does"),
            name,
        )
        for name in (*names, "refresh", "explain")
    )
