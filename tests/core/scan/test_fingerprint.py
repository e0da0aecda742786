import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ghapp.core.model import File
from ghapp.core.scan.fingerprint import Fingerprints, fingerprint
from ghapp.core.scan.patch import changed_file

FILE = File("a.py", "modified", 1, 1, "@@ -3,3 +3,3 @@ def f\n one\n-two\n+  deux\n four", "s1")


def of(files, hazards=()):
    return fingerprint(tuple(changed_file(file) for file in files), hazards)


def other(**changes):
    return of((replace(FILE, **changes),))


@pytest.mark.parametrize(
    "changes",
    [
        {"patch": "@@ -90,2 +95,2 @@ def g\n-two\n+  deux\n other context"},
        {"patch": FILE.patch.replace("\n", "\r\n")},
        {"patch": FILE.patch.replace("deux", "deux \t")},
        {"patch": FILE.patch + "\n\\ No newline at end of file"},
        {"sha": "s2"},
    ],
    ids=["other place and context", "CRLF", "trailing space", "no last line end", "other blob"],
)
def test_what_the_change_does_not_touch_keeps_the_fingerprint(changes):
    assert other(**changes) == of((FILE,))


@pytest.mark.parametrize(
    "changes",
    [
        {"patch": FILE.patch.replace("deux", "trois")},
        {"patch": FILE.patch.replace("  deux", "    deux")},
        {"patch": FILE.patch.replace("-two\n+  deux", "+  deux\n-two")},
        {"patch": FILE.patch.replace("-two", "+two")},
        {"path": "b.py"},
        {"previous_path": "b.py"},
        {"status": "added"},
        {"additions": 2},
        {"patch": ""},
        {"patch": FILE.patch.replace("deux", "deux \\\\")},
        {"mode": "100755"},
        {"mode": "120000"},
    ],
    ids=[
        "another line",
        "indentation",
        "order",
        "sign",
        "path",
        "previous path",
        "status",
        "cut short",
        "no patch",
        "backslash",
        "mode",
        "link",
    ],
)
def test_a_change_inside_changes_the_fingerprint(changes):
    assert other(**changes) != of((FILE,))


def test_where_lines_are_missing_the_blob_decides():
    cut = {"additions": 9}
    assert other(**cut, sha="s1") != other(**cut, sha="s2")
    binary = {"patch": "", "additions": 0, "deletions": 0}
    assert other(**binary, sha="s1") != other(**binary, sha="s2")


def test_files_count_in_path_order_and_hazards_as_a_set():
    second = replace(FILE, path="b.py")
    assert of((FILE, second)) == of((second, FILE))
    assert of((FILE,), ("B", "A", "A")) == of((FILE,), ("A", "B"))
    assert of((FILE,), ("A",)) != of((FILE,))
    assert len(of(())) == 32


def test_areas_that_share_files_have_the_fingerprints_that_each_has_alone():
    first, second, third = (
        changed_file(replace(FILE, path=name)) for name in ("a.py", "b.py", "c.py")
    )
    prints = Fingerprints()
    for area, hazards in [((first, second), ()), ((second, third), ("A",)), ((second,), ())]:
        assert prints.of(area, hazards) == fingerprint(area, hazards)


def test_an_added_line_that_is_made_a_removed_one_changes_it():
    added = File("a.py", "modified", patch="@@ -1 +1,2 @@\n+a\n+b")
    removed = replace(added, patch="@@ -1,2 +1 @@\n-a\n-b")
    mixed = replace(added, patch="@@ -1 +1 @@\n+a\n-b")
    assert len({of((one,)) for one in (added, removed, mixed)}) == 3


changed = st.lists(
    st.tuples(st.sampled_from("+-"), st.text(st.characters(exclude_characters="\n\r"))), min_size=1
)


def patch(lines, before, offset):
    context = "".join(f"\n {line}" for line in before)
    body = "".join(f"\n{sign}{text}" for sign, text in lines)
    return f"@@ -{1 + offset},9 +{7 + offset},9 @@{context}{body}\n tail"


@given(changed, st.lists(st.sampled_from(["a", "", "{"])), st.integers(0, 9_999))
def test_shifting_hunks_and_other_context_keeps_it(lines, before, offset):
    there = other(patch=patch(lines, before, offset), additions=0, deletions=0)
    assert there == other(patch=patch(lines, (), 0), additions=0, deletions=0)


@given(changed, changed)
def test_only_equal_changes_have_equal_fingerprints(left, right):
    def shown(lines):
        return [(sign, text.rstrip()) for sign, text in lines]

    same = other(patch=patch(left, (), 0), additions=0, deletions=0) == other(
        patch=patch(right, (), 0), additions=0, deletions=0
    )
    assert same == (shown(left) == shown(right))


@given(st.lists(st.text(), max_size=4), st.lists(st.text(), max_size=4))
def test_no_name_can_pass_for_two(left, right):
    def files(names):
        return tuple(File(name, "added", sha="s") for name in names)

    same = of(files(left)) == of(files(right))
    assert same == (sorted(left) == sorted(right))


def test_different_changes_that_look_alike_have_different_fingerprints():
    commit = "b" * 40
    line = f"@@ -0,0 +1 @@\n+Subproject commit {commit}"
    file = File("libs/pay", "added", 1, 0, line, "s1")
    assert of((file,)) != of((replace(file, sha=commit),))
    row = "@@ -1 +1 @@\n+RUN a \\"
    ends = File("Dockerfile", "modified", 1, 0, row, "s1")
    assert of((ends,)) != of((replace(ends, patch=row + " "),))
    executable = File("run", "changed", sha="s1", same_blob=True, mode="100755")
    assert of((executable,)) != of((replace(executable, mode="120000"),))
