"""Comments, reactions, labels and events of a pull, under the address of its issue."""

from __future__ import annotations

from ghapp.standin.api_repository import check_label_name
from ghapp.standin.bodies import Items, Object, Text
from ghapp.standin.pull import Pull
from ghapp.standin.rest import Answer, Call, invalid, not_found, ok
from ghapp.standin.shapes import REACTIONS
from ghapp.standin.state import Comment

BODY_LIMIT = 65_536  # "Body is too long (maximum is 65536 characters)"
LABELS_LIMIT = 100
COMMENT = Object({"body": Text()}, ("body",))
REACTION = Object({"content": Text(choices=REACTIONS)}, ("content",))
LABELS = Object({"labels": Items(Text())}, ("labels",))


def list_comments(call: Call) -> Answer:
    pull, at = call.seen_pull(), call.github.shapes
    return call.listed(pull.comments, lambda comment: at.comment(pull, comment))


def create_comment(call: Call) -> Answer:
    pull = call.pull()
    body = _body(call)
    comment_id = pull.comment(body, call.actor.login)
    answer = ok(call.github.shapes.comment(pull, pull.find_comment(comment_id)), 201)
    answer.headers["location"] = f"{call.github.shapes.api}{call.path}/{comment_id}"
    return answer


def get_comment(call: Call) -> Answer:
    return ok(call.github.shapes.comment(*_comment(call)))


def edit_comment(call: Call) -> Answer:
    pull, comment = _comment(call)
    pull.edit_comment(comment.id, _body(call), call.actor.login)
    return ok(call.github.shapes.comment(pull, comment))


def delete_comment(call: Call) -> Answer:
    pull, comment = _comment(call)
    pull.delete_comment(comment.id, call.actor.login)
    return Answer(204)


def _body(call: Call) -> str:
    body: str = call.json(COMMENT)["body"]
    if not body.strip():
        raise invalid("IssueComment", "data", "unprocessable", "Body cannot be blank")
    if len(body) > BODY_LIMIT:
        words = f"Body is too long (maximum is {BODY_LIMIT} characters)"
        raise invalid("IssueComment", "data", "unprocessable", words)
    return body


def _comment(call: Call) -> tuple[Pull, Comment]:
    found = call.repository().comments.get(call.number("id"))
    if found is None:
        raise not_found()
    return found


def create_reaction(call: Call) -> Answer:
    """201 where it is new, 200 where this user had reacted so before."""
    pull, comment = _comment(call)
    reaction, new = pull.react(comment.id, call.json(REACTION)["content"], call.actor.login)
    return ok(call.github.shapes.reaction(reaction), 201 if new else 200)


def list_reactions(call: Call) -> Answer:
    _, comment = _comment(call)
    return call.listed(comment.reactions, call.github.shapes.reaction)


def list_events(call: Call) -> Answer:
    """Oldest first."""
    pull, at = call.seen_pull(), call.github.shapes
    return call.listed(pull.events, lambda event: at.event(pull.repository, event))


def list_labels(call: Call) -> Answer:
    pull, at = call.seen_pull(), call.github.shapes
    return call.listed(pull.label_list, lambda label: at.label(pull.repository, label))


def add_labels(call: Call) -> Answer:
    """All labels of the pull. One that the repository does not know is created."""
    pull = call.pull()
    names: list[str] = call.json(LABELS)["labels"]
    for name in names:
        check_label_name(name)
    if len(pull.labels | set(names)) > LABELS_LIMIT:
        words = f"An issue may only have {LABELS_LIMIT} labels"
        raise invalid("Issue", "labels", "custom", words)
    for name in names:
        pull.add_label(name, call.actor.login)
    return _labels(call, pull)


def remove_label(call: Call) -> Answer:
    pull = call.pull()
    try:
        pull.remove_label(call.params["name"], call.actor.login)
    except KeyError:
        raise _no_label() from None
    return _labels(call, pull)


def _no_label() -> Exception:
    refusal = not_found()
    refusal.message = "Label does not exist"
    return refusal


def _labels(call: Call, pull: Pull) -> Answer:
    return ok([call.github.shapes.label(pull.repository, label) for label in pull.label_list])
