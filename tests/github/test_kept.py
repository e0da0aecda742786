"""What is kept of GitHub's lasting answers stays within its bound."""

from __future__ import annotations

from ghapp.github.kept import ENTRY_BYTES, Lasting


def test_the_one_used_longest_ago_goes_first() -> None:
    known = Lasting[str | None](3 * (ENTRY_BYTES + 100))
    for sha in ("a", "b", "c"):
        known.keep((1, sha), sha)
    assert known[1, "a"] == "a"
    known.keep((1, "d"), "d")
    assert [sha for sha in "abcd" if (1, sha) in known] == ["a", "c", "d"]


def test_many_small_ones_and_those_without_text_take_room_too() -> None:
    known = Lasting[str | None](10 * ENTRY_BYTES)
    for number in range(100):
        known.keep((1, str(number)), None if number % 2 else "")
    assert 0 < sum((1, str(number)) in known for number in range(100)) < 10


def test_a_large_one_drives_out_as_many_as_it_takes_and_one_too_large_itself() -> None:
    known = Lasting[str | None](10_000)
    for number in range(10):
        known.keep((1, str(number)), "x" * 500)
    known.keep((1, "large"), "x" * 9_000)
    assert [key for key in ("9", "large") if (1, key) in known] == ["large"]
    known.keep((1, "larger"), "x" * 20_000)
    known.keep((1, "small"), "x")
    assert [key for key in ("large", "larger", "small") if (1, key) in known] == ["small"]


def test_names_count_with_the_folders_they_are_of() -> None:
    known = Lasting[frozenset[str]](10_000)
    for number in range(3):
        known.keep((1, str(number)), frozenset(f"{'x' * 900}{at}" for at in range(4)))
    assert [number for number in range(3) if (1, str(number)) in known] == [1, 2]


def test_one_that_is_kept_twice_counts_once() -> None:
    known = Lasting[str | None](2 * (ENTRY_BYTES + 100))
    known.keep((1, "a"), "a")
    for _ in range(9):
        known.keep((1, "b"), "b")
    assert (1, "a") in known
