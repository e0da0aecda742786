"""The syntax of a pack: which keys it has, what each may hold, and the area that comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Annotated, ClassVar, Literal

from pydantic import Field, StrictBool

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
from ghapp.core.policy import pull_schema
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
    key,
    required,
)
from ghapp.core.policy.hazard_schema import MOST_SAMPLES, HazardPart, hazard
from ghapp.core.policy.pull_schema import BoundsPart, PullWhenPart

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
    en: Title = required("In English.", "Gift cards")
    ja: Title = required("In Japanese.", "ギフトカード")


class SizePart(BoundsPart):
    """Thresholds over the whole pull; reaching one is enough. ignore: files not counted.

    new_top_level_dirs_gte: folders of the repository's root that the base branch lacks.
    """

    new_top_level_dirs_gte: Count | None = key(
        "At least so many folders of the repository's root are new.", 1
    )
    ignore: GlobList = key("Globs of files that are not counted.", ["**/*.lock"], value=())

    needs = (*BoundsPart.needs, "new_top_level_dirs_gte")


class InFilePart(Part):
    """One file of the area that has all of this.

    new: whether the pull request adds it. unless: takes lines out that `diff` or `removed` match.
    not_diff: no added line matches. bump: a version changes by at least this part of it.
    """

    path: Globs | None = key("Globs, one of which its path matches.", "**/migrations/**")
    exclude: Globs | None = key("Globs that its path does not match.", "**/seed/**")
    new: StrictBool = key("Whether the pull request adds it.", True, value=False)
    diff: Regexes | None = key("RE2, one of which matches an added line.", "(?i)balance")
    removed: Regexes | None = key("RE2, one of which matches a removed line.", "(?i)lock")
    unless: Regexes | None = key(
        "RE2: lines that match do not count for `diff` and `removed`.", "test_"
    )
    not_diff: Regexes | None = key("RE2: no added line may match.", "timeout")
    bump: Literal["patch", "minor", "major"] | None = key(
        "The version of a dependency changes by at least that part.", "major"
    )

    needs = ("path", "new", "diff", "removed", "bump")


# How an area may be flagged, see `scan/triggers.py`.
FlaggedBy = Literal["label", "path", "diff", "removed", "pull", "folder", "size"]


class WhenPart(PullWhenPart):
    """A condition. All keys of one mapping must hold; a key with several values needs one."""

    any: Annotated[tuple[WhenPart, ...], Most, Some] | None = key(
        "One of these conditions holds.", [{"diff": "score"}, {"label": "ranking"}]
    )
    all: Annotated[tuple[WhenPart, ...], Most, Some] | None = key(
        "All of these conditions hold.", [{"diff": "score"}, {"path": "src/**"}]
    )
    not_: WhenPart | None = key(
        "This condition does not hold.", {"path": "**/reports/**"}, alias="not"
    )
    diff: Regexes | None = key("RE2: an added line in the area's files matches.", "(?i)balance")
    removed: Regexes | None = key("RE2: a removed line in the area's files matches.", "(?i)lock")
    path: Globs | None = key("Globs: a file of the area matches.", "**/models/**")
    file: InFilePart | None = key(
        "One file of the area meets several conditions.", {"path": "**/*.sql", "new": True}
    )
    hazard: Names | None = key(
        "A hazard with this id is found anywhere in the pull request.", "DBM-001"
    )
    area: Names | None = key("That other area is touched, too.", "caching")
    flagged_by: Annotated[tuple[FlaggedBy, ...], Listed, Some] | None = key(
        "What flags the area.", ["path", "diff"]
    )
    files_gte: Count | None = key("The area has at least so many changed files.", 5)
    added_gte: Count | None = key("The area has at least so many added lines.", 100)
    table_in: Literal["config.large_tables"] | None = key(
        "A changed line names a table that the policy lists as large.", "config.large_tables"
    )

    if_empty = "should not be empty: leave it out to ask always"


class DetectPart(Part):
    """What flags the area. exclude_sets: named sets of globs that `exclude` has, too.

    signals: keys of which one at least is needed to flag an area.
    path_hit and path_miss are samples that `ghapp test` runs. note: for readers.
    """

    signals: ClassVar = ("paths", "diff", "removed", "labels", "pull", "size", "submodules")

    paths: GlobList = key(
        "Globs of changed files that flag the area.", ["src/ranking/**"], value=()
    )
    exclude_sets: NameList = key(
        "Names of sets of globs that are left out.", ["tests", "documents"], value=()
    )
    exclude: GlobList = key("Globs of files that are left out.", ["**/fakes/**"], value=())
    diff: RegexList = key("RE2: added lines that flag the area.", ["(?i)score_v[0-9]"], value=())
    removed: RegexList = key("RE2: removed lines that flag the area.", ["(?i)rate_limit"], value=())
    diff_files: GlobList = key(
        "Globs of the files whose lines are searched; by default all.", ["**/*.py"], value=()
    )
    title: Regex | None = key(
        "RE2: titles of pull requests that suggest the area, as a hint.", "(?i)ranking"
    )
    labels: NameList = key("Labels that force the area in.", ["ranking"], value=())
    pull: PullWhenPart | None = key(
        "A condition on the pull request that flags the area, with all of its files.",
        {"base": "release/**", "adds": "**/Dockerfile"},
    )
    size: SizePart | None = key(
        "How large a pull request has to be to flag the area.", {"changed_files_gte": 50}
    )
    submodules: StrictBool = key(
        "Whether a changed submodule flags the area, wherever it is.", True, value=False
    )
    path_hit: NameList = key(
        "Paths that `paths` matches, which `ghapp test` tries.", ["src/ranking/score.py"], value=()
    )
    path_miss: NameList = key(
        "Paths that `paths` does not match, which `ghapp test` tries.",
        ["docs/ranking.txt"],
        value=(),
    )
    note: str = key("For readers.", "The old engine is under lib/.", value="")


class SamplePart(Part):
    """Lines of a new file, or a diff. path: of the file. sev: at which the question is asked."""

    text: SomeText = required(
        "Lines of a new file, or a diff if it begins with `@@`.", "balance = 1"
    )
    path: SomeText | None = key("The path at which it is tried.", "src/cards.py")
    sev: Severity | None = key("The severity at which the question is asked.", "must")


Samples = Annotated[
    tuple[Annotated[SamplePart, in_short("text")], ...], Field(max_length=MOST_SAMPLES)
]


class SameAsPart(Part):
    """Another question with the same answer. within: only if all files here are files there."""

    item: OwnId = required("The question with the same answer.", "cache-ttl")
    within: StrictBool = key(
        "Only if all files of this area are files of the other question's area.", True, value=False
    )


class ItemPart(Part):
    """A question with its reason and the evidence that answers it, in both languages.

    when: what brings it up, at severity `sev`; must_when: what makes it a must. same_as: the
    question that stands for this one where both are shown. never_defer: it is not deferred. hit and
    miss are samples that `ghapp test` runs: changes on which it is asked, and on which it is not.
    """

    id: OwnId = required(
        "Never used again for another question, because answers and sign-offs refer to it.",
        "gift-expiry",
    )
    cat: Category = required("The kind of requirement.", "data-integrity")
    sev: Severity = required(
        "must: answered before the sign-off; should: may stay open; could: advice.", "must"
    )
    en: Ask = required("The question in English.", "Can a balance go below zero?")
    ja: Ask = required("The question in Japanese.", "残高が負になることはありませんか？")
    why_en: Why = required("Why it matters, in English.", "Two orders may spend the same balance.")
    why_ja: Why = required("Why it matters, in Japanese.", "二重に使われるおそれがあります。")
    ev_en: Why = required(
        "What to show as evidence, in English.", "A test with two orders at once."
    )
    ev_ja: Why = required("What to show as evidence, in Japanese.", "同時に 2 件注文するテスト。")
    refs: tuple[SomeText, ...] = key(
        "Keys of references; the first two are shown as links.", ["runbook"], value=()
    )
    when: WhenPart | None = key(
        "When the question is asked; by default if anything but a hazard flags the area.",
        {"diff": "(?i)balance"},
    )
    must_when: WhenPart | None = key(
        "What makes it a must, whatever `sev` says.", {"removed": "(?i)lock"}
    )
    scope: Literal["project", "change"] = key(
        "change: about this diff; project: about the feature as a whole.", "project", value="change"
    )
    same_as: Annotated[SameAsPart, in_short("item")] | None = key(
        "Another question with the same answer; if both are shown, this one is left out.",
        "pay-exactly-once",
    )
    never_defer: StrictBool = key("Whether nobody may defer it.", True, value=False)
    hit: Samples = key(
        "Changes on which it is asked, which `ghapp test` tries.", ["balance -= amount"], value=()
    )
    miss: Samples = key(
        "Changes on which it is not asked, which `ghapp test` tries.", ["title = 'x'"], value=()
    )


class RetiredPart(Part):
    """An item that is no longer asked. replaced_by: the items in its place, if there are any."""

    id: OwnId = required("The id of a question that is no longer asked.", "gift-old")
    replaced_by: Annotated[tuple[OwnId, ...], Most, Listed] = key(
        "The questions in its place.", ["gift-expiry"], value=()
    )


class PackPart(Part):
    """A whole pack. enabled: packs may be shipped switched off; a policy switches them on."""

    area: AreaId = required("The id of the area.", "gift-cards")
    title: TitlePart = required("The name of the area.", {"en": "Gift cards", "ja": "ギフトカード"})
    weight: Annotated[int, Field(ge=1, le=5, strict=True)] = required(
        "How heavy it is, up to 5; the heaviest areas come first.", 4
    )
    enabled: StrictBool = key("Whether it is on unless a policy says otherwise.", False, value=True)
    detect: DetectPart = required("What flags the area.", {"paths": ["src/cards/**"]})
    items: Annotated[tuple[ItemPart, ...], Most, Some] = required("The questions.", [])
    hazards: Annotated[tuple[HazardPart, ...], Field(max_length=MOST_HAZARDS)] = key(
        "The rules that find dangerous lines.", [], value=()
    )
    retired: Annotated[tuple[RetiredPart, ...], Most] = key(
        "Questions that are no longer asked.", [{"id": "gift-old"}], value=()
    )
    configuration: StrictBool = key(
        "Whether the standing review searches its files as they are, not only what changes.",
        True,
        value=False,
    )


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
        configuration=pack.configuration,
        hazards=tuple(hazard(part, pack.area) for part in pack.hazards),
        retired=tuple((part.id, part.replaced_by) for part in pack.retired),
    )


def detect(part: DetectPart, references: References) -> Detect:
    """The signals without samples. `exclude` includes the globs of the sets that are named."""
    known = {one.name for one in fields(Detect)}
    given = {key: value for key, value in part if key in known and value is not None}
    if part.pull:
        given["pull"] = pull_schema.condition(part.pull)
    if part.size:
        given["size"] = Size(**{key: value for key, value in part.size if value})
    sets = [glob for name in part.exclude_sets for glob in references.sets.get(name, ())]
    given["exclude"] = tuple(dict.fromkeys((*sets, *part.exclude)))
    return Detect(**given)


def condition(part: WhenPart) -> When:
    """The mapping as one condition: its keys joined by "all" if there are several."""
    below = {"any": part.any, "all": part.all, "not": (part.not_,) if part.not_ else None}
    found: list[When] = [
        Combined(how, tuple(map(condition, inner))) for how, inner in below.items() if inner
    ]
    kinds = ("diff", "removed", "path", "hazard", "area", "flagged_by")
    found += [Clause(kind, values) for kind in kinds if (values := getattr(part, kind))]
    counts = ("files_gte", "added_gte")
    found += [AtLeast(kind, count) for kind in counts if (count := getattr(part, kind))]
    if part.file:
        found.append(InFile(**{key: value for key, value in part.file if value}))
    found += pull_schema.parts(part)
    if part.table_in:
        found.append(Clause("table_in", (part.table_in,)))
    return pull_schema.joined(found)
