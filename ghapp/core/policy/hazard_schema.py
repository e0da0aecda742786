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
    key,
    refused,
    required,
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

    id: Annotated[str, Field(pattern=HAZARD_ID)] = required(
        "Capital letters, `-` and a number; never used for another rule.", "GIFT-001"
    )
    item: SomeText = required("The question of this pack that a finding brings up.", "gift-expiry")
    sev: Severity = required("Shown as failure (must), warning (should) or notice (could).", "must")
    scope: Literal["area", "code"] = key(
        "area reads the area's own files, code all but tests, documents and vendored files.",
        "code",
        value="area",
    )
    files: Globs | None = key(
        "Globs that replace the area's own files, or narrow `scope: code`.", ["**/*.py"]
    )
    exclude_files: Globs | None = key("Globs of files that are not read.", ["**/seed/**"])
    side: Literal["added", "removed"] = key(
        "Whether added or removed lines are searched.", "removed", value="added"
    )
    unit: Literal["line", "statement"] = key(
        "Whether single lines or whole statements are searched.", "statement", value="line"
    )
    match: HazardRegex = required(
        "RE2 that each line is searched for; a group `(?P<table>...)` names the table.",
        "requests\\.post\\(",
    )
    unless: HazardRegex | None = key("RE2: a finding is dropped if this matches, too.", "timeout=")
    unless_scope: Scope = key(
        "Where `unless` is searched: line, block, file, nearest, or `+N`, `-N`, `~N` lines.",
        "+3",
        value="line",
    )
    block_with: HazardRegex | None = key(
        "RE2 of the block that `unless_scope: block` widens to.", "^resource "
    )
    nearest: HazardRegex | None = key(
        "RE2 of the line at which `unless_scope: nearest` ends.", "^def "
    )
    unless_in_block: HazardRegex | None = key(
        "RE2: a finding is also dropped if this matches in the block around the line.",
        "action: deny",
    )
    requires: HazardRegex | None = key(
        "RE2 that matches somewhere in the new version of the file.", "import requests"
    )
    requires_scope: Literal["file"] = key("Where `requires` is searched.", "file", value="file")
    requires_removed: HazardRegex | None = key(
        "RE2 that matches in a removed line of the same hunk.", "timeout"
    )
    unless_other_side: HazardRegex | None = key(
        "RE2: a finding is dropped if this matches on the other side of the same hunk.", "timeout"
    )
    skip_rollback: bool = key(
        "Whether lines that undo a migration do not count.", True, value=False
    )
    skip_new_table: bool = key(
        "Whether tables that the pull request itself makes do not count.", True, value=False
    )
    dialect: Literal["any", "mysql", "postgres"] = key(
        "The database that it is about; off if the policy names the other one.",
        "mysql",
        value="any",
    )
    of_change: bool = key(
        "Whether it is about the change itself, so that the standing review leaves it out.",
        True,
        value=False,
    )
    once_per: Literal["file"] | None = key("Only the first finding in each file counts.", "file")
    en: Why = required(
        "What is wrong, then what to do, in English.", "The call may wait forever. Set a timeout."
    )
    ja: Why = required(
        "What is wrong, then what to do, in Japanese.",
        "応答を待ち続けます。タイムアウトを設定してください。",
    )
    fix: Title | None = key("The one right replacement, as code.", "timeout=10")
    cross: str = key("Equal rules of known linters, for readers.", "ruff S113", value="")
    fp: str = key("Known false alarms, for readers.", "Wrappers that set a timeout.", value="")
    hit: Samples = key(
        "Code in which it is found, which `ghapp test` tries.", ["requests.post(url)"], value=()
    )
    miss: Samples = key(
        "Code in which it is not found, which `ghapp test` tries.",
        ["requests.post(url, timeout=3)"],
        value=(),
    )

    @model_validator(mode="after")
    def goes_together(self) -> Self:
        scope, statement = self.unless_scope, self.unit == "statement"
        single = self.side == "removed" and (
            statement or scope != "line" or self.unless_in_block is not None
        )
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
                (scope == "block" or self.unless_in_block is not None) and statement,
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
        unless_in_block=part.unless_in_block or "",
        requires=part.requires or "",
        requires_removed=part.requires_removed or "",
        unless_other_side=part.unless_other_side or "",
        skip_rollback=part.skip_rollback,
        skip_new_table=part.skip_new_table,
        dialect=part.dialect,
        once=part.once_per == "file",
        of_change=part.of_change,
        fix=part.fix or "",
    )
