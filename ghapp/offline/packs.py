"""Packs in files and folders, in a commit and beside a policy; `ghapp packs list`."""

from __future__ import annotations

import json
import os
import re
import stat
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from rich.cells import cell_len, set_cell_size

from ghapp import builtin_packs
from ghapp.core.i18n import Words
from ghapp.core.markdown import plain, visible
from ghapp.core.model import Problem
from ghapp.core.policy import own_packs, pack_files, packs
from ghapp.core.policy.pack_files import ENDINGS
from ghapp.core.policy.pack_schema import PackPart, References
from ghapp.core.policy.packs import NAME, Pack
from ghapp.core.policy.policy import ORGANISATION, REPOSITORY, Rules, problems_of
from ghapp.core.policy.yaml import MAX_BYTES
from ghapp.core.records import PackFile, PolicySource
from ghapp.core.scan.checklist import SEVERITIES
from ghapp.errors import BadPack
from ghapp.offline import git
from ghapp.terminal import counted, printed, wrapped, wrong

PROBLEMS = 1  # exit status
FOREIGN = frozenset({"node_modules", "vendor"})
# Where the tests of a policy are. A file elsewhere is one if it has cases.
TESTS = ".github/nfr/tests"
CASES = re.compile(rb"^cases:", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Source:
    """A pack and where it was read. name: the file. references: what its items may refer to."""

    name: str
    pack: Pack
    references: References


@dataclass(frozen=True, slots=True)
class Shelf:
    """Packs in the order of their files, and the problems of all files, also of broken packs."""

    sources: tuple[Source, ...]
    problems: tuple[Problem, ...] = ()


@cache
def builtin() -> Shelf:
    """All packs that ghapp ships."""
    return _parsed(builtin_packs.texts(), builtin_packs.references())


def shelf(paths: Sequence[Path]) -> Shelf:
    """The packs in these files and folders, checked as the App does; by default the built-in ones.

    Raises BadPack (no such file, or a folder without packs).
    """
    if not paths:
        return builtin()
    files: dict[Path, None] = {}
    for path in paths:
        found = [path]
        if path.is_dir():
            found = [file for file in sorted(path.rglob("*")) if _may_be_pack(file, path)]
            if not found:
                raise BadPack(f"{path}: no pack in this folder: packs are files that end in .yml")
        files |= dict.fromkeys(
            file for file in found if file.name != NAME and not builtin_packs.holds_sets(file)
        )
    if not files:
        raise BadPack(f"{paths[0]}: holds references, not a pack: name the packs")
    shipped = [(str(file), content(file)) for file in files if builtin_packs.ships(file)]
    known = _parsed(shipped, builtin_packs.references())
    own = [file for file in files if not builtin_packs.ships(file)]
    if not own:
        return known
    packs = [_pack_file(file, str(file)) for file in own]
    folders = dict.fromkeys(file.parent for file in own if (file.parent / NAME).exists())
    references = [_pack_file(folder / NAME, f"{folder}/{NAME}") for folder in folders]
    read = own_packs.read(
        (), (*packs, *references), builtin_packs.builtin(), builtin_packs.references()
    )
    texts = [(one.path, one.text) for one in packs if one.text is not None]
    sources = (*known.sources, *_parsed(texts, read.references).sources)
    together = (Problem(str(own[0].parent), 0, 0, text) for _, text in read.faults)
    return Shelf(sources, (*known.problems, *together, *read.problems))


def by_weight(sources: Iterable[Source]) -> list[Source]:
    """The heaviest first, then by id, as a pull shows its areas."""
    return sorted(sources, key=lambda one: (-one.pack.part.weight, one.pack.part.area))


def _parsed(texts: Iterable[tuple[str, str | bytes]], known: References) -> Shelf:
    sources: list[Source] = []
    problems: list[Problem] = []
    for name, text in texts:
        pack = packs.read(text, name, known)
        if isinstance(pack, Pack):
            sources.append(Source(name, pack, known))
        else:
            problems += pack
    return Shelf(tuple(sources), tuple(problems))


def _may_be_pack(file: Path, folder: Path) -> bool:
    """Whether a file of a folder is YAML, not tests, and not in hidden folders or foreign code."""
    parts = file.relative_to(folder).parts
    foreign = any(part.startswith(".") or part in FOREIGN for part in parts)
    is_yaml = not foreign and file.suffix in ENDINGS and file.is_file()
    return is_yaml and not holds_cases(file)


def holds_cases(file: Path) -> bool:
    """Whether a file is tests of a policy, by its folder or its content; then it is not a pack."""
    if file.suffix not in ENDINGS:
        return False
    if file.absolute().parent.as_posix().endswith(f"/{TESTS}"):
        return True
    try:
        with file.open("rb") as opened:
            return CASES.search(opened.read(MAX_BYTES)) is not None
    except OSError:  # whoever reads it reports that
        return False


def _pack_file(file: Path, name: str) -> PackFile:
    raw = content(file)
    text = decoded(raw) if len(raw) <= MAX_BYTES else None
    return PackFile(name, size=len(raw), text=text)


def decoded(raw: bytes) -> str:
    """The text of a file."""
    # Bytes that are not UTF-8 are kept, and reported when the text is parsed.
    return raw.decode("utf-8", "surrogateescape")


def content(file: Path) -> bytes:
    """The content of a file. Raises BadPack (it cannot be read)."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise BadPack(f"{file}: cannot be read ({error.strerror})") from error


def in_commit(path: git.Folder, commit: str, policy: bytes) -> tuple[PackFile, ...]:
    """The packs that a policy names, at a commit. Raises BadRange (git cannot read it)."""
    return _files_named(
        policy,
        lambda folder: git.folder_at(path, commit, folder),
        lambda file: git.blob(path, file.sha),
    )


def beside(
    file: Path,
    policy: bytes,
    rules: Rules,
    otherwise: Path,
    *,
    layer: str = REPOSITORY,
    organisation: PolicySource | None = None,
) -> tuple[tuple[PackFile, ...], tuple[Problem, ...]]:
    """The packs that a policy of the working tree names, and the problems of both.

    layer, organisation: as in `problems_of`. The packs are below the folder that contains the
    policy's `.github`, else below `otherwise`. Problems name them like `file`: relative to the
    current folder, or in full.
    Raises BadPack (unreadable).
    """
    root = root_of(file, otherwise)
    files = _files_named(
        policy, lambda folder: _entries(root, folder), lambda one: content(root / one.path)
    )
    names = {
        one.path: str(root / one.path) if file.is_absolute() else os.path.relpath(root / one.path)
        for one in files
    }
    problems = problems_of(policy, rules, str(file), files, layer=layer, organisation=organisation)
    return files, tuple(replace(one, path=names.get(one.path, one.path)) for one in problems)


def layer_in(root: Path) -> str:
    """Whose policy a checkout has: a repository called `.github` has that of its organisation."""
    return ORGANISATION if root.name == ".github" else REPOSITORY


def layer(file: Path, rules: Rules, organisation: PolicySource | None = None) -> PolicySource:
    """A policy of the working tree with its packs. organisation: the layer below, if it has one.

    Raises BadPack (unreadable).
    """
    raw = content(file)
    above = (one for one in file.absolute().parents if (one / ".git").exists())
    files, _ = beside(file, raw, rules, otherwise=next(above, Path.cwd()))
    return PolicySource(text=decoded(raw), packs=files, organisation=organisation)


def root_of(file: Path, otherwise: Path) -> Path:
    """The folder that contains the `.github` in which a file lies, else `otherwise`."""
    above = (one.parent for one in file.absolute().parents if one.name == ".github")
    return next(above, otherwise)


def _files_named(
    policy: bytes,
    entries: Callable[[str], Iterable[PackFile]],
    read: Callable[[PackFile], bytes],
) -> tuple[PackFile, ...]:
    globs = pack_files.named(decoded(policy))
    listed = {folder: tuple(entries(folder)) for folder in pack_files.folders(globs)}
    files = pack_files.chosen(globs, listed)
    wanted = pack_files.readable(files)
    return tuple(replace(one, text=decoded(read(one))) if one in wanted else one for one in files)


def _entries(root: Path, folder: str) -> list[PackFile]:
    kinds = {stat.S_IFREG: "file", stat.S_IFLNK: "symlink"}
    try:
        found = [(file.name, file.lstat()) for file in sorted((root / folder).iterdir())]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise BadPack(f"{root / folder}: cannot be read ({error.strerror})") from error
    return [
        PackFile(f"{folder}/{name}", "", one.st_size, kinds.get(stat.S_IFMT(one.st_mode), "dir"))
        for name, one in found
    ]


def listed(paths: Sequence[Path], format: str, language: str) -> int:
    """Prints the packs in these files and folders, or all built-in ones.

    format: text | markdown | json. The result is the exit status: 0 good, 1 problems in a pack,
    2 wrong use.
    """
    try:
        found = shelf(paths)
    except BadPack as error:
        return wrong(f"ghapp packs: {error}")
    if found.problems:
        wrong(*map(str, found.problems))
        return PROBLEMS
    parts = [source.pack.part for source in by_weight(found.sources)]
    return printed(FORMATS[format](parts, Words(language)), "ghapp packs")


def as_text(parts: Sequence[PackPart], words: Words) -> str:
    """For a terminal: a table with the titles in its last column, wrapped there."""
    keys = ("area", "weight", "questions", "hazards", "title")
    rows = [[words(f"packs_{key}") for key in keys]]
    rows += [[part.area, *_figures(part), _title(part, words)] for part in parts]
    area_cells, *widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    lines = [_total(parts, words), ""]
    for area, *figures, title in rows:
        start = set_cell_size(area, area_cells) + "  "
        for figure, width in zip(figures, widths, strict=False):
            start += " " * (width - cell_len(figure)) + figure + "  "
        lines.append(wrapped(title, start))
    return "\n".join(lines)


def as_markdown(parts: Sequence[PackPart], words: Words) -> str:
    """For a document."""
    keys = ("area", "weight", "severities", "hazards", "title")
    rows = [[words(f"packs_{key}") for key in keys], ["---", "--:", "--:", "--:", "---"]]
    rows += [[f"`{part.area}`", *_figures(part), plain(_title(part, words))] for part in parts]
    return "\n".join([_total(parts, words), "", *(f"| {' | '.join(row)} |" for row in rows)])


def as_json(parts: Sequence[PackPart], words: Words) -> str:
    """For programs; the shape is a promise."""
    packs = [summary(part, words) for part in parts]
    return json.dumps({"packs": packs}, ensure_ascii=False, indent=2)


FORMATS: Mapping[str, Callable[[Sequence[PackPart], Words], str]] = {
    "text": as_text,
    "markdown": as_markdown,
    "json": as_json,
}


def summary(part: PackPart, words: Words) -> dict[str, object]:
    """A pack in the list for programs."""
    return {
        "id": part.area,
        "title": title(part, words),
        "weight": part.weight,
        "enabled": part.enabled,
        "counts": {**_severities([part]), "hazards": len(part.hazards)},
    }


def contents(parts: Sequence[PackPart], words: Words) -> str:
    """How many questions, by severity, and hazards the packs hold together."""
    counts = _severities(parts)
    return words(
        "packs_contents",
        questions=counted(sum(counts.values()), "question", words),
        severities=words.joined(
            words("severity_count", count=count, severity=words(f"sev_{severity}"))
            for severity, count in counts.items()
            if count
        ),
        hazards=counted(sum(len(part.hazards) for part in parts), "hazard", words),
    )


def title(part: PackPart, words: Words) -> str:
    """The title in one line."""
    return visible(part.title.ja if words.language == "ja" else part.title.en)


def _total(parts: Sequence[PackPart], words: Words) -> str:
    packs = counted(len(parts), "pack", words)
    return words("packs_total", packs=packs, contents=contents(parts, words))


def _severities(parts: Iterable[PackPart]) -> dict[str, int]:
    """How many questions of each severity; a question counts with the highest that it can have."""
    counts = Counter[str](
        "must" if item.must_when else item.sev for part in parts for item in part.items
    )
    return {severity: counts[severity] for severity in SEVERITIES}


def _figures(part: PackPart) -> list[str]:
    counts = "/".join(map(str, _severities([part]).values()))
    return [str(part.weight), counts, str(len(part.hazards))]


def _title(part: PackPart, words: Words) -> str:
    name = title(part, words)
    return name if part.enabled else words("packs_titled_off", title=name)
