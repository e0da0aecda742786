"""The syntax of a pack: which keys it has, what each may hold, and the area that comes of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)
from pydantic_core import PydanticCustomError

from ghapp.core import globs, regexes
from ghapp.core.areas import Area, Clause, Combined, Detect, Item, Size, Text, When

MAX_LIST = 200  # globs and regexes are tried one by one on every file of a pull
ID = r"^[a-z0-9]+(?:-[a-z0-9]+)*$"

Category = Literal[
    "availability",
    "performance",
    "operability",
    "maintainability",
    "change-safety",
    "data-integrity",
    "security",
    "compliance",
    "cost",
    "user-experience",
]


def _regex(pattern: str) -> str:
    if fault := regexes.fault(pattern):
        raise PydanticCustomError("regex", "{fault}", {"fault": fault})
    return pattern


def _glob(glob: str) -> str:
    if fault := globs.fault(glob):
        raise PydanticCustomError("glob", "{fault}", {"fault": fault})
    return glob


def _some(values: tuple[object, ...]) -> tuple[object, ...]:
    # Not min_length: that also calls a list empty whose members are all wrong.
    if not values:
        raise PydanticCustomError("empty_list", "should not be empty")
    return values


def _few(values: object) -> object:
    # Not max_length: that looks at every member before it counts.
    if isinstance(values, list | tuple | dict) and len(values) > MAX_LIST:
        text = "should have at most {most} entries: take some out"
        raise PydanticCustomError("too_many", text, {"most": MAX_LIST})
    return values


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


Regex = Annotated[str, AfterValidator(_regex)]
Glob = Annotated[str, AfterValidator(_glob)]
Words = Annotated[str, Field(min_length=1)]
Count = Annotated[int, Field(ge=1, strict=True)]  # "3" and true are no numbers
Some = AfterValidator(_some)
Most = BeforeValidator(_few)
Regexes = Annotated[tuple[Regex, ...], Most, BeforeValidator(_listed), Some]
Globs = Annotated[tuple[Glob, ...], Most, BeforeValidator(_listed), Some]
Names = Annotated[tuple[Words, ...], Most, BeforeValidator(_listed), Some]
Kind = Literal["label", "path", "diff", "size"]
Kinds = Annotated[tuple[Kind, ...], BeforeValidator(_listed), Some]


class Part(BaseModel):
    """A mapping of a pack, in which unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class TitlePart(Part):
    en: Words
    ja: Words


class BoundsPart(Part):
    """Thresholds over the whole pull; reaching one of them is enough."""

    changed_files_gte: Count | None = None
    added_lines_gte: Count | None = None

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if self.changed_files_gte or self.added_lines_gte:
            return self
        raise PydanticCustomError("bounds", "needs `changed_files_gte` or `added_lines_gte`")


class SizePart(BoundsPart):
    """ignore: files that are not counted."""

    ignore: Annotated[tuple[Glob, ...], Most] = ()


class WhenPart(Part):
    """A condition. All keys of one mapping must hold; a key with several values needs one."""

    any: Annotated[tuple[WhenPart, ...], Most, Some] | None = None
    all: Annotated[tuple[WhenPart, ...], Most, Some] | None = None
    not_: WhenPart | None = Field(default=None, alias="not")
    diff: Regexes | None = None
    removed: Regexes | None = None
    path: Globs | None = None
    title: Regexes | None = None
    label: Names | None = None
    hazard: Names | None = None
    area: Names | None = None
    flagged_by: Kinds | None = None
    files_gte: Count | None = None
    added_gte: Count | None = None
    size: BoundsPart | None = None
    table_in: Literal["config.large_tables"] | None = None

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if self.model_fields_set:
            return self
        raise PydanticCustomError("empty", "should not be empty: leave it out to ask always")


class DetectPart(Part):
    """The signals. path_hit and path_miss are samples that the tests run."""

    paths: Annotated[tuple[Glob, ...], Most] = ()
    exclude: Annotated[tuple[Glob, ...], Most] = ()
    diff: Annotated[tuple[Regex, ...], Most] = ()
    diff_files: Annotated[tuple[Glob, ...], Most] = ()
    title: Annotated[str, AfterValidator(_regex)] | None = None
    labels: Annotated[tuple[Words, ...], Most] = ()
    size: SizePart | None = None
    path_hit: Annotated[tuple[Words, ...], Most] = ()
    path_miss: Annotated[tuple[Words, ...], Most] = ()


class ItemPart(Part):
    """A question with its reason and the evidence that answers it, in both languages."""

    id: Annotated[str, Field(pattern=ID)]
    cat: Category
    sev: Literal["must", "should", "could"]
    en: Words
    ja: Words
    why_en: Words
    why_ja: Words
    ev_en: Words
    ev_ja: Words
    refs: tuple[Words, ...] = ()
    when: WhenPart | None = None


class PackPart(Part):
    area: Annotated[str, Field(pattern=ID)]
    title: TitlePart
    weight: Annotated[int, Field(ge=1, le=5, strict=True)]
    detect: DetectPart
    items: Annotated[tuple[ItemPart, ...], Some]


def area(pack: PackPart) -> Area:
    """The area that the pack describes."""
    return Area(
        id=pack.area,
        title=Text(pack.title.en, pack.title.ja),
        weight=pack.weight,
        detect=detect(pack.detect),
        items=tuple(item(part) for part in pack.items),
    )


def detect(part: DetectPart) -> Detect:
    """The signals without their samples."""
    return Detect(
        paths=part.paths,
        exclude=part.exclude,
        diff=part.diff,
        diff_files=part.diff_files,
        labels=part.labels,
        title=part.title or "",
        size=size(part.size) if part.size else None,
    )


def size(part: SizePart) -> Size:
    """The thresholds; those that are not given are no bound."""
    return Size(part.changed_files_gte or 0, part.added_lines_gte or 0, part.ignore)


def item(part: ItemPart) -> Item:
    """The question with its condition."""
    return Item(
        id=part.id,
        severity=part.sev,
        category=part.cat,
        question=Text(part.en, part.ja),
        why=Text(part.why_en, part.why_ja),
        evidence=Text(part.ev_en, part.ev_ja),
        refs=part.refs,
        when=condition(part.when) if part.when else None,
    )


def condition(part: WhenPart) -> When:
    """The mapping as one condition: its keys joined by "all" where there are several."""
    parts = (*_joined(part), *_clauses(part))
    return parts[0] if len(parts) == 1 else Combined("all", parts)


def _joined(part: WhenPart) -> Iterator[When]:
    if part.any is not None:
        yield Combined("any", tuple(condition(one) for one in part.any))
    if part.all is not None:
        yield Combined("all", tuple(condition(one) for one in part.all))
    if part.not_ is not None:
        yield Combined("not", (condition(part.not_),))


def _clauses(part: WhenPart) -> Iterator[When]:
    for kind in (
        "diff",
        "removed",
        "path",
        "title",
        "label",
        "hazard",
        "area",
        "flagged_by",
    ):
        if values := getattr(part, kind):
            yield Clause(kind, values)
    for kind in ("files_gte", "added_gte"):
        if least := getattr(part, kind):
            yield Clause(kind, (str(least),))
    if part.size:
        yield _bounds(part.size)
    if part.table_in:
        yield Clause("table_in", (part.table_in,))


def _bounds(part: BoundsPart) -> When:
    bounds = (
        ("pull_files_gte", part.changed_files_gte),
        ("pull_added_gte", part.added_lines_gte),
    )
    return Combined("any", tuple(Clause(kind, (str(least),)) for kind, least in bounds if least))
