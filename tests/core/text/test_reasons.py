from __future__ import annotations

from dataclasses import replace

import pytest

from ghapp.core.areas import Clause, Reason
from ghapp.core.decide import decide
from ghapp.core.i18n import Words
from ghapp.core.ledger import Verb
from ghapp.core.markdown import MOST_TEXT, visible
from ghapp.core.scan.checklist import Checklist, Exempt, Flagged
from ghapp.core.scan.triggers import (
    AddedHit,
    FilesHit,
    FolderHit,
    LabelHit,
    LinesHit,
    PathHit,
    PullHit,
    RemovedHit,
    SubmoduleHit,
)
from ghapp.core.text.reasons import why
from tests.core.build import area, asked, entry, facts, finding, flagged, history, item, policy
from tests.core.text.scenes import CONCERN, DB, Scene, rendered, reply, same_as_snapshot


@pytest.mark.parametrize(
    ("hit", "en", "ja"),
    [
        (LabelHit("nfr:db"), "label `nfr:db`", "ラベル `nfr:db`"),
        (
            PathHit("**/db/**", path="app/db/1.rb"),
            "`app/db/1.rb` (matches `**/db/**`)",
            "`app/db/1.rb`（`**/db/**` に一致）",
        ),
        (
            AddedHit("drop `t`", path="a.sql", line=7),
            "`a.sql:7`: `` drop `t` ``",
            "`a.sql:7`：`` drop `t` ``",
        ),
        (
            RemovedHit("drop(t)", path="a.py"),
            "`a.py`: removed `drop(t)`",
            "`a.py`：削除された行 `drop(t)`",
        ),
        (FilesHit(41), "41 files changed", "変更ファイル 41 件"),
        (LinesHit(1600), "1,600 lines added", "追加 1,600 行"),
        (
            SubmoduleHit(path="libs/pay"),
            "`libs/pay`: another commit of a submodule",
            "`libs/pay`：サブモジュールのコミット変更",
        ),
        (
            FolderHit("app"),
            "new top-level folder `app`",
            "最上位の新規フォルダ `app`",
        ),
        (
            PullHit((Reason("base", "release/1"), Reason("lines", count=1600))),
            "base branch `release/1`, 1,600 lines added",
            "ベースブランチ `release/1`、追加 1,600 行",
        ),
        (FilesHit(3500), "3,500 files changed", "変更ファイル 3,500 件"),
    ],
)
def test_a_reason_names_what_fired_and_where(hit, en, ja):
    assert why(hit, Words("en")) == en
    assert why(hit, Words("ja")) == ja


def test_a_reason_can_be_plain_text():
    hit = AddedHit("drop table t", path="a.sql", line=7)
    assert why(hit, Words("en"), visible) == "a.sql:7: drop table t"


def test_the_text_of_a_line_with_a_finding_is_not_repeated() -> None:
    secret = "token = 's3cret'"
    hits = (AddedHit(secret, path="db/1.sql", line=3), AddedHit("x", path="db/1.sql", line=9))
    one = flagged(DB, "f1", finding(source=secret))
    api = replace(flagged(area("api")), hits=(hits[0],))
    marks = rendered("en", "f1", (), asked(replace(one, hits=hits), api))
    assert "flagged by `db/1.sql:3` (`DB-1`), `db/1.sql:9`: `x`" in marks.comment
    assert "flagged by `db/1.sql:3`\n" in marks.comment
    assert "s3cret" not in f"{marks.comment}{marks.check_run}"


def test_more_reasons_than_fit_are_counted() -> None:
    hits = tuple(PathHit("db/**", path=f"db/{number}.sql") for number in range(5))
    many = Flagged(DB, hits, flagged(DB).files, DB.items, "f1")
    assert (
        "`db/2.sql` (matches `db/**`), and 2 more" in rendered("en", "f1", (), asked(many)).comment
    )


def test_areas_that_only_the_title_suggests_are_a_hint() -> None:
    rules = policy(DB)
    seen = facts(rules)
    hinted = Checklist((), frozenset(), ("db", "gone"), True, True, "")
    run = decide(seen, history(), hinted, (), ()).marks.check_run
    assert run and "The title suggests Area db, but" in run.summary


@pytest.mark.parametrize("language", ["en", "ja"])
def test_an_explanation_names_what_brought_up_each_question(language: str) -> None:
    first, second = DB.items
    third, fourth = item("db-always"), item("db-found")
    items = (first, second, third, fourth)
    found = [finding(line=n) for n in range(1, 7)] + [finding("DB-2", item="db-found")]
    one = replace(flagged(DB, "f1", *found), items=items)
    text = reply(language, Scene((CONCERN,), (one,)), Verb.EXPLAIN)
    assert same_as_snapshot("explain", language, text)


def test_an_explanation_shows_no_pattern_and_nothing_that_was_not_found() -> None:
    when = Clause("diff", ("(?i)alter",))
    one = replace(item("db-a"), when=Clause("hazard", ("DB-9",)), must_when=when)
    said = reply("en", Scene((), (replace(flagged(DB), items=(one,)),)), Verb.EXPLAIN)
    assert "- `db-a` **must**: Why db-a.\n" in said
    assert "alter" not in said and "DB-9" not in said


BASE = (Reason("base", "release/1"),)


@pytest.mark.parametrize(
    ("language", "mode", "exempt"),
    [
        (
            "en",
            "Mode `enforce` for Area db: base branch `release/1`.",
            "The policy takes this pull request out of Area api: base branch `release/1`.",
        ),
        (
            "ja",
            "領域 dbのモードは `enforce` です：ベースブランチ `release/1`。",
            "この PR はポリシーにより領域 apiの対象外です：ベースブランチ `release/1`。",
        ),
    ],
)
def test_facts_that_settle_modes_and_areas_are_named(language: str, mode: str, exempt: str) -> None:
    rules = policy(DB, language=language)
    seen, out = facts(rules), (Exempt(area("api"), BASE),)
    ruled = flagged(replace(DB, mode_why=BASE))
    both = replace(asked(ruled, flagged(area("web"))), exempt=out)
    run = decide(seen, history(), both, (), ()).marks.check_run
    assert run and mode in run.summary and exempt in run.summary
    said = entry(Verb.EXPLAIN, "", "ann", minutes=20, number=30, replied=True)
    (reply,) = decide(seen, history(), both, (said,), ()).marks.replies
    assert mode in reply.body and exempt in reply.body
    clear = decide(seen, history(), Checklist(exempt=out), (), ()).marks.check_run
    assert clear and exempt in clear.summary and clear.conclusion == "success"


def test_an_explanation_fits_githubs_limit() -> None:
    items = tuple(item(f"i-{n}-{'x' * 80}") for n in range(900))
    said = reply("ja", Scene((), (replace(flagged(DB), items=items),)), Verb.EXPLAIN)
    assert len(said) <= MOST_TEXT + 1 and said.endswith("省略しました。）\n")


def test_an_explanation_names_only_the_path_of_a_file_that_is_gone() -> None:
    one = flagged(DB, "f1", finding(line=0))
    assert "`db/1.sql` (removed): DB-1" in reply("en", Scene((), (one,)), Verb.EXPLAIN)
