"""What the forms of a pull's page do: comment, label, tick, push, press a button."""

from __future__ import annotations

from pathlib import PurePosixPath

from ghapp.standin import markdown
from ghapp.standin.gitrepo import GitFailed
from ghapp.standin.pull import Pull

REMARKS = {
    ".sql": "--",
    ".js": "//",
    ".ts": "//",
    ".go": "//",
    ".java": "//",
    ".rs": "//",
}
ELSEWHERE = "notes/unrelated.md"


class Misplayed(Exception):
    """What the form asked for cannot be done; the message says why, to the person."""


def play(pull: Pull, form: dict[str, str]) -> None:
    """Do what a form says. Raises Misplayed."""
    by = form.get("by") or pull.author.login
    if "tick" in form:
        _tick(pull, form["tick"], by)
        return
    name = form.get("do", "")
    action = ACTIONS.get(name)
    if action is None:
        raise Misplayed(f"There is no action {name!r}.")
    try:
        action(pull, form, by)
    except (GitFailed, ValueError, KeyError) as wrong:
        raise Misplayed(f"That did not work: {wrong}") from wrong


def people(pull: Pull) -> list[str]:
    """Logins to act as: the author first, then everyone known with a right or a team."""
    github, repository = pull.repository.github, pull.repository
    members = {login for team in github.teams.values() for login in team.members}
    members |= {github.users[login].login for login in repository.roles}
    return [pull.author.login, *sorted(members - {pull.author.login})]


def editable(pull: Pull) -> list[str]:
    """Changed files to which a line can be added."""
    return [
        change.path.decode("utf-8")
        for change in pull.changes()[:100]
        if change.status != "removed" and change.patch and _is_utf8(change.path)
    ]


def _is_utf8(path: bytes) -> bool:
    return path.decode("utf-8", "replace").encode() == path


def _tick(pull: Pull, where: str, by: str) -> None:
    comment_id, _, line = where.partition(":")
    try:
        comment = pull.find_comment(int(comment_id))
        body = markdown.tick(comment.body, int(line))
    except (KeyError, ValueError, IndexError):
        raise Misplayed("That box is not there any more. Reload the page.") from None
    pull.edit_comment(comment.id, body, by)


def _comment(pull: Pull, form: dict[str, str], by: str) -> None:
    body = form.get("body", "").replace("\r\n", "\n")
    if not body.strip():
        raise Misplayed("Write something first.")
    pull.comment(body, by)


def _label(pull: Pull, form: dict[str, str], by: str) -> None:
    name = form.get("new_label", "").strip() or form.get("label", "")
    if not name:
        raise Misplayed("Name a label.")
    pull.add_label(name, by)


def _push(pull: Pull, form: dict[str, str], by: str) -> None:
    path = form.get("path") or ELSEWHERE
    git, old = pull.repository.network.git, b""
    blob = git.blob(pull.head_sha, path)
    if blob is not None:
        old = blob.data if blob.data.endswith(b"\n") or not blob.data else blob.data + b"\n"
    remark = REMARKS.get(PurePosixPath(path).suffix, "#")
    line = f"{remark} edited by {by}, commit {pull.commits + 1}\n"
    pull.push({path: old + line.encode()}, by, f"Edit {path}")


def _press(pull: Pull, form: dict[str, str], by: str) -> None:
    pull.repository.press(int(form.get("run", "0")), form.get("identifier", ""), by)


def _rerun(pull: Pull, form: dict[str, str], by: str) -> None:
    pull.repository.rerequest_run(int(form.get("run", "0")), by)


ACTIONS = {
    "comment": _comment,
    "label": _label,
    "unlabel": lambda pull, form, by: pull.remove_label(form.get("label", ""), by),
    "push": _push,
    "rebase": lambda pull, form, by: pull.rebase(by),
    "ready": lambda pull, form, by: pull.ready(by),
    "draft": lambda pull, form, by: pull.draft(by),
    "close": lambda pull, form, by: pull.close(by),
    "reopen": lambda pull, form, by: pull.reopen(by),
    "merge": lambda pull, form, by: pull.merge(by),
    "press": _press,
    "rerun": _rerun,
}
