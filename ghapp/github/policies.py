"""Policies with the packs they name, and the new versions of changed files.

A policy is read at the tip of the default branch, of a repository or of its owner's `.github`.
Sources: https://docs.github.com/rest/repos/contents, /rest/git/blobs
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import quote

import msgspec

from ghapp.core import releases
from ghapp.core.model import ORGANISATION, File, Problem, Pull, Repository
from ghapp.core.policy import pack_files, yaml
from ghapp.core.policy.policy import POLICY_PATH
from ghapp.core.records import PackFile, PolicySource
from ghapp.core.review import preview
from ghapp.core.review.preview import Proposed
from ghapp.core.scan import new_file
from ghapp.core.scan.unshown import TreeEntry
from ghapp.errors import Retry
from ghapp.github import endpoints
from ghapp.github.api import Installation, both, keep, together
from ghapp.github.endpoints import at, blob
from ghapp.github.errors import AGAIN_SECONDS, decoded
from ghapp.github.host import MOVED, Request
from ghapp.github.rate_limits import Importance
from ghapp.github.transport import RAW

# One more than a policy may have, so that a longer file is still found too long.
MOST_CHARACTERS = (256 << 10) + 1
# No permission, not there (or a submodule's commit), not a blob, or above GitHub's 100 MB.
REFUSED = (403, 404, 422)
# No file or repository of this name for us, another one now, or withheld for legal reasons.
ABSENT = (404, 451, *MOVED)
# git's modes of files, and of a folder.
FILES, FOLDER = ("100644", "100755"), "040000"


class _EntryRow(msgspec.Struct):
    """An entry of a folder. download_url: None for folders, and for submodules, of type file."""

    path: str
    type: str
    sha: str
    size: int = 0
    download_url: str | None = None


async def read(
    api: Installation, repository: Repository, known: PolicySource | None
) -> PolicySource:
    """The policy and its packs. known: as last read; its last good version is kept.

    One call, and if the file names packs, one more for each folder, and for each pack that was not
    read before. Two more if the file has changed: links and submodules do not count. If a policy
    was known, an answer that it is not there counts only if the tree of the default branch lacks
    it, too: one wrong answer would take a whole repository's protection away.
    Raises Gone, Retry and Wait.
    """
    known = known or PolicySource()
    source = await _file(api, repository, known)
    if source.text is not None:
        return await _with_files(api, repository, source)
    was_there = known.text is not None or known.good is not None
    if was_there and await _mode(api, repository) in (None, *FILES):
        return known  # and read again by the next run
    return replace(source, packs=())


async def read_organisation(
    api: Installation, repository: Repository, known: PolicySource | None
) -> PolicySource:
    """As `read`, of the `.github` repository of the same owner.

    Once the file was seen, its last good version stays if the file is not there any more: deleted,
    or its repository deleted, renamed, transferred or hidden from the App.
    """
    owner = repository.full_name.partition("/")[0]
    place = Repository(repository.installation_id, 0, f"{owner}/{ORGANISATION}")
    known = known or PolicySource()
    source = await _file(api, place, known)
    if source.text is not None:
        return await _with_files(api, place, source)
    if known.text is not None and known.good is None:  # even a broken file may have had locks
        return replace(known, etag="", read_at=source.read_at)
    return replace(source, packs=())


async def _file(api: Installation, repository: Repository, known: PolicySource) -> PolicySource:
    """The policy alone, still with the packs that it had before; without a text if none is there.

    A redirect leads to the organisation's repository under another name or of another owner.
    """
    stays = repository.is_organisations
    headers = {"Accept": RAW, **({"If-None-Match": known.etag} if known.etag else {})}
    path = at(repository, f"contents/{POLICY_PATH}")
    request = Request("GET", path, headers=headers, stays=stays)
    answer = await api.send(request, Importance.READ, fine=ABSENT if stays else (404,))
    if answer.status == 304:
        return replace(known, read_at=answer.date)
    if answer.status == 200:
        text, etag = _text(answer.body)[:MOST_CHARACTERS], answer.headers.get("etag", "")
        if text == known.text or await _is_file(api, repository):
            return replace(known, text=text, etag=etag, read_at=answer.date)
    return replace(known, text=None, etag="", read_at=answer.date)


async def _is_file(api: Installation, repository: Repository) -> bool:
    """Whether the policy is a file of its own: GitHub gives a link's target in its place.

    Raises Retry (the tree cannot be read).
    """
    mode = await _mode(api, repository)
    if mode is None:
        text = f"{repository.full_name}: GitHub does not list the tree with {POLICY_PATH}"
        raise Retry(text, after_seconds=AGAIN_SECONDS)
    return mode in FILES


async def _mode(api: Installation, repository: Repository) -> str | None:
    """git's mode of the policy on the default branch; "" if it is not there, None if not read."""
    folder, _, name = POLICY_PATH.partition("/")
    root = await endpoints.tree(api, repository, "HEAD")
    if root is None:
        return None
    if folder not in root or root[folder].mode != FOLDER:
        return ""
    inside = await endpoints.tree(api, repository, root[folder].sha)
    if inside is None:
        return None
    return inside[name].mode if name in inside else ""


