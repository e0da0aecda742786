from dataclasses import replace

import pytest
from msgspec import structs

from ghapp.core.areas import Area, Detect, Guard, Hazard, Item, Text
from ghapp.core.model import File
from ghapp.core.policy.policy import Policy
from ghapp.core.scan.checklist import checklist
from ghapp.core.scan.hazards import MOST_OF_HAZARD, findings
from ghapp.core.scan.rulebook import rulebook
from ghapp.core.scan.scan import scan
from ghapp.core.scan.triggers import AddedHit
from tests.core.pulls import PULL

MESSAGE = Text("risk", "リスク")
HAZARD = Hazard("T-1", "must", "db-plan", "db", r"\bdrop\b", MESSAGE)


def patched(path, *rows, status="modified", start="@@ -10,9 +10,9 @@", **more):
    patch = "\n".join([start, *rows])
    counts = [sum(row.startswith(sign) for row in rows) for sign in "+-"]
    return File(path, status, *counts, patch, "sha", **more)


def added(path, *rows):
    return patched(path, *(f"+{row}" for row in rows), status="added", start="@@ -0,0 +1,9 @@")


def area(*hazards, **detect):
    detect = {"paths": ("db/**",), **detect}
    items = (Item("db-plan", "should", "cost", MESSAGE), Item("db-more", "could", "cost", MESSAGE))
    return Area("db", MESSAGE, 3, Detect(**detect), items, hazards=hazards)


def found(*files, hazard=HAZARD, contents=None, policy=None, **changes):
    """What the hazard finds in the files, and the files that it had to be told."""
    policy = policy or Policy(areas=(area(replace(hazard, **changes)),))
    seen = scan(replace(PULL, files=files), policy)
    told = {one.path: (contents or {}).get(one.path) for one in seen.wanted}
    return findings(seen.suspicion, told)


def places(*files, **more):
    return [(one.path, one.line) for one in found(*files, **more)]


# --- where a hazard looks ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "changes", "looked"),
    [
        ("db/1.sql", {}, True),
        ("src/a.sql", {}, False),
        ("src/by_line.sql", {}, True),  # an added line makes it one of the area's files
        ("src/a.sql", {"scope": "code"}, True),
        ("tests/a.sql", {"scope": "code"}, False),
        ("docs/a.html", {"scope": "code"}, False),
        ("docs/a.md", {"scope": "code"}, False),
        ("docs/middleware.ts", {"scope": "code"}, True),  # code, wherever it is
        ("db/test_a.py", {"scope": "code"}, False),
        ("src/a.py", {"scope": "code", "files": ("**/*.py",)}, True),
        ("src/a.rb", {"scope": "code", "files": ("**/*.py",)}, False),
        ("tests/a.py", {"scope": "code", "files": ("**/*.py",)}, False),
        ("tests/a.py", {"scope": "code", "files": ("**",)}, True),
        ("docs/a.md", {"scope": "code", "files": ("**",)}, True),
        ("tests/a.py", {"files": ("**/*.py",)}, True),
        ("db/a.py", {"files": ("**/*.rb",)}, False),
        ("db/a.py", {"exclude": ("**/*.py",)}, False),
        ("db/a.lock", {"scope": "code", "files": ("**",)}, True),  # as secrets are
        ("vendor/db/a.py", {"scope": "code", "files": ("**",)}, True),
        ("vendor/db/a.py", {"scope": "code"}, False),
        ("src/db/migration/test/V2__a.sql", {"scope": "code"}, True),
        ("test/db/migration/V2__a.sql", {"scope": "code"}, False),
        ("db/migrate/generated/a.rb", {"scope": "code"}, True),
        ("db/migrate/README.md", {"scope": "code"}, False),
        ("db/migrate/test_a", {"scope": "code"}, True),
    ],
)
def test_a_hazard_reads_the_files_of_its_scope(path, changes, looked):
    hazard = replace(HAZARD, **changes)
    policy = Policy(
        areas=(area(hazard, diff=("^by_line",), diff_files=("**/by_line.sql",)),), ignore_paths=()
    )
    file = added(path, "by_line" if "by_line" in path else "x", "drop it")
    assert places(file, policy=policy) == ([(path, 2)] if looked else [])


def test_what_the_policy_ignores_is_read_only_by_hazards_that_read_everything():
    file = added("docs/a.md", "drop it")
    assert places(file, scope="code") == []
    assert places(file, scope="code", files=("**/*.md",)) == []
    assert places(file, scope="code", files=("**",)) == [("docs/a.md", 1)]


