from __future__ import annotations

import pytest

from ghapp.core.areas import Finding, Text
from ghapp.core.i18n import Words
from ghapp.core.text import findings as texts
from tests.core.build import finding

LONG = "services/api/db/migrate/1.sql"


@pytest.mark.parametrize(
    ("findings", "en", "ja"),
    [
        ((), "", ""),
        (
            (finding(path=LONG),),
            "**1 finding**: must `DB-1` `1.sql:3`",
            "**検出事項 1 件**：必須 `DB-1` `1.sql:3`",
        ),
        (
            (finding(severity="could", line=1), finding("DB-2", 2), finding("DB-3", 4)),
            "**3 findings**: must `DB-2` `1.sql:2`, must `DB-3` line 4, could `DB-1` line 1",
            "**検出事項 3 件**：必須 `DB-2` `1.sql:2`、必須 `DB-3` 4 行目、任意 `DB-1` 1 行目",
        ),
        (
            (finding(), finding(line=4), finding("DB-2", 1, path="db/2.sql")),
            "**3 findings**: must `DB-1` `1.sql:3` and 1 more, must `DB-2` `2.sql:1`",
            "**検出事項 3 件**：必須 `DB-1` `1.sql:3` ほか 1 件、必須 `DB-2` `2.sql:1`",
        ),
        (
            tuple(finding(f"DB-{n}", 1, path=f"{n}.sql") for n in range(5)),
            "**5 findings**: must `DB-0` `0.sql:1`, must `DB-1` `1.sql:1`, must `DB-2` `2.sql:1`,"
            " and 2 more",
            "**検出事項 5 件**：必須 `DB-0` `0.sql:1`、必須 `DB-1` `1.sql:1`、"
            "必須 `DB-2` `2.sql:1`、ほか 2 件",
        ),
        (
            (finding(line=0), finding("DB-2", accepted="empty")),
            "**1 finding**: must `DB-1` `1.sql` (removed), 1 accepted",
            "**検出事項 1 件**：必須 `DB-1` `1.sql`（削除済み）、許容 1 件",
        ),
        (
            (finding(accepted="empty"),),
            "**No open finding**, 1 accepted",
            "**未対応の検出事項はありません**（許容 1 件）",
        ),
    ],
)
def test_an_areas_line_names_the_heaviest_and_counts_the_rest(
    findings: tuple[Finding, ...], en: str, ja: str
) -> None:
    assert texts.line(findings, Words("en")) == en
    assert texts.line(findings, Words("ja")) == ja


@pytest.mark.parametrize(
    ("findings", "lines"),
    [
        ((), ()),
        (
            (finding(), finding(line=5), finding(line=2, path="db/2.sql")),
            ("**must** `db/1.sql:3`, line 5, `db/2.sql:2`: DB-1 locks the table. (`DB-1`)",),
        ),
        (
            (finding(unheard=True),),
            (
                "**must** `db/1.sql:3`: DB-1 locks the table. (`DB-1`) (The line says "
                "`nfr:ignore`, but that needs the id DB-1 and a reason behind it, so it counts "
                "for nothing here.)",
            ),
        ),
        (
            (finding(accepted="`x` @ann"), finding(line=4, unsure=True)),
            (
                "**must** `db/1.sql:4`: DB-1 locks the table. (`DB-1`)"
                " (The whole file could not be read; what makes this harmless may be in it.)",
                "**accepted** `db/1.sql:3`: DB-1 locks the table. (`DB-1`)"
                " Accepted because: `` `x` @ann ``",
            ),
        ),
        (
            (
                finding(message=Text("It blocks `a`.", "a"), fix="CONCURRENTLY"),
                finding(line=4, message=Text("It blocks `b`.", "b")),
            ),
            (
                "**must** `db/1.sql:3`: It blocks `a`. (`DB-1`) Use `CONCURRENTLY`.",
                "**must** `db/1.sql:4`: It blocks `b`. (`DB-1`)",
            ),
        ),
    ],
)
def test_findings_are_listed_by_hazard_with_their_lines(
    findings: tuple[Finding, ...], lines: tuple[str, ...]
) -> None:
    assert texts.listed(findings, Words("en")) == lines


def test_beyond_ten_of_a_hazard_they_are_counted_by_file() -> None:
    many = [finding(line=line) for line in range(1, 13)]
    assert texts.listed(many, Words("en"))[1:] == ("`DB-1`: 2 more in `db/1.sql`",)
    many += [finding(path=f"db/{n}.sql", line=1) for n in range(2, 6)]
    assert texts.listed(many, Words("en"))[1:] == (
        "`DB-1`: 6 more in `db/1.sql` (2), `db/2.sql` (1), `db/3.sql` (1), and 2 more files",
    )
    assert texts.listed(many, Words("ja"))[1:] == (
        "`DB-1`：ほか 6 件（`db/1.sql` (2)、`db/2.sql` (1)、`db/3.sql` (1)、ほか 2 ファイル）",
    )


def test_counts_are_by_severity_and_accepted_ones_apart() -> None:
    findings = [
        finding(severity="should"),
        finding(),
        finding(accepted="x"),
        finding(severity="should"),
    ]
    assert texts.by_severity(findings, Words("en")) == "1 must, 2 should, 1 accepted"
    assert texts.by_severity(findings, Words("ja")) == "必須 1 件、推奨 2 件、許容 1 件"
