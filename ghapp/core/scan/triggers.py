"""The kinds of triggers: what flags an area, and why it fired.

A kind is a class here with an entry in `KINDS`. It names the globs and regexes that it needs, which
are matched for all areas at once (`rulebook`, `match`), and makes its hits from what was found. The
keys of `detect` that it reads are in `Detect` and `DetectPart`, its words in en.yml and ja.yml.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from ghapp.core.areas import Area, Hit, Reason, globs_of
from ghapp.core.markdown import without_credentials
from ghapp.core.model import Pull
from ghapp.core.patterns.regexes import Span
from ghapp.core.scan.patch import ChangedFile, searched_lines
from ghapp.core.scan.pull_conditions import weighed

FOLDER_FILES = 5  # a new folder at the top with fewer files brings up no question
MOST_PATHS, MOST_LINES = 5, 3  # hits kept for showing; the files are always complete
MOST_OF_LINE = 120


@dataclass(frozen=True, slots=True, eq=False)
class FileKind:
    """All that follows from the globs that match a path. Thousands of paths share a few dozen.

    globs: of the rulebook. excluding: those that match if they exclude the file. claims: areas
    whose path it is, each with the first such glob. scanned: whether more than secrets is searched
    for in its lines. ignored: by the policy. readers: by sign, the patterns of the areas that
    search its added and removed lines.
    """

    globs: frozenset[str]
    excluding: frozenset[str]
    claims: tuple[tuple[int, str], ...]
    scanned: bool
    ignored: bool
    readers: Mapping[str, frozenset[int]]


SUBMODULE = ""  # in the place of a glob: the file is a submodule


class PathClaim(NamedTuple):
    """An area that has a file by its path, or as a submodule. area: its place."""

    area: int
    glob: str
    path: str


class LineFound(NamedTuple):
    """An area to which a file belongs because of a line. area: its place. sign: "+" | "-"."""

    area: int
    sign: str
    span: Span


class Matched(NamedTuple):
    """One file, matched once for all areas. Areas are identified by their places.

    A file in which only comments or layout have changed belongs to no area.

    kind: of its present path. ignored: by the policy. lines: for areas that do not claim its path.
    """

    change: ChangedFile
    kind: FileKind
    claims: tuple[PathClaim, ...]
    ignored: bool
    lines: tuple[LineFound, ...] = ()

    @property
    def places(self) -> frozenset[int]:
        """The areas that the file belongs to."""
        return frozenset([one.area for one in self.claims] + [one.area for one in self.lines])


class Matches(NamedTuple):
    """What was found in a pull for one area. claims, lines: with the places of their files.

    matches: tells whether one of several globs that a trigger names matches a path.
    """

    pull: Pull
    files: Sequence[Matched]
    claims: Sequence[tuple[int, PathClaim]]
    lines: Sequence[tuple[int, LineFound]]
    matches: Callable[[tuple[str, ...], str], object]


def quoted(line: str) -> str:
    """A line as it is quoted: cut, and without credentials, because GitHub sends it out by mail."""
    return without_credentials(line.strip()[: 4 * MOST_OF_LINE])[:MOST_OF_LINE]


@dataclass(frozen=True, slots=True)
class Trigger(ABC):
    """One way to flag an area.

    whole: whether all files of the pull belong to the area if it fires.
    """

    area: Area
    whole: ClassVar[bool] = False

    @property
    def globs(self) -> tuple[str, ...]:
        """Globs that changed files are to be matched against."""
        return ()

    @property
    def regexes(self) -> Mapping[str, tuple[str, ...]]:
        """Regexes that are to be searched in added ("+") and removed ("-") lines."""
        return {}

    @abstractmethod
    def hits(self, found: Matches) -> Iterable[Hit]:
        """Why it fires; nothing if it does not."""


@dataclass(frozen=True, slots=True)
class LabelHit(Hit):
    """The pull request has a label that forces the area in."""

    kind = words = "label"
    label: str


@dataclass(frozen=True, slots=True)
class LabelTrigger(Trigger):
    """`labels` force the area in, and so does the label that is named after it."""

    whole = True

    def hits(self, found: Matches) -> Iterable[Hit]:
        """One for each such label, by name."""
        names = {
            label.casefold()
            for label in (*self.area.detect.labels, f"nfr/area: {self.area.id}")
            if found.pull.labels
        }
        return [LabelHit(label) for label in sorted(found.pull.labels) if label.casefold() in names]


@dataclass(frozen=True, slots=True)
class PathHit(Hit):
    """A changed file has a path that the glob matches."""

    kind = words = "path"
    glob: str


@dataclass(frozen=True, slots=True)
class PathTrigger(Trigger):
    """`paths` flag the area for a file that one of them matches and none of `exclude`."""

    @property
    def globs(self) -> tuple[str, ...]:
        """Those of `paths` and of `exclude`."""
        return (*self.area.detect.paths, *self.area.detect.exclude)

    def hits(self, found: Matches) -> Iterable[Hit]:
        """The first few files."""
        claims = [one for _, one in found.claims if one.glob != SUBMODULE]
        return [PathHit(one.glob, path=one.path) for one in claims[:MOST_PATHS]]


@dataclass(frozen=True, slots=True)
class SubmoduleHit(Hit):
    """Another commit of a submodule: what came with it, the diff does not show."""

    kind = "path"
    words = "submodule"


@dataclass(frozen=True, slots=True)
class SubmoduleTrigger(Trigger):
    """`submodules` flags the area for each submodule that was added, changed or removed."""

    def hits(self, found: Matches) -> Iterable[Hit]:
        """The first few."""
        paths = [one.path for _, one in found.claims if one.glob == SUBMODULE]
        return [SubmoduleHit(path=path) for path in paths[:MOST_PATHS]]


@dataclass(frozen=True, slots=True)
class AddedHit(Hit):
    """An added line matches. text: the line, cut."""

    kind = words = "diff"
    text: str


@dataclass(frozen=True, slots=True)
class RemovedHit(Hit):
    """A removed line matches. text: the line, cut."""

    kind = words = "removed"
    text: str


@dataclass(frozen=True, slots=True)
class LineTrigger(Trigger):
    """`diff` and `removed` flag the area for a line that one of them matches, in `diff_files`."""

    @property
    def globs(self) -> tuple[str, ...]:
        """Those of `diff_files`; `exclude` is in PathTrigger."""
        return self.area.detect.diff_files

    @property
    def regexes(self) -> Mapping[str, tuple[str, ...]]:
        """`diff` for added lines, `removed` for removed ones."""
        return {"+": self.area.detect.diff, "-": self.area.detect.removed}

    def hits(self, found: Matches) -> Iterable[Hit]:
        """One for each of the first few files, with its first matching line."""
        for at, one in found.lines[:MOST_LINES]:
            change, span = found.files[at].change, one.span
            text = change.text(one.sign)
            end = text.find(b"\n", span.line)
            line = text[span.line : end if end >= 0 else None].decode("utf-8", "replace")
            if one.sign == "-":  # it has no number in the new file
                yield RemovedHit(quoted(line), path=change.file.path)
            else:
                index = text.count(b"\n", 0, span.line)
                rows = [row for row in searched_lines(change.file.patch) if row.sign == "+"]
                yield AddedHit(quoted(line), path=change.file.path, line=rows[index].number)


@dataclass(frozen=True, slots=True)
class PullHit(Hit):
    """The condition on the pull request holds, or may hold. reasons: the facts that decide it."""

    kind = words = "pull"
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class PullTrigger(Trigger):
    """`pull` flags the area for a pull request of which it holds, or of which not all is known."""

    whole = True

    @property
    def globs(self) -> tuple[str, ...]:
        """Those of its conditions on files."""
        return tuple(globs_of(self.area.detect.pull))

    def hits(self, found: Matches) -> Iterable[Hit]:
        """One, with the facts."""
        when = self.area.detect.pull
        if when is None:
            return []
        weight = weighed(when, found.pull, found.matches)
        return [] if weight.value is False else [PullHit(weight.reasons)]


@dataclass(frozen=True, slots=True)
class FolderHit(Hit):
    """The pull request adds a folder at the top of the repository."""

    kind = words = "folder"
    folder: str


@dataclass(frozen=True, slots=True)
class FilesHit(Hit):
    """The number of changed files reaches a threshold."""

    kind = "size"
    words = "files"
    count: int


@dataclass(frozen=True, slots=True)
class LinesHit(Hit):
    """The number of added lines reaches a threshold."""

    kind = "size"
    words = "lines"
    count: int


@dataclass(frozen=True, slots=True)
class SizeTrigger(Trigger):
    """`size` flags the area once the pull, without what does not count, reaches a threshold."""

    whole = True

    @property
    def globs(self) -> tuple[str, ...]:
        """Those of `size.ignore`."""
        return self.area.detect.size.ignore if self.area.detect.size else ()

    def hits(self, found: Matches) -> Iterable[Hit]:
        """One for each threshold that is reached, and for each new folder if they reach theirs."""
        size, pull = self.area.detect.size, found.pull
        if size is None:
            return
        left_out = frozenset(size.ignore)
        counted = [
            one.change.file
            for one in found.files
            if left_out.isdisjoint(one.kind.globs)
            and not (one.change.still or one.change.only_moved)
        ]
        added = sum([file.additions for file in counted])
        tops = [file.path.partition("/")[0] for file in counted] if pull.new_folders else ()
        inside = Counter(tops)
        # A script or a first migration may need a new folder, too, but is not a new service.
        folders = sorted(name for name in pull.new_folders if inside[name] >= FOLDER_FILES)
        if 0 < size.new_top_level_dirs_gte <= len(folders):
            yield from (FolderHit(name) for name in folders[:MOST_LINES])
        if 0 < size.changed_files_gte <= len(counted):
            yield FilesHit(len(counted))
        if 0 < size.added_lines_gte <= added:
            yield LinesHit(added)


# In the order in which they decide `flagged_by`.
KINDS: tuple[type[Trigger], ...] = (
    *(LabelTrigger, PathTrigger, SubmoduleTrigger),
    *(LineTrigger, PullTrigger, SizeTrigger),
)
