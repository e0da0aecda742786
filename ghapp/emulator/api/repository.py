"""A repository: its contents, git objects, labels and permissions.

Sources: https://docs.github.com/rest/repos/contents#get-repository-content,
https://docs.github.com/rest/git/blobs, https://docs.github.com/rest/git/trees,
https://docs.github.com/rest/commits/commits#compare-two-commits
"""

from __future__ import annotations

import base64
import posixpath
import re
from functools import partial
from urllib.parse import quote, urlencode

from starlette.responses import Response

from ghapp.emulator.api.answers import (
    INACCESSIBLE_TO_PERSON,
    Refusal,
    inaccessible,
    invalid,
    not_found,
    ok,
)
from ghapp.emulator.api.call import Body, Call
from ghapp.emulator.conversation import Label
from ghapp.emulator.issue import UNKNOWN_LABEL_COLOR
from ghapp.emulator.json import Json, accounts, node_id
from ghapp.emulator.json import repository as repositories
from ghapp.emulator.repository import Repository

CONTENT_LIMIT = 1024 * 1024  # above it the JSON has no content, and only raw works
ENTRY_LIMIT = 1_000  # a longer folder is cut short, without a sign
SHA = re.compile(r"[0-9a-f]{40}")
COLOR = re.compile(r"[0-9a-fA-F]{6}")
NAME_LIMIT, DESCRIPTION_LIMIT = 50, 100
WRONG_SHA = "The sha parameter must be exactly 40 characters and contain only [0-9a-f]."
TOO_LARGE = (
    "This API returns blobs up to 100 MB in size. The requested blob is too large to fetch via"
    " the API, but you can always clone the repository via Git in order to obtain this blob."
)


class NewLabel(Body):
    name: str
    color: str | None = None
    description: str | None = None


class LabelChange(Body):
    new_name: str = ""
    color: str | None = None
    description: str | None = None


def get_repository(call: Call) -> Response:
    return call.conditional(ok(repositories.repository(call.at, call.repository())))


def get_permission(call: Call) -> Response:
    user = call.user()
    return ok(accounts.permission(call.at, user, call.repository().role(user)))


def get_branch(call: Call) -> Response:
    repository, name = call.repository(), call.params["branch"]
    if name not in repository.branches:
        raise not_found("Branch not found")
    return call.conditional(ok(repositories.branch(call.at, repository, name)))


def get_properties(call: Call) -> Response:
    """Custom properties, which only an organisation defines.

    Source: https://docs.github.com/rest/repos/custom-properties
    """
    repository = call.repository()
    if repository.owner.kind != "Organization":
        raise not_found()
    rows = [
        {"property_name": name, "value": value} for name, value in repository.properties.items()
    ]
    return ok(rows)


def list_rules(call: Call) -> Response:
    """The rules of active rulesets for a branch, which need not exist."""
    repository, branch = call.repository(), call.params["branch"]
    rules: list[Json] = [{"type": rule} for rule in repository.rules.get(branch, [])]
    checks = [] if branch in repository.protected else repository.required_checks.get(branch, [])
    if checks:
        parameters = {"required_status_checks": [{"context": one} for one in checks]}
        rules.append({"type": "required_status_checks", "parameters": parameters})
    return call.listed(rules, lambda rule: rule)


# --- contents and git objects --------------------------------------------------------------


def get_contents(call: Call) -> Response:
    """A file or folder at `ref`: a branch or a SHA, by default the default branch.

    In place of a symbolic link to a file, that file is given.
    """
    repository, path = call.repository(), call.params["path"].strip("/")
    ref = call.query.get("ref", "") or repository.default_branch
    sha = _resolved(repository, ref)
    if sha is None:
        raise not_found(f"No commit found for the ref {ref}")
    blob = repository.network.git.blob(f"{sha}:{path}") if path else None
    if blob is None:
        return _folder(call, repository, sha, path, ref)
    folder, _, name = path.rpartition("/")
    rows = repository.network.git.tree(sha, folder)
    if any(row.name == name and row.mode == "120000" for row in rows):
        target = posixpath.normpath(posixpath.join(folder, blob.data.decode()))
        blob = repository.network.git.blob(f"{sha}:{target}") or blob
    if "raw" in call.headers.get("accept", ""):
        return call.conditional(_raw(blob.data))
    large = len(blob.data) > CONTENT_LIMIT
    shape = {
        **_entry(call, repository, path, ref, blob.sha, "file"),
        "size": len(blob.data),
        "content": "" if large else base64.encodebytes(blob.data).decode(),
        "encoding": "none" if large else "base64",
    }
    return call.conditional(ok(shape))


