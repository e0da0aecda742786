"""A review -> what people read on GitHub: check run, comment, replies.

The comment lists every item with a box, which `comment_text.boxes` reads back. A tick changes
nothing else but the counts, so `decide` leaves the comment alone while somebody is ticking.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from ghapp.core.i18n import Words
from ghapp.core.ledger import Entry, Verb
from ghapp.core.markdown import MOST_TEXT, MOST_TITLE, code, cut, dotted, paragraphs, plain, visible
from ghapp.core.marks import Action, CheckRun
from ghapp.core.policy.policy import Policy
from ghapp.core.records import Verdict
from ghapp.core.review.case import nearest
from ghapp.core.review.commands import BUTTONS
from ghapp.core.review.follow_ups import has_open
from ghapp.core.review.review import AreaReview, PullState, Review
from ghapp.core.review.special_areas import WITHOUT_PACK
from ghapp.core.text import (
    configuration,
    findings,
    follow_ups,
    projects,
    questions,
    reasons,
    replies,
    status,
)
from ghapp.core.text import policy as policy_text

MARKER = "<!-- ghapp:nfr -->"
MOST_PARTLY = 5  # files
MOST_PROBLEMS = 20
_JSON = json.JSONEncoder(ensure_ascii=False)


def title(review: Review) -> str:
    """The check run's title for this pull alone; plain text."""
    words, state = Words(review.facts.policy.language), review.state
    if review.is_withheld and not review.conclusion:
        return visible(words(f"title_{review.base}", **_bases(review, str)), MOST_TITLE)
    if state is PullState.CLEAR:
        author = review.checklist.ignored
        return words("title_ignored" if author else "title_clear", author=author)
    if state is PullState.ON_HOLD:
        titles = {area.id: words.text(area.title) for area in review.areas}
        titles[""] = words("whole_pull")
        held = dict.fromkeys(hold.subject for hold in review.holds)
        named = [titles.get(subject, subject) for subject in held]
    else:
        areas = review.areas if state is PullState.SIGNED_OFF else review.waiting
        if state is PullState.WAIVED:
            areas = tuple(area for area in review.areas if area.waived)
        if state is PullState.FROZEN:
            areas = review.frozen
        named = [words.text(area.title) for area in areas]
    freeze = status.freeze(review.freeze, words, visible) if review.freeze else ""
    text = words(f"title_{state.value}", areas=words.joined(map(visible, named)), freeze=freeze)
    opened = sum(len(findings.opened(area.findings)) for area in review.waiting)
    counted = findings.counted(opened, words) if opened else ""
    if state is PullState.UNREADABLE:
        counted = ""
    deferred = state is PullState.SIGNED_OFF and has_open(review)
    return visible(dotted(counted, text, words("title_follow_ups") if deferred else ""), MOST_TITLE)


def check_run(
    review: Review,
    verdict: Verdict,
    conclusion: str,
    others: tuple[Verdict, ...],
    siblings: tuple[Verdict, ...],
    reruns: int,
) -> CheckRun:
    """The check run on the head, which names all pulls that count there.

    conclusion: the worst of theirs. others: the siblings that count. reruns: how often a fresh run
    was requested.
    """
    words = Words(review.facts.policy.language)
    shown_title = verdict.title
    if conclusion != verdict.conclusion:
        worst = next(other for other in others if other.conclusion == conclusion)
        shared_title = words("title_shared", title=worst.title, number=worst.number)
        shown_title = visible(shared_title, MOST_TITLE)
    sharing = sorted((verdict, *others), key=lambda one: one.number) if others else ()
    lines = [
        f"- {words('shared_line', number=one.number, title=plain(one.title))}" for one in sharing
    ]
    summary = paragraphs(
        _summary(review, words), words("shared") if others else "", "\n".join(lines)
    )
    parts = list[str]()
    for area in review.areas:
        why = words("flagged_by", why=reasons.flagged_by(area, review, words))
        parts += [
            status.area_heading(area, words),
            "" if area.is_concern else why,
            "\n".join(f"- {debt}" for debt in follow_ups.debts(area, review, words)),
            status.signed(area, review, words),
            questions.explained(area, review, words),
        ]
    text = paragraphs(*parts)
    run = CheckRun(
        head_sha=verdict.head_sha,
        digest="",
        conclusion=conclusion,
        title=shown_title,
        summary=cut(summary, _rest(review.facts.details, words)),
        text=cut(text, _rest(review.facts.details, words)),
        annotations=findings.notes(review, words),
        actions=_buttons(review, conclusion, words),
        details_url=review.facts.details,
    )
    basis = [area.fingerprint for area in review.areas]
    basis += [f"{one.number} {one.is_open} {one.conclusion}" for one in siblings]
    # If several pulls share the head, each writes a run, and GitHub shows the newest.
    run = sealed(run, basis, reruns, patched=not siblings)
    # Not part of the digest: a policy that leads to the same review rewrites no check run.
    in_force = policy_text.in_force(review.facts.policy, words)
    fits = len(run.text) + len(in_force) < MOST_TEXT
    return replace(run, text=paragraphs(run.text, in_force)) if fits else run


