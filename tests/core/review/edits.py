"""Ten changes of a policy that teams make, and the pulls that they are replayed over."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import cache

from ghapp import builtin_packs
from ghapp.core.model import File, Pull, PullKey
from ghapp.core.policy.policy import Rules
from ghapp.core.records import PackFile, PolicySource
from ghapp.core.review import preview
from ghapp.core.review.preview import Preview, Proposed, Replay
from tests.core.build import HEAD, SHOP, at
from tests.core.pulls import file

PULL = Pull(
    PullKey(SHOP, 90),
    title="Change the policy",
    author="ann",
    head_sha=HEAD,
    head_ref="policy",
    base_ref="main",
    updated_at=at(0),
    default_branch="main",
)
BASE = """\
version: 1
mode: enforce
reviewers: {teams: [sre]}
waivers: {teams: [sre-leads]}
areas:
  database-migration: {reviewers: {teams: [dba]}}
  ranking:
    title: {en: Ranking, ja: ランキング}
    detect: {paths: ['src/ranking/**']}
    items:
      - id: rank-latency
        sev: must
        cat: performance
        en: p99 under 80 ms?
        ja: p99 は 80 ms 以内ですか？
"""
ADVISE = BASE.replace("mode: enforce", "mode: advise")
PACK = """\
area: discovery
title: {en: Discovery, ja: 検索}
weight: 3
detect: {paths: ['src/search/**']}
items:
  - id: disc-reindex
    cat: operability
    sev: should
    en: How long does a reindex take?
    ja: 再索引の所要時間は？
    why_en: It blocks a rollback.
    why_ja: 切り戻しを妨げます。
    ev_en: A measurement
    ev_ja: 計測結果
"""
ORGANISATION = "mode: enforce\nreviewers: {teams: [sre]}\nlocked: [areas.database-migration]\n"


@dataclass(frozen=True, slots=True)
class Edit:
    """after: the new text. packs: those that it names."""

    after: str
    before: str = BASE
    packs: tuple[PackFile, ...] = ()
    before_packs: tuple[PackFile, ...] = ()
    organisation: str = ""


def changed(old: str, new: str, text: str = BASE) -> str:
    assert old in text
    return text.replace(old, new, 1)


def added(text: str) -> str:
    return BASE + text


def pack(text: str = PACK, path: str = ".github/nfr/search.yml") -> PackFile:
    return PackFile(path, "1", len(text), text=text)


NAMES_PACKS = "packs: ['.github/nfr/*.yml']\n"
EDITS = {
    "observe_first": Edit(changed("mode: enforce", "mode: observe")),
    "enforce_from": Edit(
        changed("mode: advise", "mode: enforce\nenforce_from: 2027-01-15", ADVISE), before=ADVISE
    ),
    "one_area_advises": Edit(changed("{reviewers: {teams: [dba]}}", "{mode: advise}")),
    "area_off": Edit(changed("{reviewers: {teams: [dba]}}", "off")),
    "new_area": Edit(
        added(
            "  billing:\n    title: {en: Billing, ja: 請求}\n"
            "    detect: {paths: ['src/billing/**', 'src/invoices/**']}\n"
            "    items:\n      - {id: bill-rounding, sev: must, cat: correctness, "
            "en: 'Rounded once?', ja: '丸めは一度だけですか？'}\n"
        ).replace("cat: correctness", "cat: availability")
    ),
    "ignored_paths": Edit(
        added("ignore: {paths: ['docs/**', '**/*.md', 'db/legacy/**', 'src/**']}\n")
    ),
    "other_reviewers": Edit(changed("{teams: [sre]}", "{teams: [sre, platform], users: [kim]}")),
    "sign_off": Edit(
        added("sign_off: {by: [command, review], stale_on: never, allow_author: on}\n")
    ),
    "other_limits": Edit(
        added("defer: {max_days: 30}\nmax_items: 3\nrequest_review: on\n").replace(
            "sev: must", "sev: should"
        )
    ),
    "first_pack": Edit(added(NAMES_PACKS), packs=(pack(),)),
    "pack_question_dropped": Edit(
        added(NAMES_PACKS),
        added(NAMES_PACKS),
        packs=(pack(PACK.replace("disc-reindex", "disc-size").replace("should", "could")),),
        before_packs=(pack(),),
    ),
    "first_policy": Edit("mode: enforce\nreviewers: {teams: [sre]}\n", before=""),
    "japanese": Edit(
        changed("mode: enforce", "mode: advise\nlanguage: ja"),
        before=changed("mode: enforce", "mode: enforce\nlanguage: ja"),
    ),
    "japanese_area": Edit(
        changed("mode: enforce", "language: ja\nmode: enforce")
        .replace("'src/ranking/**'", "'src/rank/**'")
        .replace("{teams: [dba]}", "{teams: [dba], users: [kim]}"),
        before=changed("mode: enforce", "language: ja\nmode: enforce"),
    ),
    "mistakes": Edit(
        changed("mode: enforce", "mode: enforc").replace(
            "reviewers: {teams: [dba]}", "reviewrs: {teams: [dba]}"
        )
    ),
    "locked": Edit(
        "areas:\n  database-migration: {mode: observe}\n", before="", organisation=ORGANISATION
    ),
}


@cache
def rules() -> Rules:
    return builtin_packs.rules("advise")


def source(text: str, packs: tuple[PackFile, ...] = (), organisation: str = "") -> PolicySource:
    below = PolicySource(organisation, good=organisation) if organisation else None
    known = text or None
    return PolicySource(known, "", at(0), known, packs, packs, below)


def previewed(edit: Edit) -> Preview:
    before = source(edit.before, edit.before_packs, edit.organisation)
    after = replace(before, text=edit.after, packs=edit.packs)
    return preview.preview(Proposed(PULL, (".github/nfr.yml",), after), before, rules())


SQL = "ALTER TABLE orders ADD COLUMN points INT NOT NULL DEFAULT 0;"


def sample() -> tuple[Pull, ...]:
    """Twelve pulls: migrations, rankings, search, and what nobody asks about."""
    changes: list[tuple[File, ...]] = [
        (file(f"db/migrate/{number}.sql", SQL, status="added"),) for number in range(3)
    ]
    changes += [(file("src/ranking/score.py", f"score = {number}"),) for number in range(3)]
    changes += [(file("db/legacy/old.sql", SQL), file("src/search/index.py", "n = 1"))]
    changes += [(file("README.md", "More words."),), (file("src/app.py", "total = 1"),)] * 2
    changes += [(file("src/search/query.py", "q = 1"),)]
    return tuple(
        replace(
            PULL,
            key=PullKey(SHOP, number),
            title="Add points",
            head_ref=f"topic-{number}",
            files=files,
            changed_files=len(files),
            is_open=number < 4,
        )
        for number, files in enumerate(changes, 1)
    )


def replay(seen: Preview) -> Replay:
    """The change over the sample."""
    if not seen.changes:
        return Replay()
    new = preview.added_rules(seen.before, seen.after)
    pulls = tuple(preview.replayed(one, seen.before, seen.after) for one in sample())
    matched = Counter(rule for one in sample() for rule in preview.matching(one, new))
    return Replay(pulls, preview.counted(new, matched))
