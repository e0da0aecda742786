"""A range of a local git repository -> the pull request it would be. Offline.

It only reads the repository: what it has to write goes to a temporary folder.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import MappingProxyType

from ghapp.core.model import File, Pull, PullKey, Repository
from ghapp.core.records import PackFile
from ghapp.core.scan import new_file, unshown
from ghapp.core.scan.patch import perhaps_new
from ghapp.core.scan.unshown import TreeEntry
from ghapp.errors import BadRange

Folder = str | os.PathLike[str]

NO_PULL = PullKey(Repository(0, 0, "local/repository"), 0)

# As GitHub compares: renames by half-equal content, no local diff drivers.
DIFF = (
    "diff-tree",
    "-r",
    "-M",
    "-l1000",
    "--no-ext-diff",
    "--no-textconv",
    "--no-color",
)

# Whatever the repository's configuration says, git starts no other programs.
HARMLESS = (
    *("-c", "core.quotepath=off"),
    *("-c", "core.fsmonitor=false"),
    *("-c", f"core.hooksPath={os.devnull}"),
    *("-c", "log.showSignature=false"),
    *("-c", "core.safecrlf=false"),  # it only warns, or refuses
)

STATUS = {"A": "added", "D": "removed", "M": "modified", "R": "renamed", "C": "copied"}
OTHER_STATUS = "changed"  # a new file type, or only a new mode
LINK = "120000"  # the mode of a symbolic link
KINDS = {"blob": "file", "tree": "dir", "commit": "submodule"}
REMOTE = re.compile(
    r"(?:https://(?:[^/@]+@)?|(?:ssh://)?git@)(?P<host>[\w.-]+)[:/](?P<name>[\w.-]+/[\w.-]+?)(?:\.git)?/?"
)
ABBREVIATED = re.compile("[0-9a-fA-F]{4,64}")
MOST_NAMED = 500  # paths in one call of git


@dataclass(frozen=True, slots=True)
class Range:
    """A range as a pull request.

    base: as the user calls it. base_sha: the commit that it names, from which the policy is read.
    merge_base: where the comparison starts; "" if the two ends have none in this clone.
    one_author: whether all commits of the range have the pull's author.
    objects: the repository in which the files can be read.
    """

    pull: Pull
    base: str
    base_sha: str
    merge_base: str
    one_author: bool
    objects: Folder


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is staged, or in the working tree, as a commit would have it.

    folder: a temporary repository that has the tree, and borrows all other objects.
    """

    folder: Folder
    tree: str


