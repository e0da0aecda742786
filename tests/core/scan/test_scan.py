"""One pass over a diff: what it touches, what could not be read, what it hints at."""

from dataclasses import replace

import pytest
from msgspec import structs

from ghapp.core.areas import Detect
from ghapp.core.model import File
from ghapp.core.policy.policy import Policy
from ghapp.core.scan.scan import hinted, scan
from tests.core.pulls import AREA, PULL, file, own, touched


def test_labels_of_ours_decide_nothing():
    area = replace(AREA, detect=Detect(labels=("NFR: signed off", "nfr: needs sign-off")))
    on = replace(PULL, labels=frozenset({"nfr: signed off", "other"}))
    found = scan(on, Policy(areas=(area,)))
    assert (found.touched, found.pull.labels) == ({}, {"other"})


def test_a_title_is_a_hint_and_never_flags():
    pull = replace(PULL, title="新しいマイグレーション")
    assert hinted((AREA,), pull) == (AREA.id,)
    assert hinted((AREA,), PULL) == ()
    assert hinted((replace(AREA, detect=Detect()),), pull) == ()
    others = [replace(AREA, id=f"a{at}", detect=Detect(title=f"word{at}$")) for at in range(60)]
    assert hinted((*others, AREA), replace(PULL, title="a word7 and a word53")) == ("a53",)
    assert touched(file("README.md", "x"), title=pull.title) is None


def test_a_patch_of_more_than_a_megabyte_is_not_scanned_but_its_path_counts():
    huge = file("a.sql", "alter table t", "x" * (1 << 20))
    assert touched(huge) is None
    assert own(touched(structs.replace(huge, path="migrations/a.sql"))) == ["migrations/a.sql"]


def test_only_claimed_paths_are_read_in_foreign_code():
    area = replace(AREA, detect=Detect(paths=("**/*.lock",), labels=("all",)))
    files = (file("a.lock", "x"), file("vendor/b.py", "x"), file("c.py", "x"))
    found = touched(*files, area=area, labels=frozenset({"all"}))
    assert [one.file.path for one in found.read] == ["a.lock", "c.py"]


@pytest.mark.parametrize(
    ("changed", "missed"),
    [
        (File("a.sql", "added", 25_000), True),
        (file("a.sql", "x", "y", "z" * (1 << 20)), True),
        (structs.replace(file("a.sql", "x"), additions=2), True),
        (file("a.sql", "x"), False),
        (File("a.png", "added", sha="s"), False),  # known to be binary
        (File("a.sql", "added", sha="s"), True),  # binary for git, as a NUL makes it
        (File("a.sql", "added", sha="e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"), False),  # empty
        (File("a.sql", "renamed", sha="s", previous_path="b.sql"), True),
        (File("a.sql", "renamed", sha="s", previous_path="b.sql", same_blob=True), False),
        (File("a.sql", "changed", sha="s", same_blob=True, mode="100755"), False),
        (File("a.sql", "removed", 0, 25_000), True),
        (File("migrations/a.sql", "added", 25_000), True),
        (File("migrations/test/a.sql", "added", 25_000), True),
        (File("a.json", "added", 25_000), False),  # no area looks for lines in it
        (File("test/a.sql", "added", 25_000), False),
        (File("a.lock", "added", 25_000), False),
        (File("vendor/a.sql", "added", 25_000), False),
    ],
    ids=range(17),
)
def test_a_file_whose_lines_are_not_shown_is_unread_where_they_would_count(changed, missed):
    pull = replace(PULL, files=(file("b.sql", "x"), changed))
    found = scan(pull, Policy(areas=(AREA,), ignore_paths=()))
    assert found.unread == ((changed.path,) if missed else ())
