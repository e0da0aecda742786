"""`ghapp test` on the tests of a policy."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ghapp.cli import app
from ghapp.core.review.review import PullState
from ghapp.offline.fixture_schema import ExpectPart, schema
from ghapp.offline.packs import TESTS, holds_cases
from tests.offline.packs import PACK

POLICY = """
mode: enforce
reviewers: {teams: [sre]}
waivers: {teams: [leads]}
areas:
  database-migration: {reviewers: {teams: [dba]}}
"""
PAGE = Path(__file__).parents[2] / "docs" / "policy.md"
COLUMN = "ALTER TABLE orders ADD COLUMN points INT NOT NULL DEFAULT 0;"
FILES = f"files: {{db/migrate/1_points.sql: '{COLUMN}'}}"


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A repository with a policy; the current folder is in it."""
    (tmp_path / ".git").mkdir()
    (tmp_path / TESTS).mkdir(parents=True)
    (tmp_path / ".github/nfr.yml").write_text(POLICY)
    (tmp_path / "src").mkdir()
    monkeypatch.chdir(tmp_path / "src")
    return tmp_path


def ghapp(*words):
    done = CliRunner().invoke(app, ["test", *map(str, words)])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.stdout, done.stderr


def case(place, *lines, name="a column"):
    """How `ghapp test` ends on one case with these keys."""
    text = "\n".join(f"    {line}" for line in lines)
    (place / TESTS / "a.yml").write_text(f"cases:\n  - name: {name}\n{text}\n", encoding="utf-8")
    return ghapp()


def test_what_holds_is_counted(place):
    expect = "expect: {areas: [database-migration], state: waiting_reviewers}"
    assert case(place, FILES, expect) == (0, "1 case, 0 failed\n", "")


@pytest.mark.parametrize(
    ("expect", "said"),
    [
        ("areas: []", "areas: expected none; got database-migration"),
        (
            "areas: [database-migration, cacheing]",
            "areas: expected database-migration, cacheing; got database-migration; "
            "`cacheing` is unknown in this policy: did you mean `caching`?",
        ),
        (
            "questions: {includes: [dbm-rollback must], excludes: [dbm-online-ddl]}",
            "questions: expected with dbm-rollback must and without dbm-online-ddl should; "
            "got dbm-online-ddl should, dbm-rollback should",
        ),
        ("findings: []", "findings: expected none; got DBM-028 db/migrate/1_points.sql:1"),
        ("conclusion: success", "conclusion: expected success; got in_progress"),
        ("state: clear", "state: expected clear; got waiting_reviewers"),
        ("labels: []", "labels: expected none; got nfr: needs sign-off"),
        ("refusals: [author]", "refusals: expected author; got none"),
    ],
)
def test_a_difference_is_shown_with_its_line(place, expect, said):
    status, out, _ = case(place, FILES, "expect:", f"  {expect}")
    assert (status, out) == (1, f"../{TESTS}/a.yml:5:7: a column: {said}\n1 case, 1 failed\n")


@pytest.mark.parametrize(
    "expect",
    [
        "findings: ['DBM-028 db/migrate/1_points.sql:1']",
        "findings: [DBM-028]",
        "questions: [dbm-rollback, dbm-online-ddl should]",
        "questions: {excludes: [caching]}",
        "labels: {includes: ['nfr: needs sign-off']}",
        "refusals: []",
    ],
)
def test_names_may_have_a_severity_or_place(place, expect):
    assert case(place, FILES, f"expect: {{{expect}}}")[0] == 0