@dataclass(frozen=True, slots=True)
class Merged:
    """A change that was merged.

    commit: on the main line. parent: the commit before it. head: of the branch, as its pull request
    had it; the commit itself if it is not a merge. title: the subject.
    """

    commit: str
    parent: str
    title: str
    head: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of `--raw`: what happened to which path."""

    letter: str
    old_sha: str
    new_sha: str
    path: str
    previous_path: str = ""

    def file(self, patch: str = "", additions: int = 0, deletions: int = 0) -> File:
        only_mode = self.letter == "M" and self.old_sha == self.new_sha
        return File(
            path=self.path,
            status=OTHER_STATUS if only_mode else STATUS.get(self.letter, OTHER_STATUS),
            additions=additions,
            deletions=deletions,
            patch=patch,
            sha=self.old_sha if self.letter == "D" else self.new_sha,
            previous_path=self.previous_path,
        )


# What conditions on a pull request may ask for, and no range has; the title is the last commit's.
UNKNOWN = frozenset({"label", "author", "team", "draft", "topic", "property"})


def range_of(
    path: Folder, base: str, head: str = "HEAD", uncommitted: Snapshot | None = None
) -> Range:
    """The pull request from `head` into `base`, as GitHub would show it.

    Its title and author are those of the last commit. uncommitted: changes on top of `head`, by the
    user whom git is configured for.
    Raises BadRange (not a repository, no such commit, objects missing).
    """
    base_sha, head_sha = commit_of(path, base), commit_of(path, head)
    # Exit status 1: no common ancestor, as in a shallow clone that ends above it.
    merge_base = _git(path, "merge-base", base_sha, head_sha, accept=(0, 1)).decode().strip()
    commits = _git_text(path, "log", "-z", "--format=%an%x1f%cI%x1f%s", "-n1", head_sha)
    author, when, title = commits.rstrip("\0").split("\x1f", 2)
    authors = _git_text(path, "log", "-z", "--format=%an", f"{merge_base or base_sha}..{head_sha}")
    branch = _git_text(path, "rev-parse", "--abbrev-ref", head).strip() if head == "HEAD" else head
    into, known_head = "" if base == "HEAD" else _branch_of(path, base), _branch_of(path, head)
    old, new, objects = merge_base or base_sha, head_sha, path
    if uncommitted:
        new, objects = uncommitted.tree, uncommitted.folder
        author = _git_text(path, "config", "--get", "user.name", accept=(0, 1)).strip() or author
    files = _with_unshown(objects, old, new, _files(objects, old, new))
    pull = Pull(
        key=NO_PULL,
        title=title,
        author=author,
        head_sha=head_sha,
        head_ref=branch,
        base_ref=into or base,
        updated_at=datetime.fromisoformat(when),
        changed_files=len(files),
        files=files,
        new_folders=new_folders(objects, base_sha, files),
        unknown=UNKNOWN.union(["base"] if not into else [], ["branch"] if not known_head else []),
    )
    one_author = {author}.issuperset(authors.split("\0")[:-1])
    return Range(pull, base, base_sha, merge_base, one_author, objects)


def _branch_of(path: Folder, ref: str) -> str:
    """The branch that a ref names here or on a remote; "" if it names none."""
    name = _git_text(path, "rev-parse", "--symbolic-full-name", ref).strip()
    if name.startswith("refs/remotes/"):
        return name.removeprefix("refs/remotes/").partition("/")[2]
    return name.removeprefix("refs/heads/") if name.startswith("refs/heads/") else ""


def default_base(path: Folder) -> str:
    """The default branch of the remote, such as "origin/main".

    Raises BadRange (there is no remote, or its default branch is not known).
    """
    remotes = _git_text(path, "remote").split()
    if not remotes or (len(remotes) > 1 and "origin" not in remotes):
        which = "no remote" if not remotes else "several remotes, none of them `origin`"
        raise BadRange(f"this clone has {which}: name the branch to merge into, as `--base main`")
    remote = "origin" if "origin" in remotes else remotes[0]
    ref = f"refs/remotes/{remote}/HEAD"
    pointed = _git_text(path, "symbolic-ref", "--quiet", "--short", ref, accept=(0, 1)).strip()
    for branch in (pointed, f"{remote}/main", f"{remote}/master"):
        name = f"refs/remotes/{branch}"
        if branch and _git(path, "rev-parse", "--verify", "--quiet", name, accept=(0, 1)):
            return branch
    raise BadRange(
        f"the default branch of `{remote}` is not known here: "
        f"run `git fetch {remote}` and `git remote set-head {remote} --auto`, or give `--base`"
    )


@contextmanager
def snapshot(path: Folder, *, staged: bool) -> Iterator[Snapshot]:
    """The files of the index, or of the working tree with new files that are not ignored.

    It exists as long as one is inside. Raises BadRange (not a working tree, files in conflict).
    """
    where = ("--git-path", "index", "--git-path", "objects", "--show-object-format")
    found = _git_text(path, "rev-parse", "--path-format=absolute", *where).splitlines()
    index, objects, kind = Path(found[0]), found[1], found[2]
    # `git commit FILE` runs its hook with an index of its own beside the usual one.
    given = Path(os.path.abspath(os.environ.get("GIT_INDEX_FILE", index)))  # noqa: PTH100
    if given.parent == index.parent and given.exists():
        index = given
    with tempfile.TemporaryDirectory(prefix="ghapp-check-") as folder:
        copy, borrowing = Path(folder, "index"), Path(folder, "repository")
        _git(path, "init", "-q", "--bare", "--template=", f"--object-format={kind}", borrowing)
        (borrowing / "objects/info").mkdir(exist_ok=True)
        alternates = borrowing / "objects/info/alternates"
        alternates.write_text(f"{objects}\n", encoding="utf-8", errors="surrogateescape")
        if index.exists():
            shutil.copyfile(index, copy)
        elsewhere = {
            **_without_filters(path),
            "GIT_INDEX_FILE": str(copy),
            "GIT_OBJECT_DIRECTORY": str(borrowing / "objects"),
        }
        if not staged:
            _git(path, "add", "--all", variables=elsewhere)
        tree = _git(path, "write-tree", variables=elsewhere).decode().strip()
        _git(borrowing, "config", "attr.tree", tree)  # it has no files to take attributes from
        yield Snapshot(borrowing, tree)


def uncommitted(path: Folder, *, staged: bool = False) -> tuple[str, ...]:
    """The files whose changes are not committed, new ones included; a new folder ends in `/`.

    staged: only what is not even staged. None in a repository without a working tree.
    """
    inside = _git_text(path, "rev-parse", "--is-inside-work-tree", accept=(0, 128)).strip()
    if inside != "true":
        return ()
    options = ("--porcelain=v1", "-z", "--no-renames", "--ignore-submodules=dirty")
    entries = _git(path, "status", *options, variables=_without_filters(path)).split(b"\0")[:-1]
    return tuple(
        os.fsdecode(entry[3:]) for entry in entries if not staged or entry[1:2] not in b" "
    )


def _without_filters(path: Folder) -> dict[str, str]:
    """Variables of git that switch off the programs through which files would go."""
    names = _git(path, "config", "--name-only", "-z", "--get-regexp", r"^filter\.", accept=(0, 1))
    drivers = {os.fsdecode(name).rpartition(".")[0] for name in names.split(b"\0")[:-1]}
    values = [
        (f"{driver}.{key}", value)
        for driver in sorted(drivers)
        for key, value in (("clean", ""), ("process", ""), ("required", "false"))
    ]
    variables = {"GIT_CONFIG_COUNT": str(len(values))}
    for place, (key, value) in enumerate(values):
        variables |= {f"GIT_CONFIG_KEY_{place}": key, f"GIT_CONFIG_VALUE_{place}": value}
    return variables


def merged(path: Folder, head: str = "HEAD", since: str = "", most: int = 0) -> tuple[Merged, ...]:
    """The changes on the main line up to `head`, newest first: merges, squashes, single commits.

    since: a date as git understands it. most: how many to read; 0 for all. The first commit of a
    history has nothing to compare with.
    Raises BadRange (not a repository, no such commit).
    """
    commit = commit_of(path, head)
    only = [f"--since={since}"] if since else []
    only += [f"--max-count={most}"] if most else []
    log = ("log", "-z", "--first-parent", "--format=%H%x1f%P%x1f%s", *only, commit, "--")
    rows = (entry.split("\x1f", 2) for entry in _git_text(path, *log).split("\0") if entry)
    return tuple(
        Merged(sha, parents.split()[0], title.strip(), [*parents.split(), sha][1])
        for sha, parents, title in rows
        if parents
    )


def root(path: Folder) -> Path:
    """The top folder of the working tree. Raises BadRange (there is none)."""
    inside = _git_text(path, "rev-parse", "--is-inside-work-tree", accept=(0, 128)).strip()
    if inside != "true":
        raise BadRange(f"{path} is not a checkout of a git repository: name the folder of one")
    return Path(os.fsdecode(_git(path, "rev-parse", "--show-toplevel")).removesuffix("\n"))


def has_commits(path: Folder) -> bool:
    """Whether HEAD is a commit: it is none in a repository that is new."""
    return bool(_git(path, "rev-parse", "--verify", "--quiet", "HEAD^{commit}", accept=(0, 1)))


def day(path: Folder, commit: str) -> str:
    """The day of a commit, such as "2026-01-31"."""
    return _git_text(path, "log", "-n1", "--format=%cs", commit, "--").strip()


def commit_of(path: Folder, ref: str) -> str:
    """The SHA of the commit that a ref names. Raises BadRange if there is none."""
    if not ref or ref.startswith("-"):
        raise BadRange(f"`{ref}` is not a ref: name a branch, a tag or a commit")
    found = _git_text(path, "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}", accept=(0, 1))
    if not found and ABBREVIATED.fullmatch(ref):
        same = _git_text(path, "rev-parse", f"--disambiguate={ref}").split()
        if len(same) > 1:
            raise BadRange(f"`{ref}` begins several SHAs here: write more of the one that you mean")
    if not found and ref == "HEAD":
        raise BadRange("this repository has no commit yet: make the first one")
    if not found:
        raise BadRange(f"`{ref}` is not a commit here: check its spelling, or fetch it first")
    return found.strip()


def address(path: Folder) -> str:
    """The repository's address on the web, https://HOST/OWNER/NAME; "" if it is not known."""
    remote = _git_text(path, "config", "--get", "remote.origin.url", accept=(0, 1)).strip()
    found = REMOTE.fullmatch(remote)
    return f"https://{found['host']}/{found['name']}" if found else ""


