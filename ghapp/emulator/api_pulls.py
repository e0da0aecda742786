"""Pulls and their changed files."""

from __future__ import annotations

import msgspec

from ghapp.emulator import shapes_pulls
from ghapp.emulator.pull_state import PullState
from ghapp.emulator.rest import Answer, Call, ok


def list_pulls(call: Call) -> Answer:
    """Filters: state, base, head ("owner:branch"). Sorted by created or updated, newest first.

    Where no direction is asked for, only what is sorted by creation comes newest first. Source:
    https://docs.github.com/rest/pulls/pulls#list-pull-requests
    """
    state, at = call.query.get("state", "open"), call.github.shapes
    base, head = call.query.get("base", ""), call.query.get("head", "")
    rows = [
        pull
        for pull in call.repository().pulls.values()
        if state in ("all", pull.state)
        and base in ("", pull.base_ref)
        and head in ("", f"{pull.head_owner}:{pull.head_ref}")
    ]
    sort = call.query.get("sort", "created")
    rows.sort(
        key=lambda pull: (pull.updated_at if sort == "updated" else pull.created_at, pull.number)
    )
    if call.query.get("direction", "desc" if sort == "created" else "asc") == "desc":
        rows.reverse()
    return call.listed(rows, lambda pull: shapes_pulls.pull_simple(at, pull))


def get_pull(call: Call) -> Answer:
    return call.conditional(ok(shapes_pulls.pull(call.github.shapes, call.seen_pull())))


def list_files(call: Call) -> Answer:
    """Changed files in path order, of the head as it is at this very page."""
    pull = call.seen_pull()
    changes = pull.changes()[: call.github.limits.files]
    answer = Answer(200, _files(call, pull))
    answer.headers |= call.links(len(changes))
    return answer


def _files(call: Call, pull: PullState) -> bytes:
    """One page, encoded; what names two SHAs and a page never changes."""
    number, size = call.page()
    at, base = call.github.shapes, pull.merge_base()
    key = (at.api, pull.repository.full_name, base, pull.head_sha, number, size)
    if key not in call.github.pages:
        changes = pull.changes()[: call.github.limits.files][(number - 1) * size : number * size]
        rows = [shapes_pulls.file(at, pull.repository, pull.head_sha, base, row) for row in changes]
        call.github.pages[key] = msgspec.json.encode(rows)
    return call.github.pages[key]
