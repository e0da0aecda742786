"""The head of a merge queue -> its check run: which pulls are in it, and what each one needs."""

from __future__ import annotations

from ghapp.core.i18n import Words
from ghapp.core.markdown import MOST_TITLE, code, cut, link, plain, visible
from ghapp.core.marks import CheckRun
from ghapp.core.policy.policy import Policy
from ghapp.core.review import merge_queue
from ghapp.core.review.merge_queue import Member, MemberState, Verdicts
from ghapp.core.text.render import sealed

MOST_NAMED = 20  # pulls in a title


def check_run(
    head_sha: str,
    inside: tuple[Member, ...],
    verdicts: Verdicts,
    policy: Policy | None,
    refused: str = "",
) -> CheckRun:
    """The run on the queue's head.

    inside: the pulls in it, in the order of merging; () if they are not known. policy: None if it
    is not known. refused: why GitHub does not list the queue.
    """
    words = Words(policy.language if policy else "en")
    conclusion = merge_queue.conclusion(inside, verdicts, policy)
    title, summary = _title(inside, verdicts, words), words("queue_holds") + "\n"
    for member in inside:
        standing, name = merge_queue.state_of(member, verdicts), _name(member, words)
        verdict = verdicts.get(member.number) if standing is not MemberState.UNKNOWN else None
        summary += "\n" + words(
            "queue_line" if standing is MemberState.PASSES else "queue_line_blocked",
            pull=link(name, member.url) if member.number else name,
            words=plain(verdict.title) if verdict else words("queue_not_known"),
        )
    if not inside:
        why = words("queue_refused", reason=code(refused, 400)) if refused else ""
        summary = words.sentences(words("queue_unlisted"), why)
    if conclusion == "failure":
        summary += f"\n\n{words('queue_next')}"
    return sealed(CheckRun(head_sha, "", conclusion, title, cut(summary, words("cut"))))


def _title(inside: tuple[Member, ...], verdicts: Verdicts, words: Words) -> str:
    """The title: which pulls are blocked, else which have no verdict yet, else that all pass."""
    if not inside:
        return words("title_queue_unlisted")
    standings = [merge_queue.state_of(member, verdicts) for member in inside]
    worst = min(standings, key=(MemberState.BLOCKED, MemberState.UNKNOWN, MemberState.PASSES).index)
    found = [one for one, standing in zip(inside, standings, strict=True) if standing is worst]
    if worst is MemberState.BLOCKED and len(found) == 1:
        number = found[0].number
        return visible(
            words("shared_line", number=number, title=verdicts[number].title), MOST_TITLE
        )
    named = (_name(member, words) for member in found[:MOST_NAMED])
    pulls = words.joined(named, len(found) - MOST_NAMED)
    return visible(words(f"title_queue_{worst.value}", pulls=pulls), MOST_TITLE)


def _name(member: Member, words: Words) -> str:
    return f"#{member.number}" if member.number else words("queue_hidden")


def parked_run(head_sha: str, policy: Policy | None, reason: str) -> CheckRun:
    """The run on a head that failed again and again; never green."""
    words = Words(policy.language if policy else "en")
    conclusion = "failure" if merge_queue.enforced(policy) else "neutral"
    summary = words("queue_parked", reason=code(reason, 400))
    return sealed(CheckRun(head_sha, "", conclusion, words("title_queue_parked"), summary))
