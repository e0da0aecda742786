"""GraphQL: what the REST API cannot do, as far as review conversation and merge queues need it.

`node` and `nodes` tell whether a comment, a review or a review comment was edited, and by whom;
`addReaction` reacts to a review; `repository` tells its merge queues. All else is an error,
never an empty answer. Sources:
https://docs.github.com/graphql/guides/forming-calls-with-graphql,
https://docs.github.com/graphql/guides/using-global-node-ids
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from ghapp.emulator.graphql_check import problems, row
from ghapp.emulator.graphql_input import REACTION_NAMES, Unfit, filled, fitted
from ghapp.emulator.graphql_kind import Kind
from ghapp.emulator.graphql_text import Document, Field, Fragment, Operation, Selection, Unreadable
from ghapp.emulator.graphql_text import read as read_document
from ghapp.emulator.graphql_types import KINDS, ROOTS, Node, Reacted, fits, kind_of
from ghapp.emulator.repository import Repository
from ghapp.emulator.rest import Answer, Call, Refusal, ok
from ghapp.emulator.state import Json

NODES_LIMIT = 100
NEEDS = {
    "IssueComment": ("issues", "pull_requests"),
    "PullRequestReview": ("pull_requests",),
    "PullRequestReviewComment": ("pull_requests",),
}


class Failed(Exception):
    """One field answers null, and an error says why. kind: NOT_FOUND, FORBIDDEN ..."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def answer(call: Call) -> Answer:
    """200 with data, errors or both; the budget is another than that of REST."""
    made = ok(_answered(call))
    made.headers["x-ratelimit-resource"] = "graphql"
    return made


def _answered(call: Call) -> Json:
    body = _body(call)
    text = body.get("query")
    if not isinstance(text, str) or not text.strip():
        return _failed({"message": "A query attribute must be specified and must be a string."})
    try:
        document = read_document(text)
    except Unreadable as wrong:
        return _failed(row(str(wrong), (wrong.line, wrong.column)))
    operation = _operation(document, body.get("operationName"))
    if operation is None:
        return _failed({"message": "An operation name is required"})
    found = problems(document, operation)
    if found:
        return _failed(*found)
    variables, wrongs = _variables(operation, body.get("variables") or {})
    if wrongs:
        return _failed(*wrongs)
    return _Run(call, document, variables).answer(operation)


def _body(call: Call) -> Json:
    try:
        body = msgspec.json.decode(call.body or b"{}")
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Refusal(400, "Problems parsing JSON") from None
    if not isinstance(body, dict) or not isinstance(body.get("variables") or {}, dict):
        raise Refusal(400, "Body should be a JSON object")
    return body


def _failed(*errors: Json) -> Json:
    return {"errors": list(errors)}


def _operation(document: Document, name: object) -> Operation | None:
    if not name:
        return document.operations[0] if len(document.operations) == 1 else None
    return next((known for known in document.operations if known.name == name), None)


def _variables(operation: Operation, given: Json) -> tuple[Json, list[Json]]:
    """What was given, as the types declared have it; and what of it does not fit."""
    values, wrongs = {}, []
    for name, (kind, default) in operation.variables.items():
        value = given.get(name, default)
        try:
            values[name] = fitted(kind, value, written=name not in given)
        except Unfit as wrong:
            words = f"Variable ${name} of type {kind} was provided invalid value ({wrong})"
            told = {"value": value, "problems": [{"path": [], "explanation": str(wrong)}]}
            wrongs.append({**row(words, operation.at), "extensions": told})
    return values, wrongs