def test_hazards_of_another_dialect_are_off_once_the_policy_names_one():
    file = added("db/1.sql", "drop it")
    for dialect, ours, expected in [
        ("any", "mysql", 1),
        ("mysql", "mysql", 1),
        ("postgres", "mysql", 0),
        ("postgres", "any", 1),
    ]:
        areas = (area(replace(HAZARD, dialect=ours)),)
        assert len(found(file, policy=Policy(areas=areas, dialect=dialect))) == expected


# --- what it looks at --------------------------------------------------------------------


def test_a_finding_says_what_where_and_why():
    (one,) = found(patched("db/1.sql", " context", "+\tdrop it", "-drop this"))
    assert (one.hazard, one.severity, one.item, one.area) == ("T-1", "must", "db-plan", "db")
    assert (one.path, one.line, one.source, one.message) == ("db/1.sql", 11, "drop it", MESSAGE)
    assert (one.accepted, one.unsure) == ("", False)


def test_a_removed_line_is_found_where_it_stood_unless_it_only_moved():
    file = patched("db/1.sql", " a", "-drop guard", "+x", " b")
    assert places(file, removed=True) == [("db/1.sql", 11)]
    moved = added("db/2.sql", "  drop guard")
    assert places(file, moved, removed=True) == []
    gone = patched("db/1.sql", "-drop guard", status="removed", start="@@ -1 +0,0 @@")
    assert places(gone, removed=True) == [("db/1.sql", 0)]


def test_a_statement_is_found_on_the_added_line_on_which_its_match_begins():
    statement = {"by_statement": True, "match": r"alter.*drop"}
    assert places(added("db/1.sql", "x;", "alter a", "  drop b;"), **statement) == [("db/1.sql", 2)]
    assert places(patched("db/1.sql", " alter a", "+ drop b;"), **statement) == []
    assert places(patched("db/1.sql", "+alter a", "  drop b;"), **statement) == [("db/1.sql", 10)]
    assert places(added("db/1.sql", "alter a;", "drop b;"), **statement) == []


@pytest.mark.parametrize(("files", "lines"), [((), [3]), (("**",), [1, 3])])
@pytest.mark.parametrize("by_statement", [True, False])
def test_a_comment_holds_no_hazard_but_a_secret(files, lines, by_statement):
    one = added("db/1.sql", "-- drop index a;", "", "drop index b;")
    hazard = replace(HAZARD, files=files, by_statement=by_statement)
    # Statements are code by themselves.
    assert places(one, hazard=hazard) == [
        ("db/1.sql", n) for n in lines if not by_statement or n > 1
    ]


def test_a_block_of_comment_is_no_statement():
    one = added("db/1.sql", "/* drop index a;", "drop index b; */", "drop index c;")
    assert places(one, hazard=replace(HAZARD, by_statement=True)) == [("db/1.sql", 3)]


def test_of_one_hazard_only_so_many_findings_are_looked_at():
    assert len(found(added("db/1.sql", *["drop"] * 1_500))) == MOST_OF_HAZARD


def test_a_line_is_searched_however_long_it_is_and_wherever_a_language_ends_it():
    hazard = replace(HAZARD, match="^drop")
    assert places(added("db/1.sql", "x" * 200_000 + " drop")) == [("db/1.sql", 1)]
    for end in "\u2028\u2029\x85\x0b\x0c\r":
        one = added("db/1.sql", "a", f"x{end}drop", "drop")
        assert places(one, hazard=hazard) == [("db/1.sql", 2), ("db/1.sql", 3)]