def _summary(review: Review, words: Words) -> str:
    """The check run's summary of this pull: what to do next, and where each area stands."""
    notices = paragraphs(_notices(review, words), policy_text.refused(review.facts.policy, words))
    fixes = configuration.fixes(review.checklist.fixes, words)
    if review.state is PullState.CLEAR:
        author = review.checklist.ignored
        clear = words("clear_ignored" if author else "clear", author=code(author))
        exempt = reasons.exempt(review, words)
        return paragraphs(notices, clear, fixes, exempt, reasons.hints(review, words))
    return paragraphs(
        notices,
        status.frozen(review, words),
        status.next_step(review, words, ticking=False),
        "\n".join(f"- {dotted(*_line(area, review, words))}" for area in review.areas),
        projects.line(review, words),
        reasons.modes(review, words),
        reasons.exempt(review, words),
        status.holds(review, words),
        status.waivers(review, words),
        findings.summary(review, words),
        fixes,
        replies.refusals(review, words),
        follow_ups.own(review, words),
    )


def _line(area: AreaReview, review: Review, words: Words) -> tuple[str, ...]:
    """Where an area stands; why it is flagged, if no questions show it; from when it blocks.

    If the same holds for all, the next step says from when.
    """
    why = "" if area.items else reasons.flagged_by(area, review, words)
    begins = "" if area.settled or status.common_day(review) else area.enforce_from
    day = words("area_begins", day=status.day(begins, words)) if begins else ""
    return status.stands(area, words), why, day


def _notices(review: Review, words: Words) -> str:
    """Problems besides the review: in the policy, or with reading the pull."""
    policy, partly = review.facts.policy, review.checklist.partly
    problems = ""
    if policy.problems:
        lines = [f"- {code(str(problem), 400)}" for problem in policy.problems[:MOST_PROBLEMS]]
        problems = "\n".join([words(f"policy_{policy.standing}"), "", *lines])
    base = words(f"base_{review.base}", **_bases(review, code)) if review.is_withheld else ""
    too_many = "" if review.checklist.complete else words("incomplete")
    paths = words.joined(
        map(code, partly[:MOST_PARTLY]), len(partly) - MOST_PARTLY, "and_more_files"
    )
    unread = words("partly", paths=paths) if partly else ""
    return paragraphs(problems, base, too_many, unread, _unknown_labels(review, words))


def _unknown_labels(review: Review, words: Words) -> str:
    """Labels that would add an area, if it existed; each with the id that is most like it."""
    policy = review.facts.policy
    areas = tuple(area.id for area in policy.areas)
    observed = (area.id for area in policy.observed)
    known = {f"nfr/area: {area}" for area in (*areas, *observed, *WITHOUT_PACK)}
    lines = []
    for label in sorted(review.facts.pull.labels):
        prefix, _, name = label.partition(":")
        if prefix.strip().lower() == "nfr/area" and label.casefold() not in known:
            near = nearest(name.strip().lower(), areas)
            did_you_mean = words("refused_near", near=code(f"nfr/area: {near}")) if near else ""
            lines.append(words("unknown_area_label", label=code(label), near=did_you_mean))
    return "\n".join(lines)


def _bases(review: Review, shown: Callable[[str], str]) -> Mapping[str, str]:
    pull = review.facts.pull
    return {"base": shown(pull.base_ref), "default": shown(pull.default_branch)}


