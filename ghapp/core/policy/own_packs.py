"""The files that a policy names under `packs` -> a repository's own areas, with all mistakes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ghapp.core.areas import Area
from ghapp.core.model import Problem
from ghapp.core.patterns import globs, regexes
from ghapp.core.policy import limits, pack_files, pack_schema, packs, yaml
from ghapp.core.policy.fields import json_schema
from ghapp.core.policy.pack_schema import PackPart, References, WhenPart
from ghapp.core.policy.packs import Listed, Pack
from ghapp.core.policy.problems import meant
from ghapp.core.records import PackFile

# Limits for all packs of a repository together, besides those in `limits`.
MAX_HAZARDS = 200
MAX_VALUES = 100_000  # all built-in packs have 7,000
LESS = "take some out"

Fault = tuple[yaml.Loc, str]


@dataclass(frozen=True, slots=True)
class OwnPacks:
    """The packs of a repository, as far as they are sound.

    areas: of the sound packs. references: their own and the built-in ones.
    faults: at their places in the policy. problems: in the files of the packs.
    """

    areas: tuple[Area, ...] = ()
    references: References = field(default_factory=References)
    faults: tuple[Fault, ...] = ()
    problems: tuple[Problem, ...] = ()


def read(
    named: Sequence[str], files: Sequence[PackFile], builtin: tuple[Area, ...], known: References
) -> OwnPacks:
    """The packs in these files. Each is checked by itself, and against all other packs.

    named: the globs under `packs`. files: what `pack_files.chosen` gives, with the texts.
    known: the built-in references.
    """
    faults: list[Fault] = []
    paths = [one.path for one in files if not pack_files.is_references(one)]
    for place, glob in enumerate(named):
        if not any(globs.matches((glob,), path) for path in paths):
            text = f"`{glob}` matches no file: add the pack, or take the glob out"
            faults.append((("packs", place), text))
    if pack_files.too_many(files):
        words = f"match more than {pack_files.MAX_FILES} files: join some packs, or name fewer"
        return OwnPacks(references=known, faults=(*faults, (("packs",), f"the globs {words}")))
    trees, known, problems, all_references = _parsed(files, known)
    values = [tree.value for tree in trees.values()]
    hazards = [value.get("hazards") for value in values if isinstance(value, dict)]
    crowded = limits.crowded(
        values,
        (sum(len(x) for x in hazards if isinstance(x, list)), MAX_HAZARDS, "hazards", LESS),
        (_values(trees), MAX_VALUES, "values", LESS),
    )
    beyond = [f"have {count} together, {why}" for count, why in crowded]
    if beyond or not all_references:  # limits are reported before any of the patterns is compiled
        faults += [(("packs",), f"the packs {words}") for words in beyond]
        return OwnPacks((), known, tuple(faults), _sorted(problems))
    own: dict[str, Pack] = {}
    for path, tree in trees.items():
        pack = packs.read(tree, path, known)
        if isinstance(pack, Pack):
            own[path] = pack
        else:
            problems += pack
    if words := limits.laborious(values, regexes.MAX_HAZARD_STEPS):
        faults.append((("packs",), f"the packs' {words}"))
    problems += _ids_used_twice(own, builtin)
    if len(own) == len(trees):
        problems += _unknown_names(own, builtin)
    areas = (replace(pack_schema.area(pack.part, known), flag="touch") for pack in own.values())
    return OwnPacks(tuple(areas), known, tuple(faults), _sorted(problems))


def schema() -> dict[str, Any]:
    """The JSON Schema of a pack, for editors."""
    return json_schema(PackPart, "urn:ghapp:schema:pack:1", "Pack of ghapp, .github/nfr/*.yml")


def _parsed(
    files: Sequence[PackFile], known: References
) -> tuple[Mapping[str, yaml.Tree], References, list[Problem], bool]:
    """The packs by path, until they have too many values; the known references with the new ones;
    all problems; and whether all files of references could be read.
    """
    trees: dict[str, yaml.Tree] = {}
    problems: list[Problem] = []
    all_references = True
    for one in files:
        if one.text is None:
            problems.append(Problem(one.path, 0, 0, pack_files.unread(one)))
        elif pack_files.is_references(one):
            listed = packs.read_references(one.text, one.path, known)
            if isinstance(listed, Listed):
                known = listed.known
                problems += listed.problems
            else:
                problems += listed
                all_references = False
        elif _values(trees) <= MAX_VALUES:
            tree = yaml.read(one.text, one.path)
            if isinstance(tree, yaml.Tree):
                trees[one.path] = tree
            else:
                problems += tree
    return trees, known, problems, all_references


def _values(trees: Mapping[str, yaml.Tree]) -> int:
    return sum(len(tree.values) for tree in trees.values())


def _ids_used_twice(own: Mapping[str, Pack], builtin: tuple[Area, ...]) -> Iterator[Problem]:
    """Ids that an earlier pack or a built-in one has already, those of retired items included."""
    homes: dict[tuple[str, str], str] = {}
    for area in builtin:
        home = f"the built-in area `{area.id}`"
        homes["area", area.id] = home
        homes |= {("item", item.id): home for item in area.items}
        homes |= {("item", item): home for item, _ in area.retired}
        homes |= {("hazard", hazard.id): home for hazard in area.hazards}
    for path, pack in own.items():
        part = pack.part
        ids: list[tuple[str, str, yaml.Loc]] = [("area", part.area, ("area",))]
        ids += [("item", one.id, ("items", at, "id")) for at, one in enumerate(part.items)]
        ids += [("item", one.id, ("retired", at, "id")) for at, one in enumerate(part.retired)]
        ids += [("hazard", one.id, ("hazards", at, "id")) for at, one in enumerate(part.hazards)]
        here: dict[tuple[str, str], str] = {}
        for noun, id, loc in ids:
            line, column = pack.tree.at(loc)
            here[noun, id] = f"`{path}`, line {line}"
            if other := homes.get((noun, id)):
                remedy = "take another id"
                if noun == "area" and other.startswith("the built-in"):
                    remedy = "change that one under `areas` of the policy, or take another id"
                words = f"the {noun} id `{id}` is used already, by {other}: {remedy}"
                yield Problem(path, line, column, words)
        homes = here | homes


def _unknown_names(own: Mapping[str, Pack], builtin: tuple[Area, ...]) -> Iterator[Problem]:
    """Hazards, areas and questions that an item refers to and no pack has."""
    parts = [pack.part for pack in own.values()]
    known = {
        "hazard": {one.id for area in builtin for one in area.hazards}
        | {one.id for part in parts for one in part.hazards},
        "area": {area.id for area in builtin} | {part.area for part in parts},
        "item": {one.id for area in builtin for one in area.items}
        | {one.id for part in parts for one in part.items},
    }
    for path, pack in own.items():
        for at, item in enumerate(pack.part.items):
            same = [("same_as", "item", item.same_as.item)] if item.same_as else []
            named = [("when", *one) for one in _names_in(item.when)]
            named += [("must_when", *one) for one in _names_in(item.must_when)]
            for key, noun, name in (*named, *same):
                if name not in known[noun]:
                    place = pack.tree.at(("items", at, key))
                    article = "a" if noun == "hazard" else "an"
                    near = meant(name, known[noun], listed=False)
                    words = f"`{name}` is not {article} {noun} of any pack{near}"
                    yield Problem(path, *place, words)


def _names_in(when: WhenPart | None) -> Iterator[tuple[str, str]]:
    """The hazards and areas that a condition names, at any depth."""
    if when is None:
        return
    yield from (("hazard", name) for name in when.hazard or ())
    yield from (("area", name) for name in when.area or ())
    for inner in (*(when.any or ()), *(when.all or ()), when.not_):
        yield from _names_in(inner)


def _sorted(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    return tuple(sorted(problems, key=lambda one: (one.path, one.line, one.column)))
