"""What the App asks about itself, its installations and its webhook; teams."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Literal

from pydantic import Field
from starlette.responses import Response

from ghapp.emulator.accounts import Installation, Team, User
from ghapp.emulator.api.answers import Refusal, inaccessible, invalid, not_found, ok
from ghapp.emulator.api.auth import allows
from ghapp.emulator.api.call import Body, Call
from ghapp.emulator.deliveries import Delivery
from ghapp.emulator.json import Json, accounts, iso
from ghapp.emulator.json import repository as repositories
from ghapp.emulator.repository import Repository

PERMISSION_NAMES = (
    "actions", "administration", "checks", "contents", "deployments", "environments", "issues",
    "members", "merge_queues", "metadata", "organization_administration",
    "organization_custom_properties", "organization_projects", "packages", "pages",
    "pull_requests", "repository_hooks", "repository_projects", "secrets", "statuses", "workflows",
)  # fmt: skip


class NewToken(Body):
    repositories: Sequence[str] = ()
    repository_ids: Sequence[int] = ()
    permissions: dict[str, Literal["read", "write", "admin"]] = Field(default_factory=dict)


def get_app(call: Call) -> Response:
    return ok({**call.at.app, "installations_count": len(call.github.installations)})


def list_installations(call: Call) -> Response:
    rows = list(call.github.installations.values())
    return call.listed(rows, partial(accounts.installation, call.at))


def get_installation(call: Call) -> Response:
    return ok(accounts.installation(call.at, _installation(call)))


def get_repository_installation(call: Call) -> Response:
    """That of the App. Source: https://docs.github.com/rest/apps/apps"""
    name = f"{call.params['owner']}/{call.params['repo']}".lower()
    for repository in call.github.repositories.values():
        if repository.full_name.lower() == name and repository.installation:
            return ok(accounts.installation(call.at, repository.installation))
    raise not_found()


def _installation(call: Call) -> Installation:
    installation = call.github.installations.get(call.number("id"))
    if installation is None:
        raise not_found()
    return installation


def create_token(call: Call) -> Response:
    installation, body = _installation(call), call.body(NewToken)
    if installation.suspended_at is not None:
        raise Refusal(403, "This installation has been suspended")
    asked = {**(body.permissions or installation.permissions)}
    for name, level in asked.items():
        if name not in PERMISSION_NAMES:
            raise Refusal(422, f'Invalid request.\n\n"{name}" is not a permitted key.')
        if not allows(installation.permissions, (f"{name}:{level}",)):
            raise Refusal(422, "The permissions requested are not granted to this installation.")
    chosen = None
    if body.model_fields_set & {"repositories", "repository_ids"}:
        names = {name.lower() for name in body.repositories}
        chosen = [
            repository
            for repository in call.github.repositories.values()
            if repository.installation is installation
            and (repository.name.lower() in names or repository.id in body.repository_ids)
        ]
        if len(chosen) < len(names) + len(set(body.repository_ids)):
            raise Refusal(
                422, "There is at least one repository that does not exist or is not accessible to"
                " the parent installation.",
            )  # fmt: skip
    ids = None if chosen is None else frozenset(repository.id for repository in chosen)
    name, token = call.github.new_token(installation, asked, ids)
    shape: Json = {
        "token": name,
        "expires_at": iso(token.expires_at),
        "permissions": token.permissions,
        "repository_selection": "all" if chosen is None else "selected",
    }
    if chosen is not None:
        shape["repositories"] = [repositories.repository(call.at, row) for row in chosen]
    return ok(shape, 201)


def list_repositories(call: Call) -> Response:
    rows = [row for row in call.github.repositories.values() if call.may_see(row)]
    shape = partial(repositories.repository, call.at)
    return call.counted(rows, "repositories", shape, repository_selection="all")


# --- what the App asks for a person -------------------------------------------------------


def _person(call: Call) -> User:
    """Whose token it is. Raises Refusal (403: it is an installation's)."""
    if call.token is None or call.token.user is None:
        raise inaccessible()
    return call.token.user


def get_user(call: Call) -> Response:
    """The person themselves. Source: https://docs.github.com/rest/users/users"""
    return ok(accounts.user(call.at, _person(call)))


def _seen(call: Call, installation: Installation) -> list[Repository]:
    """What the person has an explicit right to, of what the installation reaches."""
    person = _person(call)
    return [
        row
        for row in call.github.repositories.values()
        if row.installation is installation and not installation.is_guarded
        if row.role(person) != "none"
    ]


def list_users_installations(call: Call) -> Response:
    """Those with a repository that the person may see.

    Source: https://docs.github.com/rest/apps/installations
    """
    _person(call)
    rows = [one for one in call.github.installations.values() if _seen(call, one)]
    return call.counted(rows, "installations", partial(accounts.installation, call.at))