def _resolved(repository: Repository, ref: str) -> str | None:
    """The SHA of a branch, of HEAD or a SHA; None if there is no such commit."""
    if ref == "HEAD":
        return repository.branches.get(repository.default_branch)
    name = ref.removeprefix("refs/heads/").removeprefix("heads/")
    if name in repository.branches:
        return repository.branches[name]
    pull = re.fullmatch(r"refs/pull/(\d+)/head", ref)
    if pull and int(pull[1]) in repository.pulls:
        return repository.pulls[int(pull[1])].head_sha
    return ref if ref in repository.network.git.parents else None


def _raw(data: bytes) -> Response:
    headers = {"content-type": "application/vnd.github.raw; charset=utf-8"}
    return Response(data, headers=headers)


def _folder(call: Call, repository: Repository, sha: str, path: str, ref: str) -> Response:
    rows = repository.network.git.tree(sha, path)
    if not rows:
        raise not_found()
    listing = []
    for row in rows[:ENTRY_LIMIT]:
        inner = f"{path}/{row.name}".lstrip("/")
        kind = "dir" if row.kind == "tree" else "file"  # so is a submodule, for older clients
        kind = "symlink" if row.mode == "120000" else kind
        shape = {**_entry(call, repository, inner, ref, row.sha, kind), "size": row.size}
        if row.kind == "commit":  # of a submodule that is not on this GitHub
            links = {**shape["_links"], "git": None, "html": None}
            shape |= {"git_url": None, "html_url": None, "download_url": None, "_links": links}
        listing.append(shape)
    return call.conditional(ok(listing))


def _entry(call: Call, repository: Repository, path: str, ref: str, sha: str, kind: str) -> Json:
    at, folder = call.at, kind == "dir"
    url = f"{at.repository(repository)}/contents/{quote(path)}?ref={quote(ref)}"
    html = f"{at.html}/{repository.full_name}/{{}}/{quote(ref)}/{quote(path)}"
    page = html.format("tree" if folder else "blob")
    git = f"{at.repository(repository)}/git/{'trees' if folder else 'blobs'}/{sha}"
    return {
        "type": kind,
        "name": path.rpartition("/")[2],
        "path": path,
        "sha": sha,
        "url": url,
        "git_url": git,
        "html_url": page,
        "download_url": None if folder else html.format("raw"),
        "_links": {"self": url, "git": git, "html": page},
    }


class NewContents(Body):
    """sha: of the blob that is replaced; "" for a new file."""

    message: str
    content: str
    branch: str = ""
    sha: str = ""


def put_contents(call: Call) -> Response:
    """Commit one file to a branch.

    Source: https://docs.github.com/rest/repos/contents#create-or-update-file-contents
    """
    repository, path, body = (
        call.repository(),
        call.params["path"].strip("/"),
        call.body(NewContents),
    )
    branch = body.branch or repository.default_branch
    if not repository.may_write(repository.github.user(call.by)):
        raise inaccessible(message=INACCESSIBLE_TO_PERSON)
    if branch not in repository.branches:
        raise not_found(f"Branch {branch} not found")
    git = repository.network.git
    there = git.blob(f"{repository.branches[branch]}:{path}")
    if there and not body.sha:
        raise Refusal(422, 'Invalid request.\n\n"sha" wasn\'t supplied.')
    if (there.sha if there else "") != body.sha:
        raise Refusal(409, f"{path} does not match {body.sha}")
    try:
        data = base64.b64decode(body.content, validate=True)
    except ValueError:
        raise Refusal(422, "content is not valid Base64") from None
    sha = repository.push(branch, {path: data}, call.by, body.message)
    blob = git.blob(f"{sha}:{path}")
    assert blob is not None
    content = {**_entry(call, repository, path, branch, blob.sha, "file"), "size": len(data)}
    commit = {"sha": sha, "message": body.message}
    return ok({"content": content, "commit": commit}, 200 if there else 201)


