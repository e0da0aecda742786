"""Files whose diff GitHub does not show -> what their trees and blobs show instead.

GitHub gives neither a patch nor counts for what git takes for binary, as a single NUL byte makes it
do, for a file that only moved, and for one of which only the mode has changed. Which of these it is
only the trees of both commits show. What is still not known then, somebody has to check.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec.structs

from ghapp.core.model import File

# Formats that no program of the product is written in, and that people do not read in a diff.
BINARY = frozenset(
    """
    png jpg jpeg gif ico icns webp avif bmp tif tiff psd ai sketch fig xd heic
    woff woff2 ttf otf eot mp3 mp4 m4a m4v webm mov avi wav ogg flac
    pdf doc docx xls xlsx ppt pptx odt ods zip gz tgz bz2 xz zst 7z rar tar
    jar war ear aar class dll exe so dylib o a lib pdb pyc wasm
    parquet avro orc sqlite sqlite3 mdb npy npz onnx pt pb tflite
    """.split()  # noqa: SIM905 -- a list of one item a line is hard to read
)
# Source: https://git-scm.com/docs/git-mktree (a tree's modes), and `git hash-object -t blob`.
FILE_MODE = "100644"
EMPTY_BLOB = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
# A link is a file of one line without an end: GitHub shows both alike.
MAYBE_LINK = re.compile(r"@@ -\d+(?:,\d+)? \+1 @@.*\n(?:-.*\n(?:\\.*\n)?)*\+.*\n\\")


class TreeEntry(NamedTuple):
    """A file in the tree of a commit."""

    sha: str
    mode: str


def is_unshown(file: File) -> bool:
    """Whether the file's content may have changed without a trace in the diff."""
    return (
        not (file.patch or file.additions or file.deletions or file.same_blob)
        and file.status not in ("removed", "unchanged")
        and file.sha != EMPTY_BLOB
        and file.path.rpartition(".")[2].lower() not in BINARY
    )


def is_submodule(file: File) -> bool:
    """Whether it is a submodule. A file of the same line is a blob, of another SHA."""
    sign = "-" if file.status == "removed" else "+"
    return f"{sign}Subproject commit {file.sha}" in file.patch and bool(file.sha)


def to_identify(files: Iterable[File]) -> tuple[File, ...]:
    """The files that have to be looked up in the trees of both commits."""
    return tuple(
        [
            file
            for file in files
            if not (file.additions > 1 or file.deletions > 1)  # as of most files
            and (_is_moved(file) or is_unshown(file) or MAYBE_LINK.match(file.patch))
        ]
    )


def identified(
    files: Iterable[File], before: Mapping[str, TreeEntry], now: Mapping[str, TreeEntry]
) -> tuple[File, ...]:
    """The files with what the trees show of them. before, now: by path, without what is unknown."""
    return tuple([_identified(file, before, now) for file in files])


def read(files: Iterable[File], texts: Mapping[str, str | None]) -> tuple[File, ...]:
    """The files, each with its whole text as added lines; as it is if there is no text of it."""
    return tuple([_with_text(file, texts.get(file.path)) for file in files])


def _with_text(file: File, text: str | None) -> File:
    if text is None:
        return file
    lines = text.replace("\r\n", "\n").removesuffix("\n").split("\n")
    patch = "\n+".join([f"@@ -0,0 +1,{len(lines)} @@", *lines])
    return msgspec.structs.replace(file, patch=patch, additions=len(lines))


def _is_moved(file: File) -> bool:
    return file.status == "renamed" and not (file.patch or file.additions or file.deletions)


def _identified(file: File, before: Mapping[str, TreeEntry], now: Mapping[str, TreeEntry]) -> File:
    old = before.get(file.previous_path or file.path)
    new = now.get(file.path)
    mode = new.mode if new and new.mode != (old.mode if old else FILE_MODE) else ""
    same = old is not None and old.sha == file.sha
    return msgspec.structs.replace(file, same_blob=same, mode=mode)
