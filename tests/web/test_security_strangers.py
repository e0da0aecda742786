"""A repository that a visitor may not see leaves no trace: the pages are as if it did not exist."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, create_engine, delete, select
from starlette.routing import Route

from ghapp.core.ledger import Verb
from ghapp.core.model import Repository
from ghapp.core.records import FollowUp
from ghapp.store.schema import keys, metadata
from ghapp.web.visitor import Guarded
from tests.store.stores import opened
from tests.web import people as signing_in
from tests.web.people import People
from tests.web.reviews import LOCAL, area, entry, overview, project, recorded

NAMES = ("acme/shop", "acme/secret", "acme/Batch", "other/tools")
VISITORS = ("ann", "eve")
STATES = (
    *("waiting_reviewers", "waiting_author", "on_hold", "unreadable", "signed_off", "waived"),
    "clear",
)
PROJECTS = 50  # what the number of a project has beside that of its pull
FAR = datetime(2100, 1, 1, tzinfo=UTC)  # so that ages are 0, whenever the page is made
# What differs from one moment to the next, and from one visitor to the next.
MOMENTS = re.compile(
    r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d\S*( [A-Z]+)?)?|\d+ d overdue|in \d+ d\b"
    r'|name="form" value="[^"]*"'  # which each session has of its own
)


@dataclass(frozen=True)
class Row:
    """A pull request of one of NAMES. due: of its follow-up; "" for none."""

    name: str
    state: str
    is_open: bool
    is_parked: bool
    due: str


ROWS = st.lists(
    st.builds(
        Row,
        st.sampled_from(NAMES),
        st.sampled_from(STATES),
        st.sampled_from((True, True, False)),
        st.booleans(),
        st.sampled_from(("", "2020-02-03", "2100-02-03")),
    ),
    min_size=1,
    max_size=8,
)
RIGHTS = st.fixed_dictionaries({login: st.sets(st.sampled_from(NAMES)) for login in VISITORS})


def marked(name: str) -> str:
    """A word that only rows of the repository have."""
    return f"word{NAMES.index(name)}word"


async def filled(people: People, engine: Engine, rows: Iterable[Row]) -> None:
    """These rows and nothing else."""
    with engine.begin() as connection:
        for table in reversed(metadata.sorted_tables):
            if table.name != "schema":
                connection.execute(delete(table))
    for number, row in enumerate(rows, 1):
        word = marked(row.name)
        shown = overview(
            f"title {word}", author=word, areas=(area(f"area-{word}", reviewers=(f"team {word}",)),)
        )
        name = NAMES[number % len(NAMES)]
        theirs = marked(name)
        of = await project(
            *(people.store, number + PROJECTS),
            entry(Verb.CONSULT, f"area-{theirs}", number, note=theirs, speaker=theirs),
            asked=f"question {theirs}",
            repository=people.repository(name.lower()),
            title=f"project {theirs}",
            areas=(f"area-{theirs}",),
        )
        due = FollowUp(number, f"item-{word}", f"area-{word}", row.due, word, f"reason {word}")
        key = await recorded(
            *(people.store, number, row.state, shown),
            entry(Verb.HOLD, f"area-{word}", number, note=word, speaker=word),
            repository=people.repository(row.name.lower()),
            since=FAR,
            is_open=row.is_open,
            follow_ups=(due,) if row.due else (),
            of=of,
        )
        if row.is_parked:
            with engine.begin() as connection:
                parked = {"parked_at": FAR.timestamp(), "error": f"error {word}"}
                connection.execute(keys.update().where(keys.c.key == str(key)).values(**parked))


def left_out(engine: Engine, unseen: Iterable[Repository]) -> None:
    """Delete all that is stored about these repositories."""
    ids = [one.id for one in unseen]
    of = select(keys.c.key).where(keys.c.repository_id.in_(ids))
    with engine.begin() as connection:
        for table in metadata.sorted_tables:
            if "repository_id" in table.c and table is not keys:
                connection.execute(delete(table).where(table.c.repository_id.in_(ids)))
            elif "key" in table.c and table is not keys:
                connection.execute(delete(table).where(table.c.key.in_(of)))
        connection.execute(delete(keys).where(keys.c.repository_id.in_(ids)))


def paths(people: People, rows: Iterable[Row]) -> list[str]:
    """All pages and answers of the API, narrowed and as text, also by what is not to be seen."""
    narrowed = ["", *(f"&repository={name}" for name in NAMES)]
    for word in map(marked, NAMES):
        narrowed += [f"&area=area-{word}", f"&team={word}"]
    found = []
    for route in people.app.routes:
        if not isinstance(route, Route) or not isinstance(route.endpoint, Guarded):
            continue
        if route.path.startswith("/feeds"):  # which shows no repository, and needs a sign-in
            continue
        plain = [f"{route.path}?lang=en"]
        if "{owner}" in route.path:
            plain = []
            for number, row in enumerate(rows, 1):
                owner, _, repository = row.name.partition("/")
                named = {"owner": owner, "repository": repository, "number": number}
                if "/projects/" in route.path:
                    owner, _, repository = NAMES[number % len(NAMES)].partition("/")
                    named = {"owner": owner, "repository": repository, "number": number + PROJECTS}
                plain.append(f"{route.path.format_map(named)}?lang=en")
            found += plain
        else:
            found += [f"{path}{query}" for path in plain for query in narrowed]
        if not route.path.startswith("/api/"):
            found += [f"{path}&format=md" for path in plain]
    return found


async def answers(browser: httpx.AsyncClient, asked: Iterable[str]) -> Mapping[str, str]:
    """What the pages show, without their headers and footers and the moment."""
    found = {}
    for path in asked:
        answer = await browser.get(path)
        main = re.search(r"<main.*</main>", answer.text, re.DOTALL)
        text = main[0] if main else answer.text
        text = re.sub(r'<p class="empty">This page is empty because GitHub.*?</p>\n', "", text)
        found[path] = f"{answer.status_code} {MOMENTS.sub('', text)}"
    return found


async def check(
    people: People, engine: Engine, rows: list[Row], rights: Mapping[str, set[str]]
) -> None:
    for login, name in itertools.product(VISITORS, NAMES):
        role = "read" if name in rights[login] else "none"
        people.github.github.repositories[name.lower()].roles[login] = role
    asked = paths(people, rows)
    for login in VISITORS:
        await filled(people, engine, rows)
        async with people.signed_in(login) as browser:
            shown = await answers(browser, asked)
        unseen = [name for name in NAMES if name not in rights[login]]
        left_out(engine, (people.repository(name.lower()) for name in unseen))
        everything = People(
            people.github, people.store, people.settings.model_copy(update={"pages": "local"})
        )
        transport = httpx.ASGITransport(app=everything.app, client=("127.0.0.1", 50_000))
        async with httpx.AsyncClient(transport=transport, base_url=LOCAL) as local:
            for path, text in (await answers(local, asked)).items():
                assert shown[path] == text, path
        for path, text in shown.items():
            if "area=" not in path and "team=" not in path:
                assert not [name for name in unseen if marked(name) in text], path
        for number, row in enumerate(rows, 1):
            seen = shown[f"/pulls/{row.name}/{number}?lang=en"].startswith("200")
            assert seen is (row.name in rights[login])


def test_what_a_visitor_may_not_see_leaves_no_trace_on_any_page(database_url: str) -> None:
    engine = create_engine(database_url)
    with signing_in.github() as github:
        for number, name in enumerate(NAMES):
            if name.lower() not in github.github.repositories:
                github.github.repository(name, installation_id=1 + number // 3)
        made = signing_in.settings(github, GHAPP_DATABASE_URL=database_url)

        @settings(max_examples=6, phases=(Phase.generate,))  # to shrink one takes minutes
        @given(ROWS, RIGHTS)
        def each(rows: list[Row], rights: dict[str, set[str]]) -> None:
            async def play() -> None:
                async with opened(database_url) as store:
                    await check(People(github, store, made), engine, rows, rights)

            asyncio.run(play())

        each()
    engine.dispose()