def list_users_repositories(call: Call) -> Response:
    """Source: https://docs.github.com/rest/apps/installations"""
    _person(call)
    rows = _seen(call, _installation(call))
    return call.counted(rows, "repositories", partial(repositories.repository, call.at))


# --- the webhook ---------------------------------------------------------------------------


def get_hook(call: Call) -> Response:
    """How the webhook is set up. Source: https://docs.github.com/rest/apps/webhooks"""
    hook = call.github.deliveries.hook
    shape: Json = {
        "url": hook.url,
        "content_type": hook.content_type,
        "insecure_ssl": hook.insecure_ssl,
    }
    if hook.secret:
        shape["secret"] = "*" * 8
    return ok(shape)


class HookConfig(Body):
    url: str | None = None
    content_type: Literal["json", "form"] | None = None
    secret: str | None = None
    insecure_ssl: Literal["0", "1"] | None = None


def set_hook(call: Call) -> Response:
    """Change what is named. Source: https://docs.github.com/rest/apps/webhooks"""
    hook = call.github.deliveries.hook
    for name, value in call.body(HookConfig).model_dump(exclude_none=True).items():
        setattr(hook, name, value)
    return get_hook(call)


def convert(call: Call) -> Response:
    """The App that a manifest made, with its secrets: once for each code, within an hour.

    Source: https://docs.github.com/rest/apps/apps#create-a-github-app-from-a-manifest
    """
    github = call.github
    if not github.registration.spend(call.params["code"], github.now()):
        raise not_found()
    hook = github.deliveries.hook
    secrets: Json = {
        "client_secret": github.registration.client_secret,
        "webhook_secret": hook.secret if hook.url else None,
        "pem": github.private_key,
    }
    return ok({**call.at.app, **secrets}, 201)


def list_deliveries(call: Call) -> Response:
    """Newest first; the cursor is the id below which the page starts."""
    tried = [delivery for delivery in call.github.deliveries.all if delivery.status_code]
    rows = sorted(tried, key=lambda delivery: -delivery.id)
    wanted = call.query.get("status", "")
    if wanted in ("success", "failure"):
        rows = [row for row in rows if (200 <= row.status_code < 400) is (wanted == "success")]
    cursor = call.query.get("cursor", "")
    if cursor:
        if not cursor.isdigit():
            raise invalid("HookDelivery", "cursor", "invalid")
        rows = [row for row in rows if row.id < int(cursor)]
    size = call.page()[1]
    answer = ok([_delivery(row) for row in rows[:size]])
    if len(rows) > size:
        target = f"{call.at.api}{call.path}?per_page={size}&cursor={rows[size - 1].id}"
        answer.headers["link"] = f'<{target}>; rel="next"'
    return answer


def _delivery(delivery: Delivery) -> Json:
    return {
        "id": delivery.id,
        "guid": delivery.guid,
        "delivered_at": iso(delivery.delivered_at),
        "redelivery": delivery.redelivery,
        "duration": delivery.duration,
        "status": delivery.status,
        "status_code": delivery.status_code,
        "event": delivery.event,
        "action": delivery.action,
        "installation_id": delivery.installation_id,
        "repository_id": delivery.repository_id,
        "throttled_at": None,
    }


def redeliver(call: Call) -> Response:
    try:
        call.github.redeliver(call.number("id"))
    except KeyError:
        raise not_found() from None
    return ok({}, 202)


def get_account(call: Call) -> Response:
    """An account by its id, under its present name. Source: https://docs.github.com/rest/users"""
    number = call.number("id")
    for user in call.github.users.values():
        if user.id == number:
            return ok(accounts.user(call.at, user))
    raise not_found()


# --- teams ---------------------------------------------------------------------------------


def get_team(call: Call) -> Response:
    return ok(accounts.team(call.at, _team(call)))


def get_membership(call: Call) -> Response:
    """404 for everybody outside the team; so it is for a token without Members."""
    team, user = _team(call), call.user()
    if user.login not in team.members | team.pending:
        raise not_found()
    url = f"{call.at.api}/organizations/{team.organization.id}/team/{team.id}"
    state = "active" if user.login in team.members else "pending"
    return ok({"url": f"{url}/memberships/{user.login}", "role": "member", "state": state})


def _team(call: Call) -> Team:
    team = call.github.teams.get((call.params["org"].lower(), call.params["slug"]))
    if (
        team is None
        or call.token is None
        or call.token.installation is None
        or team.organization is not call.token.installation.account
    ):
        raise not_found()
    return team
