"""What counts as code in a patch, and which files change nothing but comments and layout."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghapp.core.model import File
from ghapp.core.scan.patch import changed_file
from tests.core.pulls import file


def code(path: str, *added: str) -> list[str]:
    """The added lines that count as code."""
    made = changed_file(file(path, *added))
    lines = made.added_code.decode().split("\n")
    assert [len(line) for line in lines] == [len(line) for line in made.added.decode().split("\n")]
    return [line for line in lines if line.strip()]


def patched(path: str, patch: str, status: str = "modified") -> File:
    rows = patch.split("\n")
    counts = (sum(row.startswith(sign) for row in rows) for sign in "+-")
    return File(path, status, *counts, f"@@ -9,9 +9,9 @@\n{patch}", "s")


def still(path: str, patch: str) -> bool:
    return changed_file(patched(path, patch)).still


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("a.js", "  // refund(order)"),
        ("a.tsx", "/* refund(order) */"),
        ("a.go", "\t// refund"),
        ("a.py", "    # refund(order)"),
        ("a.rb", "# refund"),
        ("Gemfile", "# gem 'x'"),
        ("a.yml", "  # schedule: x"),
        ("Dockerfile.web", "# RUN x"),
        ("a.sql", "-- DROP TABLE x"),
        ("a.tf", "# resource"),
        ("a.tf", "// resource"),
        ("a.php", "# x"),
        ("changelog.xml", '<!-- <dropColumn tableName="x"/> -->'),
        (".env", "# KEY=x"),
    ],
)
def test_a_line_that_is_only_a_comment_is_no_code(path: str, line: str) -> None:
    assert code(path, "x = 1", line) == ["x = 1"]


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("a.js", "x() // refund"),
        ("a.js", "  * refund(order)"),  # without its beginning it may be a product
        ("a.js", "/* a */ refund()"),
        ("a.js", "// ${refund()}"),  # inside a template it runs
        ("a.py", "# {refund()}"),  # and so does it inside an f-string
        ("a.sh", "# $(refund)"),
        ("a.yml", '# {{ include "x" . }}'),
        ("a.go", "//go:generate refund"),
        ("a.sql", "/*! DROP TABLE x */"),
        ("a.sql", "-- +goose NO TRANSACTION"),
        ("Dockerfile", "# syntax=evil/frontend"),
        ("a.sh", "#!/bin/sh"),
        ("a.php", "#[Route('/x')]"),
        ("a.html", "<!--[if IE]> x <![endif]-->"),
        ("a.py", "// x"),
        ("a.unknown", "# x"),
        ("README", "// x"),
    ],
)
def test_what_may_run_is_code(path: str, line: str) -> None:
    assert code(path, "x = 1", line) == ["x = 1", line]


def test_a_block_of_comment_reaches_over_lines() -> None:
    added = ["/**", " * refund(order)", "", " */", "refund(order)", "/* a", "b */ c()"]
    assert code("a.ts", *added) == ["refund(order)", "b */ c()"]


def test_a_block_that_began_above_the_hunk_is_known_by_its_end() -> None:
    one = patched("a.ts", " * pays\n+ * refunds\n-* old\n */\n+refund()")
    made = changed_file(one)
    assert made.added_code.split() == [b"refund()"]
    assert made.removed_code.strip() == b""
    other = changed_file(patched("a.ts", " * pays\n+ * refunds()\n+ */x/.y"))
    assert len(other.added_code.split(b"\n")) == 2
    assert b"refunds" in other.added_code


def test_each_hunk_begins_anew() -> None:
    one = File("a.c", "modified", 2, 0, "@@ -1 +1 @@\n+/* a\n@@ -9 +9 @@\n+refund()", "s")
    assert changed_file(one).added_code.split() == [b"refund()"]


def test_what_cannot_be_looked_at_as_it_is_meant_is_code() -> None:
    for end in "\u2028\u2029\x85\x0b\x0c\r":
        made = changed_file(file("a.js", "// b", f"// a{end}refund()"))
        assert made.added_code.split(b"\n") == [b"// b", b"// a", b"refund()"]
        assert not made.still
    assert not changed_file(File("a.py", "modified", 3, 0, "@@ -1 +1 @@\n+# a", "s")).still
    assert not changed_file(File("a.py", "modified", 0, 0, "", "s")).still


@pytest.mark.parametrize(
    ("path", "patch"),
    [
        ("a.py", "+# new\n-# old"),
        ("a.py", "+\n-"),
        ("a.js", "-foo( a,b )\n+foo(\n+  a,\n+  b,\n+);"),
        ("a.js", "-x = 'a'\n+x = \"a\";"),
        ("a.tsx", '-<a href="x" b={c}>\n+<a\n+  href="x"\n+  b={c}\n+>'),
        ("a.ts", "-type A = {a: string|null}\n+type A = {\n+  a: string | null;\n+}"),
        ("a.tf", '-a = "b"\n+a      = "b"'),
        ("a.go", "-a := f(x)\n+a  :=  f(x)"),
        ("a.py", "-f( 1,2 )\n+f(1, 2)"),
        ("a.js", "-f( 1 )\n+f(1)\n x\n-g( 2 )\n+g(2)"),
        ("a.yml", "-a: 1  \n+a: 1"),
        ("a.json", '-{"a":1}\n+{\n+  "a": 1\n+}'),
    ],
)
def test_comments_and_layout_change_nothing(path: str, patch: str) -> None:
    assert still(path, patch)


@pytest.mark.parametrize(
    ("path", "patch"),
    [
        ("a.py", "-    charge()\n+charge()"),  # out of its block
        ("a.py", "-x = 1\n+x = 12"),
        ("a.js", "-if (paid) refund()\n+if (paid); refund()"),
        ("a.js", "-return x\n+return\n+x"),
        ("a.js", "-x = [1,2]\n+x = [12]"),
        ("a.js", "-x = 'a$b'\n+x = \"a$b\""),
        ("a.go", "-x := a - b\n+x := a\n+- b"),
        ("a.sh", "-rm -rf /tmp/x\n+rm -rf / tmp/x"),
        ("a.yml", "-a: 'off'\n+a: off"),
        ("a.yml", "-  a: 1\n+a: 1"),
        ("a.js", "-charge()\n if (paid) {\n+charge()"),  # moved, which is more than layout
        ("a.txt", "-a  b\n+a b"),
    ],
)
def test_what_may_mean_something_else_is_a_change(path: str, patch: str) -> None:
    assert not still(path, patch)


def test_generated_code_says_so_in_its_head() -> None:
    head = "// Code generated by sqlc. DO NOT EDIT."
    new = File("db/q.sql.go", "added", 2, 0, f"@@ -0,0 +1,2 @@\n+{head}\n+x()", "s")
    old = File("db/q.sql.go", "modified", 1, 0, f"@@ -1,2 +1,3 @@\n {head}\n+x()", "s")
    assert changed_file(new).still
    assert changed_file(old).still
    # A person who puts the head into a file that had none does not generate it.
    put = File("db/q.go", "modified", 2, 0, f"@@ -1,2 +1,4 @@\n+{head}\n+x()", "s")
    assert not changed_file(put).still


def test_a_comment_blanks_no_empty_line_above_it() -> None:
    made = changed_file(patched("a.py", "+\n # pays\n+x\n+  # refunds"))
    assert made.added_code == b"\nx\n           "


ROWS = st.builds(
    "{}{}".format, st.sampled_from("+- "), st.text("ab \t/*#'\"\\;,{}\u2028", max_size=9)
)


@given(st.lists(ROWS, max_size=8))
def test_blanking_never_moves_a_place(rows: list[str]) -> None:
    body = "\n".join(rows)
    for path in ("a.js", "a.py", "a.sql", "a.xml"):
        made = changed_file(patched(path, body))
        assert len(made.added_code) == len(made.added)
        assert len(made.removed_code) == len(made.removed)
