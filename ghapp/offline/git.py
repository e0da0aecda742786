"""A range of a local git repository -> the pull request it would be. Reads only, and offline."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from ghapp.core.model import File, Pull, PullKey, Repository
from ghapp.core.records import PackFile
from ghapp.core.scan import new_file
from ghapp.core.scan.patch import perhaps_new
from ghapp.errors import BadRange

Folder = str | os.PathLike[str]

NOWHERE = PullKey(Repository(0, 0, "local/repository"), 0)

# GitHub compares so too: renames by half-equal content, no local diff drivers.
DIFF = (
    "diff-tree",
    "-r",
    "-M",
    "-l1000",
    "--no-ext-diff",
    "--no-textconv",
    "--no-color",
)

# The repository's own configuration may not make git start programs.
HARMLESS = (
    *("-c", "core.quotepath=off"),
    *("-c", "core.fsmonitor=false"),
    *("-c", f"core.hooksPath={os.devnull}"),
    *("-c", "log.showSignature=false"),
)

STATUS = {"A": "added", "D": "removed", "M": "modified", "R": "renamed", "C": "copied"}
KINDS = {"blob": "file", "tree": "dir", "commit": "submodule"}
REMOTE = re.compile(
    r"(?:https://(?:[^/@]+@)?|(?:ssh://)?git@)(?P<host>[\w.-]+)[:/](?P<name>[\w.-]+/[\w.-]+?)(?:\.git)?/?"
)
MOST_NAMED = 500  # paths in one call of git
OTHERWISE = "changed"  # a new file type, or nothing but a new mode


@dataclass(frozen=True, slots=True)
class Range:
    """A range and what git says around it.

    base_sha: the commit that `base` names; the policy is read there.
    merge_base: where the comparison starts; "" where the two have none in this clone.
    one_author: whether all commits of the range have the pull's author.
    """

    pull: Pull
    base_sha: str
    merge_base: str
    one_author: bool


def range_of(path: Folder, base: str, head: str = "HEAD") -> Range:
    """The pull request from `head` into `base`, as GitHub would give it.

    The title is the subject of the last commit, the author the name in it.
    Raises BadRange (no repository, no such commit, objects missing).
    """
    base_sha, head_sha = commit_of(path, base), commit_of(path, head)
    # Exit status 1: no common ancestor, as in a shallow clone that ends above it.
    merge_base = _git(path, "merge-base", base_sha, head_sha, accept=(0, 1)).decode().strip()
    commits = _text(path, "log", "-z", "--format=%an%x1f%cI%x1f%s", "-n1", head_sha)
    author, when, title = commits.rstrip("\0").split("\x1f", 2)
    authors = _text(path, "log", "-z", "--format=%an", f"{merge_base or base_sha}..{head_sha}")
    files = tuple(_files(path, merge_base or base_sha, head_sha))
    pull = Pull(
        key=NOWHERE,
        title=title,
        author=author,
        head_sha=head_sha,
        head_ref=_branch(path, head),
        base_ref=base,
        updated_at=datetime.fromisoformat(when),
        changed_files=len(files),
        files=files,
        new_folders=new_folders(path, base_sha, files),
    )
    return Range(pull, base_sha, merge_base, {author}.issuperset(authors.split("\0")[:-1]))


@dataclass(frozen=True, slots=True)
class Merged:
    """A change that was merged.

    commit: on the main line. parent: what it came upon. head: of the branch, as its pull request
    had it; the commit itself where there was no merge. title: the subject.
    """

    commit: str
    parent: str
    title: str
    head: str


def merged(path: Folder, head: str = "HEAD", since: str = "") -> tuple[Merged, ...]:
    """The changes on the main line up to `head`, newest first: merges, squashes, single commits.

    since: a date as git understands it. The first commit of a history has nothing to compare with.
    Raises BadRange (no repository, no such commit).
    """
    commit = commit_of(path, head)
    only = (f"--since={since}",) if since else ()
    log = ("log", "-z", "--first-parent", "--format=%H%x1f%P%x1f%s", *only, commit, "--")
    rows = (entry.split("\x1f", 2) for entry in _text(path, *log).split("\0") if entry)
    return tuple(
        Merged(sha, parents.split()[0], title.strip(), [*parents.split(), sha][1])
        for sha, parents, title in rows
        if parents
    )


def address(path: Folder) -> str:
    """Where the repository is on the web, https://HOST/OWNER/NAME; "" where that is not known."""
    remote = _text(path, "config", "--get", "remote.origin.url", accept=(0, 1)).strip()
    found = REMOTE.fullmatch(remote)
    return f"https://{found['host']}/{found['name']}" if found else ""


