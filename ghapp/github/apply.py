"""One effect -> one call to GitHub, a second one only where said here -> its outcome."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import msgspec

from ghapp.core.marks import (
    AddLabels,
    Annotation,
    CheckRun,
    Effect,
    Outcome,
    PostReply,
    PutCheckRun,
    PutComment,
    React,
    RemoveLabel,
)
from ghapp.core.model import PullKey
from ghapp.errors import Gone, Rejected, Retry
from ghapp.github import reading
from ghapp.github.budget import Importance
from ghapp.github.installation import Installation, decoded
from ghapp.github.readback import reply_marker
from ghapp.github.reading import CHECK_NAME, LabelRow, at
from ghapp.github.refusals import PERMISSION_SECONDS
from ghapp.github.wire import Answer, Request

# Source: https://docs.github.com/rest/checks/runs#update-a-check-run
ANNOTATIONS_A_REQUEST = 50
# What GitHub gives a label that it makes because an issue was to carry it.
UNDESCRIBED_COLOUR = "ededed"

Body = Mapping[str, Any]


class _Made(msgspec.Struct):
    id: int = 0


async def apply(api: Installation, key: PullKey, effect: Effect) -> Outcome:
    """Write it.

    Raises Gone (the pull is out of reach), Retry (it may have taken effect) and Rejected (it would
    be refused again); never Rejected for the check run, for the gate is not given up.
    """
    try:
        return await _applied(api, key, effect)
    except Gone as gone:
        await reading.pull(api, key)  # raises Gone itself, unless only the write was refused
        if isinstance(effect, PutCheckRun):
            raise Retry(str(gone), after_seconds=PERMISSION_SECONDS) from gone
        raise Rejected(str(gone)) from gone


async def _applied(api: Installation, key: PullKey, effect: Effect) -> Outcome:
    match effect:
        case PutCheckRun():
            return await _put_check_run(api, key, effect)
        case PutComment():
            return await _put_comment(api, key, effect)
        case AddLabels():
            return await _add_labels(api, key, effect)
        case RemoveLabel():
            path = at(key.repository, f"issues/{key.number}/labels/{_quoted(effect.name)}")
            return await _write(api, "DELETE", path, fine=(404,))
        case React():
            reaction = effect.reaction
            path = at(key.repository, f"issues/comments/{reaction.comment_id}/reactions")
            # 404: the comment was deleted; nothing is left to acknowledge.
            body: Body = {"content": reaction.content}
            done = await _write(api, "POST", path, body, fine=(404,))
            return replace(done, id=0)
        case PostReply():
            reply = effect.reply
            path = at(key.repository, f"issues/{key.number}/comments")
            text = f"{reply_marker(reply.utterance_id)}\n{reply.body}"
            return await _write(api, "POST", path, {"body": text})


async def _put_check_run(api: Installation, key: PullKey, effect: PutCheckRun) -> Outcome:
    """Created with its annotations; patched without them, since GitHub would add them again."""
    run, path = effect.check_run, at(key.repository, "check-runs")
    if effect.run_id:
        request = Request("PATCH", f"{path}/{effect.run_id}", _run(run, key.number, ()))
        answer = await api.send(request, Importance.GATE, fine=(404,))
        if answer.status != 404:  # GitHub deletes the oldest of 1,000 runs
            return _outcome(answer, request)
    first, *more = _portions(run.annotations)
    if not more:
        body = {"head_sha": run.head_sha, **_run(run, key.number, first)}
        return await _write(api, "POST", path, body, importance=Importance.GATE)
    return await _put_in_portions(api, key, run, (first, *more))


async def _put_in_portions(
    api: Installation, key: PullKey, run: CheckRun, portions: Sequence[Sequence[Annotation]]
) -> Outcome:
    """Only the last request sets digest and conclusion: a run cut short equals no other."""
    path = at(key.repository, "check-runs")
    begun = {"head_sha": run.head_sha, **_run(run, key.number, portions[0], whole=False)}
    outcome = await _write(api, "POST", path, begun, importance=Importance.GATE)
    path = f"{path}/{outcome.id}"
    for portion in portions[1:-1]:
        body = _run(run, key.number, portion, whole=False)
        await _write(api, "PATCH", path, body, importance=Importance.GATE)
    body = _run(run, key.number, portions[-1])
    return await _write(api, "PATCH", path, body, importance=Importance.GATE)


async def _put_comment(api: Installation, key: PullKey, effect: PutComment) -> Outcome:
    """Edited; created where there is none, or it was deleted."""
    body = {"body": effect.body}
    if effect.comment_id:
        path = at(key.repository, f"issues/comments/{effect.comment_id}")
        request = Request("PATCH", path, body)
        answer = await api.send(request, Importance.COURTESY, fine=(404,))
        if answer.status != 404:
            return _outcome(answer, request)
    path = at(key.repository, f"issues/{key.number}/comments")
    return await _write(api, "POST", path, body)


async def _add_labels(api: Installation, key: PullKey, effect: AddLabels) -> Outcome:
    """One call; one more for each label that GitHub had to make, to give it its looks."""
    names = [name for name, _, _ in effect.described]
    path = at(key.repository, f"issues/{key.number}/labels")
    request = Request("POST", path, {"labels": names})
    answer = await api.send(request, Importance.COURTESY)
    rows = {row.name.casefold(): row for row in decoded(answer, list[LabelRow], request)}
    for name, colour, description in effect.described:
        row = rows.get(name.casefold())
        if row and row.color == UNDESCRIBED_COLOUR and row.description is None:
            looks = {"color": colour, "description": description}
            path = at(key.repository, f"labels/{_quoted(name)}")
            await _write(api, "PATCH", path, looks, fine=(404,))
    return Outcome(0, answer.date)


async def _write(
    api: Installation,
    method: str,
    path: str,
    body: Body | None = None,
    *,
    importance: Importance = Importance.COURTESY,
    fine: tuple[int, ...] = (),
) -> Outcome:
    request = Request(method, path, body)
    return _outcome(await api.send(request, importance, fine=fine), request)


def _outcome(answer: Answer, request: Request) -> Outcome:
    """The id of what was made, where the answer is one thing and not a list of labels."""
    listed = answer.body[:1] != b"{" or answer.status == 404
    made = 0 if listed else decoded(answer, _Made, request).id
    return Outcome(made, answer.date)


def _run(
    run: CheckRun, number: int, annotations: Sequence[Annotation], *, whole: bool = True
) -> Body:
    """What GitHub wants to know of a run. whole: its last annotations are among these."""
    output: dict[str, Any] = {"title": run.title, "summary": run.summary, "text": run.text}
    if annotations:
        output["annotations"] = [_annotation(one) for one in annotations]
    body: dict[str, Any] = {
        "name": CHECK_NAME,
        "external_id": f"v1:{number}:{run.digest if whole else ''}",
        "status": "in_progress",
        "output": output,
    }
    if whole and run.conclusion:
        body |= {"status": "completed", "conclusion": run.conclusion}
    return body


def _annotation(one: Annotation) -> Body:
    return {
        "path": one.path,
        "start_line": one.line,
        "end_line": one.line,
        "annotation_level": one.level,
        "title": one.title,
        "message": one.message,
    }


def _portions(annotations: tuple[Annotation, ...]) -> list[tuple[Annotation, ...]]:
    """Runs of 50; one empty one where there are none."""
    starts = range(0, max(len(annotations), 1), ANNOTATIONS_A_REQUEST)
    return [annotations[start : start + ANNOTATIONS_A_REQUEST] for start in starts]


def _quoted(name: str) -> str:
    """As one part of a path. Raises Rejected (on the way it would become another path).

    Dots fall away however they are quoted, and `labels/..` or `labels/` is not one label.
    """
    if not name.strip() or not {".", ".."}.isdisjoint(name.split("/")):
        raise Rejected(f"label {name!r}: no address can name it; remove it by hand")
    return quote(name, safe="")
