"""The packs that a policy names, as they lie in a commit or in the working tree."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from ghapp.core.memory import PackFile
from ghapp.core.model import Problem
from ghapp.core.packs import packfiles
from ghapp.errors import BadPack
from ghapp.local import gitrange


def in_commit(path: gitrange.Folder, commit: str, policy: bytes) -> tuple[PackFile, ...]:
    """What the policy names at a commit. Raises BadRange (git cannot read it)."""
    return _read(
        policy,
        lambda folder: gitrange.folder_at(path, commit, folder),
        lambda file: gitrange.blob(path, file.sha),
    )


def in_folder(root: Path, policy: bytes) -> tuple[PackFile, ...]:
    """What the policy names below a folder of the working tree. Raises BadPack (unreadable)."""
    return _read(
        policy,
        lambda folder: _entries(root, folder),
        lambda file: content(root / file.path),
    )


def content(file: Path) -> bytes:
    """What the file holds. Raises BadPack (it cannot be read)."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise BadPack(f"{file}: cannot be read ({error.strerror})") from error


def root_of(file: Path, otherwise: Path) -> Path:
    """The folder that contains the `.github` in which a policy lies, where it lies in one."""
    above = (one.parent for one in file.absolute().parents if one.name == ".github")
    return next(above, otherwise)


def repository_of(file: Path) -> Path:
    """The git repository in which a file lies, else the current folder."""
    above = (one for one in file.absolute().parents if (one / ".git").exists())
    return next(above, Path.cwd())


def shown(
    problems: Iterable[Problem], packs: Iterable[PackFile], root: Path, policy: Path
) -> Iterator[Problem]:
    """Problems with the packs named as their policy was: from the current folder, or in full."""
    names = {}
    for one in packs:
        whole = root / one.path
        names[one.path] = str(whole) if policy.is_absolute() else os.path.relpath(whole)
    for problem in problems:
        yield replace(problem, path=names.get(problem.path, problem.path))


def _read(
    policy: bytes,
    entries: Callable[[str], Iterable[PackFile]],
    content: Callable[[PackFile], bytes],
) -> tuple[PackFile, ...]:
    globs = packfiles.named(_text(policy))
    listed = {folder: tuple(entries(folder)) for folder in packfiles.folders(globs)}
    files = packfiles.chosen(globs, listed)
    wanted = packfiles.readable(files)
    return tuple(replace(one, text=_text(content(one))) if one in wanted else one for one in files)


def _text(raw: bytes) -> str:
    # What is no UTF-8 stays so, and is told where the text is read.
    return raw.decode("utf-8", "surrogateescape")


def _entries(root: Path, folder: str) -> list[PackFile]:
    try:
        return [_entry(one, f"{folder}/{one.name}") for one in sorted((root / folder).iterdir())]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise BadPack(f"{root / folder}: cannot be read ({error.strerror})") from error


def _entry(file: Path, path: str) -> PackFile:
    found = file.lstat()
    kinds = {stat.S_IFREG: "file", stat.S_IFLNK: "symlink"}
    return PackFile(path, "", found.st_size, kinds.get(stat.S_IFMT(found.st_mode), "dir"))