# --- what drops it -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("guard", "rows", "stands"),
    [
        (Guard("safe"), ["drop safe"], False),
        (Guard("safe"), ["drop", "safe"], True),
        (Guard("safe", "lines", after=1), ["drop", "safe"], False),
        (Guard("safe", "lines", after=1), ["safe", "drop"], True),
        (Guard("safe", "lines", before=1), ["safe", "drop"], False),
        (Guard("safe", "lines", before=1), ["safe", "x", "drop"], True),
        (Guard("safe", "lines", before=2, after=2), ["drop", "x", "safe"], False),
        (Guard("safe", "file"), ["safe", *["x"] * 50, "drop"], False),
        (Guard("safe", "file"), ["drop"], True),
        (Guard("safe", "block"), ["f(", "  drop,", "  x)", "  safe"], False),
        (Guard("safe", "block"), ["f(", "  drop,", "  x)", "safe"], True),
        (Guard("safe", "block"), ["drop(", "  safe)"], False),
        (Guard("safe", "block"), ["drop(", "  x)", "safe"], True),
        (Guard("safe", "block", within="out"), ["out:", " safe: 1", " in:", "  drop: 1"], False),
        (Guard("safe", "nearest", within="safe|risky"), ["risky", "safe", "x", "drop"], False),
        (Guard("safe", "nearest", within="safe|risky"), ["safe", "risky", "x", "drop"], True),
        (Guard("safe", "nearest", within="safe"), ["safe", *["x"] * 16, "drop"], True),
        (Guard("safe", "nearest", within="safe"), ["x", "drop"], True),
    ],
)
def test_unless_is_looked_for_in_its_scope(guard, rows, stands):
    assert bool(found(added("db/1.sql", *rows), unless=guard)) is stands


@pytest.mark.parametrize(
    ("rows", "stands"),
    [
        (["a {", "  drop", "}"], True),
        (["a {", "  drop", "  deny", "}"], False),
        (["safe", "a {", "  drop", "}"], False),
        (["a {", "  drop", "}", "b {", "  deny", "}"], True),
    ],
)
def test_the_block_of_a_line_is_searched_beside_the_scope_of_unless(rows, stands):
    near = Guard("safe", "lines", before=5)
    one = added("db/1.sql", *rows)
    assert bool(found(one, unless=near, unless_in_block="deny")) is stands


def test_unless_of_a_statement_is_looked_for_in_all_of_it():
    rows = ["drop a", "  safe;", "drop b;"]
    assert places(added("db/1.sql", *rows), by_statement=True, unless=Guard("safe")) == [
        ("db/1.sql", 3)
    ]


@pytest.mark.parametrize(
    ("changes", "whole", "state"),
    [
        ({"unless": Guard("safe", "file")}, "safe\n" * 9 + "drop", None),
        ({"unless": Guard("safe", "file")}, "x\n" * 9 + "drop", "sure"),
        ({"unless": Guard("safe", "lines", before=5)}, "x\n" * 5 + "safe\n" * 4 + "drop", None),
        ({"unless": Guard("safe", "lines", before=5)}, "safe\n" * 4 + "x\n" * 5 + "drop", "sure"),
        ({"unless": Guard("safe", "block")}, "x\n" * 9 + "drop", "sure"),
        ({"unless_in_block": "safe"}, "a\n" + " x\n" * 7 + " safe\n drop", None),
        ({"unless_in_block": "safe"}, "x\n" * 9 + "drop", "sure"),
        ({"unless": Guard("safe", "nearest", within="safe")}, "x\n" * 8 + "safe\ndrop", None),
        ({"requires": "^kind"}, "kind\n" + "x\n" * 8 + "drop", "sure"),
        ({"requires": "^kind"}, "x\n" * 9 + "drop", None),
        ({"skip_rollback": True}, "def down\n" + "x\n" * 8 + "drop", None),
        ({"skip_rollback": True}, "def up\n" + "x\n" * 8 + "drop", "sure"),
        ({"requires": "^kind"}, None, "unsure"),
        ({"unless": Guard("safe", "file")}, "too short now", "unsure"),
    ],
)
def test_what_the_patch_does_not_show_is_read_from_the_whole_file(changes, whole, state):
    file = patched("db/1.sql", "+drop")
    got = found(file, contents={"db/1.sql": whole}, **changes)
    assert [one.unsure for one in got] == {None: [], "sure": [False], "unsure": [True]}[state]


@pytest.mark.parametrize(
    ("rows", "changes"),
    [
        ([" safe", "+drop"], {"unless": Guard("safe", "file")}),
        ([" safe", "+drop"], {"unless": Guard("safe", "lines", before=5)}),
        ([" safe", "+drop"], {"unless": Guard("safe", "nearest", within="safe")}),
        ([" safe", "+drop safe"], {"unless": Guard("safe")}),
        (["+def down", "+drop"], {"skip_rollback": True}),
    ],
)
def test_what_the_patch_shows_is_not_asked_for(rows, changes):
    policy = Policy(areas=(area(replace(HAZARD, **changes)),))
    seen = scan(replace(PULL, files=(patched("db/1.sql", *rows),)), policy)
    assert seen.wanted == ()
    assert findings(seen.suspicion, {}) == ()


