"""What a diff does not show of a file is looked up, and is never taken for nothing."""

from __future__ import annotations

import pytest

from ghapp.core.model import File
from ghapp.core.scan.unshown import (
    EMPTY_BLOB,
    TreeEntry,
    identified,
    is_submodule,
    is_unshown,
    read,
    to_identify,
)

LINK = "@@ -0,0 +1 @@\n+../pay.py\n\\ No newline at end of file"
RELINKED = "@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+b\n\\ No newline at end of file"


@pytest.mark.parametrize(
    ("file", "unshown", "looked_up"),
    [
        (File("app/pay.js", "added", sha="s"), True, True),
        (File("app/pay.js", "modified", sha="s"), True, True),
        (File("app/pay.js", "changed", sha="s"), True, True),
        (File("app/pay.js", "renamed", sha="s", previous_path="a.js"), True, True),
        (File("app/pay.js", "changed", sha="s", same_blob=True), False, False),
        (File("app/pay.js", "renamed", sha="s", previous_path="a", same_blob=True), False, True),
        (File("app/pay.js", "removed", sha="s"), False, False),
        (File("app/pay.js", "added", sha=EMPTY_BLOB), False, False),
        (File("app/pay.JPG", "added", sha="s"), False, False),
        (File("app/jpg", "added", sha="s"), True, True),
        (File("app/pay.js", "added", 1, 0, "@@ -0,0 +1 @@\n+a", "s"), False, False),
        (File("app/pay.js", "added", 9, 0, "", "s"), False, False),  # too large: it is counted
        (File("app/pay.js", "added", 1, 0, LINK, "s"), False, True),
        (File("app/pay.js", "modified", 1, 1, RELINKED, "s"), False, True),
    ],
)
def test_a_file_is_looked_up_if_its_content_may_have_changed_without_a_trace(
    file: File, unshown: bool, looked_up: bool
) -> None:
    assert is_unshown(file) is unshown
    assert to_identify([file]) == ((file,) if looked_up else ())


@pytest.mark.parametrize(
    ("before", "now", "same", "mode"),
    [
        ({"old.js": TreeEntry("s", "100644")}, {"a.js": TreeEntry("s", "100644")}, True, ""),
        ({"old.js": TreeEntry("t", "100644")}, {"a.js": TreeEntry("s", "100644")}, False, ""),
        ({"old.js": TreeEntry("s", "100644")}, {"a.js": TreeEntry("s", "120000")}, True, "120000"),
        ({"old.js": TreeEntry("s", "100755")}, {}, True, ""),
        ({}, {"a.js": TreeEntry("s", "100644")}, False, ""),
        ({}, {"a.js": TreeEntry("s", "100755")}, False, "100755"),
        ({}, {}, False, ""),
    ],
)
def test_only_equal_blobs_show_that_a_file_has_moved(
    before: dict[str, TreeEntry], now: dict[str, TreeEntry], same: bool, mode: str
) -> None:
    (found,) = identified([File("a.js", "renamed", sha="s", previous_path="old.js")], before, now)
    assert (found.same_blob, found.mode) == (same, mode)


def test_the_text_of_a_file_is_searched_as_added_lines() -> None:
    files = [File("a.js", "added", sha="s"), File("b.bin", "added", sha="t")]
    made, left = read(files, {"a.js": "pay()\r\nrefund()\n", "b.bin": None})
    assert made.patch == "@@ -0,0 +1,2 @@\n+pay()\n+refund()"
    assert (made.additions, is_unshown(made)) == (2, False)
    assert left == files[1]


def test_a_submodule_is_known_by_its_commit() -> None:
    patch = f"@@ -0,0 +1 @@\n+Subproject commit {'b' * 40}"
    assert is_submodule(File("libs/pay", "added", 1, 0, patch, "b" * 40))
    assert not is_submodule(File("libs/pay", "added", 1, 0, patch, "c" * 40))
    assert not is_submodule(File("libs/pay", "added", 1, 0, patch, ""))
