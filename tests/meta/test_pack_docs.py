"""docs/packs.md says what packs are: its table, its keys, its examples."""

import re
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from ghapp.builtin_packs import references
from ghapp.cli import app
from ghapp.core.i18n import Words
from ghapp.core.patterns import globs
from ghapp.core.policy.fields import MAX_LIST
from ghapp.core.policy.hazard_schema import MAX_NEIGHBOURS, HazardPart
from ghapp.core.policy.pack_schema import (
    MOST_HAZARDS,
    MOST_LINKS,
    BoundsPart,
    DetectPart,
    ItemPart,
    PackPart,
    RetiredPart,
    SizePart,
    TitlePart,
    WhenPart,
)
from ghapp.core.policy.policy_schema import PolicyFile
from ghapp.core.scan import blocks
from ghapp.core.scan.suspects import NEAREST_LINES
from ghapp.offline import pack_test
from ghapp.offline.packs import as_markdown, builtin, by_weight

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "packs.md").read_text(encoding="utf-8")
MADE = re.search(r"<!-- made by .* -->\n(.*)\n<!-- end of what is made -->", DOCUMENT, re.DOTALL)
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)
PACK = next(text for text in EXAMPLES if text.startswith("area:"))
REFERENCES = next(text for text in EXAMPLES if text.startswith("gift-card-runbook:"))
NUMBERS = {2: "two", 6: "six"}
SETS = references().sets
RULES = [text for text in EXAMPLES if text.startswith("match:")]


def section(name):
    """The part of the document below a heading."""
    return DOCUMENT.partition(f"\n### {name}\n")[2].partition("\n### ")[0]


def keys(part):
    return [field.alias or name for name, field in part.model_fields.items()]


def test_the_overview_is_that_of_the_packs():
    parts = [source.pack.part for source in by_weight(builtin().sources)]
    assert MADE
    assert MADE[1] == as_markdown(parts, Words("en"))


@pytest.mark.parametrize(
    ("name", "key"),
    [
        *(("The pack", key) for key in keys(PackPart)),
        *(("The pack", key) for key in keys(TitlePart)),
        *(("`detect`", key) for key in keys(DetectPart)),
        *(("`detect`", f"size.{key}") for key in keys(SizePart)),
        *(("`items`", key) for key in keys(ItemPart)),
        *(("`items`", key) for key in keys(RetiredPart)),
        *(("`when`", key) for key in keys(WhenPart)),
        *(("`when`", key) for key in keys(BoundsPart)),
        *(("`hazards`", key) for key in keys(HazardPart)),
    ],
)
def test_every_key_of_a_pack_is_documented(name, key):
    named = f"{key}: " if name == "The pack" and key in keys(TitlePart) else f"`{key}`"
    assert named in section(name)


def test_no_key_is_documented_that_a_pack_has_not():
    known = {
        "The pack": keys(PackPart),
        "`detect`": [*keys(DetectPart), *(f"size.{key}" for key in keys(SizePart))],
        "`items`": keys(ItemPart),
        "`when`": keys(WhenPart),
        "`hazards`": keys(HazardPart),
    }
    for name, of_part in known.items():
        rows = re.findall(r"^\| (`.*?`) \|", section(name), re.MULTILINE)
        assert {key.strip("`") for row in rows for key in row.split(", ")} <= {*of_part}


def test_the_sets_of_globs_are_those_of_the_packs():
    rows = re.findall(r"^\| `([a-z-]+)` \| (`.*`) \|$", section("Sets of globs"), re.MULTILINE)
    assert {name: tuple(re.findall("`(.*?)`", listed)) for name, listed in rows} == SETS


def test_every_set_is_sound_and_named_by_several_packs():
    named = [name for one in builtin().sources for name in one.pack.part.detect.exclude_sets]
    for name, listed in SETS.items():
        assert [globs.fault(glob) for glob in listed] == [""] * len(listed)
        assert named.count(name) >= 5


def test_the_questions_that_may_not_be_deferred_are_those_of_the_packs():
    policy = (ROOT / "docs" / "policy.md").read_text(encoding="utf-8")
    marked = policy.partition("mark with `never_defer`:")[2].partition(". A gap")[0]
    parts = [source.pack.part for source in builtin().sources]
    never = {item.id for part in parts for item in part.items if item.never_defer}
    assert set(re.findall("`(.*?)`", marked)) == never


def test_the_bounds_are_those_of_the_code():
    samples = HazardPart.model_fields["hit"].metadata[0].max_length
    text = " ".join(DOCUMENT.split())
    for words in (
        f"at most {MOST_HAZARDS} hazards, a hazard {samples} samples of each kind",
        f"any list {MAX_LIST} entries",
        f"N is 1 to {MAX_NEIGHBOURS}",
        f"at most {NUMBERS[blocks.MOST_STEPS]} times. At most {blocks.MOST_LINES} lines",
        f"up to {NEAREST_LINES} lines above",
        f"the first {NUMBERS[MOST_LINKS]} are shown as links",
    ):
        assert words in text


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A repository with the pack of the document."""
    own = tmp_path / ".github" / "nfr"
    own.mkdir(parents=True)
    (own / "gift-cards.yml").write_text(PACK, encoding="utf-8")
    (own / "references.yml").write_text(REFERENCES, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return own


def test_the_example_holds(folder):
    done = CliRunner().invoke(app, ["test", ".github/nfr"])
    assert (done.exit_code, done.output) == (0, "1 hazard, 3 samples, 2 paths, 0 failed\n")
    assert done.output.strip() in DOCUMENT


def test_the_report_of_failing_samples_is_the_one_shown(folder):
    words = {"    hit:": "    miss:", "    miss:": "    hit:"}
    lines = [words.get(line, line) for line in PACK.split("\n")]
    (folder / "gift-cards.yml").write_text("\n".join(lines), encoding="utf-8")
    done = CliRunner().invoke(app, ["test", ".github/nfr"])
    shown = re.search(r"^```text\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)
    assert shown
    assert (done.exit_code, done.output) == (1, shown[1].replace("\n        ", " "))  # folded there


@pytest.mark.parametrize("rule", RULES)
def test_the_examples_of_scopes_hold(rule, tmp_path):
    given = yaml.safe_load(PACK)
    given["hazards"] = [
        {"id": "GIFT-001", "item": "gift-once", "sev": "must", "en": "x", "ja": "x"}
        | yaml.safe_load(rule)
    ]
    given["items"][0]["refs"] = []
    file = tmp_path / "pack.yml"
    file.write_text(yaml.safe_dump(given, allow_unicode=True), encoding="utf-8")
    assert not pack_test.tested([file]).failures


def test_every_scope_has_an_example():
    scopes = [yaml.safe_load(rule).get("unless_scope", "line") for rule in RULES]
    assert {scope[:1] if scope[0] in "+-~" else scope for scope in scopes} == {
        "line",
        *"+-~",
        "block",
        "nearest",
        "file",
    }


def test_the_other_examples_are_read():
    when = next(text for text in EXAMPLES if text.startswith("when:"))
    WhenPart.model_validate(yaml.safe_load(when)["when"])
    policy = next(text for text in EXAMPLES if text.startswith("packs:"))
    PolicyFile.model_validate(yaml.safe_load(policy))
    for text in ("{gift-cards: {mode: observe}}", "{gift-cards: {hazards: {GIFT-001: off}}}"):
        assert f"`areas: {text}`" in DOCUMENT
        PolicyFile.model_validate({"areas": yaml.safe_load(text)})
