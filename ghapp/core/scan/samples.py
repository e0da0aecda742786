"""A pack -> its samples, and why those that fail do so when the engine runs on them."""

from __future__ import annotations

import re
from collections.abc import Mapping
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

# The fields of a hazard that may drop a finding: the value that drops nothing, and the reason.
CONDITIONS: Mapping[str, tuple[object, str]] = {
    "unless": (None, "`unless` matches"),
    "unless_in_block": ("", "`unless_in_block` matches in the block"),
    "requires": ("", "`requires` does not match in the file"),
    "requires_removed": ("", "`requires_removed` matches in no removed line"),
    "unless_other_side": ("", "`unless_other_side` matches on the other side of the diff"),
    "skip_rollback": (False, "the line undoes a migration, see `skip_rollback`"),
    "skip_new_table": (False, "the sample makes the table itself, see `skip_new_table`"),
}
HUNK = "@@"  # a sample that begins with it is a diff, any other one is a new file
CLASS = re.compile(r"\[[!^]?([^\]])[^\]]*\]")
CODE = tuple(f"src/sample.{ending}" for ending in ("py", "ts", "rb", "go", "php", "sql", "txt"))
SCOPES = {
    "block": "in the block",
    "file": "in the file",
    "nearest": "in the line that is nearest",
}


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample of a pack.

    kind: path_hit | path_miss | hit | miss. subject: the id of the area, the item or the hazard.
    text: a path, lines of a new file, or a diff. loc: where it is in the pack.
    path: of the file; "" if any file of the area will do. severity: that is expected, or "".
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
    found = [
        Sample(kind, part.area, path, ("detect", kind, place))
        for kind in KINDS_OF_PATHS
        for place, path in enumerate(getattr(part.detect, kind))
    ]
    found += [
        Sample(kind, item.id, one.text, ("items", at, kind, place), one.path or "", one.sev or "")
        for at, item in enumerate(part.items)
        for kind in (HIT, MISS)
        for place, one in enumerate(getattr(item, kind))
    ]
    found += [
        Sample(kind, hazard.id, text, ("hazards", at, kind, place))
        for at, hazard in enumerate(part.hazards)
        for kind in (HIT, MISS)
        for place, text in enumerate(getattr(hazard, kind))
    ]
    return tuple(found)


def failures(pack: Pack, references: References) -> tuple[Failure, ...]:
    """The samples of the pack that do not hold, in their order."""
    whole = area(pack.part, references)
    tried = ((one, fault(pack.part, whole, one)) for one in samples(pack.part))
    return tuple(Failure(one, why) for one, why in tried if why)


def fault(part: PackPart, whole: Area, sample: Sample) -> str:
    """Why the sample does not hold; "" if it does. whole: the area that the pack describes."""
    if sample.kind not in KINDS_OF_PATHS:
        if any(item.id == sample.subject for item in whole.items):
            return _item_fault(part, whole, sample)
        hazard = next(one for one in whole.hazards if one.id == sample.subject)
        return _hazard_fault(part, whole, hazard, sample)
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
    """Why the sample of a question does not hold; "" if it does."""
    file, new_side = written(sample.text, sample.path or (*part.detect.path_hit, *CODE)[0])
    policy = _policy(whole)
    scanned = scan(replace(PULL, files=(file,)), policy)
    contents = {wanted.path: new_side for wanted in scanned.wanted}
    asked = checklist(scanned, policy, findings(scanned.suspicion, contents))
    items = (item for one in asked.flagged for item in one.items)
    severity = next((item.severity for item in items if item.id == sample.subject), "")
    if sample.kind == MISS:
        return f"should not be asked, but is asked as a {severity}" if severity else ""
    if not severity:
        return "should be asked and is not: neither `when`, `must_when` nor a finding calls for it"
    if sample.severity and sample.severity != severity:
        return f"should be asked as a {sample.severity}, but is asked as a {severity}"
    return ""


def _hazard_fault(part: PackPart, whole: Area, hazard: Hazard, sample: Sample) -> str:
    """Why the sample of a hazard does not hold; "" if it does."""
    path = path_of(whole, hazard, part.detect.path_hit)
    if not path:
        why = "`detect` has neither `paths` nor `diff`, so no file belongs to the area"
        if hazard.files or hazard.scope == "code":
            why = "`files` and `exclude_files` leave no path at which it could be tried"
        elif whole.detect.paths or whole.detect.diff:
            why = "no path that flags the area is known: give one as `path_hit`"
        return f"{MISSING} {why}" if sample.kind == HIT else ""
    found = _found(whole, hazard, sample.text, path)
    if sample.kind == HIT:
        return "" if found else f"{MISSING} {_dropped(whole, hazard, sample.text, path)}"
    if not found:
        return ""
    line = f" line {found[0].line}" if found[0].line else ""
    guard = f", and `unless` does not match {_scope(hazard)}" if hazard.unless else ""
    source = found[0].source[:MOST_SHOWN]
    return f"should not be found, but `match` matches{line}: {source}{guard}"