def test_many_suspects_of_a_file_are_settled_by_it_alike():
    file = patched("db/1.sql", "+drop", "+drop")
    for whole, count in [("safe\n" * 9 + "drop\ndrop", 0), ("x\n" * 9 + "drop\ndrop", 2)]:
        assert len(found(file, contents={"db/1.sql": whole}, unless=Guard("safe", "file"))) == count


def test_what_is_remembered_of_folders_is_bounded(monkeypatch):
    monkeypatch.setattr("ghapp.core.scan.rulebook.MOST_REMEMBERED", 1)
    files = [added(f"db/{name}", "drop") for name in ("1.sql", "2.py", "3.sql", "4.lock")]
    assert [path for path, _ in places(*files)] == ["db/1.sql", "db/2.py", "db/3.sql"]


def test_a_patch_that_is_cut_short_is_not_the_whole_file():
    file = structs.replace(added("db/1.sql", "drop"), additions=2)
    seen = scan(
        replace(PULL, files=(file,)), Policy(areas=(area(replace(HAZARD, requires="kind")),))
    )
    assert seen.wanted == (file,)


@pytest.mark.parametrize(
    ("rows", "lines"),
    [
        (["def up", "drop", "def down", "drop", "def up", "drop"], [2, 6]),
        (["-- +goose Up", "drop", "-- +goose Down", "drop"], [2]),
        (["public function up() {", "drop", "}", "public function down() {", "drop"], [2]),
        (["exports.up = x", "drop", "exports.down = x", "drop"], [2]),
        (["-- migrate:up", "drop", "-- migrate:down", "drop"], [2]),
        (["def upgrade():", "  drop", "def downgrade():", "  drop"], [2]),
        (["--rollback x", "drop"], []),
        (["# the way down is short", "drop"], [2]),
        (["Migrate: func(", "drop", "},", "Rollback: func(", "drop"], [2]),
        (["up: async (q) => {", "drop", "},", "down: async (q) => {", "drop"], [2]),
        (["export const down = async q => {", "drop"], []),
        (["<rollback>", "drop", "</rollback>", "drop"], [4]),
        (["override void Down(x)", "drop"], []),
    ],
)
def test_what_takes_a_migration_back_is_left_out(rows, lines):
    assert [one.line for one in found(added("db/1.sql", *rows), skip_rollback=True)] == lines


@pytest.mark.parametrize(
    ("made", "stands"),
    [
        ("CREATE TABLE orders (", False),
        ("create table if not exists `orders` (", False),
        ("create_table :orders do |t|", False),
        ('CREATE TABLE "public"."orders" (', False),
        ("create table shop.orders (", False),
        ("Schema::create('orders', function", False),
        ("$this->createTable('orders')", False),
        ("CREATE UNLOGGED TABLE orders (", False),
        ("create materialized view orders as", False),
        ("migrations.CreateModel(name='Orders',", False),
        ('<createTable schemaName="x" tableName="orders">', False),
        ("create table orders_old (", True),
        ("create table shops (", True),
    ],
)
def test_a_table_that_the_pull_makes_is_no_table_in_use(made, stands):
    changes = {"match": r"drop on (?P<table>\w+)", "skip_new_table": True}
    files = (added("db/1.sql", "drop on orders", "drop on orders"), added("db/2.sql", made))
    assert bool(found(*files, **changes)) is stands


def test_a_schema_in_front_of_the_table_does_not_hide_that_it_is_new():
    changes = {"match": r"drop on (?P<table>[\w.]+)", "skip_new_table": True}
    assert not found(added("db/1.sql", "create table orders (", "drop on public.orders"), **changes)


def test_each_table_is_checked_for_itself():
    changes = {"match": r"drop on (?P<table>\w+)", "skip_new_table": True}
    file = added("db/1.sql", "create table a (", "drop on a", "drop on b")
    assert places(file, **changes) == [("db/1.sql", 3)]


def test_a_match_that_names_no_table_stands():
    changes = {"match": r"drop(?: on (?P<table>\w+))?", "skip_new_table": True}
    assert found(added("db/1.sql", "drop all"), **changes)


