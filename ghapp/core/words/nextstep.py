"""Who has to act next on a pull request, and by which door, as Markdown."""

from __future__ import annotations

from ghapp.core.areas import Reviewers
from ghapp.core.markdown import code, visible
from ghapp.core.policies.policy import POLICY_PATH
from ghapp.core.review import AreaReview, PullState, Review
from ghapp.core.words import parts
from ghapp.core.words.texts import joined, say


def next_step(seen: Review, *, ticking: bool) -> str:
    """Who has to act next, and how. ticking: whether this stands in the comment with its boxes."""
    pull, policy = seen.facts.pull, seen.facts.policy
    language = policy.language
    who = signers(list(seen.waiting), seen)
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
        broken = next((one.path for one in policy.problems), POLICY_PATH)
        return say(language, "next_policy", path=code(broken))
    if seen.state is PullState.SIGNED_OFF or not pull.is_open:
        return say(language, "next_nobody" if pull.is_open else "next_closed")
    if seen.state is PullState.WAITING_AUTHOR:
        key = "next_author" if ticking else "next_author_check"
        return say(language, key, author=pull.author, who=who)
    return say(language, "next_reviewers", who=who, ways=_ways(seen))


def signers(areas: list[AreaReview], seen: Review) -> str:
    """Who may sign these areas off; each set of reviewers once, with its areas if they differ."""
    language = seen.facts.policy.language
    groups: dict[Reviewers, list[str]] = {}
    for area in areas:
        groups.setdefault(area.reviewers, []).append(parts.title(area, language))
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
