"""The pages show what is on a pull, escape what people wrote, and let one play a part."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import httpx
import pytest

from ghapp.emulator import markdown
from ghapp.emulator.page import LINES_LIMIT, Page
from ghapp.emulator.play import ACTIONS, ISSUE_ACTIONS
from ghapp.emulator.repository import Pull
from ghapp.emulator.server import host_in_url
from ghapp.emulator.words import table
from tests.emulator.world import World

PAGE = "/acme/shop/pull/1"
BODY = """<!-- marker -->
## Review

- [ ] Is there a **rollback**?
- [x] ~~Old~~ new

<details><summary>More</summary>

| a | b |
| - | - |
| 1 | 2 |

- [ ] Third

</details>
"""


@pytest.fixture
def pull(world: World) -> Pull:
    return world.repository.open_pull(
        author="ann",
        branch="f",
        files={"db/a.sql": "SELECT 1;\n"},
        title="feat: <b>a</b>",
    )


def play(world: World, **form: str) -> httpx.Response:
    return world.client.post(f"{PAGE}/play", data=form)


def note(path: str, line: int, level: str, **more: object) -> dict[str, object]:
    """An annotation as an App writes it."""
    place = {"path": path, "start_line": line, "end_line": line}
    return {**place, "annotation_level": level, **more}


def annotate(world: World, pull: Pull, *notes: dict[str, object]) -> None:
    output = {"title": "1 area", "summary": "**why**", "annotations": notes}
    body = {"name": "NFR review", "head_sha": pull.head_sha, "conclusion": "action_required"}
    answer = world.client.post("/repos/acme/shop/check-runs", json={**body, "output": output})
    assert answer.status_code == 201


class Balance(HTMLParser):
    """Fails on a tag that is closed out of turn."""

    void = frozenset({"meta", "link", "input", "br", "hr"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in self.void:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_a_pull_shows_its_marks(world: World, pull: Pull) -> None:
    comment = pull.comment(BODY, "ghapp[bot]")
    pull.react(comment, "eyes", "sre-sam")
    pull.add_label("nfr: needs sign-off", "ghapp[bot]")
    annotate(world, pull, note("db/a.sql", 1, "failure", message="Lock"))
    page = world.client.get(PAGE)
    assert page.status_code == 200
    parser = Balance()
    parser.feed(page.text)
    assert parser.open == []
    for shown in (
        "feat: &lt;b&gt;a&lt;/b&gt;",
        "<strong>NFR review</strong>",
        "action required",
        "<strong>why</strong>",
        "<code>db/a.sql:1</code>",
        "nfr: needs sign-off",
        "<summary>More</summary>",
        "<td>1</td>",
        "<s>Old</s>",
        "👀",
    ):
        assert shown in page.text, shown
    assert "marker" not in page.text
    ids = re.findall(r' id="([^"]+)"', page.text)
    assert len(ids) == len(set(ids))


def test_annotations_show_level_place_and_words_but_no_markup(world: World, pull: Pull) -> None:
    annotate(
        world,
        pull,
        note("db/a.sql", 1, "failure", title="DB-1 (<b>)", message="Locks it.\nQuestion: <i>x</i>"),
        note("db/a.sql", 2, "notice", message="**Fine**", end_line=4),
    )
    text = world.client.get(PAGE).text
    shown = re.findall(
        r'<li class="(\w+)">\s*<p>(.*?)</p>\s*<p class="message">(.*?)</p>', text, re.DOTALL
    )
    assert [(level, re.sub(r"</?(?:strong|code)[^>]*>", "", head)) for level, head, _ in shown] == [
        ("failure", "failure db/a.sql:1 DB-1 (&lt;b&gt;)"),
        ("notice", "notice db/a.sql:2-4"),
    ]
    assert [message for *_, message in shown] == [
        "Locks it.\nQuestion: &lt;i&gt;x&lt;/i&gt;",
        "**Fine**",
    ]
    assert "2 annotations" in text


def test_pages_admit_no_script_and_no_foreign_content(world: World, pull: Pull) -> None:
    for path in ("/", PAGE, "/emulator.css", "/nothing/here"):
        policy = world.client.get(path).headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src" not in policy
    assert "style=" not in world.client.get(PAGE).text
    foreign = {"sec-fetch-site": "cross-site"}
    answer = world.client.post(f"{PAGE}/play", data={"do": "close"}, headers=foreign)
    assert (answer.status_code, pull.state) == (403, "open")


def test_the_list_leads_to_the_pulls(world: World, pull: Pull) -> None:
    assert f'href="{PAGE}"' in world.client.get("/").text
    assert world.client.get("/acme/shop/pull/2").status_code == 404


def test_label_colours_are_in_the_style_sheet(world: World, pull: Pull) -> None:
    world.repository.create_label("x", "FF0000")
    pull.add_label("x", "ann")
    assert (
        ".color-ff0000{background:#ff0000;color:#ffffff}" in world.client.get("/emulator.css").text
    )
    assert 'class="label color-ff0000"' in world.client.get(PAGE).text


def test_one_can_comment_label_and_tick_as_anyone(world: World, pull: Pull) -> None:
    assert play(world, do="comment", body="/nfr done\r\nthanks", by="sre-sam").status_code == 303
    assert [(comment.user.login, comment.body) for comment in pull.comments] == [
        ("sre-sam", "/nfr done\nthanks")
    ]
    play(world, do="label", new_label="nfr: signed off", by="sre-sam")
    assert pull.labels == {"nfr: signed off"}
    play(world, do="unlabel", label="nfr: signed off", by="ann")
    assert pull.labels == frozenset()
    comment = pull.comment(BODY, "ghapp[bot]")
    [box, *_] = re.findall(r'name="tick" value="([^"]+)"', world.client.get(PAGE).text)
    play(world, tick=box, by="ann")
    assert pull.find_comment(comment).body == BODY.replace("- [ ] Is", "- [x] Is")
    payload = world.github.deliveries.all[-1]
    assert (payload.event, payload.action) == ("issue_comment", "edited")


def test_one_can_push_inside_and_outside_and_change_the_state(world: World, pull: Pull) -> None:
    play(world, do="push", path="db/a.sql", by="ann")
    assert [row.additions for row in pull.changes()] == [2]
    play(world, do="push", path="", by="ann")
    assert [row.path for row in pull.changes()] == [b"db/a.sql", b"notes/unrelated.md"]
    play(world, do="draft", by="ann")
    drafts = [pull.is_draft]
    play(world, do="ready", by="ann")
    assert [*drafts, pull.is_draft] == [True, False]
    play(world, do="merge", by="ann")
    assert (pull.state, pull.merged_at is not None) == ("closed", True)
    assert 'value="close"' not in world.client.get(PAGE).text  # nothing is left to choose


def test_a_form_that_cannot_be_carried_out_is_explained(world: World, pull: Pull) -> None:
    for form in (
        {"do": "comment", "body": " "},
        {"do": "label"},
        {"do": "press", "run": "1", "identifier": "x"},
        {"do": "dance"},
        {"tick": "1:2"},
    ):
        answer = play(world, **form)
        assert (answer.status_code, 'role="alert"' in answer.text) == (422, True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<script>alert(1)</script>", "&lt;script&gt;"),
        ('<img src=x onerror="a">', "&lt;img src=x"),
        ("<details open><summary>s</summary></details>", "<details open><summary>"),
        ('<details ontoggle="a">', "&lt;details ontoggle"),
        ("a <b onclick=x>c</b>", "a &lt;b onclick=x&gt;c</b>"),
        ("[a](javascript:b)", "[a](javascript:b)"),
        ("```\n- [ ] no task\n```", "<code>- [ ] no task"),
        ("a <!-- b --> c", "<p>a  c</p>"),
        ("a\nb", "<p>a<br />\nb</p>"),
    ],
)
def test_markdown_shows_no_more_than_github_would(text: str, expected: str) -> None:
    assert expected in markdown.to_html(text)


def test_one_can_review_comment_on_the_diff_and_dismiss(world: World, pull: Pull) -> None:
    assert play(world, do="approve", body="fine **so**", by="sre-sam").status_code == 303
    play(world, do="request_changes", body="/nfr hold -- no", by="bob")
    play(world, do="note", body="why?", path="db/a.sql", by="bob")
    assert play(world, do="approve", by="ann").status_code == 422
    assert play(world, do="review", body=" ", by="bob").status_code == 422
    assert play(world, do="note", body=" ", by="bob").status_code == 422
    approved, wanted, _ = pull.reviews
    assert (approved.state, wanted.state) == ("approved", "changes_requested")
    rows = world.client.get("/repos/acme/shop/pulls/1/reviews").json()
    anchor = rows[0]["html_url"].partition("#")[2]
    assert f'id="{anchor}"' in world.client.get(PAGE).text
    text = world.client.get(PAGE).text
    for shown in ("approved these changes", "requested changes", "<strong>so</strong>", "why?"):
        assert shown in text, shown
    parser = Balance()
    parser.feed(text)
    assert parser.open == []
    assert play(world, do="dismiss", review=str(approved.id), by="ann").status_code == 422
    play(world, do="dismiss", review=str(approved.id), message="old", by="ann")
    assert (approved.state, "reviewed (dismissed)" in world.client.get(PAGE).text) == (
        "dismissed",
        True,
    )


def test_buttons_are_shown_on_completed_runs_to_people_with_write(world: World, pull: Pull) -> None:
    button = {"label": "Sign off now", "description": "d", "identifier": "signoff"}
    body = {"name": "NFR review", "head_sha": pull.head_sha, "actions": [button]}
    run = world.client.post("/repos/acme/shop/check-runs", json=body).json()
    assert "Sign off now" not in world.client.get(PAGE).text
    world.client.patch(
        f"/repos/acme/shop/check-runs/{run['id']}", json={"conclusion": "action_required"}
    )
    assert "Sign off now" in world.client.get(PAGE).text
    world.client.post("/me", data={"by": "sre-sam"})
    text = world.client.get(PAGE).text
    assert "Sign off now" not in text
    assert "sre-sam sees no buttons: that takes write access" in text


def you(world: World, path: str) -> dict[str, str]:
    """People to play with their roles; whom one plays is marked with a star."""
    rows = re.findall(
        r'<button name="by" value="(.+?)" aria-pressed="(.+?)">.*?<span[^>]*>(.*?)</span>',
        world.client.get(path).text,
    )
    return {login: role + "*" * (pressed == "true") for login, pressed, role in rows}


def test_whom_one_plays_is_chosen_once_for_all_pages(world: World, pull: Pull) -> None:
    world.repository.collaborator("bob", "read")
    issue = world.repository.open_issue("ghapp[bot]", "Later")
    others = {"bob": "developer", "sre-sam": "SRE"}
    assert you(world, PAGE) == {"ann": "author*", **others}
    assert you(world, "/") == {"ann": "developer*", **others}
    answer = world.client.post("/me", data={"by": "sre-sam", "back": PAGE})
    assert (answer.status_code, answer.headers["location"]) == (303, PAGE)
    assert you(world, PAGE) == {"ann": "author", "bob": "developer", "sre-sam": "SRE*"}
    for path in ("/", f"/acme/shop/issues/{issue.number}", "/nothing/here"):
        assert you(world, path) == {"ann": "developer", "bob": "developer", "sre-sam": "SRE*"}
    play(world, do="comment", body="hi")
    assert pull.comments[0].user.login == "sre-sam"
    play(world, do="comment", body="from a page that showed ann", by="ann")
    assert pull.comments[1].user.login == "ann"


@pytest.mark.parametrize(
    ("form", "headers", "status"),
    [
        ({"by": "mallory"}, {}, 303),  # nobody here has this name
        ({}, {}, 303),
        ({"by": "sre-sam"}, {"sec-fetch-site": "cross-site"}, 403),
    ],
)
def test_a_choice_that_is_not_on_the_page_changes_nothing(
    form: dict[str, str], headers: dict[str, str], status: int, world: World, pull: Pull
) -> None:
    answer = world.client.post("/me", data=form, headers=headers)
    assert (answer.status_code, "set-cookie" in answer.headers) == (status, False)
    assert you(world, PAGE)["ann"] == "author*"


@pytest.mark.parametrize("back", ["//evil.example/", "/\\evil.example/a/pull/1", "/a/b/pull/1"])
def test_a_choice_leads_back_to_no_other_site(back: str, world: World) -> None:
    answer = world.client.post("/me", data={"by": "sre-sam", "back": back})
    assert answer.headers["location"] == "/"


def test_an_action_is_confirmed_once(world: World, pull: Pull) -> None:
    def confirmed(path: str) -> list[str]:
        return re.findall(r'role="status">(.*?)<', world.client.get(path).text)

    play(world, do="comment", body="hi", by="sre-sam")
    assert [confirmed(PAGE), confirmed(PAGE)] == [["Commented as sre-sam."], []]
    pull.comment(BODY, "ghapp[bot]")
    [first, second, _] = re.findall(r'name="tick" value="([^"]+)"', world.client.get(PAGE).text)
    play(world, tick=first, by="ann")
    assert confirmed(PAGE) == ["Ticked the box as ann."]
    play(world, tick=second, by="ann")
    assert confirmed(PAGE) == ["Unticked the box as ann."]
    assert play(world, do="label", by="ann").status_code == 422
    assert confirmed(PAGE) == []  # nothing was done
    issue = world.repository.open_issue("ghapp[bot]", "Later")
    form = {"do": "close", "by": "ann", "back": "front"}
    world.client.post(f"/acme/shop/issues/{issue.number}/play", data=form)
    assert [confirmed("/"), confirmed("/")] == [["Closed as ann."], []]


def test_all_actions_have_a_confirmation() -> None:
    words = {key.removeprefix("done_") for key in table() if key.startswith("done_")}
    assert words == {*ACTIONS, *ISSUE_ACTIONS, "tick", "untick"}


def test_a_page_says_whether_a_pull_was_merged_or_closed(world: World, pull: Pull) -> None:
    def state() -> list[str]:
        pages = [world.client.get(path).text for path in ("/", PAGE)]
        line = " ".join(re.sub("<[^>]+>", "", pages[1][pages[1].index('"line"') :]).split())
        words = re.match(r".*? ([\w-]+ \w+ (?:to merge )?1 commit)", line)
        assert words
        return [*(re.findall(r'class="state (.*?)"', page)[0] for page in pages), words[1]]

    assert state() == ["open", "open", "ann wants to merge 1 commit"]
    play(world, do="close", by="sre-sam")
    assert state() == ["closed", "closed", "ann wanted to merge 1 commit"]
    assert "closed without a merge" in world.client.get(PAGE).text
    play(world, do="reopen", by="ann")
    play(world, do="merge", by="sre-sam")
    assert state() == ["merged", "merged", "sre-sam merged 1 commit"]


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.1"),
        ("::", "[::1]"),
        ("::1", "[::1]"),
        ("demo.example", "demo.example"),
    ],
)
def test_links_lead_to_an_address_that_this_machine_reaches(host: str, expected: str) -> None:
    assert host_in_url(host) == expected


def test_the_list_shows_what_to_try(world: World) -> None:
    answer = Page(world.github, hint="Try <this>").answer("GET", "/", {}, b"")
    assert "<p>Try &lt;this&gt;</p>" in answer.body.decode()
    assert "Try" not in world.client.get("/").text


def test_issues_of_the_app_are_listed_closed_and_reopened(world: World, pull: Pull) -> None:
    assert "Issues opened by" not in world.client.get("/").text
    issue = world.repository.open_issue("ghapp[bot]", "[NFR] <x>", "Due **soon**", labels=["l"])
    world.repository.open_issue("ann", "of somebody else")
    front = world.client.get("/").text
    assert "[NFR] &lt;x&gt;" in front
    assert "of somebody else" not in front
    path = f"/acme/shop/issues/{issue.number}"
    assert f'href="{path}"' in front
    closed = world.client.post(f"{path}/play", data={"do": "close", "by": "ann", "back": "front"})
    assert (closed.headers["location"], issue.state) == ("/", "closed")
    assert "Reopen" in world.client.get("/").text
    reopened = world.client.post(f"{path}/play", data={"do": "reopen", "by": "ann"})
    assert (reopened.headers["location"], issue.state) == (path, "open")
    world.client.post(f"{path}/play", data={"do": "comment", "by": "ann", "body": "soon"})
    page = world.client.get(path)
    for text in (front, page.text):
        parser = Balance()
        parser.feed(text)
        assert parser.open == []
    assert "<strong>soon</strong>" in page.text
    for form in ({"do": "merge"}, {"do": "comment", "body": " "}):
        assert world.client.post(f"{path}/play", data=form).status_code == 422


def changed(world: World) -> list[tuple[str, str]]:
    """What the files' part of the page has, in order: a kind, and the words without tags."""
    part = world.client.get(PAGE).text.partition('id="changes"')[2]
    found = re.findall(r'<(summary|div class="[\w ]+")>(.*?)</(?:summary|div)>', part, re.DOTALL)
    return [
        (kind.partition('"')[2].rstrip('"') or kind, " ".join(re.sub("<[^>]+>", "", text).split()))
        for kind, text in found
    ]


