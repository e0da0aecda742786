"""A repository, its contents, its labels and who may do what in it.

Source: https://docs.github.com/rest/repos/contents#get-repository-content
"""

from __future__ import annotations

import base64
import re
from urllib.parse import quote

from ghapp.emulator import shapes_accounts
from ghapp.emulator.bodies import Object, Text
from ghapp.emulator.gitrepo import TreeEntry
from ghapp.emulator.repository import Repository
from ghapp.emulator.rest import Answer, Call, Refusal, invalid, not_found, ok
from ghapp.emulator.state import Json, Label

CONTENT_LIMIT = 1024 * 1024  # above it the JSON has no content, and only raw works
ENTRY_LIMIT = 1_000  # a longer folder is cut short, and nothing says so
COLOR = re.compile(r"[0-9a-fA-F]{6}")
NAME_LIMIT, DESCRIPTION_LIMIT = 50, 100
LABEL = Object(
    {"name": Text(), "color": Text(nullable=True), "description": Text(nullable=True)},
    ("name",),
)
LABEL_CHANGE = Object(
    {
        "new_name": Text(),
        "color": Text(nullable=True),
        "description": Text(nullable=True),
    }
)


def get_repository(call: Call) -> Answer:
    return call.conditional(ok(call.github.shapes.repository(call.repository())))


def get_contents(call: Call) -> Answer:
    """A file or folder at `ref`: a branch or a SHA, by default the default branch."""
    repository = call.repository()
    path = call.params["path"].strip("/")
    ref = call.query.get("ref", "") or repository.default_branch
    sha = resolve(repository, ref)
    if sha is None:
        raise Refusal(404, f"No commit found for the ref {ref}")
    blob = repository.network.git.blob(sha, path) if path else None
    if blob is None:
        return _folder(call, repository, sha, path, ref)
    if "raw" in call.headers.get("accept", ""):
        kind = {"content-type": "application/vnd.github.raw; charset=utf-8"}
        return call.conditional(Answer(200, blob.data, kind))
    return call.conditional(ok(_file(call, repository, path, ref, blob.sha, blob.data)))


def resolve(repository: Repository, ref: str) -> str | None:
    """The SHA behind a branch or a SHA; None where there is none."""
    name = ref.removeprefix("refs/heads/").removeprefix("heads/")
    if name in repository.branches:
        return repository.branches[name]
    pull = re.fullmatch(r"refs/pull/(\d+)/head", ref)
    if pull and int(pull[1]) in repository.pulls:
        return repository.pulls[int(pull[1])].head_sha
    return ref if ref in repository.network.git.parents else None


def _file(call: Call, repository: Repository, path: str, ref: str, sha: str, data: bytes) -> Json:
    large = len(data) > CONTENT_LIMIT
    return {
        **_entry(call, repository, path, ref, sha, "file"),
        "size": len(data),
        "content": "" if large else base64.encodebytes(data).decode(),
        "encoding": "none" if large else "base64",
    }


def _folder(call: Call, repository: Repository, sha: str, path: str, ref: str) -> Answer:
    rows = repository.network.git.tree(sha, path)
    if not rows:
        raise not_found()
    listing = []
    for row in rows[:ENTRY_LIMIT]:
        inner = f"{path}/{row.name}".lstrip("/")
        shape = _entry(call, repository, inner, ref, row.sha, _kind(row))
        if row.kind == "commit":  # of a submodule that lies on no GitHub
            links = {**shape["_links"], "git": None, "html": None}
            shape |= {"git_url": None, "html_url": None, "download_url": None, "_links": links}
        listing.append({**shape, "size": row.size})
    return call.conditional(ok(listing))


def _kind(row: TreeEntry) -> str:
    """A submodule is called a file here, for the sake of older clients."""
    if row.mode == "120000":
        return "symlink"
    return "dir" if row.kind == "tree" else "file"


def _entry(call: Call, repository: Repository, path: str, ref: str, sha: str, kind: str) -> Json:
    at = call.github.shapes
    folder = kind == "dir"
    url = f"{at.repository_url(repository)}/contents/{quote(path)}?ref={quote(ref)}"
    place = f"{repository.full_name}/{{}}/{quote(ref)}/{quote(path)}"
    page = f"{at.html}/{place.format('tree' if folder else 'blob')}"
    git = f"{at.repository_url(repository)}/git/{'trees' if folder else 'blobs'}/{sha}"
    return {
        "type": kind,
        "name": path.rpartition("/")[2],
        "path": path,
        "sha": sha,
        "url": url,
        "git_url": git,
        "html_url": page,
        "download_url": None if folder else f"{at.html}/{place.format('raw')}",
        "_links": {"self": url, "git": git, "html": page},
    }


def get_permission(call: Call) -> Answer:
    user = call.github.users.get(call.params["username"].lower())
    if user is None:
        raise not_found()
    return ok(shapes_accounts.permission(call.github.shapes, user, call.repository().role(user)))


def get_label(call: Call) -> Answer:
    repository = call.repository()
    return ok(call.github.shapes.label(repository, _label(call, repository)))


def list_labels(call: Call) -> Answer:
    repository = call.repository()
    at = call.github.shapes
    rows = sorted(repository.labels.values(), key=lambda label: label.name)
    return call.listed(rows, lambda label: at.label(repository, label))


def create_label(call: Call) -> Answer:
    repository = call.repository()
    body = call.json(LABEL)
    _check(repository, body.get("name"), body)
    color = body.get("color") or "ededed"
    made = repository.create_label(body["name"], color, body.get("description"), call.actor)
    return ok(call.github.shapes.label(repository, made), 201)


def edit_label(call: Call) -> Answer:
    repository = call.repository()
    label = _label(call, repository)
    body = call.json(LABEL_CHANGE)
    new_name = body.get("new_name")
    renamed = new_name is not None and new_name.lower() != label.name.lower()
    _check(repository, new_name if renamed else None, body)
    repository.edit_label(label, {k: v for k, v in body.items() if v is not None}, call.actor)
    return ok(call.github.shapes.label(repository, label))


def _label(call: Call, repository: Repository) -> Label:
    label = repository.label(call.params["name"])
    if label is None:
        raise not_found()
    return label


def _check(repository: Repository, name: str | None, body: Json) -> None:
    if name is not None:
        check_label_name(name)
        if repository.label(name):
            raise invalid("Label", "name", "already_exists")
    color = body.get("color")
    if color is not None and not COLOR.fullmatch(color):
        raise invalid("Label", "color", "invalid")
    if len(body.get("description") or "") > DESCRIPTION_LIMIT:
        words = f"description is too long (maximum is {DESCRIPTION_LIMIT} characters)"
        raise invalid("Label", "description", "custom", words)


def check_label_name(name: str) -> None:
    """Raises Refusal (422)."""
    if not name.strip():
        raise invalid("Label", "name", "missing_field")
    if len(name) > NAME_LIMIT:
        words = f"name is too long (maximum is {NAME_LIMIT} characters)"
        raise invalid("Label", "name", "invalid", words)
