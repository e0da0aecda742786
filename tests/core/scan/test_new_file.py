"""Which files are read whole, and what of them is text."""

from __future__ import annotations

import codecs

import pytest

from ghapp.core.model import File
from ghapp.core.scan.new_file import MOST_BLOBS, MOST_BYTES, blobs, text


def test_every_file_with_a_new_version_names_its_blob() -> None:
    files = [File("a", "modified", sha="1"), File("b", "removed", sha="2"), File("c", "added")]
    assert blobs(files) == {"a": "1", "c": ""}


def test_files_beyond_the_first_are_not_read_and_removed_ones_take_no_place() -> None:
    files = [File(f"gone{at}", "removed", sha="x") for at in range(5)]
    files += [File(f"f{at:02}", "added", sha=f"{at}") for at in range(MOST_BLOBS + 2)]
    found = blobs(files)
    assert len(found) == MOST_BLOBS + 2
    assert [path for path, sha in found.items() if not sha] == ["f20", "f21"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", ""),
        ("SET lock_timeout = '5s';\r\n注\n".encode(), "SET lock_timeout = '5s';\r\n注\n"),
        (b"caf\xe9\n", "caf\ufffd\n"),
        (b"/*\0*/ pay()", "/**/ pay()"),
        ("a".encode("utf-16"), "a"),
        (codecs.BOM_UTF16_BE + "注".encode("utf-16-be"), "注"),
        (b"x" * MOST_BYTES, "x" * MOST_BYTES),
        (b"x" * (MOST_BYTES + 1), None),
    ],
)
def test_a_blob_is_text_unless_it_is_too_long(body: bytes, expected: str | None) -> None:
    assert text(body) == expected
