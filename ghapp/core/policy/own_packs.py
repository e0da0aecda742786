"""The files that a policy names under `packs` -> a company's own areas, with all that is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any

from ghapp.core.areas import Area
from ghapp.core.model import Problem
from ghapp.core.patterns import globs, regexes
from ghapp.core.policy import limits, pack_files, pack_schema, packs, yaml
from ghapp.core.policy.pack_schema import PackPart, References, WhenPart
from ghapp.core.policy.packs import Listed, Pack
from ghapp.core.policy.problems import meant
from ghapp.core.records import PackFile

# Of all own packs together: each is tried on every changed file or line of a pull.
MAX_REGEXES = 300
MAX_STEPS = 5_000
MAX_GLOBS = 2_000
MAX_HAZARDS = 200
MAX_VALUES = 100_000  # all built-in packs have 7,000

Fault = tuple[yaml.Loc, str]


@dataclass(frozen=True, slots=True)
class Own:
    """What the packs of a repository come to.

    areas: of those packs that are sound. references: theirs and the built-in ones.
    faults: at their places in the policy. problems: in the files of the packs.
    """

    areas: tuple[Area, ...] = ()
    references: References = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()
    problems: tuple[Problem, ...] = ()


def read(
    named: Sequence[str], files: Sequence[PackFile], builtin: tuple[Area, ...], known: References
) -> Own:
    """The packs in these files, each judged by itself, beside the others and the built-in ones.

    named: the globs under `packs`. files: what `packfiles.chosen` gives, with the texts.
    known: the built-in references.
    """
    faults = tuple(_missing(named, files))
    if pack_files.too_many(files):
        words = f"match more than {pack_files.MAX_FILES} files: join some packs, or name fewer"
        return Own(references=known, faults=(*faults, (("packs",), f"the globs {words}")))
    listed, problems, all_read = _listed(files, known)
    trees, unread = _trees(files)
    problems += unread
    beyond = tuple((("packs",), f"the packs {words}") for words in _crowded(trees))
    if beyond or not all_read:  # limits are told before any of the patterns is compiled
        return Own((), listed, (*faults, *beyond), _sorted(problems))
    own, broken = _judged(trees, listed)
    faults += tuple((("packs",), f"the packs' {words}") for words in _laborious(trees))
    areas = tuple(
        replace(pack_schema.area(pack.part, listed), flag="touch") for pack in own.values()
    )
    unnamed = _unnamed(own, builtin) if len(own) == len(trees) else ()
    return Own(
        areas, listed, faults, _sorted((*problems, *broken, *_doubled(own, builtin), *unnamed))
    )


def schema() -> dict[str, Any]:
    """The JSON Schema of a pack, for editors."""
    return {**PackPart.model_json_schema(), "title": "Pack of ghapp, .github/nfr/*.yml"}


def _missing(named: Sequence[str], files: Sequence[PackFile]) -> Iterator[Fault]:
    paths = [one.path for one in files if not pack_files.is_references(one)]
    for place, glob in enumerate(named):
        if not any(globs.matches((glob,), path) for path in paths):
            text = f"`{glob}` matches no file: add the pack, or take the glob out"
            yield ("packs", place), text


def _listed(
    files: Sequence[PackFile], known: References
) -> tuple[References, tuple[Problem, ...], bool]:
    """The references of all folders beside the built-in ones, their problems, whether all count."""
    problems: list[Problem] = []
    all_read = True
    for one in files:
        if pack_files.is_references(one) and one.text is not None:
            found = packs.read_references(one.text, one.path, known)
            if isinstance(found, Listed):
                known = found.known
                problems += found.problems
            else:
                problems += found
                all_read = False
    return known, tuple(problems), all_read


def _trees(files: Sequence[PackFile]) -> tuple[Mapping[str, yaml.Tree], tuple[Problem, ...]]:
    """What is YAML, by its path, until there are too many values; and the problems of others."""
    trees: dict[str, yaml.Tree] = {}
    problems: list[Problem] = []
    for one in files:
        if _values(trees) > MAX_VALUES:
            break
        if one.text is None:
            problems.append(Problem(one.path, 0, 0, pack_files.unread(one)))
        elif not pack_files.is_references(one):
            tree = yaml.read(one.text, one.path)
            if isinstance(tree, yaml.Tree):
                trees[one.path] = tree
            else:
                problems += tree
    return trees, tuple(problems)


def _judged(
    trees: Mapping[str, yaml.Tree], listed: References
) -> tuple[Mapping[str, Pack], tuple[Problem, ...]]:
    sound: dict[str, Pack] = {}
    problems: list[Problem] = []
    for path, tree in trees.items():
        pack = packs.judged(tree, path, listed)
        if isinstance(pack, Pack):
            sound[path] = pack
        else:
            problems += pack
    return sound, tuple(problems)


def _crowded(trees: Mapping[str, yaml.Tree]) -> Iterator[str]:
    """What the packs have too many of."""
    values = [tree.value for tree in trees.values()]
    for found, most, noun, remedy in (
        (sum(1 for _ in limits.regexes_in(values)), MAX_REGEXES, "regular expressions",
         "join some by `|`"),
        (sum(1 for _ in limits.globs_in(values)), MAX_GLOBS, "globs",
         "name folders instead of files"),
        (sum(map(_hazards, values)), MAX_HAZARDS, "hazards", "take some out"),
        (_values(trees), MAX_VALUES, "values", "take some out"),
    ):  # fmt: skip
        if found > most:
            yield f"have {found:,} {noun} together, more than {most:,}: {remedy}"


def _values(trees: Mapping[str, yaml.Tree]) -> int:
    return sum(len(tree.values) for tree in trees.values())


def _hazards(value: object) -> int:
    listed = value.get("hazards") if isinstance(value, dict) else None
    return len(listed) if isinstance(listed, list) else 0


def _laborious(trees: Mapping[str, yaml.Tree]) -> Iterator[str]:
    values = [tree.value for tree in trees.values()]
    steps = limits.steps(values, regexes.MAX_HAZARD_STEPS)
    if steps > MAX_STEPS:
        why = f"more than {MAX_STEPS:,}: shorten them, lower their repeat counts"
        yield f"regular expressions take {steps:,} steps together, {why}"


def _doubled(own: Mapping[str, Pack], builtin: tuple[Area, ...]) -> Iterator[Problem]:
    """Ids that another pack or a built-in one has."""
    homes = {named: f"the built-in area `{area.id}`" for area in builtin for named in _ids(area)}
    for path, pack in own.items():
        here: dict[tuple[str, str], str] = {}
        for noun, id, loc in _places(pack.part):
            line, column = pack.tree.at(loc)
            here[noun, id] = f"`{path}`, line {line}"
            if home := homes.get((noun, id)):
                remedy = "take another id"
                if noun == "area" and home.startswith("the built-in"):
                    remedy = "change that one under `areas` of the policy, or take another id"
                words = f"the {noun} id `{id}` is used already, by {home}: {remedy}"
                yield Problem(path, line, column, words)
        homes = here | homes


def _unnamed(own: Mapping[str, Pack], builtin: tuple[Area, ...]) -> Iterator[Problem]:
    """Hazards and areas that a `when` names and no pack has: such a question is never asked."""
    ids = [pair for area in builtin for pair in _ids(area)]
    ids += [(noun, id) for pack in own.values() for noun, id, _ in _places(pack.part)]
    known = {noun: {id for one, id in ids if one == noun} for noun in ("hazard", "area")}
    for path, pack in own.items():
        for at, item in enumerate(pack.part.items):
            named = [("when", *one) for one in _named(item.when)]
            named += [("must_when", *one) for one in _named(item.must_when)]
            for key, noun, name in named:
                if name not in known[noun]:
                    place = pack.tree.at(("items", at, key))
                    near = meant(name, get_close_matches(name, known[noun], n=1))
                    yield Problem(path, *place, f"`{name}` is no {noun} of any pack{near}")


def _named(when: WhenPart | None) -> Iterator[tuple[str, str]]:
    """The hazards and areas that a condition names, at any depth."""
    if when is None:
        return
    yield from (("hazard", name) for name in when.hazard or ())
    yield from (("area", name) for name in when.area or ())
    for inner in (*(when.any or ()), *(when.all or ()), when.not_):
        yield from _named(inner)


def _ids(area: Area) -> Iterator[tuple[str, str]]:
    yield "area", area.id
    yield from (("item", item.id) for item in area.items)
    yield from (("item", item) for item, _ in area.retired)
    yield from (("hazard", hazard.id) for hazard in area.hazards)


def _places(part: PackPart) -> Iterator[tuple[str, str, yaml.Loc]]:
    yield "area", part.area, ("area",)
    yield from (("item", one.id, ("items", at, "id")) for at, one in enumerate(part.items))
    yield from (("item", one.id, ("retired", at, "id")) for at, one in enumerate(part.retired))
    yield from (("hazard", one.id, ("hazards", at, "id")) for at, one in enumerate(part.hazards))


def _sorted(problems: tuple[Problem, ...]) -> tuple[Problem, ...]:
    return tuple(sorted(problems, key=lambda one: (one.path, one.line, one.column)))