async def _with_files(
    api: Installation, repository: Repository, source: PolicySource
) -> PolicySource:
    """The policy with the packs and the calendar that its text names."""
    path, _ = pack_files.calendar(source.text or "")
    if not path:
        return replace(await _with_packs(api, repository, source), calendar=None)
    found, calendar = await both(
        _with_packs(api, repository, source), _calendar(api, repository, path, source.calendar)
    )
    return replace(found, calendar=calendar)


async def _calendar(
    api: Installation, repository: Repository, path: str, known: PackFile | None
) -> PackFile:
    """The calendar of this path in the organisation's repository. known: as last read.

    One call; one more if its content is new, and not more than is read of a calendar.
    """
    owner = repository.full_name.partition("/")[0]
    place = Repository(repository.installation_id, 0, f"{owner}/{ORGANISATION}")
    entries = {one.path: one for one in await _entries(api, place, path.rpartition("/")[0])}
    found = entries.get(path, PackFile(path, kind="absent"))
    if found.kind != "file" or found.size > releases.MOST_BYTES:
        return found
    if known and known.sha == found.sha and known.text is not None:
        return replace(found, text=known.text)
    content = await blob(api, place, found.sha, fine=REFUSED)
    return found if content is None else replace(found, text=_text(content))


async def _with_packs(
    api: Installation, repository: Repository, source: PolicySource
) -> PolicySource:
    """The policy with the packs that its text names."""
    globs = pack_files.named(source.text or "")
    if not globs:
        return replace(source, packs=())
    folders = pack_files.folders(globs)
    entries = await together(_entries(api, repository, folder) for folder in folders)
    files = pack_files.chosen(globs, dict(zip(folders, entries, strict=True)))
    before = (*source.good_packs, *source.packs)
    texts = {one.sha: one.text for one in before if one.text is not None}
    readable = pack_files.readable(files)
    new = [sha for sha in dict.fromkeys(one.sha for one in readable) if sha not in texts]
    contents = await together(blob(api, repository, sha, fine=(404,)) for sha in new)
    for sha, content in zip(new, contents, strict=True):
        if content is None:  # the branch was rewritten since its folder was listed
            raise Retry(f"pack {sha}: listed, but not there", after_seconds=AGAIN_SECONDS)
        texts[sha] = _text(content)
    paths = {one.path for one in readable}
    packs = (replace(one, text=texts[one.sha]) if one.path in paths else one for one in files)
    return replace(source, packs=tuple(packs))


async def _entries(api: Installation, repository: Repository, folder: str) -> list[PackFile]:
    """The entries of a folder; none if there is no such folder."""
    stays = repository.is_organisations
    request = Request("GET", at(repository, f"contents/{quote(folder)}"), stays=stays)
    answer = await api.send(request, Importance.READ, fine=ABSENT if stays else (404,))
    if answer.status != 200 or not answer.body.startswith(b"["):  # a file, not a list of them
        return []
    found = []
    for row in decoded(answer, list[_EntryRow], request):
        is_submodule = row.type == "file" and row.download_url is None
        kind = "submodule" if is_submodule else row.type
        found.append(PackFile(row.path, row.sha, row.size, kind))
    return found


