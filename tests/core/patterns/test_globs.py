import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pathspec import PathSpec

from ghapp.core.patterns import globs


@pytest.mark.parametrize(
    ("glob", "path", "matches"),
    [
        ("docs/**", "docs/a/b.md", True),
        ("docs/**", "src/docs/b.md", False),
        ("**/docs/**", "src/docs/b.md", True),
        ("**/docs/**", "docs/b.md", True),
        ("**/*.md", "README.md", True),
        ("**/*.md", "a/b/c.md", True),
        ("*.md", "a/b/c.md", True),
        ("/*.md", "a/c.md", False),
        ("docs", "src/docs/b.md", True),
        ("a/b", "a/b/c", True),
        ("a/b", "x/a/b", False),
        ("**/Auth/**", "src/auth/x.py", False),
        ("**/.env*", ".env.local", True),
        ("**/values*.y*ml", "charts/values-prod.yaml", True),
        ("**/*.min.*", "a/b.min.js", True),
        ("src/?.py", "src/あ.py", True),
        ("src/[ab].py", "src/b.py", True),
        ("src/[!ab].py", "src/b.py", False),
        ("**/*.md", "caf\udce9/a.md", True),
        ("**/*.md", "a\nb/c.md", True),
        ("日本/**", "日本/x", True),
        ("**/.env", "prod.env", False),
        ("**/.env", "a/.env/b", True),
        ("**/.env/**", "prod.env/a", False),
        ("**/.env/**", "a/.env/b", True),
        ("**/.env/**", "a/.env", False),
        ("**/*.env", ".env", True),
        ("**/*.env", "prod.env/a", True),
        ("**/a", "b/a", True),
        ("**/a", "a/b", True),
        ("**/a/**", "b/a", False),
        ("**", "any/thing", True),
        ("a/**/b", "a/b", True),
        ("a/**/b", "a/x/y/b", True),
        (r"\#a", "#a", True),
        ("a ", "a", True),
    ],
)
def test_globs_mean_what_they_mean_in_gitignore(glob, path, matches):
    assert globs.fault(glob) == ""
    assert globs.matches((glob,), path) == (glob if matches else "")


def test_the_first_glob_that_matches_is_named_and_every_one_is_known():
    listed = ("**/z/**", "*.py", "**/[ab]/**", "a/**", "**/*a*")
    assert globs.matches(listed, "a/x.py") == "*.py"
    assert globs.Globs(listed).matching("a/x.py") == {"*.py", "**/[ab]/**", "a/**", "**/*a*"}
    assert globs.matches((), "a/x.py") == ""


@pytest.mark.parametrize(
    ("glob", "says"),
    [
        ("", "the glob is empty: write `**`"),
        (" / ", "the glob is empty: write `**`"),
        ("!docs/**", "not read as a negation"),
        ("#docs", "write `\\#`"),
        ("./docs/**", "never matches"),
        ("../docs/**", "never matches"),
        ("**/*.{js,ts}", "braces are not expanded"),
        ("a" * 501, "501 characters long, more than 500"),
        ("**/a/**/b/**/c/**/d/**/e/**/f/**", "more than 6 `**`"),
        ("a\\", "is not a glob"),
        ("[z-a]", "is not a glob"),
    ],
)
def test_a_glob_that_would_surprise_is_a_fault(glob, says):
    assert says in globs.fault(glob)


@pytest.mark.parametrize("glob", ["{{cookiecutter.name}}/**", r"\{a,b}", r"\!x", "app/[id]/**"])
def test_an_odd_file_name_is_no_fault(glob):
    assert globs.fault(glob) == ""


PARTS = st.text("ab.*?!-\\{} \t日", min_size=1, max_size=6) | st.sampled_from(
    [
        "**",
        "[ab]*",
        "a[-b]b",
        "[]a]b",
        "[!]b]a*",
        "b[a",
        "a]",
        "a[!b]",
        "*.[a-b]",
        r"\[a]",
        "a",
        "b.a",
        "*.a",
        "*.b.a",
        ".a",
    ]
)
NAMES = st.text("ab. []!\t日", min_size=1, max_size=5).filter(lambda name: name not in (".", ".."))


@given(
    st.lists(st.lists(PARTS, min_size=1, max_size=4).map("/".join), max_size=4),
    st.lists(NAMES, min_size=1, max_size=4).map("/".join),
)
def test_the_index_agrees_with_pathspec(listed, path):
    good = tuple(glob for glob in listed if not globs.fault(glob))
    alone = {glob for glob in good if PathSpec.from_lines("gitignore", [glob]).match_file(path)}
    assert globs.Globs(good).matching(path) == alone
    assert globs.matches(good, path) == next((glob for glob in good if glob in alone), "")


@given(st.text(), st.text())
def test_any_text_is_a_glob_or_has_a_fault(glob, path):
    if not globs.fault(glob):
        assert globs.matches((glob,), path) in (glob, "")


def test_3000_paths_against_200_globs_are_quick():
    pick = random.Random(1)
    folders = [f"part{number}" for number in range(30)]
    paths = [
        "/".join([*pick.choices(folders, k=pick.randint(1, 7)), f"file{number}.py"])
        for number in range(3_000)
    ]
    listed = tuple(f"**/{folders[n % 30]}/**/part{n % 7}/**/x{n}.*" for n in range(199))
    started = time.process_time()
    assert not any(globs.matches(listed, path) for path in paths)
    assert time.process_time() - started < 1.5  # 0.03 without coverage on an idle machine


def test_more_paths_than_are_remembered_are_matched_all_the_same(monkeypatch):
    monkeypatch.setattr(globs, "MAX_REMEMBERED", 2)
    listed = globs.Globs(("**/a/**", "**/*.b", "c*"))
    paths = ("a/x", "a/x", "b/x", "c/x", "a/x.b", "x.b", "a/x")
    matching = [listed.matching(path) for path in paths]
    assert [sorted(one) for one in matching] == [
        ["**/a/**"],
        ["**/a/**"],
        [],
        ["c*"],
        ["**/*.b", "**/a/**"],
        ["**/*.b"],
        ["**/a/**"],
    ]


def test_globs_made_to_backtrack_stay_quick():
    hard = tuple("**/x" + "*a" * 200 + str(number) for number in range(200))
    path = "/".join(["a" * 100] * 30)
    started = time.process_time()
    assert globs.matches(hard, path + "/xa") == ""
    assert time.process_time() - started < 2
