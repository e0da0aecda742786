"""The git objects behind one repository and its forks: commits in, trees and blobs out.

Uses the `git` command line on a bare repository. Branches are the caller's affair.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

ENVIRONMENT = {  # nothing of the caller's settings is passed on; `shutil.which` finds git
    "PATH": os.defpath,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}


class GitFailed(Exception):
    """git refused, for example because of a merge conflict; the message is its own."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file to commit. mode: 100644, 100755, 120000 (link), 160000 (submodule, by SHA)."""

    data: bytes
    mode: str = "100644"


Content = bytes | str | Entry | None  # None deletes
Files = Mapping[str, Content] | Mapping[bytes, Content] | Mapping[str | bytes, Content]


@dataclass(frozen=True, slots=True)
class Blob:
    sha: str
    data: bytes


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """kind: blob, tree or commit (a submodule). name: with folders if those are listed, too.

    size: of a blob, in bytes; else 0.
    """

    mode: str
    kind: str
    sha: str
    name: str
    size: int = 0


class Git:
    """One object store. Answers about a SHA never change, so they are kept."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.program = shutil.which("git") or "git"
        self.parents: dict[str, tuple[str, ...]] = {}
        self._bases: dict[tuple[str, str], str] = {}
        self._blobs: dict[str, Blob | None] = {}
        folder.mkdir(parents=True, exist_ok=True)
        self.run("init", "--quiet", "--bare")
        self.run("config", "gc.auto", "0")

    def run(
        self,
        *arguments: str,
        stdin: bytes = b"",
        good: tuple[int, ...] = (0,),
        at: datetime | None = None,
    ) -> bytes:
        """Standard output of one git command. Raises GitFailed (other exit status)."""
        dates = {f"GIT_{who}_DATE": at.isoformat() for who in ("AUTHOR", "COMMITTER") if at}
        done = subprocess.run(
            [self.program, *arguments],
            cwd=self.folder,
            input=stdin,
            capture_output=True,
            env=ENVIRONMENT | dates,
            check=False,
        )
        if done.returncode not in good:
            words = done.stderr.decode("utf-8", "replace") or done.stdout.decode("utf-8", "replace")
            raise GitFailed(f"git {arguments[0]}: {words.strip()}")
        return done.stdout

    def commit(
        self,
        files: Files,
        *,
        parent: str | None,
        branch: str,
        message: str,
        author: str,
        at: datetime,
    ) -> str:
        """The SHA of a new commit that changes `files` on top of `parent`, kept under `branch`."""
        email = f"{author}@users.noreply.example.com"
        stream = bytearray(f"commit refs/{branch}\nmark :1\n".encode())
        stream += f"committer {author} <{email}> {int(at.timestamp())} +0000\n".encode()
        stream += _data(message.encode())
        if parent:
            stream += f"from {parent}\n".encode()
        for path, content in files.items():
            stream += _change(path if isinstance(path, bytes) else path.encode(), content)
        stream += b"\nget-mark :1\ndone\n"
        written = self.run("fast-import", "--quiet", "--force", "--done", stdin=bytes(stream))
        sha = written.decode().strip()
        self.parents[sha] = (parent,) if parent else ()
        return sha

    def merge(
        self,
        ours: str,
        theirs: str,
        *,
        parents: Sequence[str],
        message: str,
        at: datetime,
    ) -> str:
        """The SHA of a commit with both sides' changes and these parents. Raises GitFailed."""
        tree = self.run("merge-tree", "--write-tree", ours, theirs).decode().split()[0]
        lineage = [part for parent in parents for part in ("-p", parent)]
        who = ("-c", "user.name=GitHub", "-c", "user.email=noreply@github.com")
        made = self.run(*who, "commit-tree", tree, *lineage, "-m", message, at=at)
        sha = made.decode().strip()
        self.parents[sha] = tuple(parents)
        return sha

    def merge_base(self, base: str, head: str) -> str:
        """The best common ancestor; "" if the histories share none."""
        if self.parents.get(head) == (base,) or base == head:
            return base
        key = (base, head)
        if key not in self._bases:
            self._bases[key] = self.run("merge-base", base, head, good=(0, 1)).decode().strip()
        return self._bases[key]

    def is_ancestor(self, older: str, newer: str) -> bool:
        return self.merge_base(older, newer) == older

    def commits(self, base: str, head: str) -> list[str]:
        """SHAs reachable from `head` and not from `base`, oldest first; base "" is the root."""
        if base and self.parents.get(head) == (base,):
            return [head]
        span = f"{base}..{head}" if base else head
        return self.run("rev-list", "--reverse", "--topo-order", span).decode().split()

    def commits_beside(self, others: Collection[str], head: str) -> list[str]:
        """SHAs reachable from `head` and from none of the others, oldest first."""
        parents = self.parents.get(head, ())
        if not parents or (len(parents) == 1 and parents[0] in others):
            return [] if head in others else [head]
        bounds = [f"^{sha}" for sha in sorted(others)]
        order = ("--reverse", "--topo-order")
        return self.run("rev-list", *order, head, *bounds).decode().split()

    def blob(self, name: str) -> Blob | None:
        """A blob by its SHA or as "COMMIT:PATH"; None if there is none."""
        if name not in self._blobs:
            asked = f"{name}\n".encode("utf-8", "surrogateescape")
            head, _, rest = self.run("cat-file", "--batch", stdin=asked).partition(b"\n")
            facts = head.split(b" ")
            is_blob = len(facts) == 3 and facts[1] == b"blob"
            found = Blob(facts[0].decode(), rest[: int(facts[2])]) if is_blob else None
            if found is None and ":" not in name:
                return None  # a blob with this SHA may be written later
            self._blobs[name] = found
        return self._blobs[name]

    def blob_size(self, sha: str) -> int | None:
        """In bytes; None if no blob has this SHA, in the repository or one of its forks."""
        answer = self.run("cat-file", "--batch-check", stdin=f"{sha}\n".encode()).split()
        return int(answer[2]) if answer[1:2] == [b"blob"] else None

    def tree(self, commit: str, path: str, *, deep: bool = False) -> list[TreeEntry]:
        """The entries of the folder at `path` ("" is the root); empty if there is no such folder.

        commit: or a tree. deep: folders and what is in them, at any depth.
        """
        depth = ("-r", "-t") if deep else ()
        listing = self.run("ls-tree", "-z", "-l", *depth, f"{commit}:{path}", good=(0, 128))
        entries = []
        for row in listing.split(b"\0")[:-1]:
            facts, _, name = row.partition(b"\t")
            mode, kind, sha, size = facts.decode().split()
            shown = name.decode("utf-8", "replace")
            entries.append(TreeEntry(mode, kind, sha, shown, 0 if size == "-" else int(size)))
        return entries


def _data(content: bytes) -> bytes:
    return b"data %d\n%s\n" % (len(content), content)


def _change(path: bytes, content: Content) -> bytes:
    escaped = path.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n")
    name = b'"' + escaped + b'"'
    if content is None:
        return b"D " + name + b"\n"
    if not isinstance(content, Entry):
        content = Entry(content.encode() if isinstance(content, str) else content)
    if content.mode == "160000":
        return b"M 160000 " + content.data + b" " + name + b"\n"
    return b"M " + content.mode.encode() + b" inline " + name + b"\n" + _data(content.data)
