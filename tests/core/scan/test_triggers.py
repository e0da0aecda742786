"""What flags an area, and why it fired."""

from dataclasses import fields, replace
from typing import get_args

import pytest

from ghapp.core.areas import Detect, Size
from ghapp.core.i18n import LANGUAGES, table
from ghapp.core.model import File
from ghapp.core.policy.pack_schema import DetectPart, FlaggedBy
from ghapp.core.scan.triggers import (
    AddedHit,
    FilesHit,
    FolderHit,
    LabelHit,
    LinesHit,
    PathHit,
    PullHit,
    RemovedHit,
    SubmoduleHit,
)
from tests.core.pulls import AREA, file, own, touched


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
        (file("app/migrations/test/1.py", "x"), [("path", "app/migrations/test/1.py", 0)]),
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
        (
            File("migrations/a.sql", "renamed", sha="s", previous_path="migrations/b.sql"),
            [("path", "migrations/a.sql", 0)],  # the blob may be another one
        ),
        (
            File("migrations/a.sql", "changed", sha="s", same_blob=True, mode="120000"),
            [("path", "migrations/a.sql", 0)],
        ),
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
    assert hit == AddedHit(quoted, path="a.sql", line=7)


def test_hits_say_what_fired():
    found = touched(file("a.sql", "  ALTER TABLE t;" + "x" * 500), file("migrations/1.py", "x"))
    path, line = found.hits
    assert path == PathHit("**/migrations/**", path="migrations/1.py")
    assert line.text.startswith("ALTER TABLE t;x")
    assert len(line.text) == 120
    assert own(found) == ["a.sql", "migrations/1.py"]


def test_a_label_forces_the_whole_pull_in_and_comes_first():
    files = (file("README.md", "x"), file("migrations/1.py", "x"), file("a.min.js", "x"))
    found = touched(*files, labels=frozenset({"database", "other"}))
    assert [hit.kind for hit in found.hits] == ["label", "path"]
    assert found.hits[0] == LabelHit("database")
    assert own(found) == ["README.md", "migrations/1.py", "a.min.js"]
    assert [one.file.path for one in found.read] == ["README.md", "migrations/1.py"]


def test_the_label_of_the_area_itself_forces_it_in():
    assert touched(labels=frozenset({"nfr/area: database"})).hits[0].kind == "label"
    assert touched(labels=frozenset({"nfr/area: caching"})) is None


def test_few_hits_are_kept_but_all_files():
    files = [file(f"migrations/{n}.py", "x") for n in range(9)]
    files += [file(f"{n}.sql", "alter table t") for n in range(9)]
    found = touched(*files)
    assert [hit.kind for hit in found.hits] == ["path"] * 5 + ["diff"] * 3
    assert len(found.changes) == 18


@pytest.mark.parametrize(
    ("size", "hits"),
    [
        (Size(changed_files_gte=2), (FilesHit(2),)),
        (Size(added_lines_gte=3), (LinesHit(3),)),
        (Size(changed_files_gte=2, added_lines_gte=3), (FilesHit(2), LinesHit(3))),
        (Size(changed_files_gte=3, added_lines_gte=4), None),
        (Size(changed_files_gte=2, ignore=("*.lock",)), None),
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
        assert found.hits == hits
        assert own(found) == ["a.py", "b.lock", "moved.py"]


@pytest.mark.parametrize(("files", "least", "fires"), [(5, 1, True), (4, 1, False), (5, 2, False)])
def test_a_new_folder_counts_once_it_has_more_than_a_few_files(files, least, fires):
    area = replace(AREA, detect=Detect(size=Size(new_top_level_dirs_gte=least)))
    inside = [file(f"new/{number}.py", "x", status="added") for number in range(files)]
    found = touched(*inside, file("old/a.py", "x"), area=area, new_folders=frozenset({"new"}))
    assert (found and found.hits) == ((FolderHit("new"),) if fires else None)


@pytest.mark.parametrize(
    ("changed", "hits"),
    [
        (file("a.py", removed=["flag(x)"]), (RemovedHit("flag(x)", path="a.py"),)),
        (file("a.py", "flag(x)"), None),
        (file("a.py", removed=["# flag(x)"]), None),  # a comment
        (file("a.py", "one", removed=["flag(x)"]), (AddedHit("one", path="a.py", line=7),)),
        (file("flags/a.py", removed=["flag(x)"]), (PathHit("flags/**", path="flags/a.py"),)),
        (file("test/a.py", removed=["flag(x)"]), None),
    ],
)
def test_a_removed_line_flags_an_area_that_looks_for_it(changed, hits):
    detect = Detect(("flags/**",), ("test/**",), ("one",), (r"\bflag\(",))
    found = touched(changed, area=replace(AREA, detect=detect))
    assert (found and found.hits) == hits


def test_every_hit_has_words_and_a_name_for_conditions():
    hits = (LabelHit, PathHit, SubmoduleHit, AddedHit, RemovedHit, FolderHit, FilesHit, LinesHit)
    hits = (*hits, PullHit)
    assert {hit.kind for hit in hits} == set(get_args(FlaggedBy))
    assert all(f"hit_{hit.words}" in table(language) for hit in hits for language in LANGUAGES)


def test_what_flags_an_area_is_read_from_packs():
    known = {one.name for one in fields(Detect)}
    assert set(DetectPart.signals) <= known <= set(DetectPart.model_fields)


@pytest.mark.parametrize(
    ("path", "status", "sha", "flagged"),
    [
        ("libs/pay", "modified", "b" * 40, True),
        ("vendor/pay", "added", "b" * 40, True),
        ("libs/pay", "removed", "a" * 40, True),
        ("libs/pay", "modified", "c" * 40, False),  # a file of such a line
    ],
)
def test_a_submodule_flags_the_area_of_dependencies(path, status, sha, flagged):
    rows = {
        "added": "+Subproject commit " + "b" * 40,
        "removed": "-Subproject commit " + "a" * 40,
        "modified": f"-Subproject commit {'a' * 40}\n+Subproject commit {'b' * 40}",
    }
    changed = File(path, status, 1, 1, f"@@ -1 +1 @@\n{rows[status]}", sha)
    found = touched(changed, area=replace(AREA, detect=Detect(submodules=True)))
    assert (found and found.hits) == ((SubmoduleHit(path=path),) if flagged else None)
    twice = touched(changed, area=replace(AREA, detect=Detect(paths=("**",), submodules=True)))
    assert [type(hit) for hit in twice.hits] == [PathHit]
