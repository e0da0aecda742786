from dataclasses import replace

import pytest
from msgspec import structs

from ghapp.core.areas import Detect, Hit, Size
from ghapp.core.model import File
from ghapp.core.policy.policy import Policy
from ghapp.core.scan.match import look
from ghapp.core.scan.rulebook import rulebook
from ghapp.core.scan.triggers import hinted, scan, touches, unread
from tests.core.pulls import AREA, PULL, file

OTHER = replace(AREA, id="other", detect=Detect(paths=("other/**",), diff=("other",)))


def touched(*files, area=AREA, **changes):
    pull = replace(PULL, files=files, **changes)
    return touches((OTHER, area), pull, seen(*files, areas=(OTHER, area))).get(area.id)


def seen(*files, areas):
    return look(rulebook(areas), files)


def own(found):
    return [one.file.path for one in found.changes]


@pytest.mark.parametrize(
    ("changed", "hits"),
    [
        (file("app/migrations/1.py", "x"), [("path", "app/migrations/1.py", 0)]),
        (file("migrations/1.py", "x"), [("path", "migrations/1.py", 0)]),
        (file("app/.hidden/migrations/.1", "x"), [("path", "app/.hidden/migrations/.1", 0)]),
        (file("app/migrations/1.py", status="removed", removed="x"), [("path", None, 0)]),
        (file("app/migrations/1.py", status="added"), [("path", None, 0)]),
        (file("app/Migrations/1.py", "x"), None),
        (file("test/migrations/1.py", "x"), None),
        (file("app/migrations/__init__.py", "x"), None),
        (file("a.py", "alter table t"), None),
        (file("a.sql", "x", "  ALTER  TABLE t;"), [("diff", "a.sql", 8)]),
        (file("a.sql", "drop"), [("diff", "a.sql", 7)]),
        (file("a.sql", "alter", "table"), None),
        (file("a.sql", "x", removed=["alter table t"]), None),
        (file("test/a.sql", "alter table t"), None),
        (file("vendor/a.sql", "alter table t"), None),
        (file("a.lock", "alter table t"), None),
        (
            file("a.sql", status="renamed", previous="migrations/a.sql"),
            [("path", "migrations/a.sql", 0)],
        ),
        (
            file("migrations/a.sql", status="renamed", previous="test/migrations/a.sql"),
            [("path", "migrations/a.sql", 0)],
        ),
        (file("migrations/a.sql", status="renamed", previous="migrations/b.sql"), None),
        (file("a.sql", status="renamed", previous="b.sql"), None),
        (
            file("b.py", "x", status="renamed", previous="migrations/b.py"),
            [("path", "migrations/b.py", 0)],
        ),
        (
            file("migrations/c.py", "x", status="renamed", previous="migrations/b.py"),
            [("path", "migrations/c.py", 0)],
        ),
        (file("b.py", "x", status="copied", previous="migrations/b.py"), None),
    ],
)
def test_paths_and_added_lines_flag(changed, hits):
    found = touched(changed)
    if hits is None:
        assert found is None
    else:
        assert [(hit.kind, hit.path, hit.line) for hit in found.hits] == [
            (kind, path or changed.path, line) for kind, path, line in hits
        ]
        assert own(found) == [changed.path]


def test_no_added_line_is_not_an_empty_one():
    area = replace(AREA, detect=Detect(diff=("x*",)))
    assert touched(file("a.sql", removed=["x"]), area=area) is None
    assert touched(file("a.sql", "", "y"), area=area).hits[0].line == 7


@pytest.mark.parametrize(
    ("line", "quoted"),
    [
        ("ALTER redis://:secret@cache/0 b", "ALTER redis://***@cache/0 b"),
        ("ALTER https://ann:secret@x.example/@a", "ALTER https://***@x.example/@a"),
        ("ALTER ghp_abcdefghij0123456789, b", "ALTER ***, b"),
        ("ALTER a@b.example https://b.example/c", "ALTER a@b.example https://b.example/c"),
        ("ALTER " + "x" * 90 + " ghp_" + "a" * 36, "ALTER " + "x" * 90 + " ***"),
    ],
)
def test_a_credential_in_the_line_that_fired_is_not_quoted(line, quoted):
    (hit,) = touched(file("a.sql", line), area=replace(AREA, detect=Detect(diff=("ALTER",)))).hits
    assert hit.what == quoted


def test_hits_say_what_fired():
    found = touched(file("a.sql", "  ALTER TABLE t;" + "x" * 500), file("migrations/1.py", "x"))
    path, line = found.hits
    assert path == Hit("path", "**/migrations/**", "migrations/1.py")
    assert line.what.startswith("ALTER TABLE t;x")
    assert len(line.what) == 120
    assert own(found) == ["a.sql", "migrations/1.py"]


