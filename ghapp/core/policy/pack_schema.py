"""The syntax of a pack: which keys it has, what each may hold, and the area that comes of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, StrictBool, model_validator
from pydantic_core import PydanticCustomError

from ghapp.core.areas import Area, Clause, Combined, Detect, InFile, Item, Size, Text, When
from ghapp.core.policy.fields import (
    AreaId,
    Ask,
    Category,
    Count,
    Glob,
    Globs,
    Kinds,
    Most,
    Names,
    OwnId,
    Part,
    Regex,
    Regexes,
    Severity,
    Some,
    Title,
    Why,
    Words,
    listed,
)
from ghapp.core.policy.hazard_schema import MOST_SAMPLES, HazardPart, hazard

# What items refer to: key -> (title, address).
References = Mapping[str, tuple[str, str]]

MOST_LINKS = 2  # of one item: more of them nobody follows
MOST_HAZARDS = 100  # of one pack: each is looked for in every file of its scope


class TitlePart(Part):
    en: Title
    ja: Title


class BoundsPart(Part):
    """Thresholds over the whole pull; reaching one of them is enough."""

    changed_files_gte: Count | None = None
    added_lines_gte: Count | None = None

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if self.changed_files_gte or self.added_lines_gte:
            return self
        raise PydanticCustomError("bounds", "needs `changed_files_gte` or `added_lines_gte`")


class SizePart(Part):
    """Thresholds over the whole pull; reaching one is enough. ignore: files not counted.

    new_top_level_dirs_gte: folders at the top of the repository that the base branch lacks.
    """

    changed_files_gte: Count | None = None
    added_lines_gte: Count | None = None
    new_top_level_dirs_gte: Count | None = None
    ignore: Annotated[tuple[Glob, ...], Most] = ()

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if self.changed_files_gte or self.added_lines_gte or self.new_top_level_dirs_gte:
            return self
        keys = "`changed_files_gte`, `added_lines_gte` or `new_top_level_dirs_gte`"
        raise PydanticCustomError("bounds", "needs {keys}", {"keys": keys})


class InFilePart(Part):
    """One file of the area that has all of this.

    new: whether the pull request adds it. unless: takes lines out that `diff` or `removed` match.
    not_diff: no added line matches. bump: a version changes by at least this part of it.
    """

    path: Globs | None = None
    exclude: Globs | None = None
    new: StrictBool = False
    diff: Regexes | None = None
    removed: Regexes | None = None
    unless: Regexes | None = None
    not_diff: Regexes | None = None
    bump: Literal["patch", "minor", "major"] | None = None

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if self.path or self.new or self.diff or self.removed or self.bump:
            return self
        raise PydanticCustomError("in_file", "needs `path`, `new`, `diff`, `removed` or `bump`")


class WhenPart(Part):
    """A condition. All keys of one mapping must hold; a key with several values needs one."""

    any: Annotated[tuple[WhenPart, ...], Most, Some] | None = None
    all: Annotated[tuple[WhenPart, ...], Most, Some] | None = None
    not_: WhenPart | None = Field(default=None, alias="not")
    diff: Regexes | None = None
    removed: Regexes | None = None
    path: Globs | None = None
    file: InFilePart | None = None
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
    """The signals. path_hit and path_miss are samples that `ghapp test` runs. note: for readers."""

    paths: Annotated[tuple[Glob, ...], Most] = ()
    exclude: Annotated[tuple[Glob, ...], Most] = ()
    diff: Annotated[tuple[Regex, ...], Most] = ()
    removed: Annotated[tuple[Regex, ...], Most] = ()
    diff_files: Annotated[tuple[Glob, ...], Most] = ()
    title: Regex | None = None
    labels: Annotated[tuple[Words, ...], Most] = ()
    size: SizePart | None = None
    path_hit: Annotated[tuple[Words, ...], Most] = ()
    path_miss: Annotated[tuple[Words, ...], Most] = ()
    note: str = ""


class SamplePart(Part):
    """Lines of a new file, or a diff. path: of the file. sev: at which the question is asked."""

    text: Words
    path: Words | None = None
    sev: Severity | None = None


def _sample(value: object) -> object:
    return {"text": value} if isinstance(value, str) else value


Samples = Annotated[
    tuple[Annotated[SamplePart, BeforeValidator(_sample)], ...], Field(max_length=MOST_SAMPLES)
]


class ItemPart(Part):
    """A question with its reason and the evidence that answers it, in both languages.

    when: what brings it up, at severity `sev`; must_when: what makes it a must. hit and miss are
    samples that `ghapp test` runs: changes on which it is asked, and on which it is not.
    """

    id: OwnId
    cat: Category
    sev: Severity
    en: Ask
    ja: Ask
    why_en: Why
    why_ja: Why
    ev_en: Why
    ev_ja: Why
    refs: tuple[Words, ...] = ()
    when: WhenPart | None = None
    must_when: WhenPart | None = None
    scope: Literal["project", "change"] = "change"
    hit: Samples = ()
    miss: Samples = ()


class RetiredPart(Part):
    """An item that is no longer asked. replaced_by: the items in its place, where there are any."""

    id: OwnId
    replaced_by: Annotated[tuple[OwnId, ...], Most, BeforeValidator(listed)] = ()


class PackPart(Part):
    """A whole pack. enabled: packs may be shipped switched off; a policy switches them on."""

    area: AreaId
    title: TitlePart
    weight: Annotated[int, Field(ge=1, le=5, strict=True)]
    enabled: StrictBool = True
    detect: DetectPart
    items: Annotated[tuple[ItemPart, ...], Most, Some]
    hazards: Annotated[tuple[HazardPart, ...], Field(max_length=MOST_HAZARDS)] = ()
    retired: Annotated[tuple[RetiredPart, ...], Most] = ()


def area(pack: PackPart, references: References) -> Area:
    """The area that the pack describes."""
    return Area(
        id=pack.area,
        title=Text(pack.title.en, pack.title.ja),
        weight=pack.weight,
        detect=detect(pack.detect),
        items=tuple(item(part, references) for part in pack.items),
        enabled=pack.enabled,
        hazards=tuple(hazard(part, pack.area) for part in pack.hazards),
        retired=tuple((part.id, part.replaced_by) for part in pack.retired),
    )


def detect(part: DetectPart) -> Detect:
    """The signals without their samples."""
    return Detect(
        paths=part.paths,
        exclude=part.exclude,
        diff=part.diff,
        removed=part.removed,
        diff_files=part.diff_files,
        labels=part.labels,
        title=part.title or "",
        size=size(part.size) if part.size else None,
    )


def size(part: SizePart) -> Size:
    """The thresholds; those that are not given are no bound."""
    return Size(
        part.changed_files_gte or 0,
        part.added_lines_gte or 0,
        part.ignore,
        part.new_top_level_dirs_gte or 0,
    )


def item(part: ItemPart, references: References) -> Item:
    """The question with its condition and links."""
    return Item(
        id=part.id,
        severity=part.sev,
        category=part.cat,
        question=Text(part.en, part.ja),
        why=Text(part.why_en, part.why_ja),
        evidence=Text(part.ev_en, part.ev_ja),
        refs=part.refs,
        when=condition(part.when) if part.when else None,
        must_when=condition(part.must_when) if part.must_when else None,
        scope=part.scope,
        links=tuple(references[key] for key in part.refs[:MOST_LINKS]),
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
    if part.file:
        yield _in_file(part.file)
    if part.size:
        yield _bounds(part.size)
    if part.table_in:
        yield Clause("table_in", (part.table_in,))


def _in_file(part: InFilePart) -> InFile:
    return InFile(
        part.path or (),
        part.exclude or (),
        part.new,
        part.diff or (),
        part.removed or (),
        part.unless or (),
        part.not_diff or (),
        part.bump or "",
    )


def _bounds(part: BoundsPart) -> When:
    bounds = (
        ("pull_files_gte", part.changed_files_gte),
        ("pull_added_gte", part.added_lines_gte),
    )
    return Combined("any", tuple(Clause(kind, (str(least),)) for kind, least in bounds if least))