@pytest.mark.parametrize(
    ("rows", "stands"),
    [
        (("Schema::create('orders', fn {", "    drop"), False),
        (("Schema::create('orders', fn {", "    if (x) {", "        drop", "    }"), False),
        (("Schema::create('orders', fn {", "});", "drop"), True),
        (("Schema::create('a', fn {", "});", "Schema::table('orders', fn {", "    drop"), True),
        (("create_table :orders do |t|", "  drop"), False),
        (("create_table :orders do |t|", "", "  drop"), False),
        (("create_table :a do |t|", "end", "change_table :orders do |t|", "  drop"), True),
        (("create_table :orders do |t|", *["  x"] * 200, "  drop"), True),  # too far to look
    ],
)
@pytest.mark.parametrize("by_statement", [True, False])
def test_the_builder_around_a_match_names_the_table(by_statement, rows, stands):
    changes = {"match": r"drop(?: on (?P<table>\w+))?", "skip_new_table": True}
    changes["by_statement"] = by_statement
    shown = found(added("db/1.php", *rows), **changes)
    assert [one.line for one in shown] == (
        [rows.index(next(r for r in rows if "drop" in r)) + 1] * stands
    )


def test_a_line_of_the_other_side_of_its_hunk_may_speak_against_a_finding():
    rows = ("-image: shop:1", "+image: shop:2", "@@ -30 +30 @@", "+image: depot:1")
    image = replace(HAZARD, match="image:", unless_other_side="image:")
    assert places(patched("db/1.yml", *rows), hazard=image) == [("db/1.yml", 30)]
    gone = replace(image, removed=True)
    rows = ("-image: shop:1", "+image: shop:2", "@@ -30 +30 @@", "-image: depot:1")
    assert places(patched("db/1.yml", *rows), hazard=gone) == [("db/1.yml", 30)]


def test_a_line_that_is_only_laid_out_anew_is_no_new_danger():
    rows = ("-  drop('a')", '+    drop("a");', "+drop(b)", "@@ -30 +30 @@", "+drop('a')")
    assert places(patched("db/1.py", *rows)) == [("db/1.py", 11), ("db/1.py", 30)]
    assert len(places(patched("db/1.py", *rows), files=("**",))) == 3  # as a secret would be


def test_a_value_counts_as_changed_only_where_its_hunk_removes_one():
    changed = patched("db/1.sql", "-size = 1", "+drop size = 2")
    apart = patched("db/1.sql", "-size = 1", "@@ -50 +50 @@", "+drop size = 2")
    assert found(changed, requires_removed="^size =")
    assert not found(apart, requires_removed="^size =")
    assert not found(added("db/1.sql", "drop size = 2"), requires_removed="^size =")
    twice = patched("db/1.sql", "-size = 1", "+drop size = 2", "+drop size = 3")
    assert len(found(twice, requires_removed="^size =")) == 2


# --- accepted ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("drop # nfr:ignore T-1 the table is empty", "the table is empty"),
        ("drop /* nfr:ignore T-1 empty */", "empty"),
        ("drop <!-- nfr:ignore X-9, T-1 empty -->", "empty"),
        ("drop # nfr:ignore T-1", ""),
        ("drop # nfr:ignore T-1   ", ""),
        ("drop # nfr:ignore T-2 another one", ""),
        ("drop # nfr:ignore T-11 another one", ""),
        ("drop # nfr:ignore all of it", ""),
    ],
)
def test_a_comment_with_a_reason_turns_a_finding_into_an_accepted_one(line, reason):
    (one,) = found(added("db/1.sql", line))
    assert one.accepted == reason


def test_an_accepted_finding_asks_its_question_but_does_not_raise_it():
    policy = Policy(areas=(area(HAZARD),))
    for line, severity in [("drop", "must"), ("drop # nfr:ignore T-1 empty", "should")]:
        seen = scan(replace(PULL, files=(added("db/1.sql", line),)), policy)
        asked = checklist(seen, policy, findings(seen.suspicion, {}))
        assert [item.severity for item in asked.flagged[0].items] == [severity, "could"]


# --- what it does to the checklist -------------------------------------------------------


def test_a_hazard_in_code_flags_its_area_and_its_file_becomes_the_areas():
    hazard = replace(HAZARD, scope="code")
    policy = Policy(areas=(area(hazard, paths=("db/**",)),))
    for files, own in [
        ((added("src/a.py", "drop"),), ["src/a.py"]),
        ((added("db/1.sql", "x"), added("src/a.py", "drop")), ["db/1.sql", "src/a.py"]),
        ((added("db/1.sql", "drop"),), ["db/1.sql"]),
    ]:
        seen = scan(replace(PULL, files=files), policy)
        asked = checklist(seen, policy, findings(seen.suspicion, {}))
        assert [file.path for file in asked.flagged[0].files] == own
    (hit,) = (
        checklist(
            scan(replace(PULL, files=(added("src/a.py", "drop"),)), policy),
            policy,
            findings(scan(replace(PULL, files=(added("src/a.py", "drop"),)), policy).suspicion, {}),
        )
        .flagged[0]
        .hits
    )
    assert hit == AddedHit("drop", path="src/a.py", line=1)