def test_a_label_forces_the_whole_pull_in_and_comes_first():
    files = (file("README.md", "x"), file("migrations/1.py", "x"), file("a.min.js", "x"))
    found = touched(*files, labels=frozenset({"database", "other"}))
    assert [hit.kind for hit in found.hits] == ["label", "path"]
    assert found.hits[0].what == "database"
    assert own(found) == ["README.md", "migrations/1.py", "a.min.js"]
    assert [one.file.path for one in found.read] == ["README.md", "migrations/1.py"]


def test_the_label_of_the_area_itself_forces_it_in():
    assert touched(labels=frozenset({"nfr/area: database"})).hits[0].kind == "label"
    assert touched(labels=frozenset({"nfr/area: caching"})) is None


def test_labels_of_ours_decide_nothing():
    area = replace(AREA, detect=Detect(labels=("NFR: signed off", "nfr: needs sign-off")))
    on = replace(PULL, labels=frozenset({"nfr: signed off", "other"}))
    found = scan(on, Policy(areas=(area,)))
    assert (found.touched, found.pull.labels) == ({}, {"other"})


def test_few_hits_are_kept_but_all_files():
    files = [file(f"migrations/{n}.py", "x") for n in range(9)]
    files += [file(f"{n}.sql", "alter table t") for n in range(9)]
    found = touched(*files)
    assert [hit.kind for hit in found.hits] == ["path"] * 5 + ["diff"] * 3
    assert len(found.changes) == 18


@pytest.mark.parametrize(
    ("size", "hits"),
    [
        (Size(files_gte=2), ["2 files"]),
        (Size(added_gte=3), ["3 lines"]),
        (Size(files_gte=2, added_gte=3), ["2 files", "3 lines"]),
        (Size(files_gte=3, added_gte=4), None),
        (Size(files_gte=2, not_counting=("*.lock",)), None),
        (Size(), None),
    ],
)
def test_size_counts_what_is_written_by_hand(size, hits):
    area = replace(AREA, detect=Detect(size=size))
    moved = file("moved.py", status="renamed", previous="old.py")
    files = (file("a.py", "x", "y"), file("b.lock", "z"), moved)
    found = touched(*files, area=area, new_folders=frozenset({"a.py", "other"}))
    if hits is None:
        assert found is None
    else:
        assert [hit.what for hit in found.hits] == hits
        assert own(found) == ["a.py", "b.lock", "moved.py"]


@pytest.mark.parametrize(("files", "least", "hits"), [(5, 1, ["new"]), (4, 1, None), (5, 2, None)])
def test_a_new_folder_counts_once_it_has_more_than_a_few_files(files, least, hits):
    area = replace(AREA, detect=Detect(size=Size(folders_gte=least)))
    inside = [file(f"new/{number}.py", "x", status="added") for number in range(files)]
    found = touched(*inside, file("old/a.py", "x"), area=area, new_folders=frozenset({"new"}))
    assert (found and [hit.what for hit in found.hits]) == hits


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
        (File("a.png", "added"), False),  # binary: GitHub counts no lines
        (File("a.sql", "removed", 0, 25_000), False),
        (File("migrations/a.sql", "added", 25_000), False),  # flagged by its path
        (File("a.json", "added", 25_000), False),  # no area looks for lines in it
        (File("test/a.sql", "added", 25_000), False),
        (File("a.lock", "added", 25_000), False),
        (File("vendor/a.sql", "added", 25_000), False),
    ],
    ids=range(11),
)
def test_a_file_whose_lines_are_not_shown_is_unread_where_they_would_count(changed, missed):
    pull = replace(PULL, files=(file("b.sql", "x"), changed))
    assert unread((AREA,), seen(*pull.files, areas=(AREA,))) == ((changed.path,) if missed else ())


@pytest.mark.parametrize(
    ("changed", "hits"),
    [
        (file("a.py", removed=["flag(x)"]), [("removed", "flag(x)", "a.py", 0)]),
        (file("a.py", "flag(x)"), None),
        (file("a.py", removed=["# flag(x)"]), None),  # a comment
        (file("a.py", "other", removed=["flag(x)"]), [("diff", "other", "a.py", 7)]),
        (file("flags/a.py", removed=["flag(x)"]), [("path", "flags/**", "flags/a.py", 0)]),
        (file("test/a.py", removed=["flag(x)"]), None),
    ],
)
def test_a_removed_line_flags_an_area_that_looks_for_it(changed, hits):
    detect = Detect(("flags/**",), ("test/**",), ("other",), (r"\bflag\(",))
    found = touched(changed, area=replace(AREA, detect=detect))
    got = found and [(one.kind, one.what, one.path, one.line) for one in found.hits]
    assert got == hits
