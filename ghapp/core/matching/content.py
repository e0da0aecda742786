"""Which files are read whole, and what of their bytes is text. The App and `ghapp check` agree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ghapp.core.model import File

MOST_FILES = 20  # in one run
MOST_BYTES = 1 << 20  # of one file


def blobs(files: Iterable[File]) -> Mapping[str, str]:
    """path -> SHA of the blob to read; "" where none is. Removed files are left out.

    The first MOST_FILES are read, whatever is known already: which ones must not hang on a cache.
    """
    whole = [file for file in files if file.status != "removed"]
    return {file.path: file.sha if at < MOST_FILES else "" for at, file in enumerate(whole)}


def text(body: bytes) -> str | None:
    """A blob as text; None where it is too long (more than MOST_BYTES) or binary."""
    if len(body) > MOST_BYTES or b"\0" in body:
        return None
    return body.decode("utf-8", "replace")
