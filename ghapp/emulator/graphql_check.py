"""What GitHub finds wrong with a GraphQL document before it answers anything of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ghapp.emulator.graphql_input import Unfit, fitted, is_input, shown, used
from ghapp.emulator.graphql_kind import Kind
from ghapp.emulator.graphql_text import Document, Field, Fragment, Operation, Selection, Spread
from ghapp.emulator.graphql_types import KINDS, ROOTS
from ghapp.emulator.state import Json

Path = tuple[str, ...]
ROOT_KINDS = {"query": "Query", "mutation": "Mutation"}


def problems(document: Document, operation: Operation) -> list[Json]:
    """In GitHub's words; empty where the operation can be carried out."""
    return list(_Check(document, operation).all())


def row(message: str, at: tuple[int, int], path: Path = (), code: str = "") -> Json:
    made: Json = {"message": message, "locations": [{"line": at[0], "column": at[1]}]}
    if path:
        made["path"] = list(path)
    if code:
        made["extensions"] = {"code": code}
    return made


class _Check:
    def __init__(self, document: Document, operation: Operation) -> None:
        self._document = document
        self._operation = operation
        self._used: set[str] = set()

    def all(self) -> Iterator[Json]:
        operation = self._operation
        path = (f"{operation.kind} {operation.name}".strip(),)
        yield from self._roots(operation.selections, path)
        for name, (kind, _) in operation.variables.items():
            if not is_input(kind):
                known = kind.strip("[]!")
                words = f"{known} isn't a defined input type (on ${name})"
                yield row(words, operation.at, path, "variableRequiresValidType")
            if name not in self._used:
                words = f"Variable ${name} is declared by {_named(operation)} but not used"
                yield row(words, operation.at, path, "variableNotUsed")
        for name in sorted(self._used - set(operation.variables)):
            words = f"Variable ${name} is used by {_named(operation)} but not declared"
            yield row(words, operation.at, path, "variableNotDefined")

    def _roots(self, selections: Iterable[Selection], path: Path) -> Iterator[Json]:
        kind = ROOT_KINDS[self._operation.kind]
        for one in selections:
            if not isinstance(one, Field):
                yield row(f"Fragments on {kind} are not played here", one.at, path)
            elif one.name != "__typename":
                yield from self._root(one, kind, (*path, one.alias))

    def _root(self, one: Field, kind: str, path: Path) -> Iterator[Json]:
        root = ROOTS[self._operation.kind].get(one.name)
        if root is None:
            yield _unknown(one, kind, path)
            return
        yield from self._arguments(one, root.arguments, path)
        yield from self._inner(one, root.kind, path, ())

    def _arguments(self, one: Field, declared: Mapping[str, str], path: Path) -> Iterator[Json]:
        for name, value in one.arguments.items():
            self._used |= used(value)
            if name not in declared:
                words = f"Field '{one.name}' doesn't accept argument '{name}'"
                yield row(words, one.at, (*path, name), "argumentNotAccepted")
            elif not used(value):
                try:
                    fitted(declared[name], value, written=True)
                except Unfit as wrong:
                    words = (
                        f"Argument '{name}' on Field '{one.name}' has an invalid value"
                        f" ({shown(value)}). Expected type '{declared[name]}'. {wrong}"
                    )
                    yield row(words, one.at, (*path, name), "argumentLiteralsIncompatible")
        required = (name for name, kind in declared.items() if kind.endswith("!"))
        missing = [name for name in required if name not in one.arguments]
        if missing:
            words = f"Field '{one.name}' is missing required arguments: {', '.join(missing)}"
            yield row(words, one.at, path, "missingRequiredArguments")

    def _inner(self, one: Field, kind: str, path: Path, within: Path) -> Iterator[Json]:
        """kind: of the field, "" for a scalar."""
        if kind and not one.selections:
            words = (
                f"Field must have selections (field '{one.name}' returns {kind} but has no"
                f" selections. Did you mean '{one.name} {{ ... }}'?)"
            )
            yield row(words, one.at, path, "selectionMismatch")
        elif one.selections and not kind:
            words = f"Selections can't be made on scalars (field '{one.name}' has selections)"
            yield row(words, one.at, path, "selectionMismatch")
        elif kind:
            yield from self._selected(one.selections, kind, path, within)

    def _selected(
        self, selections: Iterable[Selection], kind: str, path: Path, within: Path
    ) -> Iterator[Json]:
        """within: the named fragments on the way here."""
        for one in selections:
            if isinstance(one, Fragment):
                yield from self._fragment(one, kind, path, within)
            elif isinstance(one, Spread):
                known = self._document.fragments.get(one.name)
                if known is None or one.name in within:
                    fault = "was used, but not defined" if known is None else "contains itself"
                    yield row(f"Fragment {one.name} {fault}", one.at, path, "useAndDefineFragment")
                else:
                    yield from self._fragment(known, kind, path, (*within, one.name))
            elif one.name != "__typename":
                yield from self._field(one, kind, (*path, one.alias), within)

    def _field(self, one: Field, kind: str, path: Path, within: Path) -> Iterator[Json]:
        known: Kind = KINDS[kind]
        if one.name not in known.fields:
            yield _unknown(one, kind, path)
            return
        yield from self._arguments(one, known.arguments.get(one.name, {}), path)
        yield from self._inner(one, known.fields[one.name][0], path, within)

    def _fragment(self, one: Fragment, kind: str, path: Path, within: Path) -> Iterator[Json]:
        on = one.on or kind
        path = (*path, f"... on {on}")
        if on not in KINDS:
            words = f"No such type {on}, so it can't be a fragment condition"
            yield row(words, one.at, path, "undefinedType")
            return
        yield from self._selected(one.selections, on, path, within)


def _unknown(one: Field, kind: str, path: Path) -> Json:
    made = row(f"Field '{one.name}' doesn't exist on type '{kind}'", one.at, path)
    made["extensions"] = {"code": "undefinedField", "typeName": kind, "fieldName": one.name}
    return made


def _named(operation: Operation) -> str:
    return operation.name or f"anonymous {operation.kind}"
