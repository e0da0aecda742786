"""A range of real repositories as the pull request it would be, and what else git reads."""

import os

import pytest

from ghapp.core.model import File
from ghapp.core.scan.new_file import MOST_BLOBS, MOST_BYTES
from ghapp.core.scan.patch import cut_short, lines
from ghapp.errors import BadRange
from ghapp.offline.git import blob, contents, file_at, folder_at, merged, new_folders, range_of
from tests.offline.repositories import Repo

SAFE = "SET lock_timeout = '5s';\r\nALTER TABLE orders ADD points INT; -- 注文\n"


@pytest.fixture
def repo(tmp_path):
    made = Repo(tmp_path / "repo")
    made.commit("start", **{"a.txt": "one\ntwo\nthree\n", "old name.py": "x = 1\n" * 20})
    return made


def files(repo, base="HEAD~1", head="HEAD"):
    return range_of(repo.folder, base, head).pull.files


def only(repo):
    (file,) = files(repo)
    return file


def test_range_becomes_a_pull(repo):
    repo.git("switch", "-qc", "feature/pay")
    head = repo.commit("feat: pay later", **{"a.txt": "one\ndeux\nthree\n", "B/b.txt": "b"})
    repo.git("switch", "-q", "main")
    base = repo.commit("elsewhere", **{"c.txt": "c"})
    repo.git("switch", "-q", "feature/pay")
    found = range_of(str(repo.folder), "main")
    pull = found.pull
    assert (pull.title, pull.author, pull.head_sha) == ("feat: pay later", "Ann Example", head)
    assert (pull.head_ref, pull.base_ref, found.base_sha) == ("feature/pay", "main", base)
    assert pull.updated_at.tzinfo is not None
    assert found.merge_base == repo.git("rev-parse", "main~1")
    assert found.one_author
    assert [file.path for file in pull.files] == ["B/b.txt", "a.txt"]
    added, changed = pull.files
    assert (added.status, added.additions, added.patch) == (
        "added",
        1,
        "@@ -0,0 +1 @@\n+b\n\\ No newline at end of file",
    )
    assert (changed.status, changed.additions, changed.deletions) == ("modified", 1, 1)
    assert [(line.sign, line.text, line.number) for line in lines(changed.patch)] == [
        (" ", "one", 1),
        ("-", "two", 2),
        ("+", "deux", 2),
        (" ", "three", 3),
    ]
    assert changed.sha == repo.git("rev-parse", "HEAD:a.txt")


def test_commits_by_others_are_noticed(repo):
    repo.write("a.txt", "x")
    repo.git("add", "-A")
    repo.git("commit", "-qm", "other", "--author", "Bob Example <bob@example.com>")
    assert range_of(repo.folder, "HEAD~1").one_author
    repo.commit("mine")
    assert not range_of(repo.folder, "HEAD~2").one_author


def test_empty_range_has_no_files(repo):
    found = range_of(repo.folder, "main", "main")
    assert found.pull.files == ()
    assert found.one_author
    repo.commit("empty")
    assert files(repo) == ()


def test_removed_file_keeps_its_old_blob(repo):
    blob = repo.git("rev-parse", "HEAD:a.txt")
    repo.git("rm", "-q", "a.txt")
    repo.commit()
    file = only(repo)
    assert (file.path, file.status, file.deletions, file.sha) == ("a.txt", "removed", 3, blob)


def test_rename_names_both_paths(repo):
    repo.git("mv", "old name.py", "new name.py")
    repo.commit()
    file = only(repo)
    assert (file.path, file.previous_path, file.status) == ("new name.py", "old name.py", "renamed")
    assert (file.additions, file.deletions, file.patch) == (0, 0, "")
    repo.git("mv", "new name.py", "last.py")
    repo.commit(**{"last.py": "x = 1\n" * 19 + "y = 2\n"})
    file = only(repo)
    assert (file.previous_path, file.status, file.additions) == ("new name.py", "renamed", 1)
    assert "+y = 2" in file.patch


def test_binary_file_has_no_patch(repo):
    repo.commit(**{"logo.png": b"\x89PNG\x00\x01" * 9})
    file = only(repo)
    assert (file.status, file.additions, file.patch) == ("added", 0, "")
    assert file.sha
    assert not cut_short(file)


def test_new_mode_alone_is_a_change_without_lines(repo):
    (repo.folder / "a.txt").chmod(0o755)
    repo.commit()
    file = only(repo)
    assert (file.status, file.additions, file.patch) == ("changed", 0, "")


