"""What holds of what reviewers said: sign-offs, waivers and holds, as Markdown."""

from __future__ import annotations

from ghapp.core.areas import Reviewers
from ghapp.core.i18n import joined, say, sentences
from ghapp.core.ledger import Entry, State, Verb, when
from ghapp.core.markdown import code, link, literal, visible
from ghapp.core.policy.policy import POLICY_PATH
from ghapp.core.records import FollowUp
from ghapp.core.review.follow_ups import is_overdue, pressing
from ghapp.core.review.review import AreaReview, PullState, Review, conclusion
from ghapp.core.text import parts
from ghapp.core.text.parts import BETWEEN

MOST_REASON = 1_000  # characters


def signed(area: AreaReview, seen: Review) -> str:
    """Who settled the area, struck through where the diff has changed since; or took it back."""
    stood, language = area.standing, seen.facts.policy.language
    if stood.undone:
        return _undone(stood.undone, seen)
    if stood.signed is None:
        return ""
    entry = stood.signed
    kind = "waived_by" if entry.verb is Verb.WAIVE else "signed_by"
    words = [say(language, kind, who=entry.speaker, sha=code(entry.head_sha[:7]))]
    if stood.state is State.STALE:
        key = "stale_by" if area.changed_by else "stale_otherwise"
        change, compared = code(area.changed_by[:7]), _compared(entry, area, seen)
        return say(language, key, signed=words[0], change=change, compared=compared)
    if entry.detail:
        words.append(say(language, "accepted_open", items=code(entry.detail)))
    if entry.note and entry.verb is Verb.SIGN_OFF:  # a waiver's reason stands at the top
        words.append(code(entry.note))
    return BETWEEN.join(words)


def waivers(seen: Review) -> str:
    """Who waived what and why, each waiver once; what it covers has not changed since."""
    language = seen.facts.policy.language
    said: dict[str, list[tuple[Entry, str]]] = {}
    for area in seen.areas:
        entry = area.standing.signed
        if entry and area.waived:
            name = entry.id.partition("#")[0]
            said.setdefault(name, []).append((entry, parts.title(area, language)))
    return "\n".join(
        say(
            language,
            "waiver",
            who=found[0][0].speaker,
            sha=code(found[0][0].head_sha[:7]),
            reason=code(found[0][0].note, MOST_REASON),
            areas=joined(language, tuple(title for _, title in found)),
        )
        for found in said.values()
    )


def holds(seen: Review) -> str:
    """Each hold in force: by whom, on what and why."""
    key = "hold_overridden" if seen.state is PullState.WAIVED else "hold"
    language = seen.facts.policy.language
    return "\n".join(
        say(
            language,
            key,
            who=one.speaker,
            on=held(one, seen),
            reason=code(one.note, MOST_REASON),
        )
        for one in seen.holds
    )


def held(hold: Entry, seen: Review) -> str:
    """What a hold is on, in words; an area that is flagged no more goes by its id."""
    language = seen.facts.policy.language
    if not hold.subject:
        return say(language, "whole_pull")
    titles = (parts.title(area, language) for area in seen.areas if area.id == hold.subject)
    return next(titles, code(hold.subject))


def _undone(undo: Entry, seen: Review) -> str:
    """Who took it back, and what. speaker: "" of a dismissed review whose delivery was lost."""
    before = [
        one
        for one in seen.ledger
        if one.subject == undo.subject
        and one.verb in (Verb.SIGN_OFF, Verb.WAIVE)
        and when(one) <= when(undo)
    ]
    waived = bool(before) and max(before, key=when).verb is Verb.WAIVE
    key = "waiver_undone_by" if waived else "undone_by"
    who = undo.speaker
    return say(seen.facts.policy.language, key if who else "undone_by_nobody", who=who)


def _compared(signed: Entry, area: AreaReview, seen: Review) -> str:
    """A link to what has changed since; "" where no page shows that, or not by https.

    GitHub links what a force-push replaced with two dots as well.
    """
    pull = seen.facts.pull
    base, found, _ = pull.url.partition("/pull/")
    if not (found and area.changed_by and base.startswith("https://")):
        return ""
    address = f"{base}/compare/{signed.head_sha}..{pull.head_sha}"
    language = seen.facts.policy.language
    return say(language, "compared", link=link(say(language, "what_changed"), address))


MOST_DEBTS = 3  # of one area
MOST_OWN = 20


def own(seen: Review) -> str:
    """The follow-ups of this pull, once they are made."""
    language = seen.facts.policy.language
    made = seen.follow_ups[:MOST_OWN]
    if not made:
        return ""
    lines = [f"- {_own(one, language)}" for one in made]
    left = len(seen.follow_ups) - len(made)
    lines += [f"- {say(language, 'and_more', count=left)}"] if left else []
    return "\n".join([f"**{say(language, 'follow_ups')}**", "", *lines])