class NewRef(Body):
    ref: str
    sha: str


def create_ref(call: Call) -> Response:
    """A branch. Source: https://docs.github.com/rest/git/refs#create-a-reference"""
    repository, body = call.repository(), call.body(NewRef)
    if not repository.may_write(repository.github.user(call.by)):
        raise inaccessible(message=INACCESSIBLE_TO_PERSON)
    name = body.ref.removeprefix("refs/heads/")
    if name == body.ref or not name:
        raise Refusal(422, "Reference name must start with 'refs/heads/' here")
    if name in repository.branches:
        raise Refusal(422, "Reference already exists")
    if body.sha not in repository.network.git.parents:
        raise Refusal(422, "Object does not exist")
    repository.move(name, body.sha, call.by)
    url = f"{call.at.repository(repository)}/git"
    shape = {"sha": body.sha, "type": "commit", "url": f"{url}/commits/{body.sha}"}
    answer = {"ref": body.ref, "node_id": node_id("Ref", repository.id),
              "url": f"{url}/{body.ref}", "object": shape}  # fmt: skip
    return ok(answer, 201)


def get_blob(call: Call) -> Response:
    """As JSON with base64, or as it is if the client accepts raw."""
    repository, sha = call.repository(), call.params["sha"]
    if not SHA.fullmatch(sha):
        raise Refusal(422, WRONG_SHA)
    size = repository.network.git.blob_size(sha)
    if size is None:
        raise not_found()
    if size > call.github.limits.blob_bytes:
        row = {"resource": "Blob", "field": "data", "code": "too_large"}
        raise Refusal(403, TOO_LARGE, errors=[row])
    blob = repository.network.git.blob(sha)
    assert blob is not None
    if "raw" in call.headers.get("accept", ""):
        return call.conditional(_raw(blob.data))
    shape = {
        "sha": sha,
        "node_id": node_id("Blob", repository.id) + sha,
        "size": size,
        "url": f"{call.at.repository(repository)}/git/blobs/{sha}",
        "content": base64.encodebytes(blob.data).decode(),
        "encoding": "base64",
    }
    return call.conditional(ok(shape))


def get_tree(call: Call) -> Response:
    """Of a tree, a commit or a branch; a slash in a branch's name has to be quoted.

    recursive: any value, even "0" and "false", lists what is in the folders, too.
    """
    repository, name = call.repository(), call.params["tree_sha"]
    sha = _resolved(repository, name) or (name if SHA.fullmatch(name) else "")
    git = repository.network.git
    rows = git.tree(sha, "", deep="recursive" in call.query) if sha else []
    if not rows:
        raise not_found()
    url, most = call.at.repository(repository), call.github.limits.tree_entries
    tree = []
    for row in rows[:most]:
        shape: Json = {"path": row.name, "mode": row.mode, "type": row.kind, "sha": row.sha}
        if row.kind == "blob":
            shape["size"] = row.size
        if row.kind != "commit":  # a submodule is in another repository
            shape["url"] = f"{url}/git/{row.kind}s/{row.sha}"
        tree.append(shape)
    answer = {
        "sha": sha,  # as it was asked for: of a commit, not its tree's
        "url": f"{url}/git/trees/{quote(sha)}",
        "tree": tree,
        "truncated": len(rows) > most,
    }
    return call.conditional(ok(answer))


