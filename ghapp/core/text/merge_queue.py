"""The head of a merge queue -> its check run: which pulls are in it, and what each of them asks."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

from ghapp.core.i18n import joined, say, sentences
from ghapp.core.markdown import code, cut, link, plain, visible
from ghapp.core.marks import CheckRun
from ghapp.core.policy.policy import Policy
from ghapp.core.review import merge_queue
from ghapp.core.review.merge_queue import Member, Standing, Verdicts
from ghapp.core.text.render import MOST_TITLE

MOST_NAMED = 20  # pulls in a title


def check_run(
    head_sha: str,
    inside: tuple[Member, ...],
    verdicts: Verdicts,
    policy: Policy | None,
    refused: str = "",
) -> CheckRun:
    """The run on the queue's head.

    inside: next to be merged first; () where it is not known who is in it. policy: None where it is
    not known. refused: why GitHub does not tell who is in the queue.
    """
    language = policy.language if policy else "en"
    found = merge_queue.conclusion(inside, verdicts, policy)
    title = _title(inside, verdicts, language)
    summary = _summary(inside, verdicts, language, refused)
    if found == "failure":
        summary = f"{summary}\n\n{say(language, 'queue_next')}"
    return _sealed(CheckRun(head_sha, "", found, title, cut(summary, say(language, "cut"))))


def parked_run(head_sha: str, policy: Policy | None, reason: str) -> CheckRun:
    """The run on a head that could not be answered again and again; never green."""
    language = policy.language if policy else "en"
    found = "failure" if merge_queue.enforced(policy) else "neutral"
    summary = say(language, "queue_parked", reason=code(reason, 400))
    return _sealed(CheckRun(head_sha, "", found, say(language, "title_queue_parked"), summary))


def _title(inside: tuple[Member, ...], verdicts: Verdicts, language: str) -> str:
    if not inside:
        return say(language, "title_queue_unlisted")
    every = {kind: _of(kind, inside, verdicts) for kind in Standing}
    blocked, missing = every[Standing.BLOCKED], every[Standing.UNKNOWN]
    if len(blocked) == 1:
        first = blocked[0]
        words = say(
            language, "shared_line", number=first.number, title=verdicts[first.number].title
        )
    elif blocked:
        words = say(language, "title_queue_blocked", pulls=_named(blocked, language))
    elif missing:
        words = say(language, "title_queue_unknown", pulls=_named(missing, language))
    else:
        words = say(language, "title_queue_passes", pulls=_named(inside, language))
    return visible(words, MOST_TITLE)


def _of(kind: Standing, inside: tuple[Member, ...], verdicts: Verdicts) -> tuple[Member, ...]:
    return tuple(one for one in inside if merge_queue.standing(one, verdicts) is kind)


def _named(members: tuple[Member, ...], language: str) -> str:
    names = tuple(_name(one, language) for one in members[:MOST_NAMED])
    left = len(members) - len(names)
    more = (say(language, "and_more", count=left),) if left else ()
    return joined(language, (*names, *more))


def _name(member: Member, language: str) -> str:
    return f"#{member.number}" if member.number else say(language, "queue_hidden")


def _summary(inside: tuple[Member, ...], verdicts: Verdicts, language: str, refused: str) -> str:
    if not inside:
        why = say(language, "queue_refused", reason=code(refused, 400)) if refused else ""
        return sentences(language, say(language, "queue_unlisted"), why)
    lines = (_line(one, verdicts, language) for one in inside)
    return "\n".join((say(language, "queue_holds"), "", *lines))


def _line(member: Member, verdicts: Verdicts, language: str) -> str:
    """What one pull asks; what keeps the queue's head from passing stands out."""
    found, name = merge_queue.standing(member, verdicts), _name(member, language)
    shown = link(name, member.url) if member.number else name
    if found is Standing.UNKNOWN:
        words = say(language, "queue_not_known")
    else:
        words = plain(verdicts[member.number].title)
    key = "queue_line" if found is Standing.PASSES else "queue_line_blocked"
    return say(language, key, pull=shown, words=words)


def _sealed(run: CheckRun) -> CheckRun:
    words = json.dumps([run.conclusion, run.title, run.summary], ensure_ascii=False)
    digest = hashlib.sha256(words.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return replace(run, digest=digest)
