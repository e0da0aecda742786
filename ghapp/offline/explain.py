"""`ghapp explain --policy`: the policy in force, each value with the layer and line that set it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from rich.cells import cell_len, set_cell_size

from ghapp import builtin_packs
from ghapp.core.i18n import Words
from ghapp.core.markdown import seen
from ghapp.core.policy.policy import POLICY_PATH, Policy, Rules, effective
from ghapp.core.policy.settings import all_settings
from ghapp.core.records import PolicySource
from ghapp.core.text.policy import origin
from ghapp.errors import BadPack
from ghapp.offline import packs
from ghapp.terminal import printed, wrapped, wrong

GOOD, PROBLEMS = 0, 1  # exit statuses
COMMAND = "ghapp explain"


def run(path: Path, organisation: Path | None, format: str, language: str | None) -> int:
    """Prints the policy of a checkout. path: its folder, or a policy file.

    organisation: the file of the layer below. format: text | json. language: None means that of
    the policy. The result is the exit status: 0 good, 1 if a file has problems or a lock refuses
    something, 2 for wrong use or an output that cannot be written.
    """
    rules = builtin_packs.rules("advise")
    try:
        source = read(path, organisation, rules)
    except BadPack as error:
        return wrong(f"{COMMAND}: {error}")
    status = printed(explained(source, rules, format, language), COMMAND)
    policy = effective(source, rules)
    return status or (PROBLEMS if policy.problems or policy.refused else GOOD)


def read(path: Path, organisation: Path | None, rules: Rules) -> PolicySource:
    """The policy of a checkout, over that of its organisation. Raises BadPack (unreadable)."""
    below = packs.layer(organisation, rules) if organisation else None
    file = path / POLICY_PATH if path.is_dir() else path
    if path.is_dir() and not file.exists():
        return PolicySource(organisation=below)
    return packs.layer(file, rules, below)


def explained(source: PolicySource, rules: Rules, format: str, language: str | None) -> str:
    """The policy that the files of a source put in force; what is wrong with them comes first."""
    policy = effective(source, rules)
    return FORMATS[format](policy, Words(language or policy.language))


def as_text(policy: Policy, words: Words) -> str:
    """One line for each value: its key, where it comes from, and the value, wrapped."""
    rows = [(one.key, origin(one.origin, words), one.value) for one in all_settings(policy)]
    keys, origins, _ = (max(map(cell_len, column)) for column in zip(*rows, strict=True))
    lines = [str(one) for one in (*policy.problems, *policy.refused)]
    lines += [""] if lines else []
    for key, where, value in rows:
        start = f"{set_cell_size(key, keys)}  {set_cell_size(where, origins)}  "
        lines.append(wrapped(seen(value), start))
    return "\n".join(lines)


def as_json(policy: Policy, _words: Words) -> str:
    """For programs; the shape is a promise, and `version` changes with it."""
    problems, refused = (
        [
            {"path": one.path, "line": one.line, "column": one.column, "message": one.text}
            for one in found
        ]
        for found in (policy.problems, policy.refused)
    )
    values = [
        {"key": one.key, "value": one.value, "layer": one.origin.layer, "line": one.origin.line}
        for one in all_settings(policy)
    ]
    outcome = {
        "version": 1,
        "standing": policy.standing,
        "problems": problems,
        "refused": refused,
        "values": values,
    }
    return json.dumps(outcome, ensure_ascii=False, indent=2)


FORMATS: Mapping[str, Callable[[Policy, Words], str]] = {"text": as_text, "json": as_json}
