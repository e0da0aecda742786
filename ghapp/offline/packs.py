"""Files and folders of packs -> the packs in them, or what is wrong with them."""

from __future__ import annotations

import json
import os
import stat
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from ghapp import builtin_packs
from ghapp.core.areas import Text
from ghapp.core.i18n import joined
from ghapp.core.i18n import say as word
from ghapp.core.markdown import plain, visible
from ghapp.core.model import Problem
from ghapp.core.policy import own_packs, pack_files, packs
from ghapp.core.policy.pack_files import ENDINGS
from ghapp.core.policy.pack_schema import PackPart, References
from ghapp.core.policy.packs import NAME, Pack
from ghapp.core.policy.yaml import MAX_BYTES
from ghapp.core.records import PackFile
from ghapp.core.scan.checklist import SEVERITIES
from ghapp.errors import BadPack
from ghapp.offline import git, terminal
from ghapp.offline.terminal import printed, wrong

FOREIGN = frozenset({"node_modules", "vendor"})


@dataclass(frozen=True, slots=True)
class Source:
    """A pack and where it was read. name: the file. references: what its items may refer to."""

    name: str
    pack: Pack
    references: References


@dataclass(frozen=True, slots=True)
class Shelf:
    """Packs in the order of their files, and all that is wrong with those and with others."""

    sources: tuple[Source, ...]
    problems: tuple[Problem, ...] = ()


@cache
def builtin() -> Shelf:
    """All packs that ghapp ships."""
    return _shelved(builtin_packs.texts(), builtin_packs.references())


def shelf(paths: Sequence[Path]) -> Shelf:
    """The packs in these files and folders, judged as the App does; none named: the built-in ones.

    Raises BadPack (no such file, or a folder without packs).
    """
    if not paths:
        return builtin()
    files = list(dict.fromkeys(file for path in paths for file in _files(path)))
    if not files:
        raise BadPack(f"{paths[0]}: no pack, but what packs refer to: name the packs")
    shipped = [(str(file), _read(file)) for file in files if builtin_packs.ships(file)]
    own = [file for file in files if not builtin_packs.ships(file)]
    known, mine = _shelved(shipped, builtin_packs.references()), _own(own)
    return Shelf((*known.sources, *mine.sources), (*known.problems, *mine.problems))


def by_weight(sources: Iterable[Source]) -> list[Source]:
    """The heaviest first, then by id, as a pull shows its areas."""
    return sorted(sources, key=lambda one: (-one.pack.part.weight, one.pack.part.area))


def _own(files: Sequence[Path]) -> Shelf:
    """The packs of a company, with the references beside them."""
    mine = [_pack_file(file, str(file)) for file in files]
    folders = dict.fromkeys(file.parent for file in files if (file.parent / NAME).exists())
    beside = [_pack_file(folder / NAME, f"{folder}/{NAME}") for folder in folders]
    found = own_packs.read(
        (), (*mine, *beside), builtin_packs.builtin(), builtin_packs.references()
    )
    texts = [(one.path, one.text) for one in mine if one.text is not None]
    together = tuple(Problem(str(files[0].parent), 0, 0, words) for _, words in found.faults)
    return Shelf(_shelved(texts, found.references).sources, (*together, *found.problems))


def _pack_file(file: Path, name: str) -> PackFile:
    raw = _read(file)
    text = raw.decode("utf-8", "surrogateescape") if len(raw) <= MAX_BYTES else None
    return PackFile(name, size=len(raw), text=text)


def _shelved(texts: Iterable[tuple[str, str | bytes]], known: References) -> Shelf:
    sources: list[Source] = []
    problems: list[Problem] = []
    for name, text in texts:
        pack = packs.read(text, name, known)
        if isinstance(pack, Pack):
            sources.append(Source(name, pack, known))
        else:
            problems += pack
    return Shelf(tuple(sources), tuple(problems))


def _files(path: Path) -> list[Path]:
    """The file, or the packs in the folder; what they refer to is no pack."""
    inside = [path]
    if path.is_dir():
        inside = [one for one in sorted(path.rglob("*")) if _may_be(one.relative_to(path), one)]
        if not inside:
            raise BadPack(f"{path}: no pack in this folder: packs are files that end in .yml")
    return [file for file in inside if file.name != NAME]