@pytest.mark.parametrize(
    ("steps", "expect"),
    [
        ("{by: dan, as: reviewer, says: /nfr done}", "state: signed_off, conclusion: success"),
        ("{by: dan, as: write, teams: [dba], says: /nfr done}", "state: signed_off"),
        ("{by: sam, as: write, teams: [sre], says: /nfr done}", "refusals: [not_reviewer]"),
        ("{by: eve, says: /nfr done}", "refusals: [not_reviewer], state: waiting_reviewers"),
        ("{by: author, as: reviewer, says: /nfr done}", "refusals: [author]"),
        ("{by: dan, as: reviewer, says: '/nfr hold -- wait'}", "state: on_hold"),
        ("{by: lea, as: waiver, says: '/nfr waive -- now'}", "state: waived, conclusion: neutral"),
        ("{by: eve, says: '/nfr check dbm-rollback -- x'}", "refusals: [no_write]"),
        ("{by: bob, as: write, says: '/nfr check dbm-rollback -- x'}", "refusals: []"),
        ("{by: mia, as: maintain, says: /nfr done}", "refusals: [not_reviewer]"),
        (
            "{by: dan, as: reviewer, approves: true}",
            "refusals: [approval_signs_nothing], state: waiting_reviewers",
        ),
        ("{by: dan, as: reviewer, says: looks good}", "refusals: [], state: waiting_reviewers"),
        (
            "{by: dan, as: reviewer, says: /nfr done}, "
            "{by: bob, pushes: {db/migrate/1_points.sql: DROP TABLE orders;}}",
            "state: waiting_author",
        ),
        (
            "{by: dan, as: reviewer, says: /nfr done}, "
            f"{{by: bob, pushes: {{db/migrate/1_points.sql: '{COLUMN}', a.md: x}}}}",
            "state: signed_off",
        ),
        (
            "{by: dan, pushes: {db/migrate/1_points.sql: DROP TABLE orders;}}, "
            "{by: dan, as: reviewer, says: /nfr done}",
            "refusals: [pushed]",
        ),
        ("{by: bob, pushes: {}}", "areas: [], state: clear, conclusion: success"),
    ],
)
def test_people_do_what_their_rights_allow(place, steps, expect):
    assert case(place, FILES, f"steps: [{steps}]", f"expect: {{{expect}}}") == (
        *(0, "1 case, 0 failed\n", ""),
    )


def test_an_approving_review_signs_off_if_the_policy_says_so(place):
    (place / ".github/nfr.yml").write_text(f"{POLICY}sign_off: {{by: [command, review]}}\n")
    steps = "steps: [{by: dan, as: reviewer, approves: true}]"
    assert case(place, FILES, steps, "expect: {state: signed_off}")[0] == 0


@pytest.mark.parametrize(
    ("keys", "expect"),
    [
        (("labels: ['nfr/area: caching']", "files: {}"), "areas: [caching]"),
        (("draft: true", FILES), "labels: [], conclusion: in_progress"),
        (("guarded: false", "files: {}"), "conclusion: in_progress"),
        (("author: 'renovate[bot]'", FILES), "areas: []"),
        (("files: {docs/a.md: x}",), "state: clear"),
        (
            ("files: {db/migrate/1.sql: {status: removed, content: DROP TABLE orders;}}",),
            "findings: []",
        ),
        (
            ('files: {db/migrate/1.sql: {diff: "@@\\n-SELECT 1;\\n+DROP TABLE orders;"}}',),
            "areas: [database-migration]",
        ),
        (
            (
                "files: {db/migrate/2.sql: {from: db/migrate/1.sql, status: renamed, "
                'diff: "@@\\n+DROP TABLE orders;"}}',
            ),
            "areas: [database-migration]",
        ),
    ],
)
def test_a_pull_request_is_as_it_is_described(place, keys, expect):
    status, out, _ = case(place, *keys, f"expect: {{{expect}}}")
    assert (status, out) == (0, "1 case, 0 failed\n")


def test_a_day_is_that_of_the_pull_request(place):
    steps = "steps: [{by: author, says: '/nfr defer dbm-online-ddl until 2026-05-01 -- later'}]"
    lines = (FILES, steps, "expect: {refusals: []}")
    assert case(place, "date: '2026-04-15'", *lines)[0] == 0
    assert "got date_past" in case(place, "date: '2026-06-15'", *lines)[1]


