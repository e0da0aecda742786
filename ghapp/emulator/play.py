"""What the forms of the pages do: comment, review, label, tick, push, press, close."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import PurePosixPath

from ghapp.emulator import markdown
from ghapp.emulator.git import GitFailed
from ghapp.emulator.github import Emulator
from ghapp.emulator.issue import Issue
from ghapp.emulator.repository import Pull
from ghapp.emulator.words import Cannot, say

Form = Mapping[str, str]
COMMENT_MARKS = {  # by suffix, else "#"
    ".sql": "--",
    ".js": "//",
    ".ts": "//",
    ".go": "//",
    ".java": "//",
    ".rs": "//",
}
UNFLAGGED = "notes/unrelated.md"


class ActionFailed(Exception):
    """A form asked for something impossible. key: of the words that explain why."""

    def __init__(self, key: str, wrong: object = "") -> None:
        super().__init__(key)
        self.key = key
        self.wrong = wrong

    def explained(self, language: str) -> str:
        wrong = self.wrong.explained(language) if isinstance(self.wrong, Cannot) else self.wrong
        return say(language, self.key, wrong=wrong)


def play(thread: Pull | Issue, form: Form) -> str:
    """Do what a form says, and return the name of what was done. Raises ActionFailed."""
    by, name = form.get("by") or thread.author.login, form.get("do", "")
    try:
        if isinstance(thread, Issue) and name in ISSUE_ACTIONS:
            ISSUE_ACTIONS[name](thread, form, by)
        elif isinstance(thread, Pull) and "tick" in form:
            return _tick(thread, form, by)
        elif isinstance(thread, Pull) and name in ACTIONS:
            ACTIONS[name](thread, form, by)
        else:
            raise ActionFailed("no_action", repr(name))
    except GitFailed as wrong:
        raise ActionFailed("git_failed", wrong) from wrong
    except KeyError as wrong:
        raise ActionFailed("not_there", wrong) from wrong
    except ValueError as wrong:
        raise ActionFailed("did_not_work", wrong) from wrong
    return name


def people(github: Emulator, thread: Pull | Issue | None = None) -> list[str]:
    """Logins to act as: everyone with a right or a team, and the author, if a person."""
    logins = {login for team in github.teams.values() for login in team.members}
    for repository in github.repositories.values():
        logins |= {github.users[login].login for login in repository.roles}
    if thread is not None and thread.author.kind == "User":
        logins.add(thread.author.login)
    return sorted(logins)


def editable(pull: Pull) -> list[str]:
    """Changed files to which a line can be added."""
    return [
        change.name
        for change in pull.changes()[:100]
        if change.status != "removed" and change.patch and change.name.encode() == change.path
    ]


def _tick(pull: Pull, form: Form, by: str) -> str:
    comment_id, _, line = form["tick"].partition(":")
    try:
        comment = pull.find_comment(int(comment_id))
        body = markdown.tick(comment.body, int(line))
    except (KeyError, ValueError, IndexError):
        raise ActionFailed("no_box") from None
    ticks = body.count("[x]") > comment.body.count("[x]")
    pull.edit_comment(comment.id, body, by)
    return "tick" if ticks else "untick"


def _body(form: Form, *, required: bool = False) -> str:
    body = form.get("body", "").replace("\r\n", "\n")
    if required and not body.strip():
        raise ActionFailed("write_first")
    return body


def _label(pull: Pull, form: Form, by: str) -> None:
    name = form.get("new_label", "").strip() or form.get("label", "")
    if not name:
        raise ActionFailed("name_label")
    pull.add_label(name, by)


def _push(pull: Pull, form: Form, by: str) -> None:
    path = form.get("path") or UNFLAGGED
    blob = pull.repository.network.git.blob(f"{pull.head_sha}:{path}")
    old = blob.data if blob else b""
    if old and not old.endswith(b"\n"):
        old += b"\n"
    mark = COMMENT_MARKS.get(PurePosixPath(path).suffix, "#")
    line = f"{mark} edited by {by}, commit {pull.commits + 1}\n"
    pull.push({path: old + line.encode()}, by, f"Edit {path}")


ACTIONS: dict[str, Callable[[Pull, Form, str], object]] = {
    "approve": lambda pull, form, by: pull.review(by, "approved", _body(form)),
    "request_changes": lambda pull, form, by: pull.review(by, "changes_requested", _body(form)),
    "review": lambda pull, form, by: pull.review(by, "commented", _body(form)),
    "note": lambda pull, form, by: pull.review_comment(
        _body(form, required=True), by, form.get("path")
    ),
    "dismiss": lambda pull, form, by: pull.dismiss_review(
        int(form.get("review", "0")), by, form.get("message", "")
    ),
    "comment": lambda pull, form, by: pull.comment(_body(form, required=True), by),
    "label": _label,
    "unlabel": lambda pull, form, by: pull.remove_label(form.get("label", ""), by),
    "push": _push,
    "rebase": lambda pull, form, by: pull.rebase(by),
    "ready": lambda pull, form, by: pull.ready(by),
    "draft": lambda pull, form, by: pull.draft(by),
    "close": lambda pull, form, by: pull.close(by),
    "reopen": lambda pull, form, by: pull.reopen(by),
    "merge": lambda pull, form, by: pull.merge(by),
    "press": lambda pull, form, by: pull.repository.press(
        int(form.get("run", "0")), form.get("identifier", ""), by
    ),
    "rerun": lambda pull, form, by: pull.repository.rerequest_run(int(form.get("run", "0")), by),
}
ISSUE_ACTIONS: dict[str, Callable[[Issue, Form, str], object]] = {
    "comment": lambda issue, form, by: issue.comment(_body(form, required=True), by),
    "close": lambda issue, form, by: issue.close(by),
    "reopen": lambda issue, form, by: issue.reopen(by),
}
