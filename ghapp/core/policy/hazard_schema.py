"""The syntax of a hazard in a pack: which keys it has, and the rule that comes of it."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from ghapp.core.areas import TABLE, Guard, Hazard, Text
from ghapp.core.patterns import regexes
from ghapp.core.policy.fields import (
    Globs,
    HazardRegex,
    Part,
    Severity,
    SomeText,
    Title,
    Why,
    refused,
)

HAZARD_ID = r"^[A-Z][A-Z0-9]*-[0-9]{1,4}$"
MAX_NEIGHBOURS = 50
NEIGHBOURS = re.compile(r"([-+~])([1-9][0-9]?)")
SCOPES = ("line", "block", "file", "nearest")
Scope = Annotated[
    str,
    refused(
        lambda scope: (
            scope not in SCOPES
            and not ((found := NEIGHBOURS.fullmatch(scope)) and int(found[2]) <= MAX_NEIGHBOURS)
        ),
        "should be line, block, file, nearest, or `+N`, `-N` or `~N` with at most "
        f"{MAX_NEIGHBOURS} lines",
    ),
]
MOST_SAMPLES = 50  # of each kind
Samples = Annotated[tuple[SomeText, ...], Field(max_length=MOST_SAMPLES)]


class HazardPart(Part):
    """A rule over lines of the diff. hit and miss are samples that `ghapp test` runs.

    scope: area reads the files of the area, code all that is neither test, document nor vendored.
    A sample that begins with `@@` is a diff, any other one consists of added lines.
    en, ja: what is wrong, then what to do; `{table}` is the table that `match` names in its group.
    fix: the one right replacement, as code. cross: equal rules of known linters.
    fp: what it is known to flag for nothing.
    """

    id: Annotated[str, Field(pattern=HAZARD_ID)]
    item: SomeText
    sev: Severity
    scope: Literal["area", "code"] = "area"
    files: Globs | None = None
    exclude_files: Globs | None = None
    side: Literal["added", "removed"] = "added"
    unit: Literal["line", "statement"] = "line"
    match: HazardRegex
    unless: HazardRegex | None = None
    unless_scope: Scope = "line"
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
    def goes_together(self) -> Self:
        scope, statement = self.unless_scope, self.unit == "statement"
        single = self.side == "removed" and (statement or scope != "line")
        for wrong, what in (
            (
                scope != "line" and not self.unless,
                "`unless_scope` says where to search for `unless`, which is missing",
            ),
            (
                (scope == "nearest") != bool(self.nearest),
                "`nearest` and `unless_scope: nearest` go together",
            ),
            (
                self.block_with and scope != "block",
                "`block_with` widens the block of `unless_scope: block`",
            ),
            (
                scope == "block" and statement,
                "a block is found from a line, not from `unit: statement`",
            ),
            (single, "`side: removed` searches single lines"),
            (
                self.skip_new_table and not self.names_table,
                "`skip_new_table` needs the name of the table as group `(?P<table>...)` in `match`",
            ),
            (
                TABLE in self.en + self.ja and not self.names_table,
                "`{table}` in a message needs the table's name as group `(?P<table>...)` in "
                "`match`",
            ),
        ):
            if wrong:
                raise PydanticCustomError("unfit", "should be fixed: {what}", {"what": what})
        return self

    @property
    def names_table(self) -> bool:
        """Whether `match` names the table that it is about."""
        return "table" in regexes.groups(self.match)


def hazard(part: HazardPart, area: str) -> Hazard:
    """The rule without its samples."""
    guard = None
    if part.unless and (around := NEIGHBOURS.fullmatch(part.unless_scope)):
        sign, count = around[1], int(around[2])
        before, after = (count if sign != "+" else 0), (count if sign != "-" else 0)
        guard = Guard(part.unless, "lines", before, after)
    elif part.unless:
        guard = Guard(part.unless, part.unless_scope, within=part.nearest or part.block_with or "")
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
        unless=guard,
        requires=part.requires or "",
        requires_removed=part.requires_removed or "",
        unless_other_side=part.unless_other_side or "",
        skip_rollback=part.skip_rollback,
        skip_new_table=part.skip_new_table,
        dialect=part.dialect,
        once=part.once_per == "file",
        fix=part.fix or "",
    )
