"""A review -> what its check run concludes: DESIGN's table of marks."""

from __future__ import annotations

from collections.abc import Iterable

from ghapp.core.review import AreaReview, PullState, Review

# Worst first: what a head shows when several areas or several pulls ask different things of it.
RANK = ("action_required", "", "cancelled", "neutral", "success")


def worst(conclusions: Iterable[str]) -> str:
    """The conclusion that decides; "success" where there is none."""
    return min(conclusions, key=RANK.index, default="success")


def conclusion(seen: Review) -> str:
    """The worst over the areas and the holds, each in its own mode; "" is in progress."""
    policy = seen.facts.policy
    if seen.state is PullState.UNREADABLE:
        return _blocked(policy.mode)
    areas = [_area(area, policy.pending) for area in seen.areas]
    if seen.state is not PullState.ON_HOLD:
        return worst(areas)
    shown = {area.id: area.mode for area in seen.areas}
    held = [_blocked(shown.get(one.subject, seen.mode)) for one in seen.holds]
    return worst((*areas, *held))


def _area(area: AreaReview, pending: str) -> str:
    if area.signed_off:
        return "success"
    if area.waived or area.mode != "enforce":
        return "neutral"
    return "" if pending == "in_progress" else "action_required"


def _blocked(mode: str) -> str:
    return "action_required" if mode == "enforce" else "neutral"