def file_at(path: Folder, commit: str, name: str) -> bytes | None:
    """The content of a file in a commit; None if there is no such file."""
    entry = _git(path, "ls-tree", "-z", "--full-tree", commit, "--", name)
    if not entry:
        return None
    _, kind, sha = entry.split(b"\t", 1)[0].decode().split(" ")
    if kind != "blob":
        raise BadRange(f"{name} is a folder in {commit[:12]}: it has to be a file")
    return blob(path, sha)


def folder_at(path: Folder, commit: str, name: str) -> Iterator[PackFile]:
    """The entries of a folder in a commit; none if there is no such folder."""
    listing = _git(path, "ls-tree", "-z", "-l", "--full-tree", commit, "--", f"{name}/")
    for entry in listing.split(b"\0")[:-1]:
        facts, _, file = entry.partition(b"\t")
        mode, kind, sha, size = facts.decode().split()
        kind = "symlink" if mode == LINK else KINDS[kind]
        yield PackFile(os.fsdecode(file), sha, 0 if size == "-" else int(size), kind)


def files_of(snapshot: Snapshot) -> dict[str, tuple[str, int]]:
    """Path -> SHA and size of the files, without links and submodules, in path order."""
    listing = _git(snapshot.folder, "ls-tree", "-r", "-l", "-z", "--full-tree", snapshot.tree)
    found = {}
    for entry in listing.split(b"\0")[:-1]:
        facts, _, name = entry.partition(b"\t")
        mode, kind, sha, size = facts.decode().split()
        if kind == "blob" and mode != LINK and size.isdigit():
            found[os.fsdecode(name)] = sha, int(size)
    return found


