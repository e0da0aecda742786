"""An emulator beside another one shares its accounts, and is adopted by it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from ghapp.emulator.github import Emulator
from tests.support import PRIVATE_KEY

PAST = datetime(2026, 1, 5, 9, tzinfo=UTC)


@pytest.fixture
def both() -> Iterator[tuple[Emulator, Emulator]]:
    """A GitHub, and one beside it in which it is still January."""
    github = Emulator(private_key=PRIVATE_KEY)
    beside = Emulator(private_key=PRIVATE_KEY, clock=lambda: PAST, beside=github)
    yield github, beside
    beside.close()
    github.close()


def test_accounts_are_shared_and_repositories_are_not(both: tuple[Emulator, Emulator]) -> None:
    github, beside = both
    github.team("acme", "sre", members=["sam"])
    made = beside.repository("acme/orders")
    pull = made.open_pull(author="ann", branch="f", files={"a.py": "1\n"})
    assert github.repositories == {}
    assert beside.users is github.users
    assert beside.is_member(made.owner, github.user("sam"))
    assert pull.created_at == PAST
    assert github.deliveries.all == []
    assert [one.event for one in beside.deliveries.all][-1] == "pull_request"


def test_ids_of_both_never_meet(both: tuple[Emulator, Emulator]) -> None:
    github, beside = both
    ids = [one.new_id() for _ in range(3) for one in both]
    assert len(set(ids)) == len(ids)
    assert github.app is beside.app


def test_what_is_adopted_goes_on_where_it_is_then(both: tuple[Emulator, Emulator]) -> None:
    github, beside = both
    pull = beside.repository("acme/orders").open_pull(
        author="ann", branch="f", files={"a.py": "1\n"}
    )
    github.adopt(beside)
    beside.close()
    pull.comment("hello", "ann")
    assert github.repositories["acme/orders"].pulls[1] is pull
    assert beside.repositories == {}
    assert [one.event for one in github.deliveries.all] == ["issue_comment"]
    assert pull.comments[-1].created_at > PAST
    assert pull.changes()


def test_a_name_that_exists_is_not_adopted(both: tuple[Emulator, Emulator]) -> None:
    github, beside = both
    github.repository("acme/orders")
    beside.repository("acme/orders")
    with pytest.raises(ValueError, match="acme/orders exists already"):
        github.adopt(beside)
