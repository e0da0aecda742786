"""Who has to act next on a pull request, and by which door, as Markdown."""

from __future__ import annotations

from ghapp.core.areas import Reviewers
from ghapp.core.conclusions import conclusion
from ghapp.core.markdown import code, visible
from ghapp.core.policies.policy import POLICY_PATH
from ghapp.core.review import AreaReview, PullState, Review
from ghapp.core.words import parts
from ghapp.core.words.texts import joined, say, sentences


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
    """The doors that the policy leaves open for a sign-off, as far as they can be seen."""
    policy = seen.facts.policy
    language, doors = policy.language, policy.sign_off_by
    if not conclusion(seen):
        doors -= {"button"}  # GitHub shows none while a check is in progress
    label, button = code(policy.labels["signed_off"]), say(language, "button_signoff")
    ways = [
        say(language, f"way_{door}", label=label, button=button)
        for door in ("command", "label", "review", "button")
        if door in doors
    ]
    if len(ways) < 2:
        return ways[0] if ways else say(language, "ways_none")
    *first, beside, last = ways
    listed = joined(language, (*(way.rstrip() for way in first), beside))
    return say(language, "ways_or", first=listed, second=last)
