"""How branches move and pulls are opened, and what GitHub tells the App about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ghapp.emulator import checks
from ghapp.emulator.gitrepo import Files
from ghapp.emulator.pull import Pull
from ghapp.emulator.state import Json, User, iso

if TYPE_CHECKING:
    from ghapp.emulator.repository import Repository


NO_SHA = "0" * 40
COMMITS_LIMIT = 2048  # a push delivery names no more


def move(repository: Repository, branch: str, sha: str, user: User) -> None:
    """Point a branch at a commit; tell of the push, the suite and every open pull on it."""
    before = repository.branches.get(branch, NO_SHA)
    repository.branches[branch] = sha
    repository.pushed_at = repository.github.now()
    if repository.installation is not None:
        _tell_push(repository, branch, before, sha, user)
        checks.request_suite(repository, sha, branch, before, user)
    for known in repository.network.repositories:
        for pull in list(known.pulls.values()):
            if (
                pull.state == "open"
                and pull.head_repository is repository
                and pull.head_ref == branch
            ):
                pull.synchronize(before, sha, user)


@dataclass(frozen=True, slots=True)
class Proposal:
    """A pull to be. head: the repository that holds the branch."""

    author: User
    head: Repository
    branch: str
    title: str
    body: str | None
    base: str
    is_draft: bool
    labels: tuple[str, ...]


def open_pull(repository: Repository, wanted: Proposal, files: Files | None) -> Pull:
    """Raises ValueError (such a pull is open, or the branch has no commits)."""
    head, branch = wanted.head, wanted.branch
    _refuse_second(repository, wanted)
    if files is not None:
        parent = head.branches.get(branch) or repository.branches[wanted.base]
        sha = head.commit(branch, files, wanted.author.login, wanted.title, parent)
        move(head, branch, sha, wanted.author)
    if branch not in head.branches:
        raise ValueError(f"branch {branch!r} has no commits: give files")
    pull = _new_pull(repository, wanted)
    repository.pulls[pull.number] = pull
    pull.label_list = [
        repository.label(name) or repository.create_label(name) for name in wanted.labels
    ]
    pull.tell("opened")
    for label in pull.label_list:
        pull.tell_labelled(label)
    return pull


def _new_pull(repository: Repository, wanted: Proposal) -> Pull:
    github, head = repository.github, wanted.head
    now = github.now()
    pull = Pull(
        repository=repository, number=repository.next_number(), id=github.new_id(),
        issue_id=github.new_id(), author=wanted.author, title=wanted.title, body=wanted.body,
        head_repository=head, head_owner=head.owner.login, head_ref=wanted.branch,
        head_sha=head.branches[wanted.branch], base_ref=wanted.base,
        base_sha=repository.branches[wanted.base], created_at=now, updated_at=now,
        is_draft=wanted.is_draft, via_app=wanted.author is github.app.bot,
    )  # fmt: skip
    pull.count_commits()
    return pull


def _refuse_second(repository: Repository, wanted: Proposal) -> None:
    asked = (wanted.head, wanted.branch, wanted.base)
    for pull in repository.pulls.values():
        same = (pull.head_repository, pull.head_ref, pull.base_ref) == asked
        if same and pull.state == "open":
            raise ValueError(
                f"pull {pull.number} from {wanted.branch!r} into {wanted.base!r} is open already"
            )


def _tell_push(repository: Repository, branch: str, before: str, after: str, user: User) -> None:
    url = f"{repository.github.shapes.html}/{repository.full_name}"
    base = "" if before == NO_SHA else before
    known = repository.network.git.commits(base, after) if base else [after]
    commits = [_commit(repository, sha, user) for sha in known[-COMMITS_LIMIT:]]
    forced = bool(base) and not repository.network.git.is_ancestor(base, after)
    parts: Json = {
        "ref": f"refs/heads/{branch}",
        "before": before,
        "after": after,
        "created": not base,
        "deleted": False,
        "forced": forced,
        "base_ref": None,
        "compare": f"{url}/compare/{before[:12]}...{after[:12]}",
        "commits": commits,
        "head_commit": commits[-1] if commits else None,
        "pusher": {
            "name": user.login,
            "email": f"{user.login}@users.noreply.example.com",
        },
    }
    repository.github.emit("push", None, repository, user, parts)


def _person(user: User) -> Json:
    return {"name": user.login, "email": f"{user.login}@users.noreply.example.com"}


def _commit(repository: Repository, sha: str, user: User) -> Json:
    network = repository.network
    parents = network.git.parents.get(sha, ())
    changes = network.diffs.between(parents[0], sha) if parents else ()
    kinds: dict[str, list[str]] = {"added": [], "removed": [], "modified": []}
    for change in changes:
        kind = change.status if change.status in kinds else "modified"
        if change.previous is not None:  # a push tells a rename as one removed and one added
            kinds["removed"].append(change.previous.decode("utf-8", "replace"))
            kind = "added"
        kinds[kind].append(change.path.decode("utf-8", "replace"))
    who = _person(user)
    return {
        "id": sha,
        "tree_id": sha,
        "distinct": True,
        "message": "Change",
        "timestamp": iso(repository.github.now()),
        "url": f"{repository.github.shapes.html}/{repository.full_name}/commit/{sha}",
        "author": {**who, "username": user.login},
        "committer": {**who, "username": user.login},
        **kinds,
    }
