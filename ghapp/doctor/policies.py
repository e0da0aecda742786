"""The policies of the repositories, judged and read: teams that do not exist, and loose checks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import quote

import msgspec

from ghapp import builtin_packs
from ghapp.core.model import Repository
from ghapp.core.policy import pack_files
from ghapp.core.policy.policy import POLICY_PATH, Policy, Rules, effective
from ghapp.doctor.report import POLICIES, Checked, listed
from ghapp.errors import Gone, Retry, Wait
from ghapp.github import policies
from ghapp.github.api import PAGE, Cache, Installation, together
from ghapp.github.app import Installed
from ghapp.github.endpoints import CHECK_NAME, at
from ghapp.github.errors import decoded
from ghapp.github.host import Host, Request, Tokens
from ghapp.github.rate_limits import Budget, Importance
from ghapp.github.requirements import at_least
from ghapp.settings import Settings

MOST_READ = 50  # repositories, of all installations together
UNREADABLE = (403, 404)


@dataclass(frozen=True, slots=True)
class Governed:
    """A repository under its policy.

    problems: of its file and packs. missing: teams that the policy names and GitHub does not have.
    loose: the default branch if the policy enforces there and nothing requires the check run, else
    "". unread: why it could not be read, else "". calendar: why its calendar of releases is not
    used, else "".
    """

    full_name: str
    problems: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    loose: str = ""
    unread: str = ""
    calendar: str = ""


def judged(found: Iterable[Governed], beyond: int = 0) -> Iterator[Checked]:
    """beyond: how many repositories were not read."""
    good, total = 0, 0
    for one in found:
        total += 1
        good += not (one.problems or one.missing or one.loose or one.unread or one.calendar)
        if one.unread:
            yield POLICIES.unknown(one.full_name, one.unread, "try again in a while")
        if one.problems:
            more = f" (and {len(one.problems) - 1} more)" if len(one.problems) > 1 else ""
            yield POLICIES.problem(
                one.full_name,
                f"its policy is invalid: {one.problems[0]}{more}",
                "run `ghapp lint` in the repository; the last good version applies until then",
            )
        if one.missing:
            yield POLICIES.problem(
                one.full_name,
                f"its policy names teams that do not exist: {listed(one.missing)}",
                f"correct the slugs in {POLICY_PATH}, or create the teams: ghapp takes sign-offs "
                "of nobody in their place",
            )
        if one.calendar:
            yield POLICIES.warning(
                one.full_name,
                f"its calendar of releases is not used: {one.calendar}",
                "until then, only milestones say when pull requests are released",
            )
        if one.loose:
            yield POLICIES.warning(
                one.full_name,
                f"its policy enforces, but `{one.loose}` does not require the check "
                f"`{CHECK_NAME}`: pull requests can be merged without it",
                f"require the status check `{CHECK_NAME}` for `{one.loose}`, in a ruleset or in "
                "the protection of the branch",
            )
    if good:
        which = "1 repository" if total == 1 else f"{good} of {total} repositories"
        yield POLICIES.good("good", f"{which}: valid, all teams exist, what enforces is required")
    if beyond:
        yield POLICIES.good("others", f"{beyond} more were not read")


class _Owner(msgspec.Struct):
    login: str = ""
    type: str = ""


class _Row(msgspec.Struct):
    id: int
    full_name: str
    default_branch: str = ""
    archived: bool = False
    owner: _Owner = msgspec.field(default_factory=_Owner)


class _Rows(msgspec.Struct):
    total_count: int = 0
    repositories: list[_Row] = []


class _Check(msgspec.Struct):
    context: str = ""


class _Parameters(msgspec.Struct):
    required_status_checks: list[_Check] = []


class _Rule(msgspec.Struct):
    type: str = ""
    parameters: _Parameters | None = None


class _Required(msgspec.Struct):
    contexts: list[str] = []


class _Protection(msgspec.Struct):
    required_status_checks: _Required | None = None


class _Branch(msgspec.Struct):
    protection: _Protection | None = None


async def examined(settings: Settings, installed: Iterable[Installed]) -> Iterator[Checked]:
    """The findings about the repositories of these installations, at most 50 of them."""
    rules = builtin_packs.rules(settings.default_mode, settings.timezone)
    found: list[Governed] = []
    beyond = 0
    async with Host(settings.endpoint, settings.app_id, settings.private_key) as host:
        tokens, cache = Tokens(host), Cache()
        for one in installed:
            budget = Budget(settings.github_limits)
            api = Installation(host, tokens, budget, one.id, cache)
            try:
                rows, _ = await api.get(f"installation/repositories?per_page={PAGE}", _Rows)
            except (Retry, Wait, Gone) as error:
                name = (one.account and one.account.login) or str(one.id)
                found.append(Governed(name, unread=str(error)))
                continue
            active = [row for row in rows.repositories if not row.archived]
            chosen = active[: MOST_READ - len(found)]
            beyond += rows.total_count - len(rows.repositories) + len(active) - len(chosen)
            teams = _Teams(api, has_members=at_least(one.permissions.get("members", ""), "read"))
            found += await together(_governed(api, row, teams, rules) for row in chosen)
    return judged(found, beyond)


class _Teams:
    """Which teams do not exist; each is asked for once."""

    def __init__(self, api: Installation, *, has_members: bool) -> None:
        self._api = api
        self._can_ask = has_members
        self._missing: dict[tuple[str, str], bool] = {}

    async def missing(self, owner: _Owner, slugs: Iterable[str]) -> tuple[str, ...]:
        """Without the permission Members it is not known, which other findings report."""
        if owner.type == "User":
            return tuple(slugs)  # a person has no teams
        return tuple([slug for slug in slugs if await self._is_missing(owner.login, slug)])

    async def _is_missing(self, organization: str, slug: str) -> bool:
        if not self._can_ask:
            return False
        key = organization, slug
        if key not in self._missing:
            path = f"orgs/{quote(organization, safe='')}/teams/{quote(slug, safe='')}"
            answer = await self._api.send(Request("GET", path), Importance.READ, fine=UNREADABLE)
            self._missing[key] = answer.status == 404
        return self._missing[key]


async def _governed(api: Installation, row: _Row, teams: _Teams, rules: Rules) -> Governed:
    repository = Repository(api.id, row.id, row.full_name)
    try:
        source = await policies.read(api, repository, None)
        policy = effective(source, rules)
        if policy.problems:
            return Governed(row.full_name, problems=tuple(map(str, policy.problems)))
        missing = await teams.missing(row.owner, _named(policy))
        loose = ""
        if policy.enforces and not await _is_required(api, repository, row.default_branch):
            loose = row.default_branch
        calendar = ""
        if source.calendar:
            calendar = await asyncio.to_thread(pack_files.calendar_fault, source.calendar)
        return Governed(row.full_name, missing=missing, loose=loose, calendar=calendar)
    except (Retry, Wait, Gone) as error:
        return Governed(row.full_name, unread=str(error))


def _named(policy: Policy) -> list[str]:
    """The teams that the policy names, each once."""
    general = (policy.reviewers, policy.waivers, policy.unread_reviewers)
    people = (*general, *(area.reviewers for area in policy.areas))
    return sorted({team for part in people for team in part.teams} | policy.teams)


async def _is_required(api: Installation, repository: Repository, branch: str) -> bool:
    """Whether a rule of a ruleset, or the branch's protection, requires the check run.

    Sources: https://docs.github.com/rest/repos/rules#get-rules-for-a-branch,
    https://docs.github.com/rest/branches/branches#get-a-branch
    """
    name = quote(branch, safe="")
    rules = Request("GET", at(repository, f"rules/branches/{name}?per_page={PAGE}"))
    answer = await api.send(rules, Importance.READ, fine=UNREADABLE)
    if answer.status == 200:
        for rule in decoded(answer, list[_Rule], rules):
            checks = rule.parameters.required_status_checks if rule.parameters else []
            if CHECK_NAME in {check.context for check in checks}:
                return True
    protection = Request("GET", at(repository, f"branches/{name}"))
    answer = await api.send(protection, Importance.READ, fine=UNREADABLE)
    if answer.status != 200:
        return False
    found = decoded(answer, _Branch, protection).protection
    checks_required = found.required_status_checks if found else None
    return checks_required is not None and CHECK_NAME in checks_required.contexts
