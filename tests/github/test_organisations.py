"""The policy of an organisation, as the `.github` repository of the owner has it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from ghapp.core.model import Channel, Message, PullKey, Repository
from ghapp.core.records import History, PolicySource
from ghapp.core.review.facts import Facts
from ghapp.emulator.faults import Fault
from ghapp.emulator.git import Entry, Files
from ghapp.emulator.repository import Pull
from ghapp.emulator.repository import Repository as Place
from ghapp.errors import Retry
from ghapp.github.client import GitHub
from tests.github.test_policies import BROKEN, RANKING
from tests.github.world import RULES, World

CONTENTS = "GET /repos/{owner}/{repo}/contents/{path}"
TREE = "GET /repos/{owner}/{repo}/git/trees/{tree_sha}"
FILE = ".github/nfr.yml"
ENFORCE = "mode: enforce\n"


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.close()


@pytest.fixture
def place(world: World) -> Place:
    """The organisation's repository, with a policy."""
    return world.github.repository("acme/.github", {FILE: ENFORCE})


@pytest.fixture
def pull(world: World) -> Pull:
    return world.pull()


def facts(world: World, key: PullKey, known: PolicySource | None = None, **more: object) -> Facts:
    history = History(opened=True, policy=known, **more)  # type: ignore[arg-type]
    return world.run(lambda client: client.gather(key, history, RULES))


def layer(world: World, pull: Pull, known: PolicySource | None = None) -> PolicySource:
    """The organisation's policy. known: as it was before a push that may have changed it."""
    below = PolicySource(read_at=world.now(), organisation=known and replace(known, read_at=None))
    found = facts(world, world.key(pull), below).source.organisation
    assert found and found.read_at
    return found


def test_the_file_of_the_organisation_is_read_beside_the_repositorys(
    world: World, pull: Pull, place: Place
) -> None:
    world.shop.push("main", {FILE: "language: ja\n"}, "ann")
    source = facts(world, world.key(pull)).source
    assert (source.text, source.good) == ("language: ja\n",) * 2
    below = source.organisation
    assert below and (below.text, below.good) == (ENFORCE,) * 2
    calls = world.github.calls[CONTENTS]
    assert facts(world, world.key(pull), source).source is source
    assert world.github.calls[CONTENTS] == calls == 2


def test_it_is_asked_about_once_an_hour_without_being_sent_again(
    world: World, pull: Pull, place: Place
) -> None:
    source = facts(world, world.key(pull)).source
    below = source.organisation
    assert below and below.read_at
    old = replace(below, read_at=below.read_at - timedelta(minutes=61))
    trees = world.github.calls[TREE]
    again = facts(world, world.key(pull), replace(source, organisation=old)).source
    assert again.organisation
    assert again.organisation == replace(below, read_at=again.organisation.read_at)
    assert (world.github.calls[CONTENTS], world.github.calls[TREE]) == (3, trees)


def test_runs_that_need_it_at_the_same_time_read_it_once(
    world: World, pull: Pull, place: Place
) -> None:
    cart = world.github.repository("acme/cart", {"README.md": "# cart\n"})
    change = cart.open_pull(author="ann", branch="feat", files={"a.py": "a = 1\n"})
    keys = [world.key(pull), PullKey(Repository(1, cart.id, "Acme/cart"), change.number)]
    world.github.latency_seconds = 0.05

    async def story(client: GitHub, *drops: int) -> list[Facts]:
        known = [History(opened=True, organisation_drops=one) for one in drops]
        reads = [client.gather(key, one, RULES) for key in keys for one in known]
        return list(await asyncio.gather(*reads))

    async def twice(client: GitHub) -> list[Facts]:
        return [*await story(client, 0, 0), *await story(client, 0), *await story(client, 1)]

    found = world.run(twice)
    assert {one.source.organisation and one.source.organisation.text for one in found} == {ENFORCE}
    # One for each run of its own file, and two of the organisation's: a push came between.
    assert world.github.calls[CONTENTS] == 8 + 2