def test_an_area_that_only_a_hazard_touches_asks_nothing_that_is_asked_always():
    policy = Policy(areas=(area(replace(HAZARD, scope="code")),))
    for path, asked in [("src/a.py", ["db-plan"]), ("db/a.py", ["db-plan", "db-more"])]:
        seen = scan(replace(PULL, files=(added(path, "drop"),)), policy)
        found = checklist(seen, policy, findings(seen.suspicion, {}))
        assert [item.id for item in found.flagged[0].items] == asked


@pytest.mark.parametrize(
    ("file", "named"),
    [
        (added("src/a.py", "x" * 3_000), False),
        (added("src/a.py", "a\u2028drop"), False),
        (structs.replace(added("db/1.sql", "x"), additions=9), True),
        (structs.replace(patched("db/1.sql", "-x"), deletions=9), True),
        (File("a.png", "added", sha="s"), False),
        (File("db/utf16.sql", "added", sha="s"), True),
        (File("db/gone.sql", "removed", sha="s"), False),
        (added("vendor/a.py", "x" * 3_000), False),
    ],
)
def test_files_that_were_not_looked_at_in_full_are_named(file, named):
    policy = Policy(areas=(area(HAZARD),))
    seen = scan(replace(PULL, files=(file,)), policy)
    assert checklist(seen, policy).partly == ((file.path,) if named else ())


# --- what someone may try who wants a line not to be found --------------------------------


def test_what_is_cleared_or_accepted_does_not_use_up_what_may_be_found():
    guarded = {"unless": Guard("safe")}
    decoys = added("db/0.sql", *["drop safe"] * 3_000)
    accepted = added("db/1.sql", *["drop # nfr:ignore T-1 fine"] * 3_000)
    real = added("db/2.sql", "drop")
    assert places(decoys, accepted, real, **guarded)[-1] == ("db/2.sql", 1)


def test_a_file_with_more_suspects_than_are_looked_at_is_an_area(monkeypatch):
    monkeypatch.setattr("ghapp.core.scan.search.MOST_SUSPECTS", 5)
    policy = Policy(areas=(area(HAZARD),))
    files = (added("db/1.sql", *["drop"] * 5), added("db/2.sql", "drop"))
    assert scan(replace(PULL, files=files), policy).unread == ("db/2.sql",)


# Time is asked for before each portion of the files, and then before each file with suspects.
@pytest.mark.parametrize(("in_time", "unread"), [(0, "012"), (2, "012"), (4, "12"), (6, "")])
def test_what_a_scan_has_no_time_for_counts_as_unread(monkeypatch, in_time, unread):
    monkeypatch.setattr("ghapp.core.scan.search.PORTION_BYTES", 1)
    policy, left = Policy(areas=(area(HAZARD),)), iter([False] * in_time)
    files = tuple(added(f"db/{number}.sql", "drop") for number in range(3))
    seen = scan(replace(PULL, files=files), policy, overdue=lambda: next(left, True))
    assert seen.unread == tuple(f"db/{number}.sql" for number in unread)
    assert {one.file.path for one in seen.suspicion.sure}.isdisjoint(seen.unread)


def test_whole_files_that_a_scan_has_no_time_for_clear_nothing():
    guarded = replace(HAZARD, unless=Guard("safe", scope="file"))
    policy = Policy(areas=(area(guarded),))
    file = patched("db/1.sql", " a", "+drop", " b")
    seen = scan(replace(PULL, files=(file,)), policy)
    contents = {file.path: "\n" * 9 + "a\ndrop\nb\nsafe"}
    assert findings(seen.suspicion, contents) == ()
    (found,) = findings(seen.suspicion, contents, overdue=lambda: True)
    assert found.unsure


