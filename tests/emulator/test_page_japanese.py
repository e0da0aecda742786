"""The pages in Japanese: nothing English is left on them, and nothing is less escaped."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from urllib.parse import urlencode

import pytest
from starlette.responses import Response

from ghapp.emulator.checks import CONCLUSIONS
from ghapp.emulator.page import LINES_LIMIT, Page
from ghapp.emulator.play import ACTIONS
from ghapp.emulator.repository import Pull
from tests.emulator.world import World

# Names of people, things and commands; all other words have no Latin letter.
NAMES = re.compile(
    r"Approve|Files changed|GitHub|Issue|PR|SRE|UTC|acme/shop|push|git"
    r"|/nfr done|nfr: signed off|ann|bob|ghapp(?:\[bot\])?|sre-sam|[\w/]*\w\.\w+"
)
HOSTILE = '"><b>x</b>'


@pytest.fixture
def page(world: World) -> Page:
    return Page(world.github, "ja")


class Shown(HTMLParser):
    """Gathers the words that people see or hear, without code and names of files in lists."""

    attributes = frozenset({"aria-label", "placeholder", "title"})
    code = frozenset({"code", "pre"})

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.deep = 0
        self.language = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.deep += tag in self.code
        self.words += [value or "" for name, value in attrs if name in self.attributes]
        if tag == "html":
            self.language = dict(attrs)["lang"] or ""

    def handle_endtag(self, tag: str) -> None:
        self.deep -= tag in self.code

    def handle_data(self, data: str) -> None:
        if not self.deep:
            self.words.append(data)


def english(answer: Response) -> set[str]:
    """The words in Latin letters that are no names."""
    shown = Shown()
    shown.feed(answer.body.decode())
    assert shown.language == "ja"
    return set(re.findall(r"[A-Za-z]{2,}", NAMES.sub("", " ".join(shown.words))))


def get(page: Page, path: str) -> Response:
    return page.answer("GET", path, {}, b"")


def play(page: Page, pull: Pull, **form: str) -> Response:
    path = f"/acme/shop/pull/{pull.number}/play"
    return page.answer("POST", path, {}, urlencode(form).encode())


def full(world: World) -> Pull:
    """A pull with everything on it, whose texts are digits."""
    repository = world.repository
    repository.push("main", {"2.txt": "1\n" * (LINES_LIMIT + 9), "3.txt": "1\n2\n3\n"}, "ann")
    files = {"1.sql": "1\n", "2.txt": None, "3.txt": None, "4.txt": "1\n2\n3\n", "5.bin": b"\0"}
    pull = repository.open_pull(author="ann", branch="f", title="1", files=files, body="2")
    pull.edit_comment(pull.comment("- [ ] 1\n- [x] 2", "ghapp[bot]"), "- [x] 1\n- [ ] 2", "ann")
    first = pull.review("sre-sam", "approved", "3")
    pull.review("sre-sam", "changes_requested", "4")
    pull.review("sre-sam", "commented", "5")
    pull.dismiss_review(first, "ann", "6")
    pull.review_comment("7", "sre-sam", "1.sql", 1)
    pull.add_label("8", "ann")
    place = {"path": "1.sql", "start_line": 1, "end_line": 1, "message": "9"}
    notes = [{**place, "annotation_level": level} for level in ("failure", "warning", "notice")]
    output = {"title": "1", "summary": "2", "annotations": notes}
    heads = [{"status": status} for status in ("queued", "in_progress")]
    heads += [{"conclusion": conclusion} for conclusion in CONCLUSIONS]
    for number, more in enumerate(heads):
        body = {"name": str(number), "head_sha": pull.head_sha, "output": output, **more}
        repository.create_run(body)
    return pull


def test_no_english_is_left_on_a_page(world: World, page: Page) -> None:
    assert english(get(page, "/")) == set()  # without a pull
    pull = full(world)
    issue = world.repository.open_issue("ghapp[bot]", "1", "2", assignees=["ann"])
    pages = [f"/acme/shop/pull/{pull.number}", f"/acme/shop/issues/{issue.number}", "/", "/gone"]
    plain = world.repository.open_pull(author="ann", branch="g", title="1", files={"1.md": "1\n"})
    pages.append(f"/acme/shop/pull/{plain.number}")
    turns = (pull.draft, pull.close, pull.reopen, pull.ready, pull.merge)
    for turn in (issue.close, issue.reopen, *turns):
        assert [
            (path, english(get(page, path))) for path in pages if english(get(page, path))
        ] == []
        turn("ann")
    assert english(get(page, pages[0])) == set()


@pytest.mark.parametrize(
    "form",
    [
        {"do": "comment", "body": " "},
        {"do": "note", "body": " "},
        {"do": "note", "body": "1", "path": "0.md"},
        {"do": "label"},
        {"do": "unlabel", "label": "0"},
        {"do": "00"},
        {"tick": "1:2"},
        {"do": "approve", "by": "ann"},
        {"do": "request_changes", "by": "ann", "body": "1"},
        {"do": "request_changes", "by": "sre-sam"},
        {"do": "review", "by": "sre-sam"},
        {"do": "dismiss", "by": "ann", "review": "{approved}"},
        {"do": "dismiss", "by": "bob", "review": "{approved}", "message": "1"},
        {"do": "dismiss", "by": "ann", "review": "{commented}", "message": "1"},
        {"do": "dismiss", "by": "ann", "review": "{dismissed}", "message": "1"},
        {"do": "press", "by": "bob", "run": "{run}", "identifier": "1"},
        {"do": "press", "by": "ann", "run": "{run}", "identifier": "1"},
        {"do": "press", "by": "ann", "run": "0", "identifier": "1"},
        {"do": "push", "by": "ann"},
    ],
    ids=lambda form: "-".join(form.values()),
)
def test_a_failed_action_is_explained_in_japanese(
    form: dict[str, str], world: World, page: Page
) -> None:
    pull = world.repository.open_pull(author="ann", branch="f", title="1", files={"1.md": "1\n"})
    ids = {state: pull.review("sre-sam", "approved", "1") for state in ("approved", "dismissed")}
    ids["commented"] = pull.review("sre-sam", "commented", "1")
    pull.dismiss_review(ids["dismissed"], "ann", "1")
    ids["run"] = world.repository.create_run(
        {"name": "1", "head_sha": pull.head_sha, "conclusion": "success"}
    ).id
    if form["do" if "do" in form else "tick"] == "push":
        pull.head_repository = None
    answer = play(page, pull, **{name: value.format(**ids) for name, value in form.items()})
    assert answer.status_code == 422
    assert 'role="alert"' in answer.body.decode()
    assert english(answer) == set()


@pytest.mark.parametrize("name", [*ACTIONS, "tick", "untick"])
def test_a_confirmation_has_no_english(name: str, world: World, page: Page) -> None:
    world.repository.open_pull(author="ann", branch="f", title="1", files={"1.md": "1\n"})
    answer = page.answer("GET", "/acme/shop/pull/1", {"cookie": f"emulator_done={name}:ann"}, b"")
    assert 'role="status">ann さんとして' in answer.body.decode()
    assert english(answer) == set()


def test_a_message_of_git_is_quoted(world: World, page: Page) -> None:
    pull = world.repository.open_pull(author="ann", branch="f", files={"1.md": "1\n"})
    world.repository.push("main", {"1.md": "2\n"}, "ann")
    text = play(page, pull, do="merge", by="ann").body.decode()
    assert "git の操作に失敗しました" in text
    assert "CONFLICT" in text


@pytest.mark.parametrize("language", ["en", "ja"])
def test_hostile_names_stay_text(language: str, world: World) -> None:
    page = Page(world.github, language)
    pull = world.repository.open_pull(author="ann", branch="f", title=HOSTILE, files={"1": "1\n"})
    path = f"<b>{HOSTILE.replace('/', '')}.md"
    pull.push({path: "1\n"}, "ann")
    pull.review_comment("1", "ann", path, 1)
    pull.add_label(HOSTILE, "ann")
    world.repository.open_issue("ghapp[bot]", HOSTILE, "1")
    texts = [get(page, at).body.decode() for at in ("/", f"/acme/shop/pull/{pull.number}")]
    texts.append(play(page, pull, do=HOSTILE).body.decode())
    done = SimpleCookie({"emulator_done": f"comment:{HOSTILE}"}).output(header="").strip()
    texts.append(page.answer("GET", "/", {"cookie": done}, b"").body.decode())
    assert 'role="status"' in texts[-1]
    for text in texts:
        assert "<b>" not in text
        assert "&lt;b&gt;" in text
