"""What all writes share: the request, its outcome, names in addresses, the looks of labels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from ghapp.core.marks import Outcome
from ghapp.core.model import Repository
from ghapp.errors import Rejected, Retry
from ghapp.github.budget import Importance
from ghapp.github.installation import Installation, decoded
from ghapp.github.reading import LabelRow, at
from ghapp.github.wire import Answer, Request

# What GitHub gives a label that it makes because an issue was to carry it.
UNDESCRIBED_COLOUR = "ededed"

UNSEEN_SECONDS = 1.0

Body = Mapping[str, Any]


class _Made(msgspec.Struct):
    id: int


async def write(
    api: Installation,
    method: str,
    path: str,
    body: Body | None = None,
    *,
    importance: Importance = Importance.COURTESY,
    fine: tuple[int, ...] = (),
) -> Outcome:
    """fine: where it is refused so, there is nothing to write. Raises as `Installation.send`."""
    request = Request(method, path, body)
    return outcome(await api.send(request, importance, fine=fine), request)


def outcome(answer: Answer, request: Request) -> Outcome:
    """The id of what was made; 0 where labels are left, or what was to be taken away was gone.

    Raises Retry: what answers something else is not GitHub, and may not have passed it on.
    """
    if answer.status >= 400:
        return Outcome(0, answer.date)
    if request.method == "DELETE":
        decoded(answer, list[LabelRow], request)
        return Outcome(0, answer.date)
    return Outcome(decoded(answer, _Made, request).id, answer.date)


def unseen(answer: Answer, request: Request) -> Retry:
    """For what we wrote before and is answered 404: it was deleted, or is too new to be seen.

    Which of the two, the next run reads back; to write it anew at once might be to write it twice.
    """
    return Retry(f"{request}: GitHub answers {answer.status}", after_seconds=UNSEEN_SECONDS)


async def give_looks(
    api: Installation,
    repository: Repository,
    described: Iterable[tuple[str, str, str]],
    rows: Iterable[LabelRow],
) -> None:
    """Colour and description for each label that GitHub had to make: one call each.

    described: (name, colour, description). rows: the labels as GitHub answered. Raises as `write`.
    """
    there = {row.name.casefold(): row for row in rows}
    for name, colour, description in described:
        row = there.get(name.casefold())
        if row and row.color == UNDESCRIBED_COLOUR and row.description is None:
            looks = {"color": colour, "description": description}
            await write(api, "PATCH", at(repository, f"labels/{quoted(name)}"), looks, fine=(404,))


def quoted(name: str) -> str:
    """As one part of a path. Raises Rejected (on the way it would become another path).

    Dots fall away however they are quoted, and `labels/..` or `labels/` is not one label.
    """
    if not name.strip() or not {".", ".."}.isdisjoint(name.split("/")):
        raise Rejected(f"label {name!r}: no address can name it; remove it by hand")
    return quote(name, safe="")