def test_an_added_line_makes_up_for_one_removed_line_where_the_hazard_reads_it():
    gone = patched("db/1.sql", " a", "-drop guard", " b", "-drop guard", " c")
    assert len(places(gone, removed=True)) == 2
    assert len(places(gone, added("db/2.sql", "drop guard"), removed=True)) == 1
    for elsewhere in ("README.md", "src/a.py", "vendor/db/1.sql"):
        assert len(places(gone, added(elsewhere, "drop guard", "drop guard"), removed=True)) == 2
    remark = added("db/2.sql", "-- drop guard", "-- drop guard")
    assert len(places(gone, remark, removed=True)) == 2


def test_a_table_is_not_made_by_a_comment_or_in_a_file_that_the_hazard_does_not_read():
    changes = {"match": r"drop on (?P<table>\w+)", "skip_new_table": True}
    use = added("db/1.sql", "drop on orders")
    assert found(use, added("README.md", "create table orders ("), **changes)
    assert found(use, added("db/2.sql", "-- create table orders ("), **changes)
    assert not found(use, added("db/2.sql", "create table orders ("), **changes)
    long = added("db/1.sql", f"drop on {'x' * 300}", f"create table {'x' * 300} (")
    assert found(long, **changes)


def test_only_a_comment_on_the_line_itself_accepts_a_finding():
    rows = ["drop a # nfr:ignore T-1 fine", "drop b", "drop c"]
    got = found(added("db/1.sql", *rows), by_statement=True)
    assert [one.accepted for one in got] == ["fine", "", ""]
    hidden = found(added("db/1.sql", "drop # nfr:ignore T-1 \u200b"))
    assert [one.accepted for one in hidden] == [""]
    both = found(added("db/1.sql", "drop # nfr:ignore T-2 x nfr:ignore T-1 y"))
    assert [one.accepted for one in both] == ["y"]


@pytest.mark.parametrize(
    ("line", "ignore_rejected"),
    [("drop # nfr:ignore T-1 x", False), ("drop # nfr:ignore T-1", True), ("drop", False)],
)
def test_a_comment_that_accepts_nothing_is_told(line, ignore_rejected):
    (one,) = found(added("db/1.sql", line))
    assert one.ignore_rejected is ignore_rejected


def test_a_byte_order_mark_hides_no_beginning_of_a_line():
    assert places(added("db/1.sql", "\ufeffdrop"), match="^drop") == [("db/1.sql", 1)]


def test_a_removed_last_line_is_marked_on_the_line_that_is_last_now():
    cut = patched("db/1.sql", " a", " b", "-drop guard")
    assert places(cut, removed=True) == [("db/1.sql", 11)]
    emptied = patched("db/1.sql", "-drop guard", start="@@ -1 +0,0 @@")
    assert places(emptied, removed=True) == [("db/1.sql", 1)]


def test_what_could_not_be_read_is_no_part_of_the_fingerprint():
    policy = Policy(areas=(area(replace(HAZARD, requires="kind")),))
    seen = scan(replace(PULL, files=(patched("db/1.sql", "+drop"),)), policy)
    marks = [
        checklist(seen, policy, findings(seen.suspicion, contents)).flagged[0].fingerprint
        for contents in ({}, {"db/1.sql": "x\n" * 9 + "drop"}, {"db/1.sql": "kind\n" * 9 + "drop"})
    ]
    assert marks[0] == marks[1] != marks[2]


def test_a_hazard_may_count_once_for_each_file():
    files = (
        added("db/1.sql", "drop # nfr:ignore T-1 x", "drop", "drop"),
        added("db/2.sql", "drop"),
    )
    got = found(*files, once=True)
    assert [(one.path, one.line) for one in got] == [
        ("db/1.sql", 1),
        ("db/1.sql", 2),
        ("db/2.sql", 1),
    ]


def test_a_whole_file_of_too_many_lines_is_not_read():
    file = patched("db/1.sql", "+drop")
    (got,) = found(file, contents={"db/1.sql": "safe\n" * 100_002}, unless=Guard("safe", "file"))
    assert got.unsure


def test_hazards_that_read_code_are_looked_for_together():
    code = [replace(HAZARD, id=f"C-{at}", scope="code", exclude=(f"x{at}",)) for at in range(3)]
    own = [replace(HAZARD, id="A-1"), replace(HAZARD, id="A-2", exclude=("y",))]
    book = rulebook((area(code[0], own[0], code[1], own[1], code[2]),))
    kept = [one.scope for one in book.hazards["+"].owners]
    assert kept == [HAZARD.scope, HAZARD.scope, "code", "code", "code"]
