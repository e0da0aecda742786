"""`ghapp packs list`: packs -> one line each, as text, Markdown or JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from ghapp.core.areas import Text
from ghapp.core.checklist import SEVERITIES
from ghapp.core.markdown import plain, visible
from ghapp.core.packs.packfile import PackPart
from ghapp.core.words.texts import joined
from ghapp.core.words.texts import say as word
from ghapp.errors import BadPack
from ghapp.local import layout
from ghapp.local.output import printed, wrong
from ghapp.local.packsource import by_weight, shelf

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
    wide = [max(layout.cells(row[at]) for row in rows) for at in range(4)]
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
    spaces = [" " * (wide[at] - layout.cells(row[at])) for at in range(4)]
    cells = [row[0] + spaces[0], *(spaces[at] + row[at] for at in range(1, 4))]
    start = "".join(cell + GAP for cell in cells)
    indent = sum(wide) + len(GAP) * 4
    if layout.width() - indent < LEAST_TITLE:
        return start + row[4]
    return start + layout.wrapped(row[4], indent=indent)[indent:]
