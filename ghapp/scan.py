"""`ghapp scan OWNER/REPO`: the default branch on GitHub -> the findings in its configuration."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime

from ghapp import builtin_packs
from ghapp.core.areas import Finding
from ghapp.core.i18n import Words
from ghapp.core.model import Repository
from ghapp.core.policy.policy import POLICY_PATH, Policy, effective
from ghapp.core.scan import configuration
from ghapp.errors import Busy, Gone, Retry, StoreFailed, Wait
from ghapp.explain import advice, connected, reached, recorded
from ghapp.github.client import GitHub
from ghapp.offline.scan import COMMAND, FAILED, GOOD
from ghapp.offline.scan_output import FORMATS, Scanned
from ghapp.settings import Settings
from ghapp.store import configurations
from ghapp.store.configurations import Found
from ghapp.terminal import printed, wrong
from ghapp.worker.configuration import read, results, wanted
from ghapp.worker.threads import Threads


@dataclass(frozen=True, slots=True)
class _Searched:
    policy: Policy
    has_file: bool
    found: tuple[Finding, ...]
    unread: tuple[str, ...]
    files: int
    complete: bool


def run(
    settings: Settings,
    name: str,
    format: str,
    language: str | None,
    *,
    unfolded: bool = False,
    fail_on: str = "never",
) -> int:
    """Prints the findings on the default branch of a repository, and writes nothing.

    format, fail_on: as of `offline.scan.run`. The result is the exit status: 1 also if GitHub or
    the repository is out of reach.
    """
    try:
        searched = asyncio.run(_search(settings, name))
    except (Gone, Retry, Wait) as error:
        wrong(f"{COMMAND}: {advice(error, settings, name)}")
        return FAILED
    policy = searched.policy
    scanned = Scanned(
        name,
        POLICY_PATH if searched.has_file else "",
        policy,
        searched.found,
        searched.files,
        searched.unread,
        Words(language or policy.language),
        unfolded,
        fail_on,
        incomplete=not searched.complete,
    )
    status = printed(FORMATS[format](scanned), COMMAND)
    return status or (FAILED if scanned.failed else GOOD)


async def _search(settings: Settings, name: str) -> _Searched:
    rules = builtin_packs.rules(settings.default_mode, settings.timezone)
    async with AsyncExitStack() as closing:
        github = await closing.enter_async_context(connected(settings))
        repository = await reached(github, name)
        source = await github.policy(repository, rules)
        policy = effective(source, rules).on(datetime.now(UTC))
        searched = configuration.rules_of(policy)
        files, complete = await github.all_files(repository, gives_way=False)
        listed = wanted(searched, files)
        found = dict(await _known(settings, repository))

        async def text(sha: str) -> str | None:
            return await _text(github, repository, sha)

        async for some in read(repository, searched, listed, found, text, Threads()):
            found |= some
        findings, unread = results(searched, listed, found)
        has_file = source.text is not None
        return _Searched(policy, has_file, findings, unread, len(listed), complete)


async def _known(settings: Settings, repository: Repository) -> Found:
    """What the database knows of files, if there is one."""
    async with recorded(settings) as (store, _):
        try:
            return await store.records.read(configurations.spots, repository.id) if store else {}
        except (Busy, StoreFailed):
            return {}


async def _text(github: GitHub, repository: Repository, sha: str) -> str | None:
    """The text of a file, as soon as the budget allows it."""
    while True:
        try:
            return await github.text(repository, sha, gives_way=False)
        except Wait as wait:
            await asyncio.sleep(wait.after_seconds)