def test_file_that_becomes_a_symlink_keeps_its_patch(repo):
    repo.git("rm", "-q", "a.txt")
    (repo.folder / "a.txt").symlink_to("old name.py")
    repo.commit(**{"b.txt": "after\n", "c.txt": "last\n"})
    link, after, last = files(repo)
    assert (link.path, link.status) == ("a.txt", "changed")
    assert [line.text for line in lines(link.patch)] == ["one", "two", "three", "old name.py"]
    assert [line.text for line in lines(after.patch)] == ["after"]
    assert [line.text for line in lines(last.patch)] == ["last"]


def test_submodule_shows_its_commit(repo, tmp_path):
    inner = Repo(tmp_path / "inner")
    first = inner.commit("first", x="1")
    second = inner.commit("second", x="2")
    allow = ("-c", "protocol.file.allow=always")
    repo.git(*allow, "submodule", "--quiet", "add", str(inner.folder), "libs/inner")
    repo.commit("add")
    modules, added = files(repo)
    assert modules.path == ".gitmodules"
    assert [line.text for line in lines(added.patch)] == [f"Subproject commit {second}"]
    repo.git("config", "diff.submodule", "log")
    repo.git("-C", "libs/inner", "checkout", "-q", first)
    repo.commit("back")
    assert [line.text[-40:] for line in lines(only(repo).patch)] == [second, first]


NAMES = [
    b"with space.txt",
    b'quo"te.txt',
    b"tab\there.txt",
    b"line\nbreak.txt",
    b"x\ndiff --git a/y b/y",
    b"\xe6\xb3\xa8\xe6\x96\x87.sql",
    b"latin-\xe9.txt",
    b"-dash.txt",
    b"@@ -1 +1 @@",
]


def test_any_file_name_is_read(repo):
    for number, name in enumerate(NAMES):
        repo.write(name, f"content {number}\n")
    repo.commit()
    found = {os.fsencode(file.path): file for file in files(repo)}
    assert sorted(found) == sorted(NAMES)
    for number, name in enumerate(NAMES):
        assert [line.text for line in lines(found[name].patch)] == [f"content {number}"]
    assert [os.fsencode(file.path) for file in files(repo)] == sorted(NAMES)


def test_invalid_utf8_is_replaced(repo):
    repo.commit(**{"a.txt": b"caf\xe9\r\nform\x0cfeed\n"})
    assert [line.text for line in lines(only(repo).patch) if line.sign == "+"] == [
        "caf\ufffd",
        "form\x0cfeed",
    ]


def test_configuration_of_the_repository_changes_nothing(repo):
    before = repo.commit(**{"a.txt": "one\ndeux\n\nthree\n"})
    expected = files(repo)
    for key, value in {
        "diff.noprefix": "true",
        "diff.mnemonicPrefix": "true",
        "diff.external": "false",
        "diff.context": "0",
        "diff.renames": "false",
        "diff.orderFile": "missing",
        "color.ui": "always",
        "core.pager": "false",
        "core.quotepath": "true",
        "log.showSignature": "true",
        "gpg.program": "false",
        "diff.upper.textconv": "tr a-z A-Z <",
    }.items():
        repo.git("config", key, value)
    (repo.folder / ".git/info/attributes").write_text("*.txt diff=upper\n")
    assert files(repo, head=before) == expected


def test_environment_of_a_hook_changes_nothing(repo, tmp_path, monkeypatch):
    repo.commit(**{"a.txt": "x"})
    other = Repo(tmp_path / "other")
    monkeypatch.setenv("GIT_DIR", str(other.folder / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other.folder / "index"))
    assert only(repo).path == "a.txt"


def test_shallow_clone_without_common_ancestor_is_compared_as_it_is(repo, tmp_path):
    repo.git("switch", "-qc", "topic")
    repo.commit(**{"b.txt": "b"})
    repo.git("switch", "-q", "main")
    repo.commit(**{"c.txt": "c"})
    shallow = Repo(tmp_path / "shallow")
    shallow.git("remote", "add", "origin", f"file://{repo.folder}")
    shallow.git("fetch", "-q", "--depth=1", "origin", "main:main-there", "topic:topic")
    found = range_of(shallow.folder, "main-there", "topic")
    assert found.merge_base == ""
    assert [(file.path, file.status) for file in found.pull.files] == [
        ("b.txt", "added"),
        ("c.txt", "removed"),
    ]


