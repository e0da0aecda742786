"""The syntax of a hazard in a pack: which keys it has, and the rule that comes of it."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from ghapp.core.areas import TABLE, Guard, Hazard, Text
from ghapp.core.patterns import regexes
from ghapp.core.policy.fields import Globs, HazardRegex, Part, Severity, Title, Why, Words

HAZARD_ID = r"^[A-Z][A-Z0-9]*-[0-9]{1,4}$"
MAX_NEIGHBOURS = 50
NEIGHBOURS = re.compile(r"([-+~])([1-9][0-9]?)")


def _scope(scope: str) -> str:
    if scope in ("line", "block", "file", "nearest"):
        return scope
    found = NEIGHBOURS.fullmatch(scope)
    if found is None or int(found[2]) > MAX_NEIGHBOURS:
        raise PydanticCustomError(
            "scope",
            "should be line, block, file, nearest, or `+N`, `-N` or `~N` with at most {most} lines",
            {"most": MAX_NEIGHBOURS},
        )
    return scope


MOST_SAMPLES = 50  # of each kind
Samples = Annotated[tuple[Words, ...], Field(max_length=MOST_SAMPLES)]


class HazardPart(Part):
    """A rule over lines of the diff. hit and miss are samples that `ghapp test` runs.

    scope: area reads the files of the area, code all that is neither test, document nor vendored.
    A sample that begins with `@@` is a diff, any other one consists of added lines.
    en, ja: what is wrong, then what to do; `{table}` is the table that `match` names in its group.
    fix: the one right replacement, as code. cross: equal rules of known linters.
    fp: what it is known to flag for nothing.
    """

    id: Annotated[str, Field(pattern=HAZARD_ID)]
    item: Words
    sev: Severity
    scope: Literal["area", "code"] = "area"
    files: Globs | None = None
    exclude_files: Globs | None = None
    side: Literal["added", "removed"] = "added"
    unit: Literal["line", "statement"] = "line"
    match: HazardRegex
    unless: HazardRegex | None = None
    unless_scope: Annotated[str, AfterValidator(_scope)] = "line"
    block_with: HazardRegex | None = None
    nearest: HazardRegex | None = None
    requires: HazardRegex | None = None
    requires_scope: Literal["file"] = "file"
    requires_removed: HazardRegex | None = None
    unless_other_side: HazardRegex | None = None
    skip_rollback: bool = False
    skip_new_table: bool = False
    dialect: Literal["any", "mysql", "postgres"] = "any"
    once_per: Literal["file"] | None = None
    en: Why
    ja: Why
    fix: Title | None = None
    cross: str = ""
    fp: str = ""
    hit: Samples = ()
    miss: Samples = ()

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        if fault := _unfit(self):
            raise PydanticCustomError("unfit", "should be mended: {fault}", {"fault": fault})
        return self


def _unfit(part: HazardPart) -> str:
    """What does not go together, and what to do; "" where all does."""
    if part.unless_scope != "line" and not part.unless:
        return "`unless_scope` says where to look for `unless`, which is missing"
    if (part.unless_scope == "nearest") != bool(part.nearest):
        return "`nearest` and `unless_scope: nearest` go together"
    if part.block_with and part.unless_scope != "block":
        return "`block_with` widens the block of `unless_scope: block`"
    if part.unless_scope == "block" and part.unit == "statement":
        return "a block is found from a line, not from `unit: statement`"
    if part.side == "removed" and (part.unit == "statement" or part.unless_scope != "line"):
        return "`side: removed` looks at single lines"
    if part.skip_new_table and "table" not in regexes.groups(part.match):
        return "`skip_new_table` needs the name of the table as group `(?P<table>...)` in `match`"
    if TABLE in part.en + part.ja and "table" not in regexes.groups(part.match):
        return "`{table}` in a message needs the table's name as group `(?P<table>...)` in `match`"
    return ""


def hazard(part: HazardPart, area: str) -> Hazard:
    """The rule without its samples."""
    return Hazard(
        id=part.id,
        severity=part.sev,
        item=part.item,
        area=area,
        match=part.match,
        message=Text(part.en, part.ja),
        scope=part.scope,
        files=part.files or (),
        exclude=part.exclude_files or (),
        by_statement=part.unit == "statement",
        removed=part.side == "removed",
        unless=_guard(part),
        requires=part.requires or "",
        requires_removed=part.requires_removed or "",
        unless_other_side=part.unless_other_side or "",
        skip_rollback=part.skip_rollback,
        skip_new_table=part.skip_new_table,
        dialect=part.dialect,
        once=part.once_per == "file",
        fix=part.fix or "",
    )


def _guard(part: HazardPart) -> Guard | None:
    if not part.unless:
        return None
    within = part.nearest or part.block_with or ""
    found = NEIGHBOURS.fullmatch(part.unless_scope)
    if found is None:
        return Guard(part.unless, part.unless_scope, within=within)
    sign, count = found[1], int(found[2])
    return Guard(part.unless, "lines", count if sign != "+" else 0, count if sign != "-" else 0)
