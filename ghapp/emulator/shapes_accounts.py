"""Installations, teams and rights as GitHub's JSON."""

from __future__ import annotations

from ghapp.emulator.constants import INSTALLATION_FIXED, TEAM_FIXED, TEAM_ORGANIZATION_FIXED
from ghapp.emulator.shapes import Shapes, node_id
from ghapp.emulator.state import ROLES, Installation, Json, Team, User, iso

RIGHTS = {"admin": 5, "maintain": 4, "push": 3, "triage": 2, "pull": 1}  # least rank in ROLES
LEGACY = {"maintain": "write", "triage": "read"}  # how old clients are told of a role


def installation(at: Shapes, installation: Installation) -> Json:
    url = f"{at.api}/app/installations/{installation.id}"
    account = installation.account
    page = f"{at.html}/organizations/{account.login}/settings/installations/{installation.id}"
    return {
        "id": installation.id,
        "account": at.user(account),
        "access_tokens_url": f"{url}/access_tokens",
        "repositories_url": f"{at.api}/installation/repositories",
        "html_url": page,
        "app_id": at.app["id"],
        "app_slug": at.app["slug"],
        "client_id": at.app["client_id"],
        "target_id": account.id,
        "target_type": account.kind,
        "permissions": installation.permissions,
        "events": at.app["events"],
        "created_at": iso(installation.created_at),
        "updated_at": iso(installation.created_at),
        **INSTALLATION_FIXED,
        "repository_selection": installation.selection,
        "suspended_at": iso(installation.suspended_at),
        "suspended_by": at.user(installation.suspended_by) if installation.suspended_by else None,
    }


def team(at: Shapes, team: Team) -> Json:
    organization = team.organization
    url = f"{at.api}/organizations/{organization.id}/team/{team.id}"
    moment = iso(team.created_at)
    return {
        "name": team.slug,
        "id": team.id,
        "node_id": node_id("Team", team.id),
        "slug": team.slug,
        "url": url,
        "html_url": f"{at.html}/orgs/{organization.login}/teams/{team.slug}",
        "members_url": f"{url}/members{{/member}}",
        "repositories_url": f"{url}/repos",
        "organization_id": organization.id,
        "members_count": len(team.members),
        "created_at": moment,
        "updated_at": moment,
        **TEAM_FIXED,
        "organization": _team_organization(at, team),
    }


def _team_organization(at: Shapes, team: Team) -> Json:
    return {
        **at.organization(team.organization),
        "html_url": f"{at.html}/{team.organization.login}",
        "created_at": iso(team.created_at),
        "updated_at": iso(team.created_at),
        **TEAM_ORGANIZATION_FIXED,
    }


def permission(at: Shapes, user: User, role: str) -> Json:
    """Maintain reads as write and triage as read, for the sake of old clients."""
    rank = ROLES.index(role)
    rights = {name: rank >= least for name, least in RIGHTS.items()}
    return {
        "permission": LEGACY.get(role, role),
        "role_name": role,
        "user": {**at.user(user), "permissions": rights, "role_name": role},
    }