def _may_be(inside: Path, file: Path) -> bool:
    """Whether a file of a folder may be a pack: not in hidden folders, and not in foreign code."""
    foreign = any(part.startswith(".") or part in FOREIGN for part in inside.parts)
    return not foreign and file.suffix in ENDINGS and file.is_file()


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise BadPack(f"{file}: cannot be read ({error.strerror})") from error


def in_commit(path: git.Folder, commit: str, policy: bytes) -> tuple[PackFile, ...]:
    """What the policy names at a commit. Raises BadRange (git cannot read it)."""
    return _read_file(
        policy,
        lambda folder: git.folder_at(path, commit, folder),
        lambda file: git.blob(path, file.sha),
    )


def in_folder(root: Path, policy: bytes) -> tuple[PackFile, ...]:
    """What the policy names below a folder of the working tree. Raises BadPack (unreadable)."""
    return _read_file(
        policy,
        lambda folder: _entries(root, folder),
        lambda file: content(root / file.path),
    )


def content(file: Path) -> bytes:
    """What the file holds. Raises BadPack (it cannot be read)."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise BadPack(f"{file}: cannot be read ({error.strerror})") from error


def root_of(file: Path, otherwise: Path) -> Path:
    """The folder that contains the `.github` in which a policy lies, where it lies in one."""
    above = (one.parent for one in file.absolute().parents if one.name == ".github")
    return next(above, otherwise)


def repository_of(file: Path) -> Path:
    """The git repository in which a file lies, else the current folder."""
    above = (one for one in file.absolute().parents if (one / ".git").exists())
    return next(above, Path.cwd())


def shown(
    problems: Iterable[Problem], packs: Iterable[PackFile], root: Path, policy: Path
) -> Iterator[Problem]:
    """Problems with the packs named as their policy was: from the current folder, or in full."""
    names = {}
    for one in packs:
        whole = root / one.path
        names[one.path] = str(whole) if policy.is_absolute() else os.path.relpath(whole)
    for problem in problems:
        yield replace(problem, path=names.get(problem.path, problem.path))


def _read_file(
    policy: bytes,
    entries: Callable[[str], Iterable[PackFile]],
    content: Callable[[PackFile], bytes],
) -> tuple[PackFile, ...]:
    globs = pack_files.named(_text(policy))
    listed = {folder: tuple(entries(folder)) for folder in pack_files.folders(globs)}
    files = pack_files.chosen(globs, listed)
    wanted = pack_files.readable(files)
    return tuple(replace(one, text=_text(content(one))) if one in wanted else one for one in files)


def _text(raw: bytes) -> str:
    # What is no UTF-8 stays so, and is told where the text is read.
    return raw.decode("utf-8", "surrogateescape")


def _entries(root: Path, folder: str) -> list[PackFile]:
    try:
        return [_entry(one, f"{folder}/{one.name}") for one in sorted((root / folder).iterdir())]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise BadPack(f"{root / folder}: cannot be read ({error.strerror})") from error


def _entry(file: Path, path: str) -> PackFile:
    found = file.lstat()
    kinds = {stat.S_IFREG: "file", stat.S_IFLNK: "symlink"}
    return PackFile(path, "", found.st_size, kinds.get(stat.S_IFMT(found.st_mode), "dir"))


GOOD, PROBLEMS = 0, 1
GAP = "  "
LEAST_TITLE = 16  # cells; a narrower terminal wraps the lines by itself

WORDS: Mapping[str, Text] = {
    "total": Text("{packs}, {contents}", "領域 {packs} 件、{contents}"),
    "contents": Text(
        "{questions} ({severities}), {hazards}",
        "質問 {questions} 件（{severities}）、検出ルール {hazards} 件",
    ),
    "severity": Text("{count} {severity}", "{severity} {count}"),
    "area": Text("area", "領域"),
    "weight": Text("weight", "重み"),
    "questions": Text("questions", "質問"),
    "severities": Text("must/should/could", "必須/推奨/任意"),
    "hazards": Text("hazards", "検出ルール"),
    "title": Text("title", "名称"),
    "titled_off": Text("{title} (off by default)", "{title}（既定で無効）"),
}


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
    return printed(FORMATS[format](parts, language), "ghapp packs")


def as_text(parts: Sequence[PackPart], language: str) -> str:
    """For a terminal: a table with the titles in its last column, wrapped there."""
    rows = [[say(key, language) for key in ("area", "weight", "questions", "hazards", "title")]]
    rows += [[part.area, *_figures(part), _title(part, language)] for part in parts]
    wide = [max(terminal.cells(row[at]) for row in rows) for at in range(4)]
    return "\n".join([total(parts, language), "", *(_line(row, wide) for row in rows)])


def as_markdown(parts: Sequence[PackPart], language: str) -> str:
    """For a document."""
    keys = ("area", "weight", "severities", "hazards", "title")
    heading = [say(key, language) for key in keys]
    rows = [[f"`{part.area}`", *_figures(part), plain(_title(part, language))] for part in parts]
    ruled = (heading, ["---", "--:", "--:", "--:", "---"], *rows)
    return "\n".join([total(parts, language), "", *(f"| {' | '.join(row)} |" for row in ruled)])


def as_json(parts: Sequence[PackPart], language: str) -> str:
    """For programs; the shape is a promise."""
    packs = [summary(part, language) for part in parts]
    return json.dumps({"packs": packs}, ensure_ascii=False, indent=2)


def summary(part: PackPart, language: str) -> dict[str, object]:
    """What the list tells programs of a pack."""
    return {
        "id": part.area,
        "title": titled(part, language),
        "weight": part.weight,
        "enabled": part.enabled,
        "counts": {**severities([part]), "hazards": len(part.hazards)},
    }


def total(parts: Sequence[PackPart], language: str) -> str:
    """How many packs there are, and what they hold."""
    packs = counted(len(parts), "pack", language)
    return say("total", language, packs=packs, contents=contents(parts, language))


def contents(parts: Sequence[PackPart], language: str) -> str:
    """How many questions, by severity, and hazards the packs hold together."""
    counts = severities(parts)
    named = (
        say("severity", language, count=count, severity=word(language, f"sev_{severity}"))
        for severity, count in counts.items()
        if count
    )
    return say(
        "contents",
        language,
        questions=counted(sum(counts.values()), "question", language),
        severities=joined(language, tuple(named)),
        hazards=counted(sum(len(part.hazards) for part in parts), "hazard", language),
    )


def say(key: str, language: str, **values: object) -> str:
    """The words under a key."""
    return WORDS[key].to(language).format_map(values)


def titled(part: PackPart, language: str) -> str:
    """The title in one line."""
    return visible(part.title.ja if language == "ja" else part.title.en)


def severities(parts: Iterable[PackPart]) -> dict[str, int]:
    """How many questions of each severity, the gravest first; by the gravest that each can have."""
    counts = Counter[str](
        "must" if item.must_when else item.sev for part in parts for item in part.items
    )
    return {severity: counts[severity] for severity in SEVERITIES}


def counted(number: int, noun: str, language: str) -> str:
    """The number, in English with its noun."""
    return str(number) if language == "ja" else f"{number} {noun}{'' if number == 1 else 's'}"


FORMATS: Mapping[str, Callable[[Sequence[PackPart], str], str]] = {
    "text": as_text,
    "markdown": as_markdown,
    "json": as_json,
}


def _figures(part: PackPart) -> list[str]:
    counts = "/".join(map(str, severities([part]).values()))
    return [str(part.weight), counts, str(len(part.hazards))]


def _title(part: PackPart, language: str) -> str:
    title = titled(part, language)
    return title if part.enabled else say("titled_off", language, title=title)


def _line(row: Sequence[str], wide: Sequence[int]) -> str:
    """One row: the area to the left, figures to the right of their columns."""
    spaces = [" " * (wide[at] - terminal.cells(row[at])) for at in range(4)]
    cells = [row[0] + spaces[0], *(spaces[at] + row[at] for at in range(1, 4))]
    start = "".join(cell + GAP for cell in cells)
    indent = sum(wide) + len(GAP) * 4
    if terminal.width() - indent < LEAST_TITLE:
        return start + row[4]
    return start + terminal.wrapped(row[4], indent=indent)[indent:]