@pytest.mark.parametrize(
    ("keys", "conclusion"),
    [
        ((), "neutral"),
        (("base: release/1",), "in_progress"),
        (("author_teams: [web]",), "in_progress"),
        (("topics: [payments]",), "in_progress"),
        (("properties: {tier: '1'}",), "in_progress"),
        (("date: '2027-01-15'",), "in_progress"),
    ],
)
def test_facts_and_days_settle_the_mode(place, keys, conclusion):
    (place / ".github/nfr.yml").write_text(
        "mode: enforce\nenforce_from: 2027-01-15\nmode_when:\n"
        "  - {base: 'release/**', mode: enforce}\n"
        "  - {any: [{team: web}, {topic: payments}, {property: {tier: '1'}}], mode: enforce}\n"
    )
    status, out, _ = case(place, FILES, *keys, f"expect: {{conclusion: {conclusion}}}")
    assert (status, out) == (0, "1 case, 0 failed\n")


def test_another_policy_can_be_tried(place):
    (place / "new.yml").write_text("areas: {database-migration: off}")
    case(place, FILES, "expect: {areas: [database-migration]}")
    assert ghapp()[0] == 0
    status, out, _ = ghapp("--policy", "../new.yml")
    assert (status, "expected database-migration; got none" in out) == (1, True)


def test_the_policy_of_the_organisation_is_below(place):
    (place / ".github/nfr.yml").unlink()
    case(place, FILES, "expect: {conclusion: neutral}")
    (place / "organisation.yml").write_text("mode: enforce\n")
    status, out, _ = ghapp("--organisation", "../organisation.yml")
    assert (status, "expected neutral; got in_progress" in out) == (1, True)
    (place / ".github/nfr.yml").write_text("mode: advise\n")
    assert ghapp("--organisation", "../organisation.yml")[0] == 0
    (place / "organisation.yml").write_text("mode: enforce\nlocked: [mode]\n")
    assert ghapp("--organisation", "../organisation.yml")[0] == 1


def test_without_a_policy_the_built_in_areas_apply(place):
    (place / ".github/nfr.yml").unlink()
    expect = "expect: {areas: [database-migration], conclusion: neutral}"
    assert case(place, FILES, expect)[0] == 0


def test_a_broken_policy_is_named(place):
    (place / ".github/nfr.yml").write_text("mdoe: enforce")
    status, _, err = case(place, FILES, "expect: {areas: []}")
    assert status == 2
    assert "nfr.yml:1:1: unknown key `mdoe`: did you mean `mode`?" in err
    assert "fix the policy and test again" in err
    assert ghapp("--policy", "none.yml")[0] == 2


def test_every_problem_of_a_file_is_named_with_its_place_and_the_others_run(place):
    (place / TESTS / "b.yml").write_text(
        """cases:
  - name: x
    fils: {a: b}
    steps: [{by: sam, as: reviwer, says: a, approves: true}, {by: sam}]
    expect: {}
  - name: y
    date: soon
    files: {/a: b, c: {}}
    expect: {state: signedoff, areas: {include: [a]}}
"""
    )
    status, out, _ = case(place, FILES, "expect: {areas: [database-migration]}")
    assert status == 1
    file = f"../{TESTS}/b.yml"
    for line in (
        "2:5: `files` is missing in `cases[0]`",
        "3:5: unknown key `fils`: did you mean `files`?",
        "4:27: `cases[0].steps[0].as` should be 'reviewer', 'waiver', 'maintain', 'write' or "
        "'none': did you mean reviewer?",
        "4:62: `cases[0].steps[1]` needs one of `says`, `approves` or `pushes`, and only one",
        "7:11: `cases[1].date` should be a day, as `2026-04-01`",
        "8:13: `cases[1].files./a` should be a path in the repository, as `src/app.py`",
        "8:23: `cases[1].files.c` needs `diff`, `content` or `status`",
        "9:21: `cases[1].expect.state` should be 'clear', 'waiting_author', 'waiting_reviewers', "
        "'on_hold', 'signed_off', 'waived', 'frozen' or 'unreadable': did you mean signed_off?",
        "9:40: unknown key `include`: did you mean `includes`?",
    ):
        assert f"{file}:{line}\n" in out
    assert out.endswith("1 case, 0 failed, 10 problems\n")
    linted = CliRunner().invoke(app, ["lint", file])
    assert linted.exit_code == 1
    assert linted.stdout.splitlines() == [one for one in out.splitlines() if file in one]