def working_files(path: Folder) -> tuple[str, ...]:
    """The files of the working tree below a folder, tracked or new; ignored ones are left out.

    Their paths begin at the root of the repository. Raises BadRange (there is no working tree).
    """
    root(path)
    options = ("-z", "--cached", "--others", "--exclude-standard", "--full-name", "--deduplicate")
    names = _git(path, "ls-files", *options).split(b"\0")[:-1]
    return tuple(sorted(map(os.fsdecode, names)))


def texts(path: Folder, shas: Sequence[str]) -> dict[str, str]:
    """SHA -> the text of its blob; those that the clone lacks are left out."""
    return {sha: body.decode("utf-8", "replace") for sha, body in bodies(path, shas).items()}


def bodies(path: Folder, shas: Sequence[str]) -> dict[str, bytes]:
    """SHA -> the content of its blob; those that the clone lacks are left out."""
    rest = _git(path, "cat-file", "--batch", given="".join(f"{sha}\n" for sha in shas).encode())
    found = {}
    while rest:
        facts, _, rest = rest.partition(b"\n")
        sha, *more = facts.decode().split(" ")
        if more != ["missing"]:
            size = int(more[1])
            found[sha], rest = rest[:size], rest[size + 1 :]
    return found


def blob(path: Folder, sha: str) -> bytes:
    """The content of a file by the SHA of its blob."""
    return _git(path, "cat-file", "blob", sha)


def contents(path: Folder, files: Iterable[File]) -> Mapping[str, str | None]:
    """path -> text of the file's new version, within the limits that also hold on GitHub.

    None if it is binary, too large, or not in this clone. Removed files are left out.
    """
    wanted = new_file.blobs(files)
    objects = _objects(path, filter(None, wanted.values()))
    small = {
        sha
        for sha, (kind, size) in objects.items()
        if kind == "blob" and size <= new_file.MOST_BYTES
    }
    return {
        name: new_file.text(blob(path, sha)) if sha in small else None
        for name, sha in wanted.items()
    }


def new_folders(path: Folder, base_sha: str, files: Iterable[File]) -> frozenset[str]:
    """The top-level folders that these files add and the base commit does not have."""
    possible = perhaps_new(files)
    if not possible:
        return possible
    existing = _git(path, "ls-tree", "-d", "-z", "--name-only", "--full-tree", base_sha)
    return possible - {os.fsdecode(name) for name in existing.split(b"\0")}


def _files(path: Folder, old: str, new: str) -> list[File]:
    """The changed files in path order; those whose blobs the clone lacks have no patch."""
    try:
        found = [*_diff(path, old, new)]
    except BadRange:
        found = _diff_without_blobs(path, old, new)
        if not any(file.patch == "" and file.additions for file in found):
            raise  # nothing is missing: git failed for another reason
    return sorted(found, key=lambda file: os.fsencode(file.path))


def _with_unshown(path: Folder, old: str, new: str, files: list[File]) -> tuple[File, ...]:
    """The files with what their diff does not show, as the App reads it on GitHub."""
    wanted = unshown.to_identify(files)
    names = [name for one in wanted for name in (one.path, one.previous_path) if name]
    before, now = _tree_entries(path, old, names), _tree_entries(path, new, names)
    known = unshown.identified(wanted, before, now)
    texts = contents(path, [one for one in known if unshown.is_unshown(one)])
    found = {one.path: one for one in unshown.read(known, texts)}
    return tuple(found.get(file.path, file) for file in files)


