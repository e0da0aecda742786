"""Comments, reactions, labels and events of issues, and of pulls under the address of theirs."""

from __future__ import annotations

from ghapp.emulator.api_repository import check_label_name
from ghapp.emulator.bodies import Items, Object, Text
from ghapp.emulator.rest import Answer, Call, invalid, not_found, ok
from ghapp.emulator.shapes import REACTIONS
from ghapp.emulator.state import Comment
from ghapp.emulator.thread import Thread

BODY_LIMIT = 65_536  # "Body is too long (maximum is 65536 characters)"
LABELS_LIMIT = 100
COMMENT = Object({"body": Text()}, ("body",))
REACTION = Object({"content": Text(choices=REACTIONS)}, ("content",))
LABELS = Object({"labels": Items(Text())}, ("labels",))


def list_comments(call: Call) -> Answer:
    """Oldest first. Filter: since, by when they were changed last."""
    thread, at = call.seen_thread(), call.github.shapes
    since = call.moment("since")
    rows = [row for row in thread.comments if since is None or row.updated_at >= since]
    return call.listed(rows, lambda comment: at.comment(thread, comment))


def create_comment(call: Call) -> Answer:
    thread = call.thread()
    body = _body(call)
    comment_id = thread.comment(body, call.actor.login)
    answer = ok(call.github.shapes.comment(thread, thread.find_comment(comment_id)), 201)
    answer.headers["location"] = f"{call.github.shapes.api}{call.path}/{comment_id}"
    return answer


def get_comment(call: Call) -> Answer:
    return ok(call.github.shapes.comment(*_comment(call)))


def edit_comment(call: Call) -> Answer:
    thread, comment = _comment(call)
    thread.edit_comment(comment.id, _body(call), call.actor.login)
    return ok(call.github.shapes.comment(thread, comment))


def delete_comment(call: Call) -> Answer:
    thread, comment = _comment(call)
    thread.delete_comment(comment.id, call.actor.login)
    return Answer(204)


def _body(call: Call) -> str:
    body: str = call.json(COMMENT)["body"]
    if not body.strip():
        raise invalid("IssueComment", "data", "unprocessable", "Body cannot be blank")
    if len(body) > BODY_LIMIT:
        words = f"Body is too long (maximum is {BODY_LIMIT} characters)"
        raise invalid("IssueComment", "data", "unprocessable", words)
    return body


def _comment(call: Call) -> tuple[Thread, Comment]:
    found = call.repository().comments.get(call.number("id"))
    if found is None:
        raise not_found()
    return found


def create_reaction(call: Call) -> Answer:
    """201 where it is new, 200 where this user had reacted so before."""
    thread, comment = _comment(call)
    reaction, new = thread.react(comment.id, call.json(REACTION)["content"], call.actor.login)
    return ok(call.github.shapes.reaction(reaction), 201 if new else 200)


def list_reactions(call: Call) -> Answer:
    _, comment = _comment(call)
    return call.listed(comment.reactions, call.github.shapes.reaction)


def list_events(call: Call) -> Answer:
    """Oldest first."""
    thread, at = call.seen_thread(), call.github.shapes
    return call.listed(thread.events, lambda event: at.event(thread.repository, event))


def list_labels(call: Call) -> Answer:
    thread, at = call.seen_thread(), call.github.shapes
    return call.listed(thread.label_list, lambda label: at.label(thread.repository, label))


def add_labels(call: Call) -> Answer:
    """All labels of the thread. One that the repository does not know is created."""
    thread = call.thread()
    names: list[str] = call.json(LABELS)["labels"]
    for name in names:
        check_label_name(name)
    if len(thread.labels | set(names)) > LABELS_LIMIT:
        words = f"An issue may only have {LABELS_LIMIT} labels"
        raise invalid("Issue", "labels", "custom", words)
    for name in names:
        thread.add_label(name, call.actor.login)
    return _labels(call, thread)


def remove_label(call: Call) -> Answer:
    thread = call.thread()
    try:
        thread.remove_label(call.params["name"], call.actor.login)
    except KeyError:
        raise _no_label() from None
    return _labels(call, thread)


def _no_label() -> Exception:
    refusal = not_found()
    refusal.message = "Label does not exist"
    return refusal


def _labels(call: Call, thread: Thread) -> Answer:
    return ok([call.github.shapes.label(thread.repository, label) for label in thread.label_list])
