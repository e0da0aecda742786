"""The keys of a policy file as a table, made from the model that reads them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from annotated_types import Ge, Le
from pydantic.fields import FieldInfo

from ghapp.core.policy import fields, policy_schema
from ghapp.core.policy.fields import Part
from ghapp.core.policy.policy_schema import (
    AreaPart,
    DestinationPart,
    ItemPart,
    OwnItemPart,
    PeriodPart,
    PolicyFile,
    WordsPart,
)

HEAD = """\
| key | type | default | example | since | meaning |
| --- | --- | --- | --- | --- | --- |"""
# What types are called, by their names in the model; all other texts are `text`.
NAMES = {
    "NameList": "list of names",
    "PackGlobs": "list of globs",
    "Regex": "RE2",
    "Glob": "glob",
    "AreaId": "id",
    "HazardId": "hazard",
    "Login": "login",
    "Team": "slug",
    "LabelName": "label",
    "Days": "day",
    "Day": "day",
    "FreezeDay": "day",
    "Calendar": "file",
    "Duration": "duration",
    "Hours": "hours",
    "WebhookName": "name",
    "IssueName": "issue",
}


@dataclass(frozen=True, slots=True)
class Key:
    """A key of the file, as `areas.ID.mode`. All but the name are Markdown."""

    name: str
    type: str
    default: str
    example: str
    since: str
    meaning: str


def as_markdown() -> str:
    """All keys that a policy file may have, those within others behind them."""
    rows = (
        f"| `{one.name}` | {one.type} | {one.default} | {one.example} | {one.since} "
        f"| {one.meaning} |"
        for one in keys()
    )
    return "\n".join([HEAD, *rows])


def keys(part: type[Part] = PolicyFile, above: str = "") -> Iterator[Key]:
    """The keys of a part of the file, in the order of the model.

    above: before each name. `detect` and `when` are parts of packs, which have a page of their own.
    """
    hints = get_type_hints(part, include_extras=True)
    for name, field in part.model_fields.items():
        written = f"{above}{field.alias or name}"
        within = [one for one in parts(hints[name]) if one.__module__ == policy_schema.__name__]
        if AreaPart in within:
            written += ".ID"
        if PeriodPart in within:
            written += "[]"
        if name == "teams" and DestinationPart in within:
            written += ".TEAM"
        if within and within[0] not in (AreaPart, ItemPart, OwnItemPart, WordsPart):
            yield from keys(within[0], f"{written}.")
            continue
        yield Key(
            written,
            "`on`, `off`, or mapping" if AreaPart in within else type_of(hints[name]),
            _default(field),
            _code(field.examples[0] if field.examples else None),
            fields.since(field),
            (field.description or "").replace("|", "\\|"),
        )
        if AreaPart in within:
            yield from keys(AreaPart, f"{written}.")
        elif OwnItemPart in within:
            yield from keys(ItemPart, f"{written}.ID.")
            yield from keys(OwnItemPart, f"{written}[].")


def parts(annotation: Any) -> list[type[Part]]:
    """The mappings that a value may be, or have as entries."""
    found = [one for one in fields.inside(annotation) if isinstance(one, type)]
    return [one for one in found if issubclass(one, Part)]


def type_of(annotation: Any) -> str:
    """What a value may be, in words."""
    for alias, name in NAMES.items():
        if annotation == getattr(policy_schema, alias, getattr(fields, alias, None)):
            return name
    if get_origin(annotation) is Annotated:
        bounds = fields.inside(annotation)
        given = [one for field in bounds if isinstance(field, FieldInfo) for one in field.metadata]
        least = [one.ge for one in given if isinstance(one, Ge)]
        most = [one.le for one in given if isinstance(one, Le)]
        if get_args(annotation)[0] is int:
            return f"{least[0]} to {most[0]}" if most else "number"
        return type_of(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        each = [type_of(one) for one in get_args(annotation) if one is not type(None)]
        return ", or ".join(dict.fromkeys(each))
    if get_origin(annotation) is Literal:
        return ", ".join(f"`{one}`" for one in get_args(annotation))
    if get_origin(annotation) is tuple:
        entry = type_of(get_args(annotation)[0])
        return f"list of {entry}" if "`" in entry else f"list of {entry}s".replace("RE2s", "RE2")
    if annotation is bool:
        return "`on`, `off`"
    if annotation is WordsPart:
        return "mapping of `en`, `ja`"
    return "text" if annotation is str else "mapping"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    extra = field.json_schema_extra
    value = extra.get("default") if isinstance(extra, dict) else None
    return "none" if value in (None, [], {}) else _code(value)


def _code(value: Any) -> str:
    """A value as a policy may write it, in one line."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "`on`" if value else "`off`"
    if isinstance(value, dict):
        return f"`{{{', '.join(f'{key}: {_plain(one)}' for key, one in value.items())}}}`"
    return f"`{_plain(value)}`".replace("|", "\\|")


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {_plain(one)}' for key, one in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_plain, value))}]"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, str):
        plain = value.replace("-", "").replace("_", "").isalnum()
        return value if plain else "'" + value.replace("'", "''") + "'"
    return str(value)
