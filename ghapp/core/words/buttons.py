"""The buttons of a check run that is complete, at most three."""

from __future__ import annotations

from ghapp.core.marks import Action
from ghapp.core.review import PullState, Review
from ghapp.core.words.texts import say


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