def _text(body: bytes) -> str:
    """Text that any database can hold; what is wrong with it is still wrong as YAML."""
    return body.decode("utf-8", "replace").replace("\0", "\x01")  # PostgreSQL cannot hold NUL


async def read_contents(
    api: Installation, repository: Repository, files: tuple[File, ...]
) -> Mapping[str, str | None]:
    """path -> text of the file's new version; removed files are left out.

    None if it is not among the first 20 files, above 1 MiB, binary, or refused by GitHub.
    Raises Gone, Retry and Wait.
    """
    wanted = new_file.blobs(files)
    shas = tuple(dict.fromkeys(sha for sha in wanted.values() if sha))
    texts = await together(_content(api, repository, sha) for sha in shas)
    found = dict(zip(shas, texts, strict=True))
    return {path: found.get(sha) for path, sha in wanted.items()}


async def _content(api: Installation, repository: Repository, sha: str) -> str | None:
    known, key = api.cache.texts, (repository.id, sha)
    if key in known:
        return known[key]
    content = await blob(api, repository, sha, fine=REFUSED)
    if content is None:
        return None  # not cached: a permission may be granted later
    text = new_file.text(content)
    keep(known, key, text)
    return text


# git's modes of what a path may be besides a file.
_KINDS = {"120000": "symlink", "160000": "submodule", "040000": "folder"}


@dataclass(frozen=True, slots=True)
class _Found:
    """What a path of a commit is: file | symlink | submodule | folder | absent | unread.

    at: the path, or the folder on its way that is something else.
    """

    kind: str
    at: str
    sha: str = ""


class _Commit:
    """The files of one commit; each folder on the way to them is read once."""

    def __init__(self, api: Installation, repository: Repository, sha: str) -> None:
        self._api = api
        self._repository = repository
        self._sha = sha
        self._trees: dict[str, Mapping[str, TreeEntry] | None] = {}

    async def find(self, path: str) -> _Found:
        """What there is. Raises Retry and Wait."""
        sha, steps = self._sha, path.split("/")
        for end in range(1, len(steps) + 1):
            if sha not in self._trees:
                self._trees[sha] = await endpoints.tree(self._api, self._repository, sha)
            here, so_far = self._trees[sha], "/".join(steps[:end])
            if here is None:
                return _Found("unread", so_far)
            entry = here.get(steps[end - 1])
            if entry is None:
                return _Found("absent", so_far)
            kind, sha = _KINDS.get(entry.mode, "file"), entry.sha
            if kind != "folder" or end == len(steps):
                is_no_folder = kind == "file" and end < len(steps)
                return _Found("absent" if is_no_folder else kind, so_far, sha)
        raise AssertionError(path)


async def read_proposed(api: Installation, pull: Pull, source: PolicySource) -> Proposed:
    """What the pull would put in force, its files read at its head and all others as they are now.

    source: the policy in force. It is read file by file, so that no link, submodule or renamed
    folder leads elsewhere. At most 5 folders, their trees, and the files that the pull changes, or
    that its policy names anew. Raises Gone, Retry and Wait.
    """
    repository = pull.key.repository
    known = preview.layer(source, repository)
    commit, problems = _Commit(api, repository, pull.head_sha), list[Problem]()
    changed = {path for one in pull.files for path in (one.path, one.previous_path) if path}

    async def content(path: str) -> tuple[_Found, bytes | None]:
        found = await commit.find(path)
        if found.kind != "file":
            return found, None
        return found, await blob(api, repository, found.sha, fine=REFUSED)

    text, is_readable = known.text, True
    if POLICY_PATH in changed:
        found, body = await content(POLICY_PATH)
        text = None if body is None else _text(body)[:MOST_CHARACTERS]
        if body is None and found.kind != "absent":
            is_readable = False
            problems.append(Problem(found.at, 0, 0, _unread(found)))
    globs = pack_files.named(text or "")
    touched = preview.deciding(pull.files, (*preview.named(known), *globs))
    paths = tuple(dict.fromkeys(p for one in touched for p in (one.path, one.previous_path) if p))
    for path in filter(pack_files.is_calendar, paths):
        found, body = await content(path)
        words = "" if found.kind == "absent" else _unread(found)
        if body is not None:
            words = await asyncio.to_thread(releases.fault, body.decode("utf-8", "replace"))
        if words:
            problems.append(Problem(path, 0 if body is None else 1, 1, words))
    if POLICY_PATH in changed:
        problems += await _calendar_problems(api, repository, text or "", known.calendar, paths)
    packs: tuple[PackFile, ...] = ()
    if globs:
        listed = await _listed_packs(api, repository, globs, changed, commit, problems)
        packs = await _with_texts(api, repository, listed, (*known.packs, *known.good_packs))
    proposed = replace(known, text=text, packs=packs)
    whole = preview.within(source, repository, proposed) if is_readable else None
    return Proposed(pull, paths, whole, tuple(problems))