def file_at(path: Folder, commit: str, name: str) -> bytes | None:
    """The content of the file in a commit; None where there is none."""
    entry = _git(path, "ls-tree", "-z", "--full-tree", commit, "--", name)
    if not entry:
        return None
    _, kind, sha = entry.split(b"\t", 1)[0].decode().split(" ")
    if kind != "blob":
        raise BadRange(f"{name} is a folder in {commit[:12]}: it has to be a file")
    return blob(path, sha)


def folder_at(path: Folder, commit: str, name: str) -> Iterator[PackFile]:
    """What lies in the folder in a commit; nothing where there is no such folder."""
    listing = _git(path, "ls-tree", "-z", "-l", "--full-tree", commit, "--", f"{name}/")
    for entry in listing.split(b"\0")[:-1]:
        facts, _, file = entry.partition(b"\t")
        mode, kind, sha, size = facts.decode().split()
        kind = "symlink" if mode == "120000" else KINDS[kind]
        yield PackFile(os.fsdecode(file), sha, 0 if size == "-" else int(size), kind)


def blob(path: Folder, sha: str) -> bytes:
    """The content of a file by the SHA of its blob."""
    return _git(path, "cat-file", "blob", sha)


def contents(path: Folder, files: Iterable[File]) -> Mapping[str, str | None]:
    """path -> text of the file's new version, within the bounds that the App keeps on GitHub.

    None where it has none, is too large, or is not in this clone. Removed files are left out.
    """
    wanted = new_file.blobs(files)
    return {name: _small_text(path, sha) if sha else None for name, sha in wanted.items()}


def new_folders(path: Folder, base_sha: str, files: Iterable[File]) -> frozenset[str]:
    """The folders at the top that come with these files and are not in the base commit."""
    possible = perhaps_new(files)
    if not possible:
        return possible
    there = _git(path, "ls-tree", "-d", "-z", "--name-only", "--full-tree", base_sha)
    return possible - {os.fsdecode(name) for name in there.split(b"\0")}


def _small_text(path: Folder, sha: str) -> str | None:
    # 128: no such object here, as in a partial clone, or the commit of a submodule
    size = _git(path, "cat-file", "-s", sha, accept=(0, 128))
    if not size or int(size) > new_file.MOST_BYTES:
        return None
    kind = _git(path, "cat-file", "-t", sha).strip()
    return new_file.text(blob(path, sha)) if kind == b"blob" else None


def _files(path: Folder, old: str, new: str) -> list[File]:
    """The changed files in path order; those whose blobs the clone lacks have no patch."""
    try:
        found = [*_shown(path, old, new)]
    except BadRange:
        found = _partly(path, old, new)
        if not any(file.patch == "" and file.additions for file in found):
            raise  # nothing is missing: git failed for another reason
    return sorted(found, key=lambda file: os.fsencode(file.path))


def _partly(path: Folder, old: str, new: str) -> list[File]:
    """The changed files of a clone that lacks some blobs, as one made with a filter does.

    A file that cannot be shown counts as having one added line, so that it is not taken for read.
    """
    listing = _git(path, *DIFF, "--no-renames", "--raw", "--no-abbrev", "-z", old, new)
    fields = listing.split(b"\0")
    entries = []
    for facts, name in zip(fields[::2], fields[1::2], strict=False):
        _, _, old_sha, new_sha, letter = facts.decode().split(" ")
        entries.append(Raw(letter[0], old_sha, new_sha, os.fsdecode(name)))
    wanted = {sha for one in entries for sha in (one.old_sha, one.new_sha)}
    missing = _missing(path, wanted - {"0" * 40})
    there = [one.path for one in entries if not missing & {one.old_sha, one.new_sha}]
    found = [
        file
        for at in range(0, len(there), MOST_NAMED)
        for file in _shown(path, old, new, "--no-renames", "--", *there[at : at + MOST_NAMED])
    ]
    hidden = (one for one in entries if missing & {one.old_sha, one.new_sha})
    return found + [
        File(
            path=one.path,
            status=STATUS.get(one.letter, OTHERWISE),
            additions=1,
            sha=one.old_sha if one.letter == "D" else one.new_sha,
        )
        for one in hidden
    ]


def _missing(path: Folder, shas: Iterable[str]) -> frozenset[str]:
    """Those of the objects that are not in this clone."""
    asked = "\n".join(sorted(shas)).encode()
    answers = _git(path, "cat-file", "--batch-check", given=asked).decode().splitlines()
    return frozenset(one.split(" ")[0] for one in answers if one.endswith(" missing"))


