"""By which right somebody may do something, and who pushed which head.

Only GitHub's answers count (`model.Rights`). A right that GitHub was not asked about, or did not
answer about, counts as missing.
"""

from __future__ import annotations

from ghapp.core.areas import Reviewers
from ghapp.core.model import Pull, Rights
from ghapp.core.records import History


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


def same_login(login: str, *others: str) -> bool:
    """Whether a login is among others; GitHub's logins ignore case."""
    return login.casefold() in {other.casefold() for other in others}


def full_team(team: str, owner: str) -> str:
    """A team as "org/slug"; a bare slug belongs to the repository's owner."""
    return (team if "/" in team else f"{owner}/{team}").lower()


def owner_of(pull: Pull) -> str:
    """The organisation or user that owns the repository."""
    return pull.key.repository.full_name.partition("/")[0]


def heads(history: History, author: str, head_sha: str) -> tuple[tuple[str, frozenset[str]], ...]:
    """(head SHA, who pushed it) for each head, oldest first, up to the present `head_sha`.

    The first head of a pull is its author's, unless somebody else is known to have pushed it. The
    set is empty for a later head whose push no delivery reported. Heads are ordered by GitHub's
    times, of the push and of our accepted check run.
    """
    pushed_by: dict[str, frozenset[str]] = {}
    for push in history.pushes:
        pushed_by[push.head_sha] = pushed_by.get(push.head_sha, frozenset()) | {push.login}
    times = sorted(
        [(push.seen_at, push.head_sha) for push in history.pushes]
        + [(shown.accepted_at, shown.head_sha) for shown in history.shown]
    )
    order = tuple(dict.fromkeys([*(head for _, head in times), head_sha]))
    pushed_by.setdefault(order[0], frozenset({author}))
    return tuple((head, pushed_by.get(head, frozenset())) for head in order)


def newest(history: History) -> str:
    """The head SHA that appeared most recently; "" if there is none.

    It is not the present one if a push has restored an older head since.
    """
    known = heads(history, "", "")
    return known[-2][0] if len(known) > 1 else ""


def only_by(login: str, history: History, author: str, head_sha: str) -> bool:
    """Whether every head is known to have been pushed by this account, and by no other."""
    return all(
        by and all(same_login(login, one) for one in by)
        for _, by in heads(history, author, head_sha)
    )