def test_shallow_clone_with_the_ancestor_is_enough(repo, tmp_path):
    repo.commit(**{"b.txt": "b"})
    shallow = Repo(tmp_path / "shallow")
    shallow.git("remote", "add", "origin", f"file://{repo.folder}")
    shallow.git("fetch", "-q", "--depth=2", "origin", "main:there")
    assert [file.path for file in files(shallow, "there~1", "there")] == ["b.txt"]


def test_folder_inside_the_repository_is_enough(repo):
    repo.commit(**{"sub/b.txt": "b", "a.txt": "x"})
    found = range_of(repo.folder / "sub", "HEAD~1")
    assert [file.path for file in found.pull.files] == ["a.txt", "sub/b.txt"]


@pytest.mark.parametrize("ref", ["", "-p", "--output=x", "nowhere", "HEAD~99", "HEAD:a.txt", "a b"])
def test_ref_that_is_not_a_commit_is_refused(repo, ref):
    with pytest.raises(BadRange, match=r"is not a ref|is not a commit here"):
        range_of(repo.folder, ref)
    with pytest.raises(BadRange, match=r"is not a ref|is not a commit here"):
        range_of(repo.folder, "main", ref)


def test_folder_that_is_not_a_repository_is_refused(tmp_path):
    with pytest.raises(BadRange, match="not a git repository"):
        range_of(tmp_path, "main")
    with pytest.raises(BadRange, match="cannot read"):
        range_of(tmp_path / "missing", "main")


def test_missing_git_is_named(repo, monkeypatch):
    monkeypatch.setenv("PATH", str(repo.folder))
    with pytest.raises(BadRange, match="git is not installed"):
        range_of(repo.folder, "main")


def test_folder_is_listed_at_a_commit(repo):
    first = repo.git("rev-parse", "HEAD")
    (repo.folder / "packs").mkdir()
    (repo.folder / "packs/link.yml").symlink_to("a.yml")
    repo.commit(**{"packs/a.yml": "area: a\n", "packs/sub/b.yml": "b", "packs/ä.yml": "c"})
    entries = list(folder_at(repo.folder / "packs", "HEAD", "packs"))
    assert [(one.path, one.kind, one.size) for one in entries] == [
        ("packs/a.yml", "file", 8),
        ("packs/link.yml", "symlink", 5),
        ("packs/sub", "dir", 0),
        ("packs/ä.yml", "file", 1),
    ]
    assert blob(repo.folder, entries[0].sha) == b"area: a\n"
    assert list(folder_at(repo.folder, first, "packs")) == []
    assert list(folder_at(repo.folder, "HEAD", "a.txt")) == []


def test_file_is_read_at_a_commit(repo):
    first = repo.git("rev-parse", "HEAD")
    repo.commit(**{".github/nfr.yml": b"mode: advise\xff"})
    assert file_at(repo.folder, first, ".github/nfr.yml") is None
    assert file_at(repo.folder, "HEAD", ".github/nfr.yml") == b"mode: advise\xff"
    assert file_at(repo.folder / ".github", "HEAD", ".github/nfr.yml") == b"mode: advise\xff"
    with pytest.raises(BadRange, match="is a folder"):
        file_at(repo.folder, "HEAD", ".github")


def test_file_whose_blob_the_clone_lacks_has_no_patch(repo, tmp_path):
    repo.commit("more", **{"b.txt": "b\n"})
    repo.git("config", "uploadpack.allowFilter", "true")
    partial = Repo(tmp_path / "partial")
    partial.git("remote", "add", "origin", f"file://{repo.folder}")
    partial.git("fetch", "-q", "--filter=blob:none", "origin", "main")
    partial.git("update-ref", "refs/heads/main", "FETCH_HEAD")
    new = repo.git("rev-parse", "HEAD:b.txt")
    (file,) = range_of(partial.folder, "main~1", "main").pull.files
    assert (file.path, file.status, file.additions, file.patch, file.sha) == (
        *("b.txt", "added", 1, ""),
        new,
    )
    repo.commit("both", **{"b.txt": "bb\n", "c.txt": "c\n"})
    partial.git("fetch", "-q", "--filter=blob:none", "origin", "main")
    partial.git("update-ref", "refs/heads/main", "FETCH_HEAD")
    partial.git("fetch", "-q", "origin", repo.git("rev-parse", "HEAD:c.txt"))
    hidden, shown = range_of(partial.folder, "main~1", "main").pull.files
    assert (hidden.path, hidden.patch, hidden.additions) == ("b.txt", "", 1)
    assert (shown.path, shown.patch) == ("c.txt", "@@ -0,0 +1 @@\n+c")