def test_a_patch_has_the_annotations_of_the_newest_run_under_their_lines(world: World) -> None:
    files = {"db/a.sql": "SELECT '<b>';\nSELECT 2;\nSELECT 3;\n", "notes/b.md": "x"}
    pull = world.repository.open_pull(author="ann", branch="f", files=files)
    annotate(
        world,
        pull,
        note("db/a.sql", 1, "failure", title="DB-1 (<u>)", message="Locks <i>it</i>", end_line=2),
        note("db/a.sql", 9, "notice", message="Beyond"),
    )
    assert changed(world) == [
        ("summary", "db/a.sql added, +3 −0"),
        ("note notice", "notice db/a.sql:9 Beyond"),
        ("hunk", "@@ -0,0 +1,3 @@"),
        ("added", "+SELECT &#39;&lt;b&gt;&#39;;"),
        ("added", "+SELECT 2;"),
        ("note failure", "failure DB-1 (&lt;u&gt;) Locks &lt;i&gt;it&lt;/i&gt;"),
        ("added", "+SELECT 3;"),
        ("summary", "notes/b.md added, +1 −0"),
        ("hunk", "@@ -0,0 +1 @@"),
        ("added", "+x"),
        ("kept", "\\ No newline at end of file"),
    ]
    opened = re.findall(r'<details class="file"( open)?>', world.client.get(PAGE).text)
    assert opened == [" open", ""]


def test_a_patch_has_removed_lines_an_end_and_may_be_missing(world: World) -> None:
    long = "".join(f"{n}\n" for n in range(LINES_LIMIT + 5))
    world.repository.push("main", {"a.txt": long, "b.txt": "1\n2\n3\n"}, "ann")
    files = {"a.txt": None, "b.txt": "1\n3\n", "c.bin": b"\0\1"}
    world.repository.open_pull(author="ann", branch="f", files=files)
    shown = changed(world)
    place = shown.index(("summary", "b.txt modified, +0 −1"))
    assert shown[place + 1 : place + 5] == [
        ("hunk", "@@ -1,3 +1,2 @@"),
        ("kept", "1"),
        ("removed", "-2"),
        ("kept", "3"),
    ]
    assert place == 1 + LINES_LIMIT
    text = world.client.get(PAGE).text
    assert "6 lines more" in text
    assert "No patch is shown." in text