def test_a_read_that_failed_is_made_again(world: World, pull: Pull, place: Place) -> None:
    world.github.faults.add(refused(CONTENTS, within="acme/.github"))

    async def story(client: GitHub) -> PolicySource | None:
        with pytest.raises(Retry):
            await client.gather(world.key(pull), History(opened=True), RULES)
        found = await client.gather(world.key(pull), History(opened=True), RULES)
        return found.source.organisation

    layer = world.run(story)
    assert layer and layer.text == ENFORCE


def refused(route: str, within: str) -> Fault:
    return Fault(route, 1, status=403, message="Forbidden", within=within)


def test_its_packs_are_its_own(world: World, pull: Pull, place: Place) -> None:
    packs = {FILE: "packs: ['.github/nfr/*.yml']\n", ".github/nfr/ranking.yml": RANKING}
    place.push("main", packs, "sue")
    world.shop.push("main", {".github/nfr/ranking.yml": "area: x\n"}, "ann")
    first = layer(world, pull)
    assert [(one.path, one.text) for one in first.packs] == [(".github/nfr/ranking.yml", RANKING)]
    assert first.good_packs == first.packs
    place.push("main", {".github/nfr/ranking.yml": BROKEN}, "sue")
    broken = layer(world, pull, first)
    assert (broken.good, broken.good_packs) == (first.good, first.packs)
    assert [one.text for one in broken.packs] == [BROKEN]


def test_an_organisation_without_a_file_has_none(world: World, pull: Pull) -> None:
    found = layer(world, pull)
    assert found == PolicySource(read_at=found.read_at)
    world.github.repository("acme/.github", {"README.md": "# hi\n"})
    again = layer(world, pull, found)
    assert again == PolicySource(read_at=again.read_at)


def removed(place: Place) -> None:
    place.push("main", {FILE: None}, "sue")


def moved_away(place: Place) -> None:
    place.transfer("beta", "sue")
    place.push("main", {FILE: "mode: observe\n"}, "bob")


LOSSES = {
    "file deleted": removed,
    "repository deleted": lambda place: place.delete("sue"),
    "repository renamed": lambda place: place.rename("dot", "sue"),
    "repository transferred": moved_away,
    "default branch without it": lambda place: place.push("main", {FILE: None}, "sue"),
}


@pytest.mark.parametrize("loss", LOSSES)
def test_a_file_that_was_seen_stays_in_force_when_it_vanishes(
    world: World, pull: Pull, place: Place, loss: str
) -> None:
    first = layer(world, pull)
    LOSSES[loss](place)
    gone = layer(world, pull, first)
    assert gone == replace(first, text=None, etag="", read_at=gone.read_at)
    still = layer(world, pull, gone)
    assert still == replace(gone, read_at=still.read_at)


def test_a_file_that_comes_back_is_in_force_again(world: World, pull: Pull, place: Place) -> None:
    first = layer(world, pull)
    removed(place)
    gone = layer(world, pull, first)
    place.push("main", {FILE: "mode: observe\n"}, "sue")
    back = layer(world, pull, gone)
    assert (back.text, back.good) == ("mode: observe\n",) * 2


def test_a_file_that_never_was_good_stays_broken_when_it_vanishes(
    world: World, pull: Pull, place: Place
) -> None:
    place.push("main", {FILE: "modes: x\n"}, "sue")
    first = layer(world, pull)
    assert (first.text, first.good) == ("modes: x\n", None)
    place.delete("sue")
    assert layer(world, pull, first).text == "modes: x\n"


def linked(*, folder: bool = False) -> Files:
    """A link of git to a policy that anybody may change, or a folder that is one."""
    if folder:
        return {FILE: None, "docs/nfr.yml": ENFORCE, ".github": Entry(b"docs", "120000")}
    return {FILE: Entry(b"../free.yml", "120000"), "free.yml": ENFORCE}


