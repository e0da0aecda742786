"""A pack -> its samples, and why one of them does not hold when the engine reads it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache

from ghapp.core.areas import Area, Finding, Hazard, Text
from ghapp.core.model import File, Pull, PullKey, Repository
from ghapp.core.patterns import globs, regexes
from ghapp.core.policy.fields import MAX_LIST
from ghapp.core.policy.pack_schema import PackPart, References, area
from ghapp.core.policy.packs import Pack
from ghapp.core.policy.policy import Policy
from ghapp.core.policy.yaml import Loc
from ghapp.core.scan.checklist import checklist
from ghapp.core.scan.hazards import findings
from ghapp.core.scan.patch import lines
from ghapp.core.scan.scan import scan
from ghapp.core.scan.statements import statements
from ghapp.core.scan.triggers import PathHit

NOTHING = Text("", "")
HIT, MISS = "hit", "miss"
KINDS_OF_PATHS = PATH_HIT, PATH_MISS = "path_hit", "path_miss"
MOST_SHOWN = 120
MISSING = "should be found and is not:"

PULL = Pull(
    key=PullKey(Repository(0, 0, "sample/sample"), 1),
    title="",
    author="",
    head_sha="",
    head_ref="",
    base_ref="",
    updated_at=datetime(2026, 1, 1, tzinfo=UTC),
    changed_files=1,
)

# What may drop a finding, each with the value that drops nothing and what it then did.
CONDITIONS: Mapping[str, tuple[object, str]] = {
    "unless": (None, "`unless` matches"),
    "requires": ("", "`requires` does not match in the file"),
    "requires_removed": ("", "`requires_removed` matches in no removed line"),
    "unless_other_side": ("", "`unless_other_side` matches on the other side of the diff"),
    "skip_rollback": (False, "the line takes a migration back, see `skip_rollback`"),
    "skip_new_table": (False, "the sample makes the table itself, see `skip_new_table`"),
}
SCOPES = {
    "block": "in the block",
    "file": "in the file",
    "nearest": "in the line that is nearest",
}


@dataclass(frozen=True, slots=True)
class Sample:
    """One promise of a pack.

    kind: path_hit | path_miss | hit | miss. subject: the id of the area, the item or the hazard.
    text: a path, lines of a new file, or a diff. loc: where it stands in the pack.
    path: of the file, "" where any file of the area will do. severity: that is asked for.
    """

    kind: str
    subject: str
    text: str
    loc: Loc
    path: str = ""
    severity: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """A sample that does not hold, and why."""

    sample: Sample
    why: str


def samples(part: PackPart) -> tuple[Sample, ...]:
    """All samples of the pack in their order: of the area, of each item, then of each hazard."""
    return (*_of_area(part), *_of_items(part), *_of_hazards(part))


def failures(pack: Pack, references: References) -> tuple[Failure, ...]:
    """The samples of the pack that do not hold, in their order."""
    whole = area(pack.part, references)
    tried = ((one, fault(pack.part, whole, one)) for one in samples(pack.part))
    return tuple(Failure(one, why) for one, why in tried if why)


def fault(part: PackPart, whole: Area, sample: Sample) -> str:
    """Why the sample does not hold; "" where it does. whole: the area that the pack describes."""
    if sample.kind in KINDS_OF_PATHS:
        return _path_fault(whole, sample)
    if any(item.id == sample.subject for item in whole.items):
        return _item_fault(part, whole, sample)
    hazard = next(one for one in whole.hazards if one.id == sample.subject)
    path = path_of(whole, hazard, part.detect.path_hit)
    if not path:
        return f"{MISSING} {_unread(whole, hazard)}" if sample.kind == HIT else ""
    found = _found(whole, hazard.id, sample.text, path)
    if sample.kind == MISS:
        return _surplus(hazard, found[0]) if found else ""
    return "" if found else f"{MISSING} {_dropped(whole, hazard, sample.text, path)}"


@lru_cache(maxsize=256)
def path_of(whole: Area, hazard: Hazard, path_hits: tuple[str, ...]) -> str:
    """A path at which the hazard reads a file; "" where none can be made up.

    path_hits: paths that flag the area.
    """
    detect = whole.detect
    if hazard.files:
        tried = paths(hazard.files)
    elif hazard.scope == "code":
        tried = CODE
    elif detect.paths:
        tried = (*path_hits, *paths(detect.paths))
    else:
        tried = paths(detect.diff_files or ("**",)) if detect.diff else ()
    probe = _bare(
        replace(hazard, match="sample", message=NOTHING, by_statement=False, removed=False)
    )
    return next((path for path in tried if _finds(whole, probe, "sample", path)), "")


def _of_area(part: PackPart) -> Iterator[Sample]:
    for kind in KINDS_OF_PATHS:
        for place, path in enumerate(getattr(part.detect, kind)):
            yield Sample(kind, part.area, path, ("detect", kind, place))


def _of_items(part: PackPart) -> Iterator[Sample]:
    for index, item in enumerate(part.items):
        for kind in (HIT, MISS):
            for place, one in enumerate(getattr(item, kind)):
                loc = ("items", index, kind, place)
                yield Sample(kind, item.id, one.text, loc, one.path or "", one.sev or "")


def _of_hazards(part: PackPart) -> Iterator[Sample]:
    for index, one in enumerate(part.hazards):
        for kind in (HIT, MISS):
            for place, text in enumerate(getattr(one, kind)):
                yield Sample(kind, one.id, text, ("hazards", index, kind, place))


def _path_fault(whole: Area, sample: Sample) -> str:
    file = File(sample.text, "modified", 1, 0, "@@ -0,0 +1,1 @@\n+sample")
    touch = scan(replace(PULL, files=(file,)), _policy(whole)).touched.get(whole.id)
    hit = next((hit for hit in touch.hits if isinstance(hit, PathHit)), None) if touch else None
    if sample.kind == PATH_MISS:
        return f"should not flag the area, but `paths` has `{hit.glob}`" if hit else ""
    if hit:
        return ""
    excluded = globs.matches(whole.detect.exclude, sample.text)
    why = f"`exclude` has `{excluded}`" if excluded else "no glob of `paths` matches it"
    return f"should flag the area and does not: {why}"


def _item_fault(part: PackPart, whole: Area, sample: Sample) -> str:
    """Why the question is asked where it should not be, is not where it should, or how gravely."""
    severity = _asked(whole, sample, sample.path or (*part.detect.path_hit, *CODE)[0])
    if sample.kind == MISS:
        return f"should not be asked, but is asked as a {severity}" if severity else ""
    if not severity:
        return "should be asked and is not: neither `when`, `must_when` nor a finding calls for it"
    if sample.severity and sample.severity != severity:
        return f"should be asked as a {sample.severity}, but is asked as a {severity}"
    return ""


def _asked(whole: Area, sample: Sample, path: str) -> str:
    """The severity at which the sample brings the question up; "" where it does not."""
    file, new_side = written(sample.text, path)
    policy = _policy(whole)
    seen = scan(replace(PULL, files=(file,)), policy)
    contents = {wanted.path: new_side for wanted in seen.wanted}
    asked = checklist(seen, policy, findings(seen.suspicion, contents))
    items = (item for one in asked.flagged for item in one.items)
    return next((item.severity for item in items if item.id == sample.subject), "")


def _found(whole: Area, hazard: str, text: str, path: str) -> tuple[Finding, ...]:
    """What the engine finds by the hazard of this id."""
    file, new_side = written(text, path)
    seen = scan(replace(PULL, files=(file,)), _policy(_claiming(whole, path)))
    contents = {wanted.path: new_side for wanted in seen.wanted}
    return tuple(one for one in findings(seen.suspicion, contents) if one.hazard == hazard)


def _finds(whole: Area, hazard: Hazard, text: str, path: str) -> bool:
    """Whether the engine finds something by another form of a hazard of the area."""
    return bool(_found(replace(whole, hazards=(hazard,)), hazard.id, text, path))


def _claiming(whole: Area, path: str) -> Area:
    """The area; one that only lines flag claims the path, for a sample need not hold such lines."""
    detect = whole.detect
    return whole if detect.paths else replace(whole, detect=replace(detect, paths=(path,)))


def _policy(whole: Area) -> Policy:
    # So many questions that none is folded: folding would change their severity.
    return Policy(areas=(whole,), ignore_paths=(), max_items=MAX_LIST)


def _surplus(hazard: Hazard, finding: Finding) -> str:
    line = f" line {finding.line}" if finding.line else ""
    guard = f", and `unless` does not match {_where(hazard)}" if hazard.unless else ""
    return f"should not be found, but `match` matches{line}: {finding.source[:MOST_SHOWN]}{guard}"


def _dropped(whole: Area, hazard: Hazard, text: str, path: str) -> str:
    """Why nothing is found."""
    if not _finds(whole, _bare(hazard), text, path):
        return _unmatched(hazard, text)
    given = [name for name, (blank, _) in CONDITIONS.items() if getattr(hazard, name) != blank]
    alone = [name for name in given if _finds(whole, _bare(hazard, name), text, path)]
    said = {name: CONDITIONS[name][1] for name in alone or given}
    if "unless" in said:
        said["unless"] += f" {_where(hazard)}"
    return " and ".join(said.values())


def _bare(hazard: Hazard, *names: str) -> Hazard:
    """The hazard without these conditions, or without any."""
    blank = {name: CONDITIONS[name][0] for name in names or CONDITIONS}
    return replace(hazard, **blank)  # type: ignore[arg-type]  # each value is its field's default


def _where(hazard: Hazard) -> str:
    """Where `unless` is looked for."""
    guard = hazard.unless
    if guard is None or guard.scope == "line":
        return "in the statement" if hazard.by_statement else "in the line"
    if guard.scope == "lines":
        sides = " and ".join(
            f"{count} {side}"
            for count, side in ((guard.before, "above"), (guard.after, "below"))
            if count
        )
        return f"in the line and the {sides}"
    return SCOPES[guard.scope]


def _unmatched(hazard: Hazard, text: str) -> str:
    """Why `match` alone finds nothing."""
    rows = lines(written(text, "sample")[0].patch)
    sign, side = ("-", "removed") if hazard.removed else ("+", "added")
    own = [row for row in rows if row.sign == sign]
    if not own:
        hint = "" if is_diff(text) else "; begin it with `@@`, and its lines with signs"
        return f"it has no {side} line{hint}"
    if hazard.by_statement:
        other = any(True for one in statements(rows) for _ in one.matches(hazard.match))
        return _unmet("statement", "a statement that begins in an added line", other)
    matching = [row for row in rows if regexes.search(hazard.match, row.text)]
    if hazard.removed and any(row in own for row in matching):
        return "the removed line is added again: it has only moved"
    return _unmet(f"{side} line", f"a line that is {side}", bool(matching))


def _unmet(noun: str, wanted: str, other: bool) -> str:
    """other: whether `match` does match, but where it does not count."""
    return f"`match` matches, but not in {wanted}" if other else f"`match` matches in no {noun}"


def _unread(whole: Area, hazard: Hazard) -> str:
    """Why there is no file to try it in."""
    if hazard.files or hazard.scope == "code":
        return "`files` and `exclude_files` leave no path at which it could be tried"
    if whole.detect.paths or whole.detect.diff:
        return "no path that flags the area is known: give one as `path_hit`"
    return "`detect` has neither `paths` nor `diff`, so no file belongs to the area"


HUNK = "@@"  # a sample that begins with it is a diff, any other one is a new file
CLASS = re.compile(r"\[[!^]?([^\]])[^\]]*\]")
CODE = tuple(f"src/sample.{ending}" for ending in ("py", "ts", "rb", "go", "php", "sql", "txt"))


def is_diff(text: str) -> bool:
    """Whether the lines of the sample have signs of their own."""
    return text.startswith(HUNK)


def written(text: str, path: str) -> tuple[File, str]:
    """The file that the sample makes of `path`, and the text of its new version."""
    lines = text.removesuffix("\n").split("\n")
    if is_diff(text):
        return _changed(lines, path)
    patch = "\n".join([_header(1, 0, 1, len(lines)), *(f"+{line}" for line in lines)])
    return File(path, "added", len(lines), 0, patch), "\n".join(lines)


def paths(patterns: tuple[str, ...]) -> tuple[str, ...]:
    """A path for each of the globs that one can be made up for; `**` admits any code."""
    if patterns == ("**",):
        return CODE
    made = ((glob, _path(glob)) for glob in patterns)
    return tuple(path for glob, path in made if globs.matches((glob,), path))


def _changed(lines: list[str], path: str) -> tuple[File, str]:
    patch: list[str] = []
    new_side: list[str] = []
    added = removed = 0
    old = new = 1
    for body in _hunks(lines):
        plus = sum(line[0] == "+" for line in body)
        minus = sum(line[0] == "-" for line in body)
        same = sum(line[0] == " " for line in body)
        patch += [_header(old, minus + same, new, plus + same), *body]
        new_side += [line[1:] for line in body if line[0] in "+ "]
        added, removed = added + plus, removed + minus
        old, new = old + minus + same, new + plus + same
    return File(path, "modified", added, removed, "\n".join(patch)), "\n".join(new_side)


def _hunks(lines: list[str]) -> Iterator[list[str]]:
    """The lines below each header, with their signs; a line without one is unchanged."""
    starts = [at for at, line in enumerate(lines) if line.startswith(HUNK)]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        body = lines[start + 1 : end]
        yield [line if line[:1] in ("+", "-", " ", "\\") else f" {line}" for line in body]


def _header(old: int, old_count: int, new: int, new_count: int) -> str:
    # A side without lines is numbered by the line before it.
    old, new = old - (not old_count), new - (not new_count)
    return f"@@ -{old},{old_count} +{new},{new_count} @@"


def _path(glob: str) -> str:
    parts = glob.removeprefix("/").split("/")
    first = ["src"] if parts[0] == "**" else []
    steps = [_step(part) for part in parts if part not in ("**", "")]
    open_end = ["sample.py"] if parts[-1] in ("**", "") else []
    return "/".join([*first, *steps, *open_end])


def _step(part: str) -> str:
    """A name that this part of a glob matches; a star at its start stands for a word."""
    word = "sample" if part == "*" or part.startswith("*.") else ""
    name = CLASS.sub(r"\1", part.replace("*", word, 1).replace("*", ""))
    return name.replace("?", "x").replace("\\", "")