def test_json_is_for_programs(place):
    case(place, FILES, "expect: {state: clear, areas: {excludes: [caching]}}")
    status, out, _ = ghapp("--format", "json")
    file = f"../{TESTS}/a.yml"
    failure = {"key": "state", "line": 4, "expected": "clear", "got": "waiting_reviewers"}
    assert (status, json.loads(out)) == (
        1,
        {
            "version": 1,
            "cases": [
                {
                    "path": file,
                    "line": 2,
                    "name": "a column",
                    "passed": False,
                    "failures": [failure],
                }
            ],
            "problems": [],
        },
    )


def test_tests_are_not_packs_and_both_run_from_one_folder(place):
    import yaml

    case(place, FILES, "expect: {areas: [database-migration]}")
    folder = place / ".github/nfr"
    (folder / "shop.yml").write_text(yaml.safe_dump(PACK, allow_unicode=True), encoding="utf-8")
    assert ghapp(folder)[:2] == (
        0,
        "1 case, 0 failed\n1 hazard, 2 samples, 2 paths, 0 failed\n",
    )
    assert ghapp(folder / "tests")[1] == "1 case, 0 failed\n"
    elsewhere = place / "cases.yml"
    elsewhere.write_text((place / TESTS / "a.yml").read_text())
    assert holds_cases(elsewhere)
    assert ghapp(elsewhere)[1] == "1 case, 0 failed\n"
    listed = CliRunner().invoke(app, ["packs", "list", str(folder), "--format", "json"])
    assert [one["id"] for one in json.loads(listed.stdout)["packs"]] == ["shop"]


def test_without_tests_the_samples_of_built_in_packs_run(place):
    (place / TESTS).rmdir()
    assert re.match(r"\d+ hazards, \d+ samples", ghapp()[1])


def test_names_of_cases_do_not_steer_a_terminal(place):
    lines = (FILES, "expect: {state: clear}")
    status, out, _ = case(place, *lines, name='"a\\e]0;owned\\a b"')
    assert status == 1
    assert "a]0;owned b: state" in out
    assert "\x1b" not in out + ghapp("--format", "json")[1]


def test_the_states_are_those_of_a_review():
    stated = set(re.findall(r"'(\w+)'", str(ExpectPart.model_fields["state"].annotation)))
    assert stated == {str(state) for state in PullState}


def test_the_schema_is_printed_for_editors():
    done = CliRunner().invoke(app, ["schema", "--tests"])
    assert json.loads(done.stdout) == schema()
    assert "as" in json.loads(done.stdout)["definitions"]["StepPart"]["properties"]
    assert CliRunner().invoke(app, ["schema", "--tests", "--pack"]).exit_code == 2


def test_the_example_of_the_docs_holds(place):
    """Its policy and its tests, as the page has them."""
    section = PAGE.read_text(encoding="utf-8").split("\n## Tests of a policy\n")[1]
    policy, tests = re.findall(r"```yaml\n(.*?)```", section.split("\n## ")[0], re.DOTALL)
    (place / ".github/nfr.yml").write_text(policy, encoding="utf-8")
    (place / TESTS / "migrations.yml").write_text(tests, encoding="utf-8")
    status, out, _ = ghapp()
    assert (status, out) == (0, f"{tests.count('- name:')} cases, 0 failed\n")
