"""Which heads a pull request has had, and who pushed each."""

from __future__ import annotations

from ghapp.core.memory import Past
from ghapp.core.rights import same_login


def heads(past: Past, author: str, head_sha: str) -> tuple[tuple[str, frozenset[str]], ...]:
    """(head SHA, who pushed it), oldest first, up to and with the present `head_sha`.

    The first head of a pull is its author's, where nobody else is known to have pushed it. Of a
    later one that no delivery told of, nobody is known. Times are GitHub's, of the push and of
    our accepted run.
    """
    pushed_by: dict[str, frozenset[str]] = {}
    for push in past.pushes:
        pushed_by[push.head_sha] = pushed_by.get(push.head_sha, frozenset()) | {push.login}
    seen = sorted(
        [(push.seen_at, push.head_sha) for push in past.pushes]
        + [(shown.accepted_at, shown.head_sha) for shown in past.shown]
    )
    order = tuple(dict.fromkeys([*(head for _, head in seen), head_sha]))
    pushed_by.setdefault(order[0], frozenset({author}))
    return tuple((head, pushed_by.get(head, frozenset())) for head in order)


def newest(past: Past) -> str:
    """The head SHA that we saw last for the first time, "" where there is none.

    After a push that brought an older head back this is not the present one.
    """
    known = heads(past, "", "")
    return known[-2][0] if len(known) > 1 else ""


def only_by(login: str, past: Past, author: str, head_sha: str) -> bool:
    """Whether every head is known to have been pushed by this account, and by no other."""
    return all(
        by and all(same_login(login, one) for one in by) for _, by in heads(past, author, head_sha)
    )