NOT_FILES: dict[str, Files] = {
    "a symbolic link": linked(),
    "a linked folder": linked(folder=True),
    "another case": {FILE: None, ".github/NFR.yml": ENFORCE, ".GitHub/nfr.yml": ENFORCE},
    "a folder": {FILE: None, ".github/nfr.yml/nfr.yml": ENFORCE},
}


@pytest.mark.parametrize("case", NOT_FILES)
def test_only_a_plain_file_of_the_exact_name_is_a_policy(
    world: World, pull: Pull, case: str
) -> None:
    world.github.repository("acme/.github", {"a": "b"}).push("main", NOT_FILES[case], "sue")
    world.shop.push("main", NOT_FILES[case], "ann")
    source = facts(world, world.key(pull)).source
    assert source.text is None
    assert source.organisation and source.organisation.text is None


def test_a_submodule_is_not_a_policy(world: World, pull: Pull, place: Place) -> None:
    module = Entry(world.shop.branches["main"].encode(), "160000")
    first = layer(world, pull)
    place.push("main", {FILE: module}, "sue")
    world.shop.push("main", {FILE: module}, "ann")
    assert layer(world, pull, first).text is None
    assert facts(world, world.key(pull)).source.text is None


def test_a_file_that_becomes_a_link_is_gone(world: World, pull: Pull, place: Place) -> None:
    world.shop.push("main", {FILE: ENFORCE}, "ann")
    source = facts(world, world.key(pull)).source
    for repository in (place, world.shop):
        repository.push("main", {**linked(), "free.yml": "mode: observe\n"}, "sue")
    assert source.organisation
    dropped = replace(source.organisation, read_at=None)
    known = replace(source, read_at=None, organisation=dropped)
    found = facts(world, world.key(pull), known).source
    assert (found.text, found.good) == (None, None)
    assert found.organisation
    assert (found.organisation.text, found.organisation.good) == (None, ENFORCE)


def test_a_file_whose_tree_cannot_be_read_is_waited_for(
    world: World, pull: Pull, place: Place
) -> None:
    world.github.faults.add(
        Fault(TREE, None, status=403, message="Forbidden", within="acme/.github")
    )
    with pytest.raises(Retry, match="does not list the tree"):
        layer(world, pull)


def test_in_the_organisations_repository_its_file_is_the_organisations_layer_alone(
    world: World, place: Place
) -> None:
    change = place.open_pull(author="ann", branch="feat", files={FILE: "mode: observe\n"})
    key = PullKey(Repository(1, place.id, "acme/.github"), change.number)
    source = facts(world, key).source
    assert (source.text, source.good) == (None, None)
    assert source.organisation and source.organisation.text == ENFORCE
    assert source.read_at
    calls = world.github.calls[CONTENTS]
    assert facts(world, key, source).source is source
    assert world.github.calls[CONTENTS] == calls == 1


def message(channel: Channel, text: str, world: World) -> Message:
    return Message("comment:1", channel, "ann", world.now(), text)


@pytest.mark.parametrize(
    ("channel", "text", "reads"),
    [
        (Channel.COMMENT, "/nfr refresh", 2),
        (Channel.RERUN, "", 2),
        (Channel.BUTTON, "refresh", 2),
        (Channel.BUTTON, "explain", 0),
        (Channel.COMMENT, "/nfr help", 0),
        (Channel.TICK, "+refresh", 0),
    ],
)
def test_only_a_person_who_asks_for_it_has_both_layers_read_early(
    world: World, pull: Pull, channel: Channel, text: str, reads: int
) -> None:
    source = facts(world, world.key(pull)).source
    before = world.github.calls[CONTENTS]
    said = (message(channel, text, world),)
    facts(world, world.key(pull), source, touched=True, messages=said)
    assert world.github.calls[CONTENTS] - before == reads
