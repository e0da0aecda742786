"""The files of a pull -> the folders at the top of the repository that may be new with it."""

from __future__ import annotations

from collections.abc import Iterable

from ghapp.core.model import File


def perhaps_new(files: Iterable[File]) -> frozenset[str]:
    """Folders at the top in which every file that the pull changes is added.

    Whether the base branch lacks them only its own tree can tell.
    """
    inside = [(file.path.partition("/")[0], file.status) for file in files if "/" in file.path]
    older = {folder for folder, status in inside if status != "added"}
    return frozenset(folder for folder, _ in inside if folder not in older)
