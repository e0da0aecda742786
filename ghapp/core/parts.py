"""The pieces that comment and check run are made of, as Markdown; "" where there is nothing."""

from __future__ import annotations

from collections.abc import Sequence

from ghapp.core.areas import Item, Reviewers
from ghapp.core.commands import COMMANDS
from ghapp.core.markdown import code, folded, plain, visible
from ghapp.core.memory import Entry, Verb, Verdict
from ghapp.core.policy import POLICY_PATH
from ghapp.core.reasons import why
from ghapp.core.review import AreaReview, PullState, Review
from ghapp.core.standing import State
from ghapp.core.texts import joined, say

BETWEEN = " · "
MOST_REASONS = 3
MOST_REFUSALS = 3


def title(area: AreaReview, language: str) -> str:
    """The area's title inside Markdown."""
    return plain(area.title.to(language))


def intro(seen: Review) -> str:
    """The opening sentence of the comment."""
    language = seen.facts.policy.language
    names = tuple(f"**{title(area, language)}**" for area in seen.areas)
    key = {PullState.WAITING_AUTHOR: "intro_waiting_author", PullState.SIGNED_OFF: "intro_signed"}
    words = key.get(seen.state, "intro")
    return say(language, words, areas=joined(language, names)) if names else ""


def reasons(area: AreaReview, language: str) -> str:
    """Why the area is flagged: the first few hits, and how many more there are."""
    named = [why(hit, language) for hit in area.hits[:MOST_REASONS]]
    left = len(area.hits) - len(named)
    more = (say(language, "and_more", count=left),) if left > 0 else ()
    return joined(language, (*named, *more))


def signed(area: AreaReview, language: str) -> str:
    """Who signed the area off, struck through where the diff has changed since; or took it back."""
    stood = area.standing
    if stood.undone:
        return say(language, "undone_by", who=stood.undone.speaker)
    if stood.signed is None:
        return ""
    entry = stood.signed
    who, sha = entry.speaker, code(entry.head_sha[:7])
    if stood.state is State.STALE:
        key = "stale_by" if area.changed_by else "stale_otherwise"
        return say(language, key, who=who, sha=sha, change=code(area.changed_by[:7]))
    words = [say(language, "signed_by", who=who, sha=sha)]
    if entry.detail:
        words.append(say(language, "accepted_open", items=code(entry.detail)))
    if entry.note:
        words.append(code(entry.note))
    return BETWEEN.join(words)


def questions(area: AreaReview, seen: Review) -> str:
    """The task list of one area: what is asked first, the rest folded."""
    language = seen.facts.policy.language
    shown = [item for item in area.items if item.id in seen.checklist.shown]
    rest = [item for item in area.items if item.id not in seen.checklist.shown]
    lines = _listed(shown, area, language)
    if rest:
        more = say(language, "more_questions", count=len(rest))
        block = folded(more, _listed(rest, area, language))
        lines = (*lines, *(("",) if lines else ()), *block)
    return "\n".join(lines)


def details(area: AreaReview, seen: Review) -> str:
    """One area in the check run's text: its questions with answers, reasons and evidence."""
    language = seen.facts.policy.language
    whys = [words for item in area.items if (words := _why(item, language))]
    blocks = (
        f"### {title(area, language)}",
        signed(area, language),
        "\n".join(_listed(area.items, area, language, ticks=True)),
        f"#### {say(language, 'why_we_ask')}" if whys else "",
        "\n".join(whys),
    )
    return "\n\n".join(block for block in blocks if block)


def why_we_ask(seen: Review) -> str:
    """The folded block with the reason and the evidence behind each question shown."""
    language = seen.facts.policy.language
    items = [item for area in seen.areas for item in area.items if item.id in seen.checklist.shown]
    lines = tuple(line for item in items if (line := _why(item, language)))
    return "\n".join(folded(say(language, "why_we_ask"), lines)) if lines else ""


def policy_problems(seen: Review) -> str:
    """The mistakes in the policy file, and what holds until they are mended."""
    policy = seen.facts.policy
    if not policy.problems:
        return ""
    lines = [f"- {code(str(problem), 400)}" for problem in policy.problems[:20]]
    return "\n".join([say(policy.language, f"policy_{policy.standing}"), "", *lines])


def shared(language: str, verdict: Verdict, others: tuple[Verdict, ...]) -> tuple[str, ...]:
    """All pulls that share the head, each with what it asks."""
    if not others:
        return ()
    lines = [
        "- " + say(language, "shared_line", number=one.number, title=one.title)
        for one in sorted((verdict, *others), key=lambda one: one.number)
    ]
    return (say(language, "shared"), "\n".join(lines))


def hints(seen: Review) -> str:
    """Areas that only the title speaks of."""
    policy = seen.facts.policy
    titles = {area.id: plain(area.title.to(policy.language)) for area in policy.areas}
    names = tuple(titles[area] for area in seen.checklist.hints if area in titles)
    return say(policy.language, "hint", areas=joined(policy.language, names)) if names else ""


def refusals(seen: Review) -> str:
    """What was refused lately and not put right by its speaker since; each reason once."""
    recent: dict[tuple[str, str, str], Entry] = {}
    settled: set[str] = set()
    for entry in reversed(seen.ledger):
        if entry.verb is not Verb.REFUSED:
            settled.add(entry.speaker)
        elif entry.speaker not in settled:
            recent.setdefault((entry.speaker, entry.note, entry.detail), entry)
        if len(recent) == MOST_REFUSALS:
            break
    lines = [f"- {refusal(seen, entry)}" for entry in reversed(recent.values())]
    if not lines:
        return ""
    return "\n".join([f"**{say(seen.facts.policy.language, 'refusals')}**", "", *lines])


