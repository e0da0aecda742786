"""What the App asks about itself, its installations and its webhook; teams and permissions."""

from __future__ import annotations

from functools import partial

from ghapp.emulator import auth, shapes_accounts
from ghapp.emulator.bodies import Items, Number, Object, Text
from ghapp.emulator.rest import Answer, Call, Refusal, invalid, not_found, ok
from ghapp.emulator.state import Installation, Json, Team, iso

PERMISSION_NAMES = (
    "actions", "administration", "checks", "contents", "deployments", "environments", "issues",
    "members", "merge_queues", "metadata", "organization_administration",
    "organization_custom_properties", "organization_projects", "packages", "pages",
    "pull_requests", "repository_hooks", "repository_projects", "secrets", "statuses", "workflows",
)  # fmt: skip
TOKEN = Object(
    {
        "repositories": Items(Text()),
        "repository_ids": Items(Number()),
        "permissions": Object(
            {name: Text(choices=("read", "write", "admin")) for name in PERMISSION_NAMES}
        ),
    }
)


def get_app(call: Call) -> Answer:
    github = call.github
    return ok({**github.shapes.app, "installations_count": len(github.installations)})


def list_installations(call: Call) -> Answer:
    rows = list(call.github.installations.values())
    return call.listed(rows, partial(shapes_accounts.installation, call.github.shapes))


def get_installation(call: Call) -> Answer:
    return ok(shapes_accounts.installation(call.github.shapes, _installation(call)))


def _installation(call: Call) -> Installation:
    installation = call.github.installations.get(call.number("id"))
    if installation is None:
        raise not_found()
    return installation


def create_token(call: Call) -> Answer:
    installation = _installation(call)
    body = call.json(TOKEN)
    if installation.suspended_at is not None:
        raise Refusal(403, "This installation has been suspended")
    asked = body.get("permissions") or dict(installation.permissions)
    for name, level in asked.items():
        if not auth.allows(installation.permissions, (f"{name}:{level}",)):
            raise Refusal(422, "The permissions requested are not granted to this installation.")
    chosen = _chosen(call, installation, body)
    name, token = call.github.new_token(installation, dict(asked), chosen)
    shape: Json = {
        "token": name,
        "expires_at": iso(token.expires_at),
        "permissions": token.permissions,
        "repository_selection": "all" if chosen is None else "selected",
    }
    if chosen is not None:
        shape["repositories"] = [
            call.github.shapes.repository(repository)
            for repository in call.github.repositories.values()
            if repository.id in chosen
        ]
    return ok(shape, 201)


def _chosen(call: Call, installation: Installation, body: Json) -> frozenset[int] | None:
    if "repositories" not in body and "repository_ids" not in body:
        return None
    names = {name.lower() for name in body.get("repositories", ())}
    ids = set(body.get("repository_ids", ()))
    found = {
        repository.id
        for repository in call.github.repositories.values()
        if repository.installation is installation
        and (repository.name.lower() in names or repository.id in ids)
    }
    if len(found) < len(names) + len(ids):
        raise Refusal(
            422, "There is at least one repository that does not exist or is not accessible to"
            " the parent installation.",
        )  # fmt: skip
    return frozenset(found)


def list_repositories(call: Call) -> Answer:
    assert call.token is not None
    token, page = call.token, call.page()
    rows = [
        repository
        for repository in call.github.repositories.values()
        if repository.installation is token.installation
        and (token.repositories is None or repository.id in token.repositories)
    ]
    number, size = page
    shown = rows[(number - 1) * size : number * size]
    shapes = call.github.shapes
    answer = ok(
        {
            "total_count": len(rows),
            "repository_selection": "all",
            "repositories": [shapes.repository(repository) for repository in shown],
        }
    )
    answer.headers |= call.links(len(rows))
    return answer


def get_hook(call: Call) -> Answer:
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


def list_deliveries(call: Call) -> Answer:
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
    answer = ok([call.github.shapes.delivery(row) for row in rows[:size]])
    if len(rows) > size:
        target = f"{call.github.shapes.api}{call.path}?per_page={size}&cursor={rows[size - 1].id}"
        answer.headers["link"] = f'<{target}>; rel="next"'
    return answer


def redeliver(call: Call) -> Answer:
    try:
        call.github.redeliver(call.number("id"))
    except KeyError:
        raise not_found() from None
    return ok({}, 202)


def get_team(call: Call) -> Answer:
    return ok(shapes_accounts.team(call.github.shapes, _team(call)))


def get_membership(call: Call) -> Answer:
    """404 for who is not in the team; a token without Members meets the same."""
    team = _team(call)
    user = call.github.users.get(call.params["username"].lower())
    if user is None or user.login not in team.members | team.pending:
        raise not_found()
    url = f"{call.github.shapes.api}/organizations/{team.organization.id}/team/{team.id}"
    state = "active" if user.login in team.members else "pending"
    return ok({"url": f"{url}/memberships/{user.login}", "role": "member", "state": state})


def _team(call: Call) -> Team:
    key = (call.params["org"].lower(), call.params["slug"])
    assert call.token is not None
    team = call.github.teams.get(key)
    if team is None or team.organization is not call.token.installation.account:
        raise not_found()
    return team
