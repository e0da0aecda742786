import os

import pytest

from ghapp.core.scan.patch import cut_short, lines
from ghapp.errors import BadRange
from ghapp.offline.git import blob, file_at, folder_at, range_of
from tests.cli.repositories import Repo


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


def test_a_range_is_the_pull_it_would_be(repo):
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


def test_an_empty_range_has_no_files(repo):
    found = range_of(repo.folder, "main", "main")
    assert found.pull.files == ()
    assert found.one_author
    repo.commit("empty")
    assert files(repo) == ()


def test_a_removed_file_keeps_its_old_blob(repo):
    blob = repo.git("rev-parse", "HEAD:a.txt")
    repo.git("rm", "-q", "a.txt")
    repo.commit()
    file = only(repo)
    assert (file.path, file.status, file.deletions, file.sha) == ("a.txt", "removed", 3, blob)


def test_renames_name_both_paths(repo):
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


def test_binary_files_have_no_patch(repo):
    repo.commit(**{"logo.png": b"\x89PNG\x00\x01" * 9})
    file = only(repo)
    assert (file.status, file.additions, file.patch) == ("added", 0, "")
    assert file.sha
    assert not cut_short(file)


def test_a_new_mode_alone_is_a_change_without_lines(repo):
    (repo.folder / "a.txt").chmod(0o755)
    repo.commit()
    file = only(repo)
    assert (file.status, file.additions, file.patch) == ("changed", 0, "")


def test_a_file_that_becomes_a_symlink_and_what_follows_it_keep_their_patches(repo):
    repo.git("rm", "-q", "a.txt")
    (repo.folder / "a.txt").symlink_to("old name.py")
    repo.commit(**{"b.txt": "after\n", "c.txt": "last\n"})
    link, after, last = files(repo)
    assert (link.path, link.status) == ("a.txt", "changed")
    assert [line.text for line in lines(link.patch)] == ["one", "two", "three", "old name.py"]
    assert [line.text for line in lines(after.patch)] == ["after"]
    assert [line.text for line in lines(last.patch)] == ["last"]


def test_a_submodule_shows_its_commit(repo, tmp_path):
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


def test_any_name_that_git_takes_is_read(repo):
    for number, name in enumerate(NAMES):
        repo.write(name, f"content {number}\n")
    repo.commit()
    found = {os.fsencode(file.path): file for file in files(repo)}
    assert sorted(found) == sorted(NAMES)
    for number, name in enumerate(NAMES):
        assert [line.text for line in lines(found[name].patch)] == [f"content {number}"]
    assert [os.fsencode(file.path) for file in files(repo)] == sorted(NAMES)


def test_content_that_is_not_utf8_is_shown_with_replacements(repo):
    repo.commit(**{"a.txt": b"caf\xe9\r\nform\x0cfeed\n"})
    assert [line.text for line in lines(only(repo).patch) if line.sign == "+"] == [
        "caf\ufffd",
        "form\x0cfeed",
    ]


def test_the_users_configuration_changes_nothing(repo):
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


def test_a_hooks_environment_does_not_lead_elsewhere(repo, tmp_path, monkeypatch):
    repo.commit(**{"a.txt": "x"})
    other = Repo(tmp_path / "other")
    monkeypatch.setenv("GIT_DIR", str(other.folder / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other.folder / "index"))
    assert only(repo).path == "a.txt"


def test_a_shallow_clone_without_common_ancestor_compares_the_two_as_they_are(repo, tmp_path):
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


def test_a_shallow_clone_with_the_ancestor_needs_nothing_more(repo, tmp_path):
    repo.commit(**{"b.txt": "b"})
    shallow = Repo(tmp_path / "shallow")
    shallow.git("remote", "add", "origin", f"file://{repo.folder}")
    shallow.git("fetch", "-q", "--depth=2", "origin", "main:there")
    assert [file.path for file in files(shallow, "there~1", "there")] == ["b.txt"]


def test_a_folder_inside_the_repository_will_do(repo):
    repo.commit(**{"sub/b.txt": "b", "a.txt": "x"})
    found = range_of(repo.folder / "sub", "HEAD~1")
    assert [file.path for file in found.pull.files] == ["a.txt", "sub/b.txt"]


@pytest.mark.parametrize("ref", ["", "-p", "--output=x", "nowhere", "HEAD~99", "HEAD:a.txt", "a b"])
def test_a_ref_that_is_no_commit_is_refused(repo, ref):
    with pytest.raises(BadRange, match=r"is not a ref|is not a commit here"):
        range_of(repo.folder, ref)
    with pytest.raises(BadRange, match=r"is not a ref|is not a commit here"):
        range_of(repo.folder, "main", ref)


def test_a_folder_that_is_no_repository_is_refused(tmp_path):
    with pytest.raises(BadRange, match="not a git repository"):
        range_of(tmp_path, "main")
    with pytest.raises(BadRange, match="cannot read"):
        range_of(tmp_path / "missing", "main")


def test_without_git_it_says_so(repo, monkeypatch):
    monkeypatch.setenv("PATH", str(repo.folder))
    with pytest.raises(BadRange, match="git is not installed"):
        range_of(repo.folder, "main")


def test_a_folder_is_listed_at_a_commit(repo):
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


def test_a_file_is_read_at_a_commit(repo):
    first = repo.git("rev-parse", "HEAD")
    repo.commit(**{".github/nfr.yml": b"mode: advise\xff"})
    assert file_at(repo.folder, first, ".github/nfr.yml") is None
    assert file_at(repo.folder, "HEAD", ".github/nfr.yml") == b"mode: advise\xff"
    assert file_at(repo.folder / ".github", "HEAD", ".github/nfr.yml") == b"mode: advise\xff"
    with pytest.raises(BadRange, match="is a folder"):
        file_at(repo.folder, "HEAD", ".github")


def test_a_file_whose_blob_the_clone_lacks_is_unread_and_the_others_are_read(repo, tmp_path):
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
