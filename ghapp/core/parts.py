"""The pieces that comment and check run are made of, as Markdown; "" where there is nothing."""

from __future__ import annotations

from ghapp.core.areas import Item, Reviewers
from ghapp.core.commands import COMMANDS
from ghapp.core.markdown import code, folded, visible
from ghapp.core.memory import Entry, Verb, Verdict
from ghapp.core.policy import POLICY_PATH
from ghapp.core.reasons import why
from ghapp.core.review import AreaReview, PullState, Review
from ghapp.core.standing import State
from ghapp.core.texts import joined, say

BETWEEN = " · "
MOST_REASONS = 3
MOST_REFUSALS = 3


def intro(seen: Review) -> str:
    """The opening sentence of the comment."""
    language = seen.facts.policy.language
    key = "intro_signed_off" if seen.state is PullState.SIGNED_OFF else "intro"
    names = tuple(f"**{area.title.to(language)}**" for area in seen.areas)
    return say(language, key, areas=joined(language, names)) if names else ""


def reasons(area: AreaReview, language: str) -> str:
    """Why the area is flagged: the first few hits, and how many more there are."""
    named = [why(hit, language) for hit in area.hits[:MOST_REASONS]]
    left = len(area.hits) - len(named)
    more = (say(language, "and_more", count=left),) if left > 0 else ()
    return joined(language, (*named, *more))


def signed(area: AreaReview, language: str) -> str:
    """Who signed the area off, struck through where the diff has changed since."""
    entry = area.standing.signed
    if entry is None:
        return ""
    who, sha = entry.speaker, code(entry.head_sha[:7])
    if area.standing.state is State.STALE:
        return say(language, "stale_by", who=who, sha=sha, change=code(area.changed_by[:7]))
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
    lines = tuple(_question(item, area, language) for item in shown)
    if rest:
        more = say(language, "more_questions", count=len(rest))
        block = folded(more, tuple(_question(item, area, language) for item in rest))
        lines = (*lines, *(("",) if lines else ()), *block)
    return "\n".join(lines)


def details(area: AreaReview, seen: Review) -> str:
    """One area in the check run's text: its questions with answers, reasons and evidence."""
    language = seen.facts.policy.language
    asked = [
        line
        for item in area.items
        for line in (_question(item, area, language), *_answer(area, item, language))
    ]
    whys = [words for item in area.items if (words := _why(item, language))]
    blocks = (
        f"### {area.title.to(language)}",
        signed(area, language),
        "\n".join(asked),
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
    titles = {area.id: area.title.to(policy.language) for area in policy.areas}
    names = tuple(titles[area] for area in seen.checklist.hints if area in titles)
    return say(policy.language, "hint", areas=joined(policy.language, names)) if names else ""


def refusals(seen: Review) -> str:
    """The latest refusals, until something else was said and done."""
    recent: list[Entry] = []
    for entry in seen.ledger:
        recent = [*recent, entry] if entry.verb is Verb.REFUSED else []
    lines = [f"- {refusal(seen, entry)}" for entry in recent[-MOST_REFUSALS:]]
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
    return f"{entry.speaker}: {words}"


def next_step(seen: Review, *, ticking: bool) -> str:
    """Who has to act next, and how. ticking: whether the boxes can be ticked where this stands."""
    policy = seen.facts.policy
    language = policy.language
    who = _who(list(seen.waiting), seen)
    if seen.state is PullState.UNREADABLE:
        words = say(language, "next_policy", path=code(POLICY_PATH))
    elif seen.state is PullState.SIGNED_OFF:
        words = say(language, "next_nobody")
    elif seen.state is PullState.WAITING_AUTHOR:
        key = "next_author" if ticking else "next_author_check"
        words = say(language, key, author=seen.facts.pull.author, who=who)
    else:
        words = say(language, "next_reviewers", who=who, ways=_ways(seen))
    blocks = any(area.mode == "enforce" for area in seen.areas)
    advice = "" if blocks or not seen.waiting else f"\n{say(language, 'advise_note')}"
    return f"**{say(language, 'next')}**: {words}{advice}"


def commands(language: str) -> str:
    """The list of commands, from the table that reads them."""
    return "\n".join(
        f"- `/nfr {spec.usage}`: {say(language, f'help_{name}')} "
        f"({say(language, f'who_{spec.who}')})"
        for name, spec in COMMANDS.items()
    )


def _question(item: Item, area: AreaReview, language: str) -> str:
    box = "x" if item.id in area.answered else " "
    severity = say(language, f"sev_{item.severity}")
    return f"- [{box}] `{item.id}` **{severity}** {item.question.to(language)}"


def _answer(area: AreaReview, item: Item, language: str) -> tuple[str, ...]:
    entry = area.answered.get(item.id)
    if entry is None:
        return ()
    words = [say(language, "answered_by", who=entry.speaker)]
    if entry.note:
        words.append(say(language, "evidence_given", note=code(entry.note, 1000)))
    return (f"  {BETWEEN.join(words)}",)


def _why(item: Item, language: str) -> str:
    reason, evidence = item.why.to(language), item.evidence.to(language)
    if not reason and not evidence:
        return ""
    show = f" *{say(language, 'to_show')}* {evidence}" if evidence else ""
    return f"- `{item.id}` {reason}{show}"


def _who(areas: list[AreaReview], seen: Review) -> str:
    """Who may sign these areas off; each set of reviewers once, with its areas if they differ."""
    language = seen.facts.policy.language
    groups: dict[Reviewers, list[str]] = {}
    for area in areas:
        groups.setdefault(area.reviewers, []).append(area.title.to(language))
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
