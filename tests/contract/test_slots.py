"""How many keys a worker may claim, and whose: no installation has all of its slots."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from ghapp.core.model import InstallationKey, Key, PullKey, QueueKey, Repository, RepositoryKey
from ghapp.slots import CONCURRENCY, Free, free


@pytest.mark.parametrize(
    ("concurrency", "running", "expected"),
    [
        (20, {}, Free(16)),
        (20, {1: 3}, Free(13)),
        (20, {1: 3, 2: 9}, Free(7)),
        (20, {1: 10, 2: 9}, Free(1)),
        (20, {1: 15}, Free(1)),
        (20, {1: 16}, Free(4, (1,))),
        (20, {1: 16, 2: 3}, Free(1, (1,))),
        (20, {1: 16, 2: 4}, Free(0, (1,))),
        (3, {1: 2}, Free(1, (1,))),
        (2, {1: 1}, Free(1, (1,))),
        (2, {1: 1, 2: 1}, Free(0, (1, 2))),
        (1, {}, Free(1)),
        (1, {1: 1}, Free(0, (1,))),
    ],
)
def test_no_installation_has_all_slots(
    concurrency: int, running: Mapping[int, int], expected: Free
) -> None:
    keys = [InstallationKey(id) for id, count in running.items() for _ in range(count)]
    assert free(keys, concurrency) == expected


def test_each_kind_of_key_is_of_its_installation() -> None:
    shop = Repository(1, 10, "acme/shop")
    kinds: list[Key] = [InstallationKey(1), RepositoryKey(shop), QueueKey(shop, "main", "a" * 40)]
    keys = [*kinds, *(PullKey(shop, number) for number in range(13))]
    assert free(keys, CONCURRENCY).full == (1,)