class _Run:
    """Carries out one operation that was found to be right."""

    def __init__(self, call: Call, document: Document, variables: Mapping[str, Any]) -> None:
        self._call = call
        self._document = document
        self._variables = variables
        self._errors: list[Json] = []

    def answer(self, operation: Operation) -> Json:
        data: Json = {}
        for one in operation.selections:
            assert isinstance(one, Field)  # checked before
            if one.name == "__typename":
                data[one.alias] = operation.kind.capitalize()
            else:
                data[one.alias] = self._root(operation.kind, one)
        return {"data": data, "errors": self._errors} if self._errors else {"data": data}

    def _root(self, operation: str, one: Field) -> Any:
        root, path = ROOTS[operation][one.name], [one.alias]
        try:
            given = {
                name: fitted(kind, self._given(one, name), written=True)
                for name, kind in root.arguments.items()
            }
            if one.name == "repository":
                return self._shown(one.selections, root.kind, self._repository(given))
            if one.name == "addReaction":
                return self._shown(one.selections, root.kind, self._react(given["input"]))
            if one.name == "node":
                return self._shown(one.selections, root.kind, self._node(given["id"], "read"))
        except Unfit as wrong:
            words = f"Argument on Field '{one.name}' has an invalid value. {wrong}"
            self._fail(one, path, Failed("argumentLiteralsIncompatible", words))
            return None
        except Failed as wrong:
            self._fail(one, path, wrong)
            return None
        return self._nodes(one, given["ids"])

    def _nodes(self, one: Field, ids: list[str]) -> list[Any] | None:
        if len(ids) > NODES_LIMIT:
            words = (
                f"You may not provide more than {NODES_LIMIT} node ids; you provided {len(ids)}."
            )
            self._fail(one, [one.alias], Failed("ARGUMENT_LIMIT", words))
            return None
        rows: list[Any] = []
        for place, name in enumerate(ids):
            try:
                rows.append(self._shown(one.selections, "Node", self._node(name, "read")))
            except Failed as wrong:
                rows.append(None)
                self._fail(one, [one.alias, place], wrong)
        return rows

    def _given(self, one: Field, name: str) -> Any:
        return filled(one.arguments.get(name), self._variables)

    def _repository(self, given: Json) -> Repository:
        """Found by the names that it had, too. Raises Failed (NOT_FOUND)."""
        github, name = self._call.github, f"{given['owner']}/{given['name']}"
        found = github.repositories.get(name.lower()) or github.moved.get(name.lower())
        if found is None or not self._call.may_see(found):
            words = f"Could not resolve to a Repository with the name '{name}'."
            raise Failed("NOT_FOUND", words)
        return found

    def _fail(self, one: Field, path: Sequence[str | int], wrong: Failed) -> None:
        self._errors.append({"type": wrong.kind, **row(str(wrong), one.at), "path": list(path)})

    def _react(self, given: Json) -> Reacted:
        node = self._node(given["subjectId"], "write")
        content, by = REACTION_NAMES[given["content"]], self._call.actor.login
        reaction, _ = node.thread.react_to(node.said, content, by)
        return Reacted(node, reaction, given.get("clientMutationId"))

    def _node(self, name: str, level: str) -> Node:
        """Raises Failed (not to be seen: NOT_FOUND; may not: FORBIDDEN)."""
        node = self._find(name)
        if node is None:
            words = f"Could not resolve to a node with the global id of '{name}'"
            raise Failed("NOT_FOUND", words)
        token = self._call.token
        assert token is not None
        levels = ("write", "admin") if level == "write" else ("read", "write", "admin")
        if not any(token.permissions.get(need) in levels for need in NEEDS[node.kind]):
            raise Failed("FORBIDDEN", "Resource not accessible by integration")
        return node

    def _find(self, name: str) -> Node | None:
        kind, number = _decoded(name)
        for repository in self._call.github.repositories.values():
            if not self._call.may_see(repository):
                continue
            every: dict[str, Mapping[int, Any]] = {
                "IssueComment": repository.comments,
                "PullRequestReview": repository.reviews,
                "PullRequestReviewComment": repository.review_comments,
            }
            kept = every.get(kind, {})
            late = sorted(kept)[-self._call.stale :] if self._call.stale else []
            if number in kept and number not in late:
                thread, said = kept[number]
                return Node(kind, thread, said)
        return None

    def _shown(self, selections: Iterable[Selection], declared: str, value: Any) -> Any:
        if value is None:
            return None
        kind = kind_of(value, declared)
        made: Json = {}
        for one in self._fields(selections, kind):
            if one.name == "__typename":
                made[one.alias] = kind
                continue
            inner, _ = KINDS[kind].fields[one.name]
            try:
                found = self._resolved(one, KINDS[kind], value)
            except Failed as wrong:
                self._fail(one, [one.alias], wrong)
                made[one.alias] = None
                continue
            if isinstance(found, list):
                made[one.alias] = [self._shown(one.selections, inner, row) for row in found]
                continue
            if inner:
                shown = self._shown(one.selections, inner, found)
                found = {**made[one.alias], **shown} if made.get(one.alias) and shown else shown
            made[one.alias] = found
        return made

    def _resolved(self, one: Field, kind: Kind, value: Any) -> Any:
        """Raises Failed (FORBIDDEN; or what its arguments ask for is too much)."""
        need, token = kind.needs.get(one.name), self._call.token
        if need and not (token and token.permissions.get(need)):
            raise Failed("FORBIDDEN", "Resource not accessible by integration")
        declared = kind.arguments.get(one.name, {})
        given = {
            name: fitted(type, self._given(one, name), written=True)
            for name, type in declared.items()
        }
        try:
            return kind.fields[one.name][1](self._call.github.shapes, value, **given)
        except Unfit as wrong:
            raise Failed("ARGUMENT_LIMIT", str(wrong)) from None

    def _fields(self, selections: Iterable[Selection], kind: str) -> list[Field]:
        """The fields that this object is asked for, those of fitting fragments among them."""
        rows: list[Field] = []
        for one in selections:
            if isinstance(one, Field):
                rows.append(one)
                continue
            whole = one if isinstance(one, Fragment) else self._document.fragments[one.name]
            if fits(kind, whole.on):
                rows += self._fields(whole.selections, kind)
        return rows


def _decoded(name: str) -> tuple[str, int]:
    """The kind and number behind a node id; ("", 0) for anything else."""
    try:
        kind, _, number = base64.b64decode(name, validate=True).decode().partition(":")
        return kind, int(number)
    except (binascii.Error, ValueError):
        return "", 0
