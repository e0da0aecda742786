"""Japanese texts keep one style: no doubled full stops, and spaces only beside Latin letters."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations, product
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from ghapp import builtin_packs
from ghapp.core import i18n
from ghapp.core.areas import Reviewers
from ghapp.core.ledger import Refusal, Verb
from ghapp.core.review.commands import COMMANDS, Spec
from ghapp.emulator import words
from ghapp.offline import pack_show
from ghapp.offline.packs import Source, builtin
from tests.core.build import entry, flagged
from tests.core.text.scenes import DB, WEB, Scene, reply

ROOT = Path(__file__).parents[2]
SNAPSHOTS = sorted((ROOT / "tests/core/text/snapshots").glob("*.ja.md"))
PAGES = [*ROOT.glob("*.ja.md"), *sorted(ROOT.glob("docs/ja/*.md"))]

LETTER = r"[\u3005-\u3007\u3041-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3400-\u9fff]"
SIGN = "[、。，．：；？！（）「」『』【】]"
MISTAKES = re.compile(
    "|".join(
        (
            "[？！。]。|、[、。]",
            # Emphasis between the two does not show.
            rf"(?:{LETTER}|{SIGN})[*~]* +[*~]*(?:{LETTER}|{SIGN})",
            rf"(?<=[^ ·]) +{SIGN}",
            rf"{LETTER}[,;:?!()]|[,;?!()]{LETTER}",
            rf"{LETTER}[A-Za-z0-9`]|[A-Za-z0-9`]{LETTER}",
        )
    )
)


def mistakes(text: str) -> list[str]:
    """The places that break the style, with what stands around them; within code nothing does."""
    text = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "`x`", text)
    return [text[max(0, one.start() - 9) : one.end() + 9] for one in MISTAKES.finditer(text)]


def of_packs() -> Iterator[tuple[str, str]]:
    for area in builtin_packs.builtin():
        yield area.id, area.title.ja
        for item in area.items:
            for text in (item.question, item.why, item.evidence):
                yield item.id, text.ja
        for hazard in area.hazards:
            yield hazard.id, hazard.message.naming("orders").ja
            yield f"{hazard.id} without a name", hazard.message.naming("").ja
    for key, (title, _) in builtin_packs.references().links.items():
        yield key, title.replace("グレード2018", "グレード")  # its own spelling


TEXTS = [
    *((key, text) for key, text in i18n.table("ja").items() if not key.startswith("usage_")),
    *((f"demo: {key}", texts["ja"]) for key, texts in words.table().items()),
    *of_packs(),
]


def test_texts_keep_the_style() -> None:
    assert {name: found for name, text in TEXTS if (found := mistakes(text))} == {}


@pytest.mark.parametrize("file", SNAPSHOTS, ids=lambda file: file.name)
def test_what_people_read_keeps_the_style(file: Path) -> None:
    text = re.sub("^Buttons: .*$", "", file.read_text("utf-8"), flags=re.MULTILINE)  # the test's
    assert mistakes(text) == []


@pytest.mark.parametrize("file", [*PAGES, *SNAPSHOTS], ids=lambda file: file.name)
def test_emphasis_is_shown_as_such(file: Path) -> None:
    """Beside Japanese signs, Markdown may take asterisks and tildes for text."""
    markdown = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    tokens = [
        one for token in markdown.parse(file.read_text("utf-8")) for one in token.children or ()
    ]
    shown = [token.content for token in tokens if token.type == "text"]
    assert [text for text in shown if "**" in text or "~~" in text] == []


WHO = (
    Reviewers(teams=("sre", "leads")),
    Reviewers(users=("wes", "bob")),
    Reviewers(teams=("sre",), users=("wes",)),
    Reviewers(),
)


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("mode", ["advise", "enforce"])
@pytest.mark.parametrize("count", range(5))
def test_the_next_step_keeps_the_style(who: Reviewers, mode: str, count: int) -> None:
    """Whoever signs off, through whichever channels."""
    first, second = (replace(area, mode=mode) for area in (replace(DB, reviewers=who), WEB))
    answers = [entry(Verb.CHECK, f"{name}-rollback", "ann") for name in ("db", "web")]
    for channels in combinations(("command", "label", "review", "button"), count):
        rules = {"sign_off_by": frozenset(channels), "mode": mode, "waivers": who}
        for areas, ledger in product([(first,), (first, second)], [(), answers]):
            scene = Scene(ledger, tuple(map(flagged, areas)), rules=dict(rules))
            marks = scene.decided("ja").marks
            assert marks.check_run
            assert mistakes(f"{marks.comment}\n{marks.check_run.title}") == []
            assert mistakes(f"{marks.check_run.summary}\n{marks.check_run.text}") == []


@pytest.mark.parametrize("source", builtin().sources, ids=lambda source: source.pack.part.area)
def test_a_pack_is_shown_without_spaces_between_words(source: Source) -> None:
    """Two spaces and more are columns."""
    shown = pack_show.as_text([source], i18n.Words("ja"))
    assert re.findall(rf"(?<! )(?:{LETTER}|{SIGN}) (?:{LETTER}|{SIGN}).*", shown) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_keeps_the_style(page: Path) -> None:
    """Code blocks are those of the English page. A browser shows the end of a line as a space."""
    text = re.sub(r"^ *```.*?^ *```$", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"!\[.*?\]\(.*?\)", "", text)
    text = re.sub(r"\[(.*?)\]\(.*?\)", r"\1", text)  # links as they are shown
    assert mistakes(text) == []
    assert (
        re.findall(rf"^(?![#|]).*{LETTER}\n(?= *(?:{LETTER}|{SIGN}|\[))", text, re.MULTILINE) == []
    )


@pytest.mark.parametrize("spec", COMMANDS.values(), ids=COMMANDS)
@pytest.mark.parametrize(
    "reason", ["reason_missing", "subjects_missing", "subjects_unwanted", "not_at_start"]
)
def test_the_usage_in_a_refusal_is_japanese(spec: Spec, reason: str) -> None:
    named = f"/nfr {spec.usage}" if reason == "not_at_start" else spec.usage
    said = reply("ja", Scene(), Verb.REFUSED, refusal=Refusal(reason, named))
    (usage,) = re.findall("`(/nfr .*?)`", said)
    keywords = {"nfr", spec.usage.split()[0], "until", "by", "ID", "YYYY", "MM", "DD"}
    assert set(re.findall("[A-Za-z]+", usage)) <= keywords


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("よいですか？。", ["よいですか？。"]),
        ("終わり。。", ["終わり。。"]),
        ("**承認** 済み", ["**承認** 済み"]),
        ("チーム `sre` （DB）", ["チーム `sre` （DB）"]),
        ("可能（any）です(例)", ["可能（any）です(例)"]),
        ("PRを確認", ["PRを確認"]),
        ("チーム `sre` が承認（PR 全体） · `na 質問ID`", []),
        ("よいですか？いいえ。`/nfr done`、次へ", []),
    ],
)
def test_mistakes_are_found(text: str, found: list[str]) -> None:
    assert bool(mistakes(text)) == bool(found)
