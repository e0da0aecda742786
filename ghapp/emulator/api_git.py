"""Git's own objects: blobs and trees, by SHA; and how two commits stand to each other.

Sources: https://docs.github.com/rest/git/blobs, https://docs.github.com/rest/git/trees,
https://docs.github.com/rest/commits/commits#compare-two-commits
"""

from __future__ import annotations

import base64
import re
from urllib.parse import quote

from ghapp.emulator.api_repository import resolve
from ghapp.emulator.gitrepo import TreeEntry
from ghapp.emulator.rest import Answer, Call, Refusal, not_found, ok
from ghapp.emulator.shapes import node_id
from ghapp.emulator.state import Json

SHA = re.compile(r"[0-9a-f]{40}")
WRONG_SHA = "The sha parameter must be exactly 40 characters and contain only [0-9a-f]."
TOO_LARGE = (
    "This API returns blobs up to 100 MB in size. The requested blob is too large to fetch via"
    " the API, but you can always clone the repository via Git in order to obtain this blob."
)


def get_blob(call: Call) -> Answer:
    """As JSON with base64, or as it is where the client accepts raw."""
    repository, sha = call.repository(), call.params["sha"]
    if not SHA.fullmatch(sha):
        raise Refusal(422, WRONG_SHA)
    size = repository.network.git.blob_size(sha)
    if size is None:
        raise not_found()
    if size > call.github.limits.blob_bytes:
        row = {"resource": "Blob", "field": "data", "code": "too_large"}
        raise Refusal(403, TOO_LARGE, errors=[row])
    blob = repository.network.git.blob_of(sha)
    assert blob is not None
    if "raw" in call.headers.get("accept", ""):
        kind = {"content-type": "application/vnd.github.raw; charset=utf-8"}
        return call.conditional(Answer(200, blob.data, kind))
    shape = {
        "sha": sha,
        "node_id": node_id("Blob", repository.id) + sha,
        "size": size,
        "url": f"{call.github.shapes.repository_url(repository)}/git/blobs/{sha}",
        "content": base64.encodebytes(blob.data).decode(),
        "encoding": "base64",
    }
    return call.conditional(ok(shape))


def get_tree(call: Call) -> Answer:
    """Of a tree, a commit or a branch; a slash in a branch's name has to be quoted.

    recursive: any value, even "0" and "false", lists what is in the folders, too.
    """
    repository, name = call.repository(), call.params["tree_sha"]
    sha = resolve(repository, name) or (name if SHA.fullmatch(name) else "")
    git = repository.network.git
    rows = git.tree(sha, "", deep="recursive" in call.query) if sha else []
    if not rows:
        raise not_found()
    url = call.github.shapes.repository_url(repository)
    most = call.github.limits.tree_entries
    shape = {
        "sha": sha,  # as it was asked for: of a commit not its tree's
        "url": f"{url}/git/trees/{quote(sha)}",
        "tree": [_entry(url, row) for row in rows[:most]],
        "truncated": len(rows) > most,
    }
    return call.conditional(ok(shape))


def _entry(url: str, row: TreeEntry) -> Json:
    shape: Json = {"path": row.name, "mode": row.mode, "type": row.kind, "sha": row.sha}
    if row.kind == "blob":
        shape["size"] = row.size
    if row.kind != "commit":  # a submodule lies in another repository
        shape["url"] = f"{url}/git/{row.kind}s/{row.sha}"
    return shape


def compare(call: Call) -> Answer:
    """BASE...HEAD, each a branch or a SHA; of the answer only how they stand to each other."""
    repository, git = call.repository(), call.repository().network.git
    names = call.params["path"].split("...")
    found = [sha for sha in (resolve(repository, name) for name in names) if sha]
    if len(found) != 2:
        raise not_found()
    base, head = found
    common = git.merge_base(base, head)
    ahead, behind = len(git.commits(common, head)), len(git.commits(common, base))
    status = ("diverged" if behind else "ahead") if ahead else ("behind" if behind else "identical")
    counts = {"ahead_by": ahead, "behind_by": behind, "total_commits": ahead}
    return ok({"status": status, **counts})
