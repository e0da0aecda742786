"""The syntax of a pack: which keys it has, what each may hold, and the area that comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, StrictBool, model_validator
from pydantic_core import PydanticCustomError

from ghapp.core.areas import (
    Area,
    AtLeast,
    Clause,
    Combined,
    Detect,
    InFile,
    Item,
    SameAs,
    Size,
    Text,
    When,
)
from ghapp.core.policy.fields import (
    AreaId,
    Ask,
    Category,
    Count,
    GlobList,
    Globs,
    Listed,
    Most,
    NameList,
    Names,
    OwnId,
    Part,
    Regex,
    Regexes,
    RegexList,
    Severity,
    Some,
    SomeText,
    Title,
    Why,
    in_short,
)
from ghapp.core.policy.hazard_schema import MOST_SAMPLES, HazardPart, hazard

MOST_LINKS = 2  # of one item: nobody follows more
MOST_HAZARDS = 100  # of one pack: each is searched for in every file of its scope


@dataclass(frozen=True, slots=True)
class References:
    """What packs may name instead of writing it out.

    links: by the key under `refs`, as (title, address). sets: globs, by the name under
    `exclude_sets`.
    """

    links: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    sets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class TitlePart(Part):
    en: Title
    ja: Title


class BoundsPart(Part):
    """Thresholds over the whole pull; reaching one of them is enough."""

    changed_files_gte: Count | None = None
    added_lines_gte: Count | None = None

    needs: ClassVar[tuple[str, ...]] = ("changed_files_gte", "added_lines_gte")


class SizePart(BoundsPart):
    """Thresholds over the whole pull; reaching one is enough. ignore: files not counted.

    new_top_level_dirs_gte: folders of the repository's root that the base branch lacks.
    """

    new_top_level_dirs_gte: Count | None = None
    ignore: GlobList = ()

    needs = (*BoundsPart.needs, "new_top_level_dirs_gte")


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

    needs = ("path", "new", "diff", "removed", "bump")


# How an area may be flagged, see `scan/triggers.py`.
FlaggedBy = Literal["label", "path", "diff", "removed", "folder", "size"]


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
    flagged_by: Annotated[tuple[FlaggedBy, ...], Listed, Some] | None = None
    files_gte: Count | None = None
    added_gte: Count | None = None
    size: BoundsPart | None = None
    table_in: Literal["config.large_tables"] | None = None

    @model_validator(mode="after")
    def is_not_empty(self) -> Self:
        if self.model_fields_set:
            return self
        raise PydanticCustomError("empty", "should not be empty: leave it out to ask always")


class DetectPart(Part):
    """What flags the area. exclude_sets: named sets of globs that `exclude` has, too.

    signals: keys of which one at least is needed to flag an area.
    path_hit and path_miss are samples that `ghapp test` runs. note: for readers.
    """

    signals: ClassVar = ("paths", "diff", "removed", "labels", "size", "submodules")

    paths: GlobList = ()
    exclude_sets: NameList = ()
    exclude: GlobList = ()
    diff: RegexList = ()
    removed: RegexList = ()
    diff_files: GlobList = ()
    title: Regex | None = None
    labels: NameList = ()
    size: SizePart | None = None
    submodules: StrictBool = False
    path_hit: NameList = ()
    path_miss: NameList = ()
    note: str = ""


class SamplePart(Part):
    """Lines of a new file, or a diff. path: of the file. sev: at which the question is asked."""

    text: SomeText
    path: SomeText | None = None
    sev: Severity | None = None


Samples = Annotated[
    tuple[Annotated[SamplePart, in_short("text")], ...], Field(max_length=MOST_SAMPLES)
]


class SameAsPart(Part):
    """Another question with the same answer. within: only if all files here are files there."""

    item: OwnId
    within: StrictBool = False


class ItemPart(Part):
    """A question with its reason and the evidence that answers it, in both languages.

    when: what brings it up, at severity `sev`; must_when: what makes it a must. same_as: the
    question that stands for this one where both are shown. never_defer: it is not deferred. hit and
    miss are samples that `ghapp test` runs: changes on which it is asked, and on which it is not.
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
    refs: tuple[SomeText, ...] = ()
    when: WhenPart | None = None
    must_when: WhenPart | None = None
    scope: Literal["project", "change"] = "change"
    same_as: Annotated[SameAsPart, in_short("item")] | None = None
    never_defer: StrictBool = False
    hit: Samples = ()
    miss: Samples = ()


class RetiredPart(Part):
    """An item that is no longer asked. replaced_by: the items in its place, if there are any."""

    id: OwnId
    replaced_by: Annotated[tuple[OwnId, ...], Most, Listed] = ()


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
        detect=detect(pack.detect, references),
        items=tuple(
            Item(
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
                links=tuple(references.links[key] for key in part.refs[:MOST_LINKS]),
                same_as=SameAs(part.same_as.item, part.same_as.within) if part.same_as else None,
                never_defer=part.never_defer,
            )
            for part in pack.items
        ),
        enabled=pack.enabled,
        hazards=tuple(hazard(part, pack.area) for part in pack.hazards),
        retired=tuple((part.id, part.replaced_by) for part in pack.retired),
    )


def detect(part: DetectPart, references: References) -> Detect:
    """The signals without samples. `exclude` includes the globs of the sets that are named."""
    known = {one.name for one in fields(Detect)}
    given = {key: value for key, value in part if key in known and value is not None}
    if part.size:
        given["size"] = Size(**{key: value for key, value in part.size if value})
    sets = [glob for name in part.exclude_sets for glob in references.sets.get(name, ())]
    given["exclude"] = tuple(dict.fromkeys((*sets, *part.exclude)))
    return Detect(**given)


def condition(part: WhenPart) -> When:
    """The mapping as one condition: its keys joined by "all" if there are several."""
    joined = {"any": part.any, "all": part.all, "not": (part.not_,) if part.not_ else None}
    parts: list[When] = [
        Combined(how, tuple(map(condition, inner))) for how, inner in joined.items() if inner
    ]
    kinds = ("diff", "removed", "path", "title", "label", "hazard", "area", "flagged_by")
    parts += [Clause(kind, values) for kind in kinds if (values := getattr(part, kind))]
    counts = ("files_gte", "added_gte")
    parts += [AtLeast(kind, count) for kind in counts if (count := getattr(part, kind))]
    if part.file:
        parts.append(InFile(**{key: value for key, value in part.file if value}))
    if part.size:
        bounds = {
            "pull_files_gte": part.size.changed_files_gte,
            "pull_added_gte": part.size.added_lines_gte,
        }
        of = tuple(AtLeast(kind, count) for kind, count in bounds.items() if count)
        parts.append(Combined("any", of))
    if part.table_in:
        parts.append(Clause("table_in", (part.table_in,)))
    return parts[0] if len(parts) == 1 else Combined("all", tuple(parts))
