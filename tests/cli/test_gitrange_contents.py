"""Whole new files and new folders of a local range: as the App reads them on GitHub."""

from pathlib import Path

import pytest

from ghapp.core.model import File
from ghapp.core.scan.new_file import MOST_BLOBS, MOST_BYTES
from ghapp.offline.git import contents, new_folders, range_of
from tests.cli.repositories import Repo

SAFE = "SET lock_timeout = '5s';\r\nALTER TABLE orders ADD points INT; -- 注文\n"


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    made = Repo(tmp_path / "repo")
    made.commit("start", **{"a.sql": "one\n" * 40, "gone.sql": "x\n", "db/1.sql": "x\n"})
    return made


def read(repo: Repo) -> dict[str, str | None]:
    return dict(contents(repo.folder, range_of(repo.folder, "HEAD~1").pull.files))


def new(repo: Repo, base: str = "HEAD~1") -> frozenset[str]:
    return range_of(repo.folder, base).pull.new_folders


def test_the_new_version_is_read_whole(repo: Repo) -> None:
    repo.git("rm", "-q", "gone.sql")
    repo.commit(**{"a.sql": "one\n" * 40 + SAFE, "db/new.sql": SAFE})
    assert read(repo) == {"a.sql": "one\n" * 40 + SAFE, "db/new.sql": SAFE}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"x" * MOST_BYTES, "x" * MOST_BYTES),
        (b"x" * (MOST_BYTES + 1), None),
        (b"\x89PNG\0\1", None),
        (b"caf\xe9\n", "caf\ufffd\n"),
        (b"", ""),
    ],
    ids=["largest", "too-large", "binary", "latin-1", "empty"],
)
def test_what_is_no_text_or_too_large_is_none(
    repo: Repo, content: bytes, expected: str | None
) -> None:
    repo.commit(file=content)
    assert read(repo) == {"file": expected}


def test_files_beyond_the_twentieth_are_none_as_in_the_app(repo: Repo) -> None:
    repo.commit(**{f"f{at:02}.sql": f"-- {at}\n" for at in range(MOST_BLOBS + 1)})
    assert [path for path, text in read(repo).items() if text is None] == ["f20.sql"]


def test_what_is_not_in_this_clone_is_none(repo: Repo) -> None:
    commit, tree = repo.git("rev-parse", "HEAD"), repo.git("rev-parse", "HEAD:db")
    for sha in ("", "1" * 40, commit, tree):
        assert contents(repo.folder, [File("a", "added", sha=sha)]) == {"a": None}


def test_a_folder_that_the_base_lacks_is_new(repo: Repo) -> None:
    repo.commit(**{"payments/app.py": "x\n", "db/2.sql": "x\n", "注文/a.py": "y\n", "top.py": "z"})
    assert new(repo) == {"payments", "注文"}
    assert range_of(repo.folder / "db", "HEAD~1").pull.new_folders == {"payments", "注文"}


def test_a_folder_that_the_base_has_got_meanwhile_is_not_new(repo: Repo) -> None:
    repo.git("switch", "-qc", "release/1.0")
    repo.commit(**{"payments/old.py": "x\n"})
    repo.git("switch", "-qc", "feat", "main")
    repo.commit(**{"payments/new.py": "y\n"})
    assert new(repo, "release/1.0") == frozenset()
    assert new(repo, "main") == {"payments"}


def test_a_file_of_that_name_is_no_folder_and_a_submodule_is_one(
    repo: Repo, tmp_path: Path
) -> None:
    sha = Repo(tmp_path / "inner").commit("first", x="1")
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{sha},vendored")
    repo.write("tools", "a file\n")
    repo.git("add", "tools")
    repo.git("commit", "-qm", "base")
    base = repo.git("rev-parse", "HEAD")
    files = [File("tools/a.py", "added"), File("vendored/a.py", "added")]
    assert new_folders(repo.folder, base, files) == {"tools"}