def compare(call: Call) -> Response:
    """BASE...HEAD, each a branch or a SHA: the commits that only the head has, without files."""
    repository, git = call.repository(), call.repository().network.git
    names = call.params["path"].split("...")
    found = [sha for sha in (_resolved(repository, name) for name in names) if sha]
    if len(found) != 2:
        raise not_found()
    base, head = found
    common = git.merge_base(base, head)
    only_head = git.commits(common, head)
    ahead, behind = len(only_head), len(git.commits(common, base))
    status = ("diverged" if behind else "ahead") if ahead else ("behind" if behind else "identical")
    counts = {"ahead_by": ahead, "behind_by": behind, "total_commits": ahead}
    commits = [{"sha": sha, "node_id": node_id("Commit", 0)} for sha in call.paged(only_head)]
    return ok({"status": status, **counts, "commits": commits})


def list_activities(call: Call) -> Response:
    """What happened to branches, newest first. A page is asked for by its cursor.

    Source: https://docs.github.com/rest/repos/repos#list-repository-activities
    """
    repository, query = call.repository(), call.query
    ref = query.get("ref", "").removeprefix("refs/heads/")
    rows = [
        row
        for row in repository.activities
        if ref in ("", row.branch)
        and query.get("actor", row.actor.login).lower() == row.actor.login.lower()
        and query.get("activity_type", row.kind) == row.kind
    ]
    if query.get("direction", "desc") == "desc":
        rows.reverse()
    ids = [str(row.id) for row in rows]
    if query.get("after") in ids:
        rows = rows[ids.index(query["after"]) + 1 :]
    _, size = call.page()
    shown = [repositories.activity(call.at, row) for row in rows[:size]]
    more = (
        f"{call.at.api}{call.path}?{urlencode({**query, 'after': shown[-1]['id']})}"
        if shown
        else ""
    )
    headers = {"link": f'<{more}>; rel="next"'} if len(rows) > size else {}
    return call.conditional(ok(shown, headers=headers))


# --- labels --------------------------------------------------------------------------------


def list_labels(call: Call) -> Response:
    repository = call.repository()
    rows = sorted(repository.labels.values(), key=lambda label: label.name)
    return call.listed(rows, partial(repositories.label, call.at, repository))


def get_label(call: Call) -> Response:
    return _shown(call, _label(call))


def create_label(call: Call) -> Response:
    repository, body = call.repository(), call.body(NewLabel)
    _check_label(repository, body.name, body)
    color = body.color or UNKNOWN_LABEL_COLOR
    return _shown(call, repository.create_label(body.name, color, body.description, call.by), 201)


def edit_label(call: Call) -> Response:
    repository, label, body = call.repository(), _label(call), call.body(LabelChange)
    change = body.model_dump(exclude_unset=True, exclude_none=True)
    new_name = change.get("new_name", label.name)
    _check_label(repository, new_name if new_name.lower() != label.name.lower() else None, body)
    repository.edit_label(label, change, call.by)
    return _shown(call, label)


def delete_label(call: Call) -> Response:
    call.repository().delete_label(_label(call).name, call.by)
    return Response(status_code=204)


def _label(call: Call) -> Label:
    label = call.repository().label(call.params["name"])
    if label is None:
        raise not_found()
    return label


def _shown(call: Call, label: Label, status: int = 200) -> Response:
    return ok(repositories.label(call.at, call.repository(), label), status)


def _check_label(repository: Repository, name: str | None, body: NewLabel | LabelChange) -> None:
    """name: None if it stays. Raises Refusal (422)."""
    if name is not None:
        check_label_name(name)
        if repository.label(name):
            raise invalid("Label", "name", "already_exists")
    if body.color is not None and not COLOR.fullmatch(body.color):
        raise invalid("Label", "color", "invalid")
    if len(body.description or "") > DESCRIPTION_LIMIT:
        words = f"description is too long (maximum is {DESCRIPTION_LIMIT} characters)"
        raise invalid("Label", "description", "custom", words)


def check_label_name(name: str) -> None:
    """Raises Refusal (422)."""
    if not name.strip():
        raise invalid("Label", "name", "missing_field")
    if len(name) > NAME_LIMIT:
        words = f"name is too long (maximum is {NAME_LIMIT} characters)"
        raise invalid("Label", "name", "invalid", words)