async def _calendar_problems(
    api: Installation,
    repository: Repository,
    text: str,
    known: PackFile | None,
    checked: tuple[str, ...],
) -> list[Problem]:
    """What is wrong with the calendar that the text of a policy names, as it is now.

    known: as last read. checked: paths of this repository that are checked as they are at the head.
    """
    path, place = pack_files.calendar(text)
    if not path or (repository.is_organisations and path in checked):
        return []
    named = await _calendar(api, repository, path, known)
    words = await asyncio.to_thread(pack_files.calendar_fault, named)
    return [Problem(POLICY_PATH, *place, words)] if words else []


async def _listed_packs(
    api: Installation,
    repository: Repository,
    globs: tuple[str, ...],
    changed: set[str],
    commit: _Commit,
    problems: list[Problem],
) -> tuple[PackFile, ...]:
    """The packs that the globs would name: those of the default branch, with what the pull changes.

    problems: gets what is wrong with those that are no files.
    """
    folders = pack_files.folders(globs)
    there = await together(_entries(api, repository, folder) for folder in folders)
    entries = dict(zip(folders, there, strict=True))
    for folder in folders:
        kept = [one for one in entries[folder] if one.path not in changed]
        for path in sorted(changed):
            if path.rpartition("/")[0] != folder or not pack_files.decides(path, globs):
                continue
            found = await commit.find(path)
            if found.kind in ("file", "symlink") and found.at == path:
                kept.append(PackFile(path, found.sha, 0, found.kind))
            elif found.kind != "absent":
                problems.append(Problem(found.at, 0, 0, _unread(found)))
        entries[folder] = kept
    return pack_files.chosen(globs, entries)


async def _with_texts(
    api: Installation,
    repository: Repository,
    files: tuple[PackFile, ...],
    known: tuple[PackFile, ...],
) -> tuple[PackFile, ...]:
    """The packs with their texts, of which those of `known` need not be read."""
    texts: dict[str, tuple[int, str | None]] = {
        one.sha: (one.size, one.text) for one in known if one.text is not None
    }
    readable = {one.path for one in pack_files.readable(files)}
    for one in files:
        if one.path in readable and one.sha not in texts:
            body = await blob(api, repository, one.sha, fine=REFUSED)
            too_large = body is None or len(body) > yaml.MAX_BYTES
            size = max(one.size, yaml.MAX_BYTES + 1) if body is None else len(body)
            texts[one.sha] = size, None if too_large or body is None else _text(body)
    found = []
    for one in files:
        size, text = texts[one.sha] if one.path in readable else (one.size, None)
        found.append(replace(one, size=one.size or size, text=text))
    return tuple(found)


def _unread(found: _Found) -> str:
    """Why a path has no content, and what to do."""
    if found.kind == "symlink":
        return "is a symbolic link: put the file itself here"
    if found.kind == "submodule":
        return "is a submodule: put the file itself here"
    if found.kind == "folder":
        return "is a folder: put a file here"
    if found.kind == "unread":
        return "GitHub does not list what is in this folder: keep fewer files there"
    return "GitHub does not give its content, as it is too large: split it"
