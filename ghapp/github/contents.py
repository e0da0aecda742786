"""Files -> the text of their new versions, by blob; what cannot be had is None, and not guessed.

Source: https://docs.github.com/rest/git/blobs#get-a-blob
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from ghapp.core.matching import content
from ghapp.core.model import File, Repository
from ghapp.github.budget import Importance
from ghapp.github.installation import Installation, together
from ghapp.github.reading import at
from ghapp.github.wire import Request

# Raw, so that the body is no longer than the file and can be cut where it is too long.
HEADERS = {"Accept": "application/vnd.github.raw+json"}
# Not ours to see, not there (or a submodule's commit), no blob, or longer than GitHub's 100 MB.
REFUSED = (403, 404, 422)


async def read(
    api: Installation, repository: Repository, files: tuple[File, ...]
) -> Mapping[str, str | None]:
    """path -> text of the file's new version; removed files are left out. Raises Gone and Retry.

    None: beyond the first 20 files, more than 1 MiB, binary, or refused by GitHub.
    """
    wanted = content.blobs(files)
    shas = tuple(dict.fromkeys(sha for sha in wanted.values() if sha))
    texts = await together(_text(api, repository, sha) for sha in shas)
    found = dict(zip(shas, texts, strict=True))
    return {path: found.get(sha) for path, sha in wanted.items()}


async def _text(api: Installation, repository: Repository, sha: str) -> str | None:
    known, key = api.kept.texts, (repository.id, sha)
    if key in known:
        return known[key]
    path = at(repository, f"git/blobs/{quote(sha, safe='')}")
    request = Request("GET", path, headers=HEADERS, most_bytes=content.MOST_BYTES + 1)
    answer = await api.send(request, Importance.LOOK, fine=REFUSED)
    if answer.status != 200:
        return None  # and not kept: a permission may be given meanwhile
    text = content.text(answer.body)
    known.keep(key, text)
    return text
