"""What a flagged part of the system is: what flags it and what is asked about it. Values only.

Packs (`policy/packs.py`) and policies (`policy/policy.py`) make them; `scan/` reads them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, ClassVar

TABLE = "{table}"  # in a hazard's message, in the place of the table that its match names


@dataclass(frozen=True, slots=True)
class Text:
    """Words that people read; the two languages are peers: neither falls back to the other."""

    en: str
    ja: str

    def to(self, language: str) -> str:
        """The words in `language`, en or ja."""
        return self.ja if language == "ja" else self.en

    def naming(self, table: str) -> Text:
        """The words with a table's name in the place of `{table}`, or "the table" if it is odd.

        table: from a diff, with or without its schema.
        """
        if TABLE not in self.en and TABLE not in self.ja:
            return self
        table = table.rpartition(".")[2]
        if re.fullmatch(r"\w{1,63}", table):
            return Text(self.en.replace(TABLE, f"`{table}`"), self.ja.replace(TABLE, f"`{table}`"))
        # In Japanese only Latin words have spaces around them.
        return Text(
            self.en.replace(TABLE, "the table"), re.sub(f" ?{TABLE} ?", "対象テーブル", self.ja)
        )


@dataclass(frozen=True, slots=True)
class Size:
    """Thresholds over the whole pull without files that match `ignore`; 0 is no threshold.

    new_top_level_dirs_gte: counts folders of the repository's root that the base branch lacks.
    """

    changed_files_gte: int = 0
    added_lines_gte: int = 0
    new_top_level_dirs_gte: int = 0
    ignore: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Detect:
    """What flags an area, by the keys of `detect`.

    exclude: the globs of `exclude` and of the sets that `exclude_sets` names. submodules: whether
    submodules belong to the area, wherever they are. pull: a condition on the pull request.
    """

    paths: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    diff: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    diff_files: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    title: str = ""
    size: Size | None = None
    submodules: bool = False
    pull: When | None = None

    def claim(self, globs: AbstractSet[str], excluding: AbstractSet[str]) -> str:
        """The first of its paths for a file that these globs match; "" if none claims it.

        excluding: the globs that match the file if they exclude it.
        """
        if globs.isdisjoint(self.paths) or not excluding.isdisjoint(self.exclude):
            return ""
        return next(glob for glob in self.paths if glob in globs)

    def reads(self, globs: AbstractSet[str], excluding: AbstractSet[str]) -> bool:
        """Whether it searches the changed lines of a file that these globs match."""
        wanted = not self.diff_files or not globs.isdisjoint(self.diff_files)
        return bool(self.diff or self.removed) and wanted and excluding.isdisjoint(self.exclude)


@dataclass(frozen=True, slots=True)
class Clause:
    """One key of a `when` mapping: true if any of `values` holds.

    kind: of the area diff | removed | path | hazard | area | flagged_by | table_in; of the pull
    request as in `scan/pull_conditions.py`.
    values: regexes, globs or names, by kind. Those of `property` are "NAME: VALUE", those of
    `draft` "true" or "false".
    """

    kind: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AtLeast:
    """One key of a `when` mapping that counts. kind: of the area files_gte | added_gte, of the
    whole pull pull_files_gte | pull_added_gte.
    """

    kind: str
    count: int


@dataclass(frozen=True, slots=True)
class Combined:
    """Conditions joined. how: all | any | not (of exactly one)."""

    how: str
    of: tuple[When, ...]


@dataclass(frozen=True, slots=True)
class InFile:
    """One file of the area that has all of this; what is empty asks for nothing.

    path, exclude: globs. new: the pull request adds the file. diff, removed: an added, a removed
    line matches one of these regexes; lines that match one of `unless` do not count. not_diff: no
    added line matches one of these. bump: a version changes by at least this part, patch | minor |
    major.
    """

    path: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    new: bool = False
    diff: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    not_diff: tuple[str, ...] = ()
    bump: str = ""


Leaf = Clause | AtLeast | InFile
When = Leaf | Combined


def holds(when: When, leaf: Callable[[Leaf, bool], bool], *, unknown: bool = True) -> bool:
    """Whether a condition holds.

    leaf: whether one without parts does; its second argument is the answer if that is not known.
    unknown: what to answer if the condition is not known as a whole.
    """
    if not isinstance(when, Combined):
        return leaf(when, unknown)
    if when.how == "not":
        return not holds(when.of[0], leaf, unknown=not unknown)
    joined = all if when.how == "all" else any
    return joined(holds(one, leaf, unknown=unknown) for one in when.of)


def leaves(when: When | None) -> Iterator[Leaf]:
    """All conditions in the condition that have no parts."""
    if isinstance(when, Combined):
        for part in when.of:
            yield from leaves(part)
    elif when is not None:
        yield when


def globs_of(when: When | None) -> Iterator[str]:
    """All globs in the condition that are matched together with those of all areas."""
    for one in leaves(when):
        if isinstance(one, InFile):
            yield from (*one.path, *one.exclude)
        elif isinstance(one, Clause) and one.kind in ("path", "adds", "deletes", "renames"):
            yield from one.values


MODES = ("observe", "advise", "enforce")  # the laxest first


@dataclass(frozen=True, slots=True)
class ModeRule:
    """The mode of the pull requests for which a condition holds."""

    when: When
    mode: str


@dataclass(frozen=True, slots=True)
class Reason:
    """A fact of a pull request that decides a condition; its words are the text `reason_WORDS`.

    name: what the fact is about, from the pull request; if it has no such thing, from the policy.
    """

    words: str
    name: str = ""
    count: int = 0


@dataclass(frozen=True, slots=True)
class SameAs:
    """Names another item with the same answer. If both are shown, the item with this is left out.

    within: only if all files of its own area are files of the other item's area, too.
    """

    item: str
    within: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    """One question that evidence answers in two minutes.

    id: never reused; answers and sign-offs refer to it. severity: must | should | could.
    refs: keys of `checklists/references.yml`. links: the first two of them, as (title, address).
    when: what brings the question up; None is always. must_when: what makes it a must, whatever
    its severity; with None only a finding does.
    scope: project (about the feature as a whole) | change (about this diff).
    kind: of the evidence asked for: "" (a tick will do) | url | number | text | choice.
    never_defer: it may not be deferred, unless the policy says otherwise.
    memo: its rendered words by language, cached for as long as the item lives.
    """

    id: str
    severity: str
    category: str
    question: Text
    why: Text = Text("", "")
    evidence: Text = Text("", "")
    refs: tuple[str, ...] = ()
    when: When | None = None
    must_when: When | None = None
    scope: str = "change"
    kind: str = ""
    choices: tuple[str, ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    same_as: SameAs | None = None
    never_defer: bool = False
    memo: dict[str, Any] = field(default_factory=dict, init=False, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Guard:
    """A pattern that drops a finding if it matches in this scope.

    scope: line (or the whole statement) | lines (with `before` and `after` neighbours in the new
    version) | block (the block that the line opens or is in; with `within` the innermost one
    around it whose text matches that) | nearest (the closest line at or above that matches
    `within`) | file (its whole new version).
    """

    pattern: str
    scope: str = "line"
    before: int = 0
    after: int = 0
    within: str = ""


@dataclass(frozen=True, slots=True)
class Hazard:
    """A rule that finds a dangerous line of the diff; all patterns are RE2, in multi-line mode.

    item, area: the checklist item that a finding raises, and its area.
    scope: the files it reads: area (those of the area, by path or by line) | code (all but tests,
    documents and vendored code). files, exclude: globs; `files` replaces the area's own files, or
    narrows `code`. `**` alone means every file, tests and documents included.
    by_statement: lines are joined to statements before `match` is searched.
    removed: `match` is searched in removed lines instead of added ones.
    unless_in_block: must not match in the block that the line opens or is in, beside `unless`.
    requires: has to match in the whole new file. requires_removed: in a removed line of the hunk.
    unless_other_side: must match in no removed line of the hunk (if `removed`: in no added line).
    skip_rollback: lines that undo a migration do not count. skip_new_table: nor do lines about a
    table that the pull itself creates; `match` names it in its group `table`.
    of_change: it asks about the change itself, and means nothing in a file that stays as it is.
    dialect: any | mysql | postgres. once: only the first finding in a file counts.
    message: may name `{table}`, the match's group. fix: the one right replacement, as code.
    """

    id: str
    severity: str
    item: str
    area: str
    match: str
    message: Text
    scope: str = "area"
    files: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    by_statement: bool = False
    removed: bool = False
    unless: Guard | None = None
    unless_in_block: str = ""
    requires: str = ""
    requires_removed: str = ""
    unless_other_side: str = ""
    skip_rollback: bool = False
    skip_new_table: bool = False
    dialect: str = "any"
    once: bool = False
    fix: str = ""
    of_change: bool = False


@dataclass(frozen=True, slots=True)
class Reviewers:
    """Who may sign off. Without teams and users: people with maintain or admin.

    teams: slugs in the repository's organisation.
    """

    teams: tuple[str, ...] = ()
    users: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.teams or self.users)

    @property
    def words(self) -> tuple[str, ...]:
        """Each of them, as "team SLUG" or a login."""
        return (*(f"team {one}" for one in self.teams), *self.users)


@dataclass(frozen=True, slots=True)
class Mode:
    """observe | advise | enforce.

    enforce_from: the day on which enforce begins, "2027-01-15"; "" if it is in force.
    """

    mode: str
    enforce_from: str = ""

    def under(self, mode: str | None, enforce_from: str | None) -> Mode:
        """The mode once a layer has changed it: a `mode` takes the place of mode and day."""
        day = enforce_from or ("" if mode else self.enforce_from)
        mode = mode or self.mode
        return Mode(mode, day if mode == "enforce" else "")


@dataclass(frozen=True, slots=True)
class Area:
    """A part of the system that may be flagged, as a policy puts it in force.

    weight: the heaviest first; 1 to 5 in packs. mode: observe | advise | enforce. enabled: packs
    may ship switched off. flag: evidence (only with a question or a finding) | touch (also
    without).
    enforce_from: the day on which the mode begins to be enforce, as in `Policy`.
    retired: ids of items that are no longer asked, each with the ids of their successors.
    configuration: whether its hazards also read the files of a whole tree, see
    `scan/configuration.py`.
    when: which pull requests may be flagged; None is all. mode_when: rules before `mode`, of which
    the first that holds counts. mode_why: what of the pull request settled the mode.
    """

    id: str
    title: Text
    weight: int
    detect: Detect
    items: tuple[Item, ...]
    enabled: bool = True
    mode: str = "advise"
    reviewers: Reviewers = Reviewers()
    hazards: tuple[Hazard, ...] = ()
    retired: tuple[tuple[str, tuple[str, ...]], ...] = ()
    flag: str = "evidence"
    enforce_from: str = ""
    when: When | None = None
    mode_when: tuple[ModeRule, ...] = ()
    mode_why: tuple[Reason, ...] = ()
    configuration: bool = False

    def __hash__(self) -> int:
        # Areas are keys of caches, and hashing everything in them would cost more than it saves.
        return hash(self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """Why an area is flagged; always shown. Each kind of trigger has a subclass with its facts.

    kind: as the condition `flagged_by` names it. words: its sentence is the text `hit_WORDS`.
    path, line: where it is; "" and 0 for the whole pull, 0 for a removed line.
    """

    kind: ClassVar[str]
    words: ClassVar[str]
    path: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Finding:
    """One hazard on one line of the diff.

    severity: must | should | could. item, area: the checklist item it raises and that item's
    area. line: in the new file; for a removed line the one that is now in its place, and 0 if the
    whole file is gone. source: the line itself, without indentation, cut.
    accepted: the reason that `nfr:ignore` on the line gives; "" without one.
    fix: the one right replacement, as code; "" if there is none.
    unsure: the rest of the file decides, but could not be read. ignore_rejected: an `nfr:ignore` on
    the line does not name this hazard, or has no reason.
    """

    hazard: str
    severity: str
    item: str
    area: str
    path: str
    line: int
    message: Text
    source: str = ""
    accepted: str = ""
    unsure: bool = False
    ignore_rejected: bool = False
    fix: str = ""
