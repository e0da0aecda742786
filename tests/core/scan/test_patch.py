import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghapp.core.model import File
from ghapp.core.scan.patch import (
    PatchLine,
    changed_file,
    cut_short,
    lines,
    perhaps_new,
    searched_lines,
    shown_lines,
)

PATCH = """@@ -1,4 +1,5 @@ class A
 one
-two
+deux
+trois
 four
@@ -10,2 +11,2 @@
-ten
\\ No newline at end of file
+dix
\\ No newline at end of file"""


def test_lines_carry_the_number_they_have_in_their_own_version():
    assert lines(PATCH) == (
        PatchLine(" ", "one", 1, 1, 1),
        PatchLine("-", "two", 2, 1, 2),
        PatchLine("+", "deux", 2, 1, 2),
        PatchLine("+", "trois", 3, 1, 3),
        PatchLine(" ", "four", 4, 1, 4),
        PatchLine("-", "ten", 10, 2, 11),
        PatchLine("+", "dix", 11, 2, 11),
    )


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        ("", []),
        ("@@ -0,0 +1 @@\n+a\r\n+b\x0cc\u2028d", ["a", "b\x0cc\u2028d"]),
        ("@@ -1 +1 @@\n--- a\n+++ b", ["++ b"]),
        ("--- a/x\n+++ b/x\n@@ -1 +1 @@\n+y", ["y"]),
        ("@@ -1,2 +1,2 @@\n\n+after a context line that lost its space", None),
        ("@@ -1 +1 @@\n+whole\n@@ -7", ["whole"]),
        ("@@ -1 +1 @@\n+cut in the mid", ["cut in the mid"]),
        ("+++ no hunk at all", []),
    ],
)
def test_odd_and_cut_patches_give_what_can_be_read(patch, expected):
    found = [line for line in lines(patch) if line.sign == "+"]
    if expected is None:
        assert found == [PatchLine("+", "after a context line that lost its space", 2, 1, 2)]
    else:
        assert [line.text for line in found] == expected


@pytest.mark.parametrize(
    ("body", "added", "removed"),
    [
        ("+a\n+\n++ b", b"a\n\n+ b", b""),
        ("+a\n+b\n\\ No newline at end of file", b"a\nb", b""),
        ("+a\n b\n+c", b"a\nc", b""),
        ("+a\n@@ -9,0 +9 @@\n+b", b"a\nb", b""),
        ("+a\n-b\n+c", b"a\nc", b"b"),
        (" a\n+b", b"b", b""),
        ("", b"", b""),
    ],
)
def test_whether_all_lines_are_added_or_not_those_added_are_found(body, added, removed):
    found = changed_file(File("a", "added", patch=f"@@ -0,0 +1,3 @@\n{body}"))
    assert (found.added, found.removed) == (added, removed)


@given(st.text())
def test_no_text_is_too_strange(patch):
    assert all(line.sign in "+- " for line in lines(patch))
    assert all(line.sign in "+- " for line in lines(f"@@ -1 +1 @@\n{patch}"))


@pytest.mark.parametrize(
    ("patch", "additions", "deletions", "cut"),
    [
        (PATCH, 3, 2, False),
        (PATCH, 4, 2, True),
        (PATCH, 3, 3, True),
        ("", 0, 0, False),
        ("", 1, 0, True),
        ("--- a/x\n+++ b/x\n@@ -0,0 +1 @@\n+y", 1, 0, False),
        ("--- a/x\n+++ b/x\n@@ -0,0 +1 @@\n+y", 2, 0, True),
    ],
)
def test_a_patch_is_cut_short_when_it_shows_less_than_was_counted(patch, additions, deletions, cut):
    file = File("x", "modified", additions=additions, deletions=deletions, patch=patch)
    assert cut_short(file) is cut


def test_a_change_parts_added_from_removed_lines():
    found = changed_file(File("a", "modified", patch="@@ -1 +1,2 @@\n-old\n+a\r\n+b\n c"))
    assert (found.added, found.removed) == (b"a\nb", b"old")


@given(st.text("+-@ 1,\\\n\rx") | st.text())
def test_the_ways_to_read_a_patch_agree(text):
    patch = f"@@ -1 +1 @@\n{text}"
    changed = [line.sign + line.text for line in lines(patch) if line.sign != " "]
    shown = [line if line.rstrip().endswith("\\") else line.rstrip() for line in changed]
    one = changed_file(File("a", "modified", patch=patch))
    assert shown_lines(one.file) == "".join(f"\n{line}" for line in shown)
    found = [line for line in searched_lines(patch) if line.sign != " "]
    assert one.added.decode() == "\n".join(line.text for line in found if line.sign == "+")
    assert one.removed.decode() == "\n".join(line.text for line in found if line.sign == "-")
    count = max(sum(line[0] == "+" for line in changed) - 1, 0)
    assert not cut_short(File("a", "modified", patch=patch, additions=count))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ([], set()),
        ([("README.md", "added")], set()),
        ([("payments/app.py", "added"), ("payments/db/1.sql", "added")], {"payments"}),
        ([("payments/app.py", "added"), ("payments/old.py", "modified")], set()),
        ([("payments/app.py", "added"), ("payments/old.py", "removed")], set()),
        ([("lib/a.py", "renamed"), ("b/a.py", "copied")], set()),
        ([("a/x", "added"), ("b/x", "added"), ("c/x", "modified")], {"a", "b"}),
    ],
)
def test_a_folder_may_be_new_if_everything_in_it_is_added(changes, expected):
    assert perhaps_new(File(path, status) for path, status in changes) == expected