@lru_cache(maxsize=256)
def path_of(whole: Area, hazard: Hazard, path_hits: tuple[str, ...]) -> str:
    """A path at which the hazard reads a file; "" if none can be invented.

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
    return next((path for path in tried if _found(whole, probe, "sample", path)), "")


def _found(whole: Area, hazard: Hazard, text: str, path: str) -> tuple[Finding, ...]:
    """What the engine finds with a hazard of the area, or with a variant of it."""
    file, new_side = written(text, path)
    detect = whole.detect
    if not detect.paths:  # the sample need not hold a line that flags the area
        detect = replace(detect, paths=(path,))
    # All hazards of the area share one rulebook for all samples; a variant gets its own.
    hazards = whole.hazards if hazard in whole.hazards else (hazard,)
    policy = _policy(replace(whole, detect=detect, hazards=hazards))
    scanned = scan(replace(PULL, files=(file,)), policy)
    contents = {wanted.path: new_side for wanted in scanned.wanted}
    found = findings(scanned.suspicion, contents)
    return tuple(one for one in found if one.hazard == hazard.id)


def _policy(whole: Area) -> Policy:
    # So many questions that none is folded: folding would change their severity.
    return Policy(areas=(whole,), ignore_paths=(), max_items=MAX_LIST)


def _dropped(whole: Area, hazard: Hazard, text: str, path: str) -> str:
    """Why the hazard is not found."""
    if not _found(whole, _bare(hazard), text, path):
        return _unmatched(hazard, text)
    given = [name for name, (blank, _) in CONDITIONS.items() if getattr(hazard, name) != blank]
    # Those without which the sample would be found; if there are none, several drop it together.
    alone = [name for name in given if _found(whole, _bare(hazard, name), text, path)]
    reasons = {name: CONDITIONS[name][1] for name in alone or given}
    if "unless" in reasons:
        reasons["unless"] += f" {_scope(hazard)}"
    return " and ".join(reasons.values())


def _bare(hazard: Hazard, *names: str) -> Hazard:
    """The hazard without these of its CONDITIONS; if none is named, without all of them."""
    blank = {name: CONDITIONS[name][0] for name in names or CONDITIONS}
    return replace(hazard, **blank)  # type: ignore[arg-type]  # each value is its field's default


def _scope(hazard: Hazard) -> str:
    """The lines in which `unless` is searched."""
    guard = hazard.unless
    if guard is None or guard.scope == "line":
        return "in the statement" if hazard.by_statement else "in the line"
    if guard.scope == "lines":
        counts = ((guard.before, "above"), (guard.after, "below"))
        sides = " and ".join(f"{count} {side}" for count, side in counts if count)
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
    # `other`: whether `match` matches, but not in a line that counts.
    if hazard.by_statement:
        other = any(True for one in statements(rows) for _ in one.matches(hazard.match))
        noun, wanted = "statement", "a statement that begins in an added line"
    else:
        matching = [row for row in rows if regexes.search(hazard.match, row.text)]
        if hazard.removed and any(row in own for row in matching):
            return "the removed line is added again: it has only moved"
        other, noun, wanted = bool(matching), f"{side} line", f"a line that is {side}"
    return f"`match` matches, but not in {wanted}" if other else f"`match` matches in no {noun}"


def is_diff(text: str) -> bool:
    """Whether the lines of the sample have signs of their own."""
    return text.startswith(HUNK)


def written(text: str, path: str) -> tuple[File, str]:
    """The file that the sample makes of `path`, and the text of its new version."""
    rows = text.removesuffix("\n").split("\n")
    status = "modified"
    if not is_diff(text):
        rows, status = [HUNK, *(f"+{row}" for row in rows)], "added"
    hunks: list[list[str]] = []
    for row in rows:
        if row.startswith(HUNK):
            hunks.append([])
        else:  # a line without a sign is unchanged
            hunks[-1].append(row if row[:1] in ("+", "-", " ", "\\") else f" {row}")
    patch: list[str] = []
    new_side: list[str] = []
    added = removed = 0
    old = new = 1
    for body in hunks:
        plus, minus, same = (sum(row[0] == sign for row in body) for sign in "+- ")
        old_count, new_count = minus + same, plus + same
        # A side without lines is numbered by the line before it.
        sides = f"-{old - (not old_count)},{old_count} +{new - (not new_count)},{new_count}"
        patch += [f"@@ {sides} @@", *body]
        new_side += [row[1:] for row in body if row[0] in "+ "]
        added, removed = added + plus, removed + minus
        old, new = old + old_count, new + new_count
    return File(path, status, added, removed, "\n".join(patch)), "\n".join(new_side)


def paths(patterns: tuple[str, ...]) -> tuple[str, ...]:
    """A path for each of the globs that a path can be invented for; `**` matches any code."""
    if patterns == ("**",):
        return CODE
    made: list[str] = []
    for glob in patterns:
        parts = glob.removeprefix("/").split("/")
        steps = ["src"] if parts[0] == "**" else []
        for part in parts:
            if part not in ("**", ""):
                # A star at the start of a name stands for a word.
                word = "sample" if part == "*" or part.startswith("*.") else ""
                name = CLASS.sub(r"\1", part.replace("*", word, 1).replace("*", ""))
                steps.append(name.replace("?", "x").replace("\\", ""))
        steps += ["sample.py"] if parts[-1] in ("**", "") else []
        path = "/".join(steps)
        if globs.matches((glob,), path):
            made.append(path)
    return tuple(made)
