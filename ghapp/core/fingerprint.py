"""The own files of an area -> a digest that changes when, and only when, what they change does.

It knows no line numbers and no context, so a rebase or an edit elsewhere leaves it as it is.
"""

from __future__ import annotations

import hashlib

from ghapp.core.matching.diff import Change


def fingerprint(changes: tuple[Change, ...], hazards: tuple[str, ...] = ()) -> str:
    """32 hex digits over the files and the ids of the hazards found in them, in any order."""
    digest = hashlib.sha256()
    for one in sorted(changes, key=lambda one: one.file.path):
        file = one.file
        _feed(digest, "file", file.path, file.previous_path, file.status, *_content(one))
    _feed(digest, "hazards", *sorted(set(hazards)))
    return digest.hexdigest()[:32]


def _content(one: Change) -> tuple[str, str]:
    """The changed lines; the blob where they are not all there, as for binary files."""
    if not one.file.patch or one.hidden:
        return "blob", one.file.sha
    return "lines", "\n".join([line.rstrip() for line in one.lines])


def _feed(digest: hashlib._Hash, *parts: str) -> None:
    # Lengths before texts: no content can pass for the end of its part.
    encoded = [part.encode("utf-8", "surrogatepass") for part in parts]
    digest.update(b"%d:" % len(encoded))
    digest.update(b"".join([b"%d:%b" % (len(part), part) for part in encoded]))