def refusal(seen: Review, entry: Entry) -> str:
    """One refusal as a sentence: who asked, what was not done, why and what to do."""
    language = seen.facts.policy.language
    detail, near = entry.detail, ""
    if entry.note in ("unknown_area", "unknown_item", "unknown_command"):
        detail, _, best = entry.detail.partition(" ")
        near = say(language, "refused_near", near=code(best)) if best else ""
    known = {area.id: area for area in seen.areas}
    asked = [known[one] for one in detail.split(", ") if one in known]
    words = say(
        language,
        f"refused_{entry.note}",
        detail=code(detail) if detail else "",
        near=near,
        who=_who(asked or list(seen.waiting), seen),
        signed_off=code(seen.facts.policy.labels["signed_off"]),
    )
    return say(language, "refusal", who=entry.speaker, words=words)


def next_step(seen: Review, *, ticking: bool) -> str:
    """Who has to act next, and how. ticking: whether this stands in the comment with its boxes."""
    pull, policy = seen.facts.pull, seen.facts.policy
    language = policy.language
    who = _who(list(seen.waiting), seen)
    words = [_next(seen, who, ticking=ticking)]
    blocks = any(area.mode == "enforce" for area in seen.areas)
    if seen.waiting and pull.is_open and not blocks:
        words.append(say(language, "advise_note"))
    if ticking and pull.is_draft and pull.is_open:  # the check is the same as when it is ready
        words.append(say(language, "draft_note", author=pull.author))
    return say(language, "next", words="\n".join(words))


def _next(seen: Review, who: str, *, ticking: bool) -> str:
    pull, policy = seen.facts.pull, seen.facts.policy
    language = policy.language
    if seen.state is PullState.UNREADABLE:
        return say(language, "next_policy", path=code(POLICY_PATH))
    if seen.state is PullState.SIGNED_OFF or not pull.is_open:
        return say(language, "next_nobody" if pull.is_open else "next_closed")
    if seen.state is PullState.WAITING_AUTHOR:
        key = "next_author" if ticking else "next_author_check"
        return say(language, key, author=pull.author, who=who)
    return say(language, "next_reviewers", who=who, ways=_ways(seen))


def commands(language: str) -> str:
    """The list of commands, from the table that reads them."""
    return "\n".join(
        say(
            language,
            "command",
            usage=code(f"/nfr {spec.usage}"),
            does=say(language, f"help_{name}"),
            who=say(language, f"who_{spec.who}"),
        )
        for name, spec in COMMANDS.items()
    )


def _listed(
    items: Sequence[Item], area: AreaReview, language: str, *, ticks: bool = False
) -> tuple[str, ...]:
    """Each question, and below it its answer. ticks: also of those that were only ticked."""
    lines: list[str] = []
    for item in items:
        box = "x" if item.id in area.answered else " "
        severity = say(language, f"sev_{item.severity}")
        lines.append(f"- [{box}] `{item.id}` **{severity}** {plain(item.question.to(language))}")
        entry = area.given.get(item.id)
        if entry and (ticks or entry.note or item.id not in area.answered):
            key = "answered_by" if item.id in area.answered else "answered_before"
            words = [say(language, key, who=entry.speaker)]
            words += [code(entry.note, 1000)] if entry.note else []
            lines.append(f"  {BETWEEN.join(words)}")
    return tuple(lines)


def _why(item: Item, language: str) -> str:
    reason, evidence = plain(item.why.to(language)), plain(item.evidence.to(language))
    if not reason and not evidence:
        return ""
    show = f" *{say(language, 'to_show')}* {evidence}" if evidence else ""
    return f"- `{item.id}` {reason}{show}"


def _who(areas: list[AreaReview], seen: Review) -> str:
    """Who may sign these areas off; each set of reviewers once, with its areas if they differ."""
    language = seen.facts.policy.language
    groups: dict[Reviewers, list[str]] = {}
    for area in areas:
        groups.setdefault(area.reviewers, []).append(title(area, language))
    if len(groups) < 2:
        return _reviewers(next(iter(groups), seen.facts.policy.reviewers), language)
    named = (
        say(
            language,
            "who_area",
            who=_reviewers(who, language),
            area=joined(language, (*titles,)),
        )
        for who, titles in groups.items()
    )
    return joined(language, tuple(named))


def _reviewers(who: Reviewers, language: str) -> str:
    if not who:
        return say(language, "who_maintain")
    teams = joined(language, tuple(code(team) for team in who.teams))
    users = joined(language, tuple(visible(user, 40) for user in who.users))
    named = (
        say(language, "who_teams", teams=teams) if teams else "",
        say(language, "who_users", users=users) if users else "",
    )
    return joined(language, tuple(name for name in named if name))


def _ways(seen: Review) -> str:
    """The doors that the policy leaves open for a sign-off."""
    policy = seen.facts.policy
    label = code(policy.labels["signed_off"])
    ways = [
        say(policy.language, "way_command") if "command" in policy.sign_off_by else "",
        say(policy.language, "way_label", label=label) if "label" in policy.sign_off_by else "",
    ]
    found = [way for way in ways if way]
    if len(found) == 2:
        return say(policy.language, "ways_or", first=found[0], second=found[1])
    return found[0] if found else say(policy.language, "ways_none")
