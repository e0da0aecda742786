"""Kinds of misbehaviour x what they strike: every review ends as if nothing had been.

All rows of the table are lived through side by side, each in a repository of its own: so each of
them is also a broken repository that holds up no other.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

import pytest

from benchmarks.misbehaving import Review, Scene, scene
from ghapp.emulator import faults
from ghapp.emulator.faults import Fault
from ghapp.emulator.repository import Repository

REPO = "/repos/{owner}/{repo}"
PULL = f"GET {REPO}/pulls/{{number}}"
FILES = f"{PULL}/files"
POLICY = f"GET {REPO}/contents/{{path}}"
# Read only where we doubt our own record.
TALK = f"GET {REPO}/issues/{{number}}/comments"
REVIEWS, REMARKS = f"{PULL}/reviews", f"{PULL}/comments"
RUNS = f"GET {REPO}/commits/{{ref}}/check-runs"
CHECK, CHANGE = f"POST {REPO}/check-runs", f"PATCH {REPO}/check-runs/{{id}}"
COMMENT = f"POST {REPO}/issues/{{number}}/comments"
EDIT = f"PATCH {REPO}/issues/comments/{{id}}"
LABELS = f"POST {REPO}/issues/{{number}}/labels"
UNLABEL = f"DELETE {REPO}/issues/{{number}}/labels/{{name}}"
REACT = f"POST {REPO}/issues/comments/{{id}}/reactions"
ISSUE = f"POST {REPO}/issues"

READ_BACK = (TALK, REVIEWS, REMARKS, RUNS)
READS = (PULL, FILES, POLICY, *READ_BACK)
WRITES = (CHECK, COMMENT, EDIT, LABELS, UNLABEL, REACT, ISSUE)

Kind = Callable[[str], Fault]
EARLIER = "Wed, 01 Apr 2020 09:30:00 GMT"

KINDS: Mapping[str, tuple[Kind, Sequence[str]]] = {
    "500": (lambda route: faults.broken(route, 500), READS),
    "502": (faults.broken, (*READS, *WRITES)),
    "503": (lambda route: faults.broken(route, 503), WRITES),
    "502 after the write": (lambda route: faults.broken(route, after=True), WRITES),
    "a page of HTML as 502": (faults.page, READS),
    "a page of HTML as 200": (lambda route: replace(faults.page(route), status=200), WRITES),
    "cut": (faults.cut, (*READS, *WRITES)),
    "cut after the write": (lambda route: faults.cut(route, after=True), WRITES),
    "half of the answer": (faults.truncated, (*READS, *WRITES)),
    "no gzip": (faults.garbled, (*READS, *WRITES)),
    "an empty answer": (lambda route: Fault(route, body=b""), WRITES),
    "secondary limit": (faults.secondary_limit, (*READS, *WRITES)),
    "429": (lambda route: faults.secondary_limit(route, status=429), WRITES),
    "secondary limit, for an unknown time": (
        lambda route: faults.secondary_limit(route, retry_after=None),
        READS,
    ),
    "secondary limit, until a day that has been": (
        lambda route: faults.secondary_limit(route, retry_after=EARLIER),
        WRITES,
    ),
    "secondary limit, for 30 years": (
        lambda route: faults.secondary_limit(route, retry_after=10**9),
        WRITES,
    ),
    "secondary limit, for less than no time": (
        lambda route: faults.secondary_limit(route, retry_after="-5"),
        WRITES,
    ),
    "primary limit": (faults.primary_limit, READS),
    "primary limit, over already": (
        lambda route: faults.primary_limit(route, reset_in=-300),
        WRITES,
    ),
    "token refused": (faults.revoked, (*READS, *WRITES)),
    "401": (lambda route: Fault(route, 2, status=401, message="Bad credentials"), WRITES),
    "permission taken": (
        lambda route: faults.forbidden(route, "checks=write"),
        (PULL, FILES, *READ_BACK, CHECK, COMMENT, EDIT, LABELS, UNLABEL),
    ),
    "label made meanwhile": (faults.already_exists, (LABELS,)),
    "check run refused": (lambda route: faults.not_valid(route, "conclusion"), (CHECK,)),
    "not to be seen yet": (
        faults.unseen,
        (PULL, FILES, *READ_BACK, CHECK, COMMENT, EDIT, LABELS, REACT, ISSUE),
    ),
    "old news": (lambda route: faults.stale(route, times=2), (PULL, FILES, *READ_BACK)),
    "unchanged, they say": (faults.unchanged, (PULL, FILES, POLICY, *READ_BACK)),
    "another ETag": (lambda route: faults.renamed(route, "e2"), (POLICY,)),
    "a million pages": (faults.endless, (TALK, REVIEWS, REMARKS)),
    "the next page elsewhere": (
        lambda route: faults.elsewhere(route, "example.com"),
        (FILES, *READ_BACK),
    ),
    "a page again and again": (lambda route: faults.repeated(route, times=3), (TALK,)),
    "empty pages": (faults.emptied, (TALK,)),
    "more rows than asked for": (faults.overfull, (FILES, TALK, REVIEWS, REMARKS)),
    "301 to itself": (lambda route: faults.looping(route, times=2), (PULL, FILES, *READ_BACK)),
    "307 to itself": (lambda route: faults.looping(route, 307, times=2), WRITES),
    "451": (faults.blocked, (PULL,)),
}
# A run that was in doubt once is not changed, but made anew: so this has rows of its own.
LATER = ("502", "502 after the write", "cut", "half of the answer", "an empty answer", "429",
         "check run refused", "not to be seen yet", "307 to itself")  # fmt: skip
ROWS = {
    **KINDS,
    **{f"{name}, at a change of the run": (KINDS[name][0], (CHANGE,)) for name in LATER},
}
# On one head: by the push, by each change of its annotations, and anew where one was in doubt.
MOST_RUNS = 4
Found = Mapping[str, Sequence[str]]


async def lived(made: Scene, shops: Mapping[str, Repository]) -> dict[str, Review]:
    """A review in each of them: opened, pushed to, put off in part, signed off, merged."""
    reviews = {name: Review.opened(shop) for name, shop in shops.items()}
    await made.settle()
    for review in reviews.values():
        review.ask()
        review.defer()
    await made.settle()
    for review in reviews.values():
        review.pull.push({"app/orders.py": "total = len\n"})
    await made.settle()
    keys = [made.key(review.pull) for review in reviews.values()]
    await made.store.queue.mark_dirty(keys, touched=True)  # as a sweep does
    await made.settle()
    for review in reviews.values():
        review.sign()
    await made.settle()
    for review in reviews.values():
        review.pull.merge("bob")
    await made.settle()
    return reviews


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    """By kind, what is not as it has to be."""

    async def told() -> Found:
        async with scene(tmp_path_factory.mktemp("kinds")) as made:
            shops = {name: made.shop(f"shop-{at}") for at, name in enumerate(("none", *ROWS))}
            for name, (kind, routes) in ROWS.items():
                made.spoil(shops[name], *map(kind, routes))
            reviews = await lived(made, shops)
            wrong = {}
            for name, review in reviews.items():
                left = made.github.faults.left(shops[name].full_name)
                wrong[name] = [
                    *await review.verdict(made),
                    *(f"nothing was asked of {route}" for route in left),
                    *(f"{count} runs on a head" for count in heads(review) if count > MOST_RUNS),
                ]
            return wrong

    return asyncio.run(told())


def heads(review: Review) -> Iterator[int]:
    """How many check runs each head has."""
    runs = review.pull.repository.check_runs.values()
    return iter(Counter(run.head_sha for run in runs).values())


@pytest.mark.parametrize("name", ["none", *ROWS])
def test_a_review_ends_as_if_nothing_had_been(found: Found, name: str) -> None:
    assert found[name] == []