def _shown(path: Folder, old: str, new: str, *more: str) -> Iterator[File]:
    """The changed files as git shows them. more: options, and behind `--` the only paths."""
    options = more[: more.index("--")] if more else ()
    only = more[len(options) :]
    raw = _git(path, *DIFF, *options, "--raw", "--numstat", "--no-abbrev", "-z", old, new, *only)
    # Without -z git quotes odd names, so that none can pass for the start of the next patch.
    sections = _git(path, *DIFF, *options, "-p", "--full-index", old, new, *only).split(
        b"\ndiff --git "
    )
    patches = iter(sections)
    for entry, counts in _listed(raw.split(b"\0")):
        first = next(patches)
        yield _file(entry, counts, first, next(patches) if entry.letter == "T" else b"")


@dataclass(frozen=True, slots=True)
class Raw:
    """One entry of `--raw`: what happened to which path."""

    letter: str
    old_sha: str
    new_sha: str
    path: str
    previous_path: str = ""


def _listed(fields: list[bytes]) -> Iterator[tuple[Raw, bytes]]:
    """Each entry with its counts; git lists all entries first, then all counts in that order."""
    entries: list[Raw] = []
    index = 0
    while fields[index].startswith(b":"):
        _, _, old_sha, new_sha, letter = fields[index].decode().split(" ")
        moved = letter[0] in "RC"
        names = [os.fsdecode(name) for name in fields[index + 1 : index + 2 + moved]]
        entries.append(Raw(letter[0], old_sha, new_sha, names[-1], names[0] if moved else ""))
        index += 1 + len(names)
    for entry in entries:
        yield entry, fields[index]
        # "added TAB removed TAB path", or for a move an empty path and then both as own fields
        index += 3 if entry.previous_path else 1


def _file(entry: Raw, counts: bytes, patch: bytes, second: bytes) -> File:
    added, removed, _ = counts.split(b"\t", 2)
    same = entry.letter == "M" and entry.old_sha == entry.new_sha
    return File(
        path=entry.path,
        status=OTHERWISE if same else STATUS.get(entry.letter, OTHERWISE),
        additions=int(added) if added != b"-" else 0,  # "-" for binary files
        deletions=int(removed) if removed != b"-" else 0,
        patch="\n".join(hunks for part in (patch, second) if (hunks := _hunks(part))),
        sha=entry.old_sha if entry.letter == "D" else entry.new_sha,
        previous_path=entry.previous_path,
    )


def _hunks(patch: bytes) -> str:
    """A patch from its first hunk on; "" where it has none, as for binary files."""
    _, mark, rest = patch.partition(b"\n@@ ")
    return (mark + rest)[1:].rstrip(b"\n").decode("utf-8", "replace")


def commit_of(path: Folder, ref: str) -> str:
    """The SHA of the commit that a ref names. Raises BadRange where there is none."""
    if not ref or ref.startswith("-"):
        raise BadRange(f"`{ref}` is no ref: name a branch, a tag or a commit")
    found = _text(path, "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}", accept=(0, 1))
    if not found:
        raise BadRange(f"`{ref}` is no commit here: check its spelling, or fetch it first")
    return found.strip()


def _branch(path: Folder, head: str) -> str:
    """The branch that HEAD is on; other refs as they were given."""
    if head != "HEAD":
        return head
    return _text(path, "rev-parse", "--abbrev-ref", "HEAD").strip()


def _text(path: Folder, *arguments: str, accept: tuple[int, ...] = (0,)) -> str:
    return _git(path, *arguments, accept=accept).decode("utf-8", "replace")


def _git(
    path: Folder, *arguments: str, accept: tuple[int, ...] = (0,), given: bytes | None = None
) -> bytes:
    """What git prints. Raises BadRange with git's own words where it fails."""
    command = ["git", "--no-pager", *HARMLESS, "-C", path, *arguments]
    try:
        done = subprocess.run(
            command, env=_environment(), input=given, capture_output=True, check=False
        )
    except FileNotFoundError:
        raise BadRange("git is not installed, or not on the PATH: install it") from None
    if done.returncode not in accept:
        words = done.stderr.decode("utf-8", "replace").strip()
        raise BadRange(f"git cannot read {path}: {words or arguments[0]}")
    return done.stdout


def _environment() -> dict[str, str]:
    # Not settings of ours but what git needs to run, less what points it to another repository
    # (as in a hook) or makes it run or fetch something.
    ours = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return ours | {
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C",
    }
