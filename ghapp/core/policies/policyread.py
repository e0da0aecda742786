"""A policy file with the packs it names -> its values, or the Problems of all of them at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from ghapp.core.areas import Area
from ghapp.core.memory import PackFile
from ghapp.core.model import Problem
from ghapp.core.packs import yaml
from ghapp.core.packs.mistakes import mistakes
from ghapp.core.packs.packfile import References
from ghapp.core.policies import ownpacks
from ghapp.core.policies.ownpacks import Own
from ghapp.core.policies.policyfaults import crowded, faults, laborious
from ghapp.core.policies.policyfile import ELSEWHERE, PolicyFile

DEFAULT_LABELS: Mapping[str, str] = {
    "waiting": "nfr: needs sign-off",
    "hold": "nfr: on hold",
    "signed_off": "nfr: signed off",
    "waived": "nfr: waived",
    "follow_ups": "nfr: follow-ups",
    "follow_up": "nfr: follow-up",
}


@dataclass(frozen=True, slots=True)
class Sound:
    """A file without problems. packs, references: the built-in ones and the repository's own."""

    file: PolicyFile
    packs: tuple[Area, ...]
    references: References


def read(
    text: str | bytes,
    path: str,
    files: Sequence[PackFile],
    packs: tuple[Area, ...],
    references: References,
) -> Sound | tuple[Problem, ...]:
    """The file, or the problems in the order of its places, then those of its packs.

    files: as `packfiles.chosen` gives them, with their texts. packs, references: the built-in ones.
    """
    tree = yaml.read(text, path)
    if not isinstance(tree, yaml.Tree):
        return tree
    if tree.value is None:
        return Sound(PolicyFile(), packs, references)
    value = tree.value
    found = tuple(Problem(path, *tree.key_at(loc), text) for loc, text in crowded(value))
    if found:
        return found
    try:
        file = PolicyFile.model_validate(value)
    except ValidationError as error:
        found = mistakes(error, PolicyFile, tree, path, ELSEWHERE)
        # What is well-formed is looked at too, so that all problems are told at once.
        file = PolicyFile.model_validate(_well_formed(value, error))
    own = ownpacks.read(file.packs or (), files, packs, references)
    joined = (*packs, *own.areas)
    names = faults(file, joined, own.references, all_packs=_all_packs(value, file, own))
    faulty = [*_unfit(file), *laborious(value), *own.faults, *names][: yaml.MAX_PROBLEMS]
    found += tuple(Problem(path, *tree.key_at(loc), text) for loc, text in faulty)
    found = tuple(sorted(found, key=lambda one: (one.line, one.column)))
    return (*found, *own.problems) or Sound(file, joined, own.references)


def _all_packs(value: object, file: PolicyFile, own: Own) -> bool:
    """Whether all areas are known that the file's packs have."""
    looked_at = file.packs is not None or not (isinstance(value, dict) and value.get("packs"))
    return looked_at and not own.faults and not own.problems


def _well_formed(value: object, error: ValidationError) -> dict[str, Any]:
    """The keys and areas of the file in which the validation found nothing."""
    details = error.errors(include_url=False, include_context=False, include_input=False)
    broken = {one["loc"][: 2 if one["loc"][:1] == ("areas",) else 1] for one in details}
    if not isinstance(value, dict) or () in broken:
        return {}
    sound = {key: inside for key, inside in value.items() if (key,) not in broken}
    if isinstance(sound.get("areas"), dict):
        inside = sound["areas"].items()
        sound["areas"] = {name: area for name, area in inside if ("areas", name) not in broken}
    return sound


def _unfit(file: PolicyFile) -> Iterator[tuple[yaml.Loc, str]]:
    """Values that do not go together."""
    seen: dict[str, str] = {}
    for state, default in DEFAULT_LABELS.items():
        name = getattr(file.labels, state, None) or default
        other = seen.setdefault(name.casefold(), state)
        if other != state:
            both = f"`labels.{other}` and `labels.{state}`"
            written = state if getattr(file.labels, state) else other
            yield ("labels", written), f"{both} are the same label on GitHub: rename one"
    defer = file.defer
    # A maximum below the usual 30 days alone lowers them as well.
    if defer and (defer.default_days or 0) > (defer.max_days or 90):
        text = "`defer.default_days` is more than `defer.max_days`: lower it"
        yield ("defer", "default_days"), text
