"""What a flagged part of the system is: how it is spotted and what is asked about it. Values only.

Packs (`packs.py`) and policies (`policy.py`) build these; `triggers.py` and `checklist.py` read.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Text:
    """Words people read; the two languages are peers, neither falls back to the other."""

    en: str
    ja: str

    def to(self, language: str) -> str:
        """The words in `language`, en or ja."""
        return self.ja if language == "ja" else self.en


@dataclass(frozen=True, slots=True)
class Size:
    """Thresholds over the whole pull without files that match `not_counting`; 0 is no bound."""

    files_gte: int = 0
    added_gte: int = 0
    not_counting: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Detect:
    """The signals that flag an area. diff and title are RE2, other patterns globs."""

    paths: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    diff: tuple[str, ...] = ()
    diff_files: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    title: str = ""
    size: Size | None = None


@dataclass(frozen=True, slots=True)
class Clause:
    """One key of a `when` mapping: true if any of `values` holds.

    kind: diff | removed | path | title | label | hazard | area | flagged_by | files_gte |
    added_gte | pull_files_gte | pull_added_gte | table_in. values: regexes, globs, names or one
    number in decimal, by kind.
    """

    kind: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Combined:
    """Conditions joined. how: all | any | not (of exactly one)."""

    how: str
    of: tuple[When, ...]


When = Clause | Combined


@dataclass(frozen=True, slots=True)
class Item:
    """One question that evidence answers in two minutes.

    id: never reused; answers and sign-offs refer to it. severity: must | should | could.
    refs: keys of `checklists/references.yml`. when: None is always.
    kind: of evidence asked for: "" (a tick will do) | url | number | text | choice.
    """

    id: str
    severity: str
    category: str
    question: Text
    why: Text = Text("", "")
    evidence: Text = Text("", "")
    refs: tuple[str, ...] = ()
    when: When | None = None
    kind: str = ""
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reviewers:
    """Who may sign off; neither teams nor users: people with maintain or admin.

    teams: slugs in the repository's organisation.
    """

    teams: tuple[str, ...] = ()
    users: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.teams or self.users)


@dataclass(frozen=True, slots=True)
class Area:
    """A flagged part of the system, as a policy has it in force.

    weight: 5 first. mode: observe | advise | enforce. enabled: packs may ship switched off.
    """

    id: str
    title: Text
    weight: int
    detect: Detect
    items: tuple[Item, ...]
    enabled: bool = True
    mode: str = "advise"
    reviewers: Reviewers = Reviewers()


@dataclass(frozen=True, slots=True)
class Hit:
    """Why an area is touched; always shown.

    kind: label | path | diff | size. what: the label's name, the glob, the added line (cut), or
    the number of files or lines. path, line: where; "" and 0 for the whole pull.
    """

    kind: str
    what: str
    path: str = ""
    line: int = 0