def _tree_entries(path: Folder, commit: str, names: list[str]) -> Mapping[str, TreeEntry]:
    """The files of a commit at these paths."""
    found = {}
    for at in range(0, len(names), MOST_NAMED):
        some = names[at : at + MOST_NAMED]
        listing = _git(path, "ls-tree", "-z", "--full-tree", commit, "--", *some)
        for entry in listing.split(b"\0")[:-1]:
            facts, _, name = entry.partition(b"\t")
            mode, _, sha = facts.decode().split(" ")
            found[os.fsdecode(name)] = TreeEntry(sha, mode)
    return found


def _diff(path: Folder, old: str, new: str, *more: str) -> Iterator[File]:
    """The changed files as git shows them. more: options and paths of `git diff-tree`."""
    entries = _entries(path, old, new, *more)
    # Without -z git quotes odd names, so that none can pass for the start of the next patch.
    raw = _git(path, *DIFF, "-p", "--full-index", old, new, *more)
    patches = iter(raw.split(b"\ndiff --git "))
    for entry in entries:
        # git shows a change of the file type as two patches.
        parts = [next(patches) for _ in range(2 if entry.letter == "T" else 1)]
        hunks = []
        for part in parts:  # binary files and those that only moved have no hunk
            _, mark, rest = part.partition(b"\n@@ ")
            hunks += [(mark + rest)[1:].rstrip(b"\n").decode("utf-8", "replace")]
        patch = "\n".join(filter(None, hunks))
        signs = [line[:1] for line in patch.split("\n")]
        yield entry.file(patch, signs.count("+"), signs.count("-"))


def _diff_without_blobs(path: Folder, old: str, new: str) -> list[File]:
    """The changed files of a clone that lacks some blobs, such as one made with a filter.

    A file whose blob is missing gets one added line without a patch, so that it counts as unread.
    """
    entries = list(_entries(path, old, new, "--no-renames"))
    shas = {sha for entry in entries for sha in (entry.old_sha, entry.new_sha)} - {"0" * 40}
    missing = shas - _objects(path, shas).keys()
    found, shown = [], []
    for entry in entries:
        if missing & {entry.old_sha, entry.new_sha}:
            found.append(entry.file(additions=1))
        else:
            shown.append(entry.path)
    for at in range(0, len(shown), MOST_NAMED):
        found += _diff(path, old, new, "--no-renames", "--", *shown[at : at + MOST_NAMED])
    return found


def _entries(path: Folder, old: str, new: str, *more: str) -> list[Entry]:
    raw = _git(path, *DIFF, "--raw", "--no-abbrev", "-z", old, new, *more)
    entries, fields = [], iter(raw.split(b"\0")[:-1])
    for facts in fields:
        _, _, old_sha, new_sha, letter = facts.decode().split(" ")
        names = [os.fsdecode(next(fields)) for _ in range(2 if letter[0] in "RC" else 1)]
        previous = names[0] if len(names) == 2 else ""
        entries.append(Entry(letter[0], old_sha, new_sha, names[-1], previous))
    return entries


def _objects(path: Folder, shas: Iterable[str]) -> dict[str, tuple[str, int]]:
    """SHA -> kind and size, for the objects that are in this clone."""
    given = "".join(f"{sha}\n" for sha in sorted(set(shas))).encode()
    answers = _git(path, "cat-file", "--batch-check", given=given).decode().splitlines()
    found = (answer.split(" ") for answer in answers if not answer.endswith(" missing"))
    return {sha: (kind, int(size)) for sha, kind, size in found}


def _git_text(path: Folder, *arguments: str, accept: tuple[int, ...] = (0,)) -> str:
    return _git(path, *arguments, accept=accept).decode("utf-8", "replace")


def _git(
    path: Folder,
    *arguments: Folder,
    accept: tuple[int, ...] = (0,),
    given: bytes | None = None,
    variables: Mapping[str, str] = MappingProxyType({}),
) -> bytes:
    """What git prints. Raises BadRange with git's own message if it fails."""
    # The environment that git needs (no settings of ghapp), without variables that point it to
    # another repository, as in a hook, or make it run or fetch something.
    environment = {name: value for name, value in os.environ.items() if name[:4] != "GIT_"} | {
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C",
        **variables,
    }
    command = ["git", "--no-pager", *HARMLESS, "-C", path, *arguments]
    try:
        done = subprocess.run(
            command, env=environment, input=given, capture_output=True, check=False
        )
    except FileNotFoundError:
        raise BadRange("git is not installed, or not on the PATH: install it") from None
    if done.returncode not in accept:
        message = done.stderr.decode("utf-8", "replace").strip()
        raise BadRange(f"git cannot read {path}: {message or arguments[0]}")
    return done.stdout