def debts(area: AreaReview, seen: Review) -> tuple[str, ...]:
    """What was put off in this area by other pulls and is due: a day, never how many are left."""
    language = seen.facts.policy.language
    due = pressing(area, seen)
    lines = [_debt(one, seen) for one in due[:MOST_DEBTS]]
    left = len(due) - len(lines)
    return (*lines, *([say(language, "debts_more", count=left)] if left else []))


def owner(login: str) -> str:
    """A login as words, which mention nobody."""
    return literal(login, 60)


def _own(one: FollowUp, language: str) -> str:
    key = "follow_up_open" if one.is_open else "follow_up_closed"
    words = say(language, key, item=code(one.item), due=one.due, owner=owner(one.owner))
    lost = one.is_open and one.issue and not one.assigned
    note = (say(language, "not_assigned"),) if lost else ()
    return BETWEEN.join((words, _issue(one, language), *note))


def _debt(one: FollowUp, seen: Review) -> str:
    language = seen.facts.policy.language
    key = "debt_overdue" if is_overdue(one, seen) else "debt_due"
    words = say(language, key, item=code(one.item), due=one.due)
    origin = say(language, "put_off_in", number=one.number)
    return BETWEEN.join((words, _issue(one, language), origin))


def _issue(one: FollowUp, language: str) -> str:
    return f"#{one.issue}" if one.issue else say(language, "no_issue")


def next_step(seen: Review, *, ticking: bool) -> str:
    """Who has to act next, and how. ticking: whether this stands in the comment with its boxes."""
    pull, policy = seen.facts.pull, seen.facts.policy
    language = policy.language
    who = signers(list(seen.waiting), seen)
    words = [_next(seen, who, ticking=ticking)]
    asks = seen.waiting or seen.state is PullState.ON_HOLD
    if asks and pull.is_open and seen.mode != "enforce":
        words.append(say(language, "advise_note"))
    if ticking and pull.is_draft and pull.is_open:  # the check is the same as when it is ready
        words.append(say(language, "draft_note", author=pull.author))
    return say(language, "next", words="\n".join(words))


def _next(seen: Review, who: str, *, ticking: bool) -> str:
    pull, policy = seen.facts.pull, seen.facts.policy
    language = policy.language
    if seen.state is PullState.UNREADABLE:
        broken = next((one.path for one in policy.problems), POLICY_PATH)
        return say(language, "next_policy", path=code(broken))
    if not pull.is_open:
        return say(language, "next_merged" if pull.is_merged else "next_closed")
    if seen.state is PullState.ON_HOLD:
        return sentences(language, _lifting(seen), _asking(seen, who, ticking=ticking))
    if not seen.waiting:
        return say(language, "next_nobody")
    asking = _asking(seen, who, ticking=ticking)
    return asking or say(language, "next_reviewers", who=who, ways=_ways(seen))


def _asking(seen: Review, who: str, *, ticking: bool) -> str:
    """What the author has to answer before reviewers sign off; "" where nothing is open."""
    if not any(area.open_musts for area in seen.waiting):
        return ""
    key = "next_author" if ticking else "next_author_check"
    language = seen.facts.policy.language
    return say(language, key, author=seen.facts.pull.author, who=who)


def _lifting(seen: Review) -> str:
    language = seen.facts.policy.language
    holders = dict.fromkeys(say(language, "person", who=one.speaker) for one in seen.holds)
    return say(language, "next_hold", who=joined(language, tuple(holders)))


def signers(areas: list[AreaReview], seen: Review) -> str:
    """Who may sign these areas off; each set of reviewers once, with its areas if they differ."""
    language = seen.facts.policy.language
    groups: dict[Reviewers, list[str]] = {}
    for area in areas:
        groups.setdefault(area.reviewers, []).append(parts.title(area, language))
    if len(groups) < 2:
        return people(next(iter(groups), seen.facts.policy.reviewers), language)
    named = (
        say(
            language,
            "who_area",
            who=people(who, language),
            area=joined(language, (*titles,)),
        )
        for who, titles in groups.items()
    )
    return joined(language, tuple(named))


def people(who: Reviewers, language: str) -> str:
    """Reviewers in words."""
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
    """The channels that the policy leaves open for a sign-off, as far as they can be seen."""
    policy = seen.facts.policy
    language, channels = policy.language, policy.sign_off_by
    if not conclusion(seen):
        channels -= {"button"}  # GitHub shows none while a check is in progress
    label, button = code(policy.labels["signed_off"]), say(language, "button_signoff")
    ways = [
        say(language, f"way_{channel}", label=label, button=button)
        for channel in ("command", "label", "review", "button")
        if channel in channels
    ]
    if len(ways) < 2:
        return ways[0] if ways else say(language, "ways_none")
    *first, beside, last = ways
    listed = joined(language, (*(way.rstrip() for way in first), beside))
    return say(language, "ways_or", first=listed, second=last)