class TestContents:
    """The new versions of files, as the App reads them on GitHub."""

    @pytest.fixture
    def repo(self, tmp_path):
        made = Repo(tmp_path / "repo")
        made.commit("start", **{"a.sql": "one\n" * 40, "gone.sql": "x\n", "db/1.sql": "x\n"})
        return made

    def read(self, repo):
        return dict(contents(repo.folder, files(repo)))

    def test_new_version_is_read_in_full(self, repo):
        repo.git("rm", "-q", "gone.sql")
        repo.commit(**{"a.sql": "one\n" * 40 + SAFE, "db/new.sql": SAFE})
        assert self.read(repo) == {"a.sql": "one\n" * 40 + SAFE, "db/new.sql": SAFE}

    @pytest.mark.parametrize(
        ("content", "expected"),
        [
            (b"x" * MOST_BYTES, "x" * MOST_BYTES),
            (b"x" * (MOST_BYTES + 1), None),
            (b"\x89PNG\0\1", "\ufffdPNG\1"),
            (b"caf\xe9\n", "caf\ufffd\n"),
            (b"", ""),
        ],
        ids=["largest", "too-large", "binary", "latin-1", "empty"],
    )
    def test_large_file_is_none(self, repo, content, expected):
        repo.commit(file=content)
        assert self.read(repo) == {"file": expected}

    def test_files_beyond_the_limit_of_the_app_are_none(self, repo):
        repo.commit(**{f"f{at:02}.sql": f"-- {at}\n" for at in range(MOST_BLOBS + 1)})
        assert [path for path, text in self.read(repo).items() if text is None] == ["f20.sql"]

    def test_object_that_the_clone_lacks_is_none(self, repo):
        commit, tree = repo.git("rev-parse", "HEAD"), repo.git("rev-parse", "HEAD:db")
        for sha in ("", "1" * 40, commit, tree):
            assert contents(repo.folder, [File("a", "added", sha=sha)]) == {"a": None}


class TestNewFolders:
    def new(self, repo, base="HEAD~1"):
        return range_of(repo.folder, base).pull.new_folders

    def test_folder_that_the_base_lacks_is_new(self, repo):
        repo.commit(**{"db/1.sql": "x\n"})
        repo.commit(
            **{"payments/app.py": "x\n", "db/2.sql": "x\n", "注文/a.py": "y\n", "top.py": "z"}
        )
        assert self.new(repo) == {"payments", "注文"}
        assert range_of(repo.folder / "db", "HEAD~1").pull.new_folders == {"payments", "注文"}

    def test_folder_added_to_the_base_meanwhile_is_not_new(self, repo):
        repo.git("switch", "-qc", "release/1.0")
        repo.commit(**{"payments/old.py": "x\n"})
        repo.git("switch", "-qc", "feat", "main")
        repo.commit(**{"payments/new.py": "y\n"})
        assert self.new(repo, "release/1.0") == frozenset()
        assert self.new(repo, "main") == {"payments"}

    def test_file_of_that_name_is_not_a_folder_but_a_submodule_is(self, repo, tmp_path):
        sha = Repo(tmp_path / "inner").commit("first", x="1")
        repo.git("update-index", "--add", "--cacheinfo", f"160000,{sha},vendored")
        repo.write("tools", "a file\n")
        repo.git("add", "tools")
        repo.git("commit", "-qm", "base")
        base = repo.git("rev-parse", "HEAD")
        added = [File("tools/a.py", "added"), File("vendored/a.py", "added")]
        assert new_folders(repo.folder, base, added) == {"tools"}


class TestMerged:
    @pytest.fixture
    def repo(self, tmp_path):
        made = Repo(tmp_path / "repo")
        made.commit("start", **{"a.txt": "a\n"})
        made.commit("feat: rank", **{"a.txt": "b\n"})
        made.git("switch", "-qc", "topic", "HEAD~1")
        made.commit("one", **{"c.txt": "x\n"})
        made.commit("two", **{"c.txt": "y\n"})
        made.git("switch", "-q", "main")
        made.git("merge", "-q", "--no-ff", "-m", "Merge topic", "topic")
        return made

    def test_each_merge_and_commit_of_the_main_line_is_one_change(self, repo):
        found = merged(repo.folder)
        assert [one.title for one in found] == ["Merge topic", "feat: rank"]
        assert found[0].parent == repo.git("rev-parse", "HEAD^1")
        assert found[0].head == repo.git("rev-parse", "HEAD^2")  # as its pull request had it
        assert found[1].head == found[1].commit
        assert merged(repo.folder, since="2050-01-01") == ()
        with pytest.raises(BadRange, match="is not a commit here"):
            merged(repo.folder, "nowhere")
