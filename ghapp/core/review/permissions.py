"""By which right somebody may do something.

Only GitHub's answers count (`model.Rights`). A right that GitHub was not asked about, or did not
answer about, counts as missing.
"""

from __future__ import annotations

from ghapp.core.areas import Reviewers
from ghapp.core.model import Pull, Rights, same_login


def right_to_review(speaker: str, reviewers: Reviewers, rights: Rights, owner: str) -> str:
    """By which right the speaker may sign off: "team org/slug" | "user login" | "maintain" | ""."""
    if same_login(speaker, *reviewers.users):
        return f"user {speaker}"
    for team in reviewers.teams:
        if full_team(team, owner) in rights.teams:
            return f"team {full_team(team, owner)}"
    return "maintain" if rights.maintain and not reviewers else ""


def grants(reviewers: Reviewers, right: str, owner: str) -> bool:
    """Whether these reviewers give a right that `right_to_review` named."""
    named = {f"team {full_team(team, owner)}" for team in reviewers.teams}
    named |= {f"user {user}".casefold() for user in reviewers.users}
    return right.casefold() in named or (right == "maintain" and not reviewers)


def full_team(team: str, owner: str) -> str:
    """A team as "org/slug"; a bare slug belongs to the repository's owner."""
    return (team if "/" in team else f"{owner}/{team}").lower()


def owner_of(pull: Pull) -> str:
    """The organisation or user that owns the repository."""
    return pull.key.repository.full_name.partition("/")[0]
