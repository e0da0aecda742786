"""A pull as GitHub has it -> facts: of one head, as new as its deliveries, closed where unsure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest

from ghapp.core.marks import (
    CheckRun,
    Effect,
    Marks,
    PostReply,
    PutCheckRun,
    PutComment,
    Reaction,
    Reply,
    Written,
)
from ghapp.core.model import Channel, Compared, File, Message, PullKey, Push, Rights
from ghapp.core.records import History, PolicySource
from ghapp.core.text.render import MARKER
from ghapp.emulator.faults import Fault, broken, repeated, secondary_limit, stale
from ghapp.emulator.repository import Pull
from ghapp.errors import Gone, Lag, Retry, Unanswered, Wait
from ghapp.github import apply
from ghapp.github.client import GitHub
from ghapp.github.readback import UNSEEN_SECONDS
from tests.github.world import BOT, RULES, World

FILES = "GET /repos/{owner}/{repo}/pulls/{number}/files"
CONTENTS = "GET /repos/{owner}/{repo}/contents/{path}"
PULL = "GET /repos/{owner}/{repo}/pulls/{number}"
EVENTS = "GET /repos/{owner}/{repo}/issues/{number}/events"
COMMENTS = "GET /repos/{owner}/{repo}/issues/{number}/comments"
POLICY = "version: 1\nreviewers: {teams: [sre]}\n"
WAITING, SIGNED = "nfr: needs sign-off", "nfr: signed off"


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.close()


def known(**more: Any) -> History:
    """The past of a pull that was looked at before, with a policy read just now."""
    source = PolicySource(POLICY, "", datetime.now(UTC), POLICY)
    return replace(History(marks=Marks(), policy=source), **more)


def heard(said: tuple[Message, ...]) -> list[tuple[str, str]]:
    return [(one.speaker, one.text) for one in said]


# --- pull and files ------------------------------------------------------------------------


def test_a_new_pull_takes_three_reads(world: World) -> None:
    pull = world.pull(title="feat: points", labels=["feature"], draft=True)
    facts = world.gather(pull)
    assert facts.pull.files == (
        File("app.py", "added", 1, 0, "@@ -0,0 +1 @@\n+points = 1", facts.pull.files[0].sha),
        File("db/1.sql", "modified", 1, 0, "@@ -0,0 +1 @@\n+ALTER TABLE orders ADD points INT;",
             facts.pull.files[1].sha),
    )  # fmt: skip
    assert (facts.pull.title, facts.pull.author, facts.pull.head_sha) == (
        "feat: points", "ann", pull.head_sha,
    )  # fmt: skip
    assert (facts.pull.head_ref, facts.pull.base_ref) == ("feat", "main")
    assert facts.pull.labels == {"feature"}
    assert (facts.pull.is_open, facts.pull.is_draft, facts.pull.complete) == (True, True, True)
    assert abs(facts.now - world.now()) < timedelta(minutes=1)
    assert world.github.calls == {
        "GET /app": 1, "POST /app/installations/{id}/access_tokens": 1, PULL: 1, FILES: 1,
        CONTENTS: 1,
    }  # fmt: skip


@pytest.mark.parametrize(("told", "reads"), [(0, 3), (250, 3), (120, 3), (990, 10)])
def test_all_pages_are_read_whatever_the_delivery_told(world: World, told: int, reads: int) -> None:
    pull = world.shop.open_big_pull(250, author="ann", branch="big", lines=1)
    facts = world.gather(pull, History(opened=True, changed_files=told))
    paths = [file.path for file in facts.pull.files]
    assert len(paths) == 250
    assert paths == sorted(paths)
    assert world.github.calls[FILES] == reads


def test_renamed_removed_and_binary_files_come_as_they_are(world: World) -> None:
    text = "".join(f"line {n}\n" for n in range(30))
    world.shop.push("main", {"old.py": text, "gone.py": "x\n"}, "ann")
    files = {"old.py": None, "new.py": text + "more\n", "gone.py": None, "logo.png": b"\0\1\2"}
    facts = world.gather(world.pull(files=files))
    found = {file.path: file for file in facts.pull.files}
    assert {path: file.status for path, file in found.items()} == {
        "gone.py": "removed", "logo.png": "added", "new.py": "renamed",
    }  # fmt: skip
    assert found["new.py"].previous_path == "old.py"
    assert (found["logo.png"].patch, bool(found["logo.png"].sha)) == ("", True)


def test_pull_and_files_of_different_heads_are_read_again(world: World) -> None:
    pull = world.pull()
    pull.push({"more.py": "x\n"})
    world.github.faults.add(stale(FILES, times=2))
    facts = world.gather(pull)
    assert facts.pull.head_sha == pull.head_sha
    assert [file.path for file in facts.pull.files] == ["app.py", "db/1.sql", "more.py"]
    assert world.github.calls[PULL] == 3


def test_a_pull_that_never_comes_to_rest_waits_without_counting(world: World) -> None:
    pull = world.pull()
    pull.push({"app.py": "points = 2\n"})  # the same number of files: only the head tells
    world.github.faults.add(stale(FILES, times=None))
    with pytest.raises(Lag):
        world.gather(pull)
    with pytest.raises(Retry):
        world.gather(pull, History(opened=True, waited=10))


@pytest.mark.parametrize(("waited", "seconds"), [(0, 1), (1, 2), (2, 4), (3, 8), (9, 30)])
def test_facts_older_than_their_delivery_wait(world: World, waited: int, seconds: int) -> None:
    pull = world.pull()
    world.now.forward(5)
    pull.edit(title="feat: newer")
    fresh = History(opened=True, fresh_at=pull.updated_at.replace(microsecond=0), waited=waited)
    world.github.faults.add(stale(PULL))
    with pytest.raises(Lag) as lag:
        world.gather(pull, fresh)
    assert lag.value.after_seconds == seconds
    assert world.gather(pull, fresh).pull.title == "feat: newer"


@pytest.mark.parametrize("from_delivery", [True, False])
def test_a_read_that_differs_from_what_is_known_of_its_second_waits(
    world: World, from_delivery: bool
) -> None:
    pull = world.pull()
    at, here = pull.updated_at.replace(microsecond=0), Compared(pull.head_sha, "main")

    def knowing(compared: Compared, waited: int = 0, *pushes: Push) -> History:
        if from_delivery:
            return History(fresh_at=at, delivered=compared, waited=waited, pushes=pushes)
        return History(seen_at=at, compared=compared, waited=waited, pushes=pushes)

    other = Compared("d" * 40, "main")
    for compared in (other, Compared(pull.head_sha, "stable")):
        for waited, seconds in enumerate((1, 2, 4, 8)):
            with pytest.raises(Lag, match="not the newest") as lag:
                world.gather(pull, knowing(compared, waited))
            assert lag.value.after_seconds == seconds
        assert world.gather(pull, knowing(compared, 4)).pull.base_ref == "main"
    for compared in (here, Compared(pull.head_sha, "")):
        assert world.gather(pull, knowing(compared)).pull.head_sha == pull.head_sha
    there = Push(pull.head_sha, "ann", at, before=other.head_sha)
    assert world.gather(pull, knowing(other, 0, there)).pull.head_sha == pull.head_sha
    back = Push(other.head_sha, "ann", at, before=pull.head_sha)
    with pytest.raises(Lag):
        world.gather(pull, knowing(other, 0, there, back))


def test_what_a_delivery_names_counts_before_what_the_last_run_read(world: World) -> None:
    pull = world.pull()
    at, other = pull.updated_at.replace(microsecond=0), Compared("d" * 40, "main")
    here = Compared(pull.head_sha, "main")
    world.gather(pull, History(fresh_at=at, delivered=here, seen_at=at, compared=other))
    with pytest.raises(Lag):
        world.gather(pull, History(fresh_at=at, delivered=other, seen_at=at, compared=here))


@pytest.mark.parametrize(
    ("rules", "has_rule", "is_guarded"),
    [
        ((), False, False),
        ((), True, True),
        (("branch_name_pattern", "non_fast_forward", "required_signatures"), False, False),
        (("deletion", "pull_request"), False, True),
        (("required_status_checks",), False, True),
        (("merge_queue",), False, True),
        (("update",), False, True),
    ],
)
def test_rules_that_let_nobody_push_as_they_like_guard_a_base(
    world: World, rules: tuple[str, ...], has_rule: bool, is_guarded: bool
) -> None:
    world.shop.branch("team/next")
    world.shop.rules["team/next"] = list(rules)
    if has_rule:
        world.shop.protected.add("team/next")
    facts = world.gather(world.pull(base="team/next"))
    assert (facts.pull.default_branch, facts.pull.is_guarded) == ("main", is_guarded)


def test_a_refusal_to_show_the_rules_guards_nothing(world: World) -> None:
    world.shop.branch("next")
    world.shop.protected.add("next")
    world.shop.rules["next"] = ["pull_request"]
    pull = world.pull(base="next")
    world.github.faults.add(Fault("GET */branches/{branch}", None, status=403, message="Forbidden"))
    assert not world.gather(pull).pull.is_guarded


TEAMS = "GET /orgs/{org}/teams/{slug}"
MEMBERSHIP = f"{TEAMS}/memberships/{{username}}"
PROPERTIES = "GET /repos/{owner}/{repo}/properties/values"


def ruled(when: str) -> PolicySource:
    """A policy that enforces if this condition holds, read just now."""
    text = f"mode_when: [{{mode: enforce, {when}}}]\n"
    return PolicySource(text, "", datetime.now(UTC), text)


@pytest.mark.parametrize(
    ("when", "mode"),
    [
        ("base: main, branch: feat, author: ann, draft: off", "enforce"),
        ("topic: Payments", "enforce"),
        ("topic: toys", "advise"),
        ("adds: app.py", "enforce"),
        ("not: {label: x}, size: {changed_files_gte: 2}", "enforce"),
    ],
)
def test_what_comes_with_the_pull_is_asked_without_a_call(
    world: World, when: str, mode: str
) -> None:
    world.shop.topics = ["payments"]
    facts = world.gather(world.pull(), known(policy=ruled(when)))
    assert facts.policy.mode == mode
    assert (world.github.calls[PULL], world.github.calls[FILES]) == (1, 1)
    assert sum(world.github.calls.values()) == 4  # with the App and its token


@pytest.mark.parametrize(
    ("author", "mode", "calls"),
    [("sam", "enforce", (1, 0)), ("ann", "advise", (1, 1)), ("pat", "advise", (1, 0))],
)
def test_the_teams_of_the_author_are_read_if_a_condition_asks(
    world: World, author: str, mode: str, calls: tuple[int, int]
) -> None:
    world.shop.collaborator(author, "write")
    facts = world.gather(world.pull(author=author), known(policy=ruled("team: sre")))
    assert (facts.policy.mode, facts.pull.unknown) == (mode, frozenset())
    assert (world.github.calls[MEMBERSHIP], world.github.calls[TEAMS]) == calls
    assert world.github.calls[PROPERTIES] == 0


def test_a_team_that_nobody_can_see_makes_the_strictest_mode(world: World) -> None:
    facts = world.gather(world.pull(), known(policy=ruled("team: gone")))
    assert (facts.policy.mode, facts.pull.unknown) == ("enforce", {"team gone"})
    assert [one.words for one in facts.policy.mode_why] == ["team_unknown"]


@pytest.mark.parametrize(
    ("when", "mode"),
    [
        ("property: {tier: '1'}", "enforce"),
        ("property: {tier: ['0', '2']}", "advise"),
        ("property: {langs: Rust}", "enforce"),
        ("property: {owner: x}", "advise"),
    ],
)
def test_custom_properties_are_read_if_a_condition_asks(world: World, when: str, mode: str) -> None:
    world.shop.properties = {"tier": "1", "langs": ["Go", "Rust"], "owner": None}
    facts = world.gather(world.pull(), known(policy=ruled(when)))
    assert (facts.policy.mode, facts.pull.unknown) == (mode, frozenset())
    assert (world.github.calls[PROPERTIES], world.github.calls[MEMBERSHIP]) == (1, 0)


@pytest.mark.parametrize("status", [403, 404])
def test_properties_that_github_does_not_show_are_unknown(world: World, status: int) -> None:
    world.github.faults.add(Fault("GET */properties/values", None, status=status))
    facts = world.gather(world.pull(), known(policy=ruled("property: {tier: '1'}")))
    assert (facts.policy.mode, facts.pull.unknown) == ("enforce", {"property"})


def test_topics_that_github_does_not_list_are_unknown(world: World) -> None:
    world.shop.topics = None
    facts = world.gather(world.pull(), known(policy=ruled("topic: payments")))
    assert (facts.policy.mode, facts.pull.unknown) == ("enforce", {"topic"})


def test_the_default_branch_is_guarded_without_a_call(world: World) -> None:
    assert world.gather(world.pull()).pull.is_guarded
    assert not any("branches" in route for route in world.github.calls)


def test_facts_older_than_those_of_our_last_run_wait(world: World) -> None:
    pull = world.pull()
    world.now.forward(5)
    pull.edit(title="feat: newer")
    seen = History(seen_at=pull.updated_at.replace(microsecond=0))
    world.github.faults.add(stale(PULL))
    with pytest.raises(Lag):
        world.gather(pull, seen)
    assert world.gather(pull, seen).pull.title == "feat: newer"


@pytest.mark.parametrize("route", [PULL, FILES])
def test_a_pull_that_reads_do_not_know_yet_is_waited_for(world: World, route: str) -> None:
    pull = world.pull()
    told = History(opened=True, fresh_at=pull.updated_at)
    world.github.faults.add(Fault(route, None, status=404, message="Not Found"))
    for waited, seconds in enumerate((1, 2, 4, 8)):
        with pytest.raises(Lag) as lag:
            world.gather(pull, replace(told, waited=waited))
        assert lag.value.after_seconds == seconds
    for history in (replace(told, waited=4), History()):
        with pytest.raises(Gone):
            world.gather(pull, history)


@pytest.mark.parametrize("route", ["*/comments", "*/reviews", "GET */check-runs"])
def test_what_belongs_to_a_pull_that_is_there_is_not_gone(world: World, route: str) -> None:
    """To give the key up would be to forget it until the next delivery."""
    pull = world.pull()
    # For good: of several reads at once, one that nobody waits for any more would use up another.
    world.github.faults.add(Fault(route, None, status=404, message="Not Found"))
    with pytest.raises(Lag, match="404") as lag:
        world.gather(pull, known(touched=True, waited=2))
    assert lag.value.after_seconds == 4
    with pytest.raises(Retry, match="404"):
        world.gather(pull, known(touched=True, waited=4))


def test_a_page_of_files_told_twice_is_not_two(world: World) -> None:
    files = {f"app/{at:03}.py": f"{at}\n" for at in range(200)}
    pull = world.pull(files=files)
    world.github.faults.add(repeated("GET */files", pages=2))
    with pytest.raises(Lag, match="not of one head"):
        world.gather(pull)


def test_an_installation_that_is_gone_is_not_waited_for(world: World) -> None:
    pull = world.pull()
    world.github.faults.add(Fault("*/access_tokens", None, status=404, message="Not Found"))
    with pytest.raises(Gone):
        world.gather(pull, History(opened=True, fresh_at=pull.updated_at))


def test_above_3000_files_the_list_is_not_complete(world: World) -> None:
    pull = world.shop.open_big_pull(3_001, author="ann", branch="big", lines=1)
    facts = world.gather(pull, History(opened=True, changed_files=3_001))
    assert (len(facts.pull.files), facts.pull.complete) == (3_000, False)


def test_a_pull_from_a_deleted_fork_and_a_closed_one_can_be_read(world: World) -> None:
    pull = world.pull(author="eve", fork="eve")
    pull.delete_fork()
    pull.close()
    facts = world.gather(pull)
    assert (facts.pull.is_open, facts.pull.is_merged, len(facts.pull.files)) == (False, False, 2)


def test_what_is_out_of_reach_is_gone(world: World) -> None:
    pull = world.pull()
    for key in (
        PullKey(world.repository, 999),
        PullKey(replace(world.repository, full_name="acme/gone"), 1),
        PullKey(replace(world.repository, installation_id=99), 1),
    ):

        async def story(client: GitHub, key: PullKey = key) -> None:
            await client.gather(key, History(opened=True), RULES)

        with pytest.raises(Gone):
            world.run(story)
    world.github.uninstall(1)
    with pytest.raises(Gone):
        world.gather(pull)


# --- policy --------------------------------------------------------------------------------


def test_the_policy_is_read_from_the_default_branch(world: World) -> None:
    world.shop.push("main", {".github/nfr.yml": POLICY}, "ann")
    pull = world.pull(files={".github/nfr.yml": "version: 1\nmode: observe\n"})
    facts = world.gather(pull)
    assert facts.source.text == facts.source.good == POLICY
    assert facts.policy.reviewers.teams == ("sre",)
    assert facts.source.read_at is not None


def test_a_young_policy_is_not_read_again_and_an_old_one_is_only_asked_about(world: World) -> None:
    world.shop.push("main", {".github/nfr.yml": POLICY}, "ann")
    pull = world.pull()
    source = world.gather(pull).source
    world.gather(pull, History(opened=True, policy=source))
    assert world.github.calls[CONTENTS] == 1
    assert source.read_at
    old = replace(source, read_at=source.read_at - timedelta(minutes=61))
    again = world.gather(pull, History(opened=True, policy=old)).source
    assert world.github.calls[CONTENTS] == 2
    assert (again.text, again.good, again.etag) == (POLICY, POLICY, source.etag)
    assert again.read_at and old.read_at and again.read_at > old.read_at


def test_a_broken_policy_is_bridged_by_the_last_good_one(world: World) -> None:
    world.shop.push("main", {".github/nfr.yml": "version: 1\nmodes: x\n"}, "ann")
    pull = world.pull()
    alone = world.gather(pull)
    assert (alone.policy.standing, alone.source.good) == ("unreadable", None)
    bridged = world.gather(pull, History(opened=True, policy=PolicySource(good=POLICY)))
    assert (bridged.policy.standing, bridged.source.good) == ("bridged", POLICY)
    assert bridged.source.text != POLICY


@pytest.mark.parametrize(
    "text", ["# é\n" * 80_000, "version: 1\n" + "#" * (300 << 10), "é" * 900_000]
)
def test_a_huge_policy_is_a_problem_and_never_cut_into_a_good_one(world: World, text: str) -> None:
    world.shop.push("main", {".github/nfr.yml": text}, "ann")
    facts = world.gather(world.pull())
    assert facts.policy.standing == "unreadable"
    assert len(facts.source.text or "") <= (256 << 10) + 1


# --- our own marks -------------------------------------------------------------------------


def put(world: World, pull: Pull, digest: str = "d1") -> Written:
    """A check run, comment and reply of ours, as an earlier run would have left them."""

    async def story(client: GitHub) -> Written:
        key, run = world.key(pull), CheckRun(pull.head_sha, digest, "neutral", "t", "s")
        made = await client.apply(key, PutCheckRun(run, 0))
        comment = await client.apply(key, PutComment(f"{MARKER}\n\ntext  with spaces", 0))
        await client.apply(key, PostReply(Reply("help:eve", "comment:1#0", "Help.")))
        return Written(made.id, comment.id)

    return world.run(story)


def test_our_record_is_believed_unless_there_is_a_reason(world: World) -> None:
    pull = world.pull()
    marks = Marks(CheckRun("f" * 40, "x", "success"), "ours", frozenset(), frozenset())
    facts = world.gather(pull, known(marks=marks, written=Written(1, 2, "a")))
    assert (facts.observed, facts.written) == (marks, Written(1, 2, "a"))
    assert world.github.calls[COMMENTS] == 0


@pytest.mark.parametrize(
    "history",
    [History(), known(unresolved=frozenset({"PutComment"})), known(touched=True)],
    ids=["none", "unresolved", "touched"],
)
def test_marks_in_doubt_are_read_back(world: World, history: History) -> None:
    pull = world.pull()
    for number in range(103):
        pull.comment(f"{MARKER}\nnot ours {number}", "eve")
    written = put(world, pull)
    pull.edit_comment(written.comment_id, f"{MARKER}\r\n\r\ntext  with spaces  \r\n", "ann")
    facts = world.gather(pull, history)
    assert facts.observed.check_run == CheckRun(pull.head_sha, "d1")
    assert facts.observed.check_run and facts.observed.check_run.conclusion == "neutral"
    assert facts.observed.comment == f"{MARKER}\n\ntext  with spaces"
    assert facts.observed.replies == {Reply("help:eve", "comment:1#0", "")}
    assert facts.written == replace(written, annotated="")
    assert facts.found_at is not None
    assert abs(facts.found_at - world.now()) < timedelta(minutes=1)


def test_reading_back_keeps_reactions_and_finds_what_is_gone(world: World) -> None:
    pull = world.pull()
    reactions = frozenset({Reaction(5, "+1")})
    marks = Marks(CheckRun(pull.head_sha, "x"), "ours", frozenset(), reactions)
    history = known(marks=marks, written=Written(1, 2, "a"), touched=True)
    for waited, seconds in enumerate((1, 2, 4)):  # it may be that reads do not show it yet
        with pytest.raises(Lag, match=r"PutCheckRun|PutComment") as lag:
            world.gather(pull, replace(history, waited=waited))
        assert lag.value.after_seconds == seconds
    facts = world.gather(pull, replace(history, waited=3))
    assert facts.observed == Marks(reactions=reactions)
    assert (facts.written, facts.found_at) == (Written(), None)


def test_the_newest_run_counts_and_another_pulls_run_has_no_digest(world: World) -> None:
    pull = world.pull()
    put(world, pull, "old")
    newest = put(world, pull, "new")
    assert world.gather(pull, History()).written.check_run_id == newest.check_run_id
    world.shop.branch("next")
    twin = world.shop.open_pull(author="ann", branch="feat", base="next", title="twin")
    facts = world.gather(twin, History())
    assert facts.observed.check_run == CheckRun(pull.head_sha, "")


def lost(world: World, pull: Pull, effect: Effect, route: str) -> None:
    """The effect was taken, the answer to it never came, and the run ended without looking."""
    world.github.faults.add(broken(f"POST {route}", after=True))
    with patch.dict(apply.FOUND, clear=True), pytest.raises(Unanswered):
        world.run(lambda client: client.apply(world.key(pull), effect))


@pytest.mark.parametrize(
    ("effect", "route"),
    [
        (PutComment(f"{MARKER}\ntext", 0), "*/comments"),
        (PostReply(Reply("help:eve", "comment:1#0", "Help.")), "*/comments"),
        (PutCheckRun(CheckRun("", "d1", "success", "t", "s"), 0), "*/check-runs"),
    ],
)
def test_a_list_without_what_was_perhaps_written_is_not_believed_at_once(
    world: World, effect: Effect, route: str
) -> None:
    pull = world.pull()
    if isinstance(effect, PutCheckRun):
        effect = replace(effect, check_run=replace(effect.check_run, head_sha=pull.head_sha))
    lost(world, pull, effect, route)
    history = known(unresolved=frozenset({effect.name, "AddLabels"}))
    for waited, seconds in enumerate((1, 2, 4)):
        world.github.faults.add(stale(f"GET {route}"))
        with pytest.raises(Lag, match=type(effect).__name__) as lag:
            world.gather(pull, replace(history, waited=waited))
        assert lag.value.after_seconds == seconds
        # One list is not enough, nor are two right after the write.
        age = UNSEEN_SECONDS if waited == 0 else UNSEEN_SECONDS - 0.1
        world.github.faults.add(stale(f"GET {route}"))
        with pytest.raises(Lag):
            world.gather(pull, replace(history, waited=waited, unresolved_seconds=age))
    for waited, age in ((3, 0.0), (1, UNSEEN_SECONDS)):
        world.github.faults.add(stale(f"GET {route}"))
        known_since = replace(history, waited=waited, unresolved_seconds=age)
        assert world.gather(pull, known_since).observed == Marks()
    assert world.gather(pull, history).observed != Marks()


# --- labels as speech ----------------------------------------------------------------------


def test_a_label_set_by_hand_is_a_message_once(world: World) -> None:
    pull = world.pull()
    pull.add_label(WAITING, BOT)
    pull.add_label("unrelated", "sam")
    pull.remove_label(WAITING, "eve")
    pull.add_label(SIGNED, "sam")
    history = known(marks=Marks(labels=frozenset({WAITING})))
    facts = world.gather(pull, history)
    assert facts.observed.labels == {SIGNED}
    assert heard(facts.messages) == [("eve", f"-{WAITING}"), ("sam", f"+{SIGNED}")]
    assert {one.channel for one in facts.messages} == {Channel.LABEL}
    ids = frozenset(one.id for one in facts.messages)
    assert world.gather(pull, replace(history, judged=ids)).messages == ()


def test_labels_as_we_left_them_cost_no_read(world: World) -> None:
    pull = world.pull(labels=["feature"])
    pull.add_label(WAITING, BOT)
    world.gather(pull, known(marks=Marks(labels=frozenset({WAITING}))))
    assert world.github.calls[EVENTS] == 0


def test_the_newest_events_are_read_of_a_long_history(world: World) -> None:
    pull = world.pull()
    for _ in range(120):
        pull.add_label("noise", "eve")
        pull.remove_label("noise", "eve")
    pull.add_label(SIGNED.upper(), "sam")
    facts = world.gather(pull, known())
    assert heard(facts.messages) == [("sam", f"+{SIGNED}")]
    assert facts.observed.labels == {SIGNED}
    assert world.github.calls[EVENTS] == 3


def test_a_label_whose_event_is_not_listed_yet_is_waited_for(world: World) -> None:
    pull = world.pull()
    pull.add_label(WAITING, BOT)
    pull.add_label(SIGNED, "sam")
    (*_, event) = pull.events
    pull.events.remove(event)
    history = known(marks=Marks(labels=frozenset({WAITING})))
    first = world.gather(pull, history)
    assert (first.late_labels, first.late_since) == ({SIGNED}, first.now)
    assert (first.observed.labels, first.messages) == ({WAITING}, ())
    waiting = replace(history, late_since=first.now)
    world.now.forward(50)
    later = world.gather(pull, replace(waiting, waited=9))  # whatever else was waited for
    assert (later.late_labels, later.late_since) == ({SIGNED}, first.now)
    pull.events.append(event)
    shown = world.gather(pull, waiting)
    assert (shown.late_labels, shown.late_since) == (set(), None)
    assert (shown.observed.labels, heard(shown.messages)) == (
        {WAITING, SIGNED},
        [("sam", f"+{SIGNED}")],
    )
    pull.events.remove(event)
    world.now.forward(12)
    never = world.gather(pull, waiting)
    assert (never.late_labels, never.late_since) == (set(), None)
    assert (never.observed.labels, never.messages) == ({WAITING, SIGNED}, ())


def test_a_label_without_its_event_holds_up_no_other(world: World) -> None:
    pull = world.pull()
    pull.add_label(WAITING, BOT)
    pull.remove_label(WAITING, "eve")
    pull.add_label(SIGNED, "sam")
    (*_, event) = pull.events
    pull.events.remove(event)
    facts = world.gather(pull, known(marks=Marks(labels=frozenset({WAITING}))))
    assert (facts.late_labels, facts.observed.labels) == ({SIGNED}, set())
    assert heard(facts.messages) == [("eve", f"-{WAITING}")]


def test_a_renamed_label_is_changed_by_nobody(world: World) -> None:
    """Events keep the name that it had."""
    pull = world.pull()
    pull.add_label(WAITING, BOT)
    world.shop.rename_label(WAITING, SIGNED, by="eve")
    history = known(marks=Marks(labels=frozenset({WAITING})))
    facts = world.gather(pull, history)
    assert (facts.late_labels, facts.observed.labels) == ({WAITING, SIGNED}, {WAITING})
    world.now.forward(61)
    facts = world.gather(pull, replace(history, late_since=facts.now))
    assert (facts.late_labels, facts.observed.labels) == (set(), {SIGNED})
    assert facts.messages == ()


def test_a_label_that_the_policy_spells_anew_is_still_there(world: World) -> None:
    pull = world.pull()
    pull.add_label(SIGNED, BOT)
    policy = f"version: 1\nlabels: {{signed_off: '{SIGNED.upper()}'}}\n"
    source = PolicySource(policy, "", datetime.now(UTC), policy)
    facts = world.gather(pull, known(marks=Marks(labels=frozenset({SIGNED})), policy=source))
    assert facts.policy.standing == "good"
    assert facts.observed.labels == {SIGNED.upper()}
    assert (facts.messages, world.github.calls[EVENTS]) == ((), 0)


def test_messages_of_deliveries_and_labels_are_in_the_order_of_speaking(world: World) -> None:
    pull = world.pull()
    pull.add_label(SIGNED, "sam")
    early = Message(
        "comment:1", Channel.COMMENT, "ann", datetime(2026, 1, 1, tzinfo=UTC), "/nfr help"
    )
    late = replace(early, id="comment:2", said_at=datetime(2999, 1, 1, tzinfo=UTC))
    facts = world.gather(pull, known(messages=(late, early)))
    assert [one.id.partition(":")[0] for one in facts.messages] == ["comment", "label", "comment"]
    assert facts.messages[0] == early


# --- rights --------------------------------------------------------------------------------


def rights(
    world: World, speaker: str, text: str = "/nfr done", policy: str = POLICY
) -> Rights | None:
    said = Message("comment:1", Channel.COMMENT, speaker, world.now(), text, 1)
    source = PolicySource(policy, "", datetime.now(UTC), policy)
    facts = world.gather(world.pull(), known(messages=(said,), policy=source))
    return facts.rights.get(speaker)


@pytest.mark.parametrize(
    ("speaker", "expected"),
    [
        ("sam", Rights(teams=frozenset({"acme/sre"}))),
        ("pat", Rights()),
        ("eve", Rights()),
        ("nobody-at-all", Rights()),
    ],
)
def test_a_team_counts_while_the_membership_is_active(
    world: World, speaker: str, expected: Rights
) -> None:
    assert rights(world, speaker) == expected


@pytest.mark.parametrize(
    ("speaker", "expected"),
    [
        ("mia", Rights(write=True, maintain=True)),
        ("acme", Rights(write=True, maintain=True)),
        ("ann", Rights(write=True)),
        ("eve", Rights()),
        ("nobody-at-all", Rights()),
        ("renovate[bot]", Rights()),
    ],
)
def test_maintain_is_told_from_write(world: World, speaker: str, expected: Rights) -> None:
    assert rights(world, speaker, policy="version: 1\n") == expected


def test_a_team_that_is_not_there_is_no_silent_no(world: World) -> None:
    found = rights(world, "sam", policy="version: 1\nreviewers: {teams: [sres]}\n")
    assert found == Rights(unclear=("team acme/sres does not exist or the App cannot see it",))


def test_a_missing_members_permission_is_named() -> None:
    world = World(permissions={"checks": "write", "contents": "read", "metadata": "read",
                               "issues": "write", "pull_requests": "write"})  # fmt: skip
    try:
        found = rights(world, "sam")
        assert found is not None
        assert not found.teams
        assert ["Members: read" in text for text in found.unclear] == [True]
    finally:
        world.close()


def test_rights_are_only_asked_for_where_they_matter(world: World) -> None:
    assert rights(world, "sam", "/nfr help") is None
    asked = {
        route for route in world.github.calls if "memberships" in route or "permission" in route
    }
    assert asked == set()


@pytest.mark.parametrize("route", ["GET /orgs/*/memberships/*", "GET */permission"])
def test_a_limit_while_rights_are_read_is_no_answer(world: World, route: str) -> None:
    world.github.faults.add(secondary_limit(route))
    policy = POLICY if "orgs" in route else "version: 1\n"
    with pytest.raises(Wait):
        rights(world, "sam", policy=policy)
