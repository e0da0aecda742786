"""The check run: written whole or not at all, its annotations in portions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ghapp.core.marks import Action, Annotation, CheckRun, Outcome, PutCheckRun
from ghapp.core.model import PullKey, QueueKey
from ghapp.github.budget import Importance
from ghapp.github.installation import Installation
from ghapp.github.reading import CHECK_NAME, QUEUE, at
from ghapp.github.wire import Request
from ghapp.github.writing import Body, outcome, unseen, write

# Source: https://docs.github.com/rest/checks/runs#update-a-check-run
ANNOTATIONS_A_REQUEST = 50


async def put(api: Installation, key: PullKey | QueueKey, effect: PutCheckRun) -> Outcome:
    """Created with its annotations; patched without them, since GitHub would add them again.

    Raises Retry also where the run to be patched is not to be seen: too new, or one of the oldest
    of 1,000, which GitHub deletes.
    """
    run, path = effect.check_run, at(key.repository, "check-runs")
    if effect.run_id:
        request = Request("PATCH", f"{path}/{effect.run_id}", _run(run, _owner(key), ()))
        answer = await api.send(request, Importance.GATE, fine=(404,))
        if answer.status == 404:
            raise unseen(answer, request)
        return outcome(answer, request)
    first, *more = _portions(run.annotations)
    if not more:
        body = {"head_sha": run.head_sha, **_run(run, _owner(key), first)}
        return await write(api, "POST", path, body, importance=Importance.GATE)
    return await _put_in_portions(api, key, run, (first, *more))


async def _put_in_portions(
    api: Installation,
    key: PullKey | QueueKey,
    run: CheckRun,
    portions: Sequence[Sequence[Annotation]],
) -> Outcome:
    """Only the last request sets digest and conclusion: a run cut short equals no other."""
    path = at(key.repository, "check-runs")
    begun = {"head_sha": run.head_sha, **_run(run, _owner(key), portions[0], whole=False)}
    made = await write(api, "POST", path, begun, importance=Importance.GATE)
    path = f"{path}/{made.id}"
    for portion in portions[1:-1]:
        body = _run(run, _owner(key), portion, whole=False)
        await write(api, "PATCH", path, body, importance=Importance.GATE)
    body = _run(run, _owner(key), portions[-1])
    return await write(api, "PATCH", path, body, importance=Importance.GATE)


def _owner(key: PullKey | QueueKey) -> str:
    """What the run is written for, as it stands in `external_id`."""
    return str(key.number) if isinstance(key, PullKey) else QUEUE


def _run(
    run: CheckRun, owner: str, annotations: Sequence[Annotation], *, whole: bool = True
) -> Body:
    """What GitHub wants to know of a run. whole: its last annotations are among these."""
    output: dict[str, Any] = {"title": run.title, "summary": run.summary, "text": run.text}
    if annotations:
        output["annotations"] = [_annotation(one) for one in annotations]
    body: dict[str, Any] = {
        "name": CHECK_NAME,
        "external_id": f"v1:{owner}:{run.digest if whole else ''}",
        "status": "in_progress",
        "output": output,
    }
    if whole and run.conclusion:
        body |= {"status": "completed", "conclusion": run.conclusion}
        # Named even where there are none: a patch without them would leave those of before.
        body["actions"] = [_action(one) for one in run.actions]
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


def _action(one: Action) -> Body:
    return {"label": one.label, "description": one.description, "identifier": one.identifier}


def _portions(annotations: tuple[Annotation, ...]) -> list[tuple[Annotation, ...]]:
    """Runs of 50; one empty one where there are none."""
    starts = range(0, max(len(annotations), 1), ANNOTATIONS_A_REQUEST)
    return [annotations[start : start + ANNOTATIONS_A_REQUEST] for start in starts]