def _buttons(review: Review, conclusion: str, words: Words) -> tuple[Action, ...]:
    """What can be pressed. GitHub shows buttons only on completed runs."""
    if not conclusion:
        return ()
    signs = review.waiting and review.state is not PullState.UNREADABLE
    signs = signs and "button" in review.facts.policy.sign_off_by
    return tuple(
        Action(words(f"button_{name}"), words(f"button_{name}_does"), name)
        for name, verb in BUTTONS.items()
        if signs or verb is not Verb.SIGN_OFF
    )


def closed_run(review: Review) -> CheckRun:
    """The run of a pull that was closed or merged while it was still waiting."""
    words = Words(review.facts.policy.language)
    text = words(f"title_{status.ended(review)}")
    facts = review.facts
    run = CheckRun(facts.pull.head_sha, "", "cancelled", text, text, details_url=facts.details)
    return sealed(run)


def parked_run(head_sha: str, policy: Policy | None, reason: str, details: str = "") -> CheckRun:
    """The run on a pull whose review failed again and again; never green.

    policy: None if it is not known; then it counts as enforcing. details: as in Facts.
    """
    policy = policy or Policy(mode="enforce")
    words = Words(policy.language)
    summary = words("parked", reason=code(reason, 400))
    conclusion = "action_required" if policy.enforces else "neutral"
    title = words("title_parked")
    return sealed(CheckRun(head_sha, "", conclusion, title, summary, details_url=details))


def sealed(
    run: CheckRun, basis: Sequence[str] = (), reruns: int = 0, *, patched: bool = True
) -> CheckRun:
    """The run with its digests.

    basis: what else it was computed from, such as fingerprints, so that a new diff leads to a new
    digest even with the same text. patched: whether it may replace our older run.
    """

    def digest(*content: object) -> str:
        text = _JSON.encode(content).encode("utf-8", "surrogatepass")
        return hashlib.sha256(text).hexdigest()[:16]

    notes = [[a.path, a.line, a.level, a.title, a.message] for a in run.annotations]
    buttons = [[one.label, one.description, one.identifier] for one in run.actions]
    texts = (run.conclusion, run.title, run.summary, run.text)
    whole = digest(*texts, notes, buttons, basis, reruns)
    return replace(run, digest=whole, annotated=digest(notes, reruns) if patched else whole)


def comment(review: Review) -> str:
    """The one comment: whose turn it is, what was found, what to do next, then the questions."""
    words, pull = Words(review.facts.policy.language), review.facts.pull
    blocks = [
        f"{MARKER}\n### {status.heading(review, words)}",
        _notices(review, words),
        status.holds(review, words),
        status.frozen(review, words),
        status.waivers(review, words),
        findings.block(review, words),
        status.next_step(review, words, ticking=True),
        projects.line(review, words),
        replies.refusals(review, words),
        follow_ups.own(review, words),
    ]
    for area in review.areas:
        blocks += [
            status.area_heading(area, words),
            "\n".join(follow_ups.debts(area, review, words)),
            status.signed(area, review, words),
            questions.asked(area, review, words),
        ]
    blocks.append(questions.details(review, words))
    asks = any(area.items for area in review.waiting)
    if pull.is_open and asks:
        blocks.append(words("footer"))
    details = review.facts.details
    if details:
        blocks.append(words("details_link", url=details))
    return cut(paragraphs(*blocks), _rest(details, words))


def _rest(details: str, words: Words) -> str:
    """The note in the place of what is too long, with a link to all of it if there is a page."""
    return words("cut_linked", url=details) if details else words("cut")


def collapsed(language: str) -> str:
    """The one comment if nothing is flagged any more."""
    return f"{MARKER}\n{Words(language)('collapsed')}"


def reply(review: Review, entry: Entry) -> str:
    """The reply to one entry: help, why things are asked, or why it was refused."""
    words = Words(review.facts.policy.language)
    if entry.refusal:
        return replies.refusal(entry.speaker, entry.refusal, review, words)
    if entry.verb is Verb.EXPLAIN:
        return cut(reasons.explanation(review, words), _rest(review.facts.details, words))
    return paragraphs(words("help"), replies.commands(words))
