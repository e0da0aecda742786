"""What the forms of the pages do: comment, review, label, tick, push, press, close."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePosixPath

from ghapp.emulator import markdown
from ghapp.emulator.gitrepo import GitFailed
from ghapp.emulator.issues import Issue
from ghapp.emulator.pull import Pull
from ghapp.emulator.words import Cannot, say

Action = Callable[[Pull, dict[str, str], str], object]

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
    """What the form asked for cannot be done. key: of the words that tell the person why."""

    def __init__(self, key: str, wrong: object = "") -> None:
        super().__init__(key)
        self.key = key
        self.wrong = wrong

    def told(self, language: str) -> str:
        wrong = self.wrong.told(language) if isinstance(self.wrong, Cannot) else self.wrong
        return say(language, self.key, wrong=wrong)


def play(thread: Pull | Issue, form: dict[str, str]) -> None:
    """Do what a form says. Raises Misplayed."""
    by = form.get("by") or thread.author.login
    if "tick" in form and isinstance(thread, Pull):
        _tick(thread, form["tick"], by)
        return
    name = form.get("do", "")
    try:
        if isinstance(thread, Pull) and name in ACTIONS:
            ACTIONS[name](thread, form, by)
        elif isinstance(thread, Issue) and name in ISSUE_ACTIONS:
            ISSUE_ACTIONS[name](thread, form, by)
        else:
            raise Misplayed("no_action", repr(name))
    except GitFailed as wrong:
        raise Misplayed("git_failed", wrong) from wrong
    except KeyError as wrong:
        raise Misplayed("not_there", wrong) from wrong
    except ValueError as wrong:
        raise Misplayed("did_not_work", wrong) from wrong


def people(thread: Pull | Issue) -> list[str]:
    """Logins to act as: a person who is the author first, then all with a right or a team."""
    github, repository = thread.repository.github, thread.repository
    members = {login for team in github.teams.values() for login in team.members}
    members |= {github.users[login].login for login in repository.roles}
    first = [thread.author.login] if thread.author.kind == "User" else []
    return [*first, *sorted(members - set(first))]


def may_press(pull: Pull, login: str) -> bool:
    """Whether this person sees the buttons of check runs."""
    return pull.repository.may_write(pull.repository.github.user(login))


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
        raise Misplayed("no_box") from None
    pull.edit_comment(comment.id, body, by)


def _words(form: dict[str, str]) -> str:
    return form.get("body", "").replace("\r\n", "\n")


def _comment(thread: Pull | Issue, form: dict[str, str], by: str) -> None:
    if not _words(form).strip():
        raise Misplayed("write_first")
    thread.comment(_words(form), by)


def _review(state: str) -> Action:
    return lambda pull, form, by: pull.review(by, state, _words(form))


def _note(pull: Pull, form: dict[str, str], by: str) -> None:
    if not _words(form).strip():
        raise Misplayed("write_first")
    pull.review_comment(_words(form), by, form.get("path"))


def _dismiss(pull: Pull, form: dict[str, str], by: str) -> None:
    pull.dismiss_review(int(form.get("review", "0")), by, form.get("message", ""))


def _label(pull: Pull, form: dict[str, str], by: str) -> None:
    name = form.get("new_label", "").strip() or form.get("label", "")
    if not name:
        raise Misplayed("name_label")
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


ACTIONS: dict[str, Action] = {
    "approve": _review("approved"),
    "request_changes": _review("changes_requested"),
    "review": _review("commented"),
    "note": _note,
    "dismiss": _dismiss,
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
ISSUE_ACTIONS: dict[str, Callable[[Issue, dict[str, str], str], object]] = {
    "comment": _comment,
    "close": lambda issue, form, by: issue.close(by),
    "reopen": lambda issue, form, by: issue.reopen(by),
}
