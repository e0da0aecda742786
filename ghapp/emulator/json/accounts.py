"""Accounts, the App, installations, teams and permissions as GitHub's JSON."""

from __future__ import annotations

from ghapp.emulator.accounts import App, Installation, Team, User
from ghapp.emulator.issue import ROLES, Tracker
from ghapp.emulator.json import Json, iso, node_id

USER_URLS = {
    "followers_url": "/followers",
    "following_url": "/following{/other_user}",
    "gists_url": "/gists{/gist_id}",
    "starred_url": "/starred{/owner}{/repo}",
    "subscriptions_url": "/subscriptions",
    "organizations_url": "/orgs",
    "repos_url": "/repos",
    "events_url": "/events{/privacy}",
    "received_events_url": "/received_events",
}
RIGHTS = {"admin": 5, "maintain": 4, "push": 3, "triage": 2, "pull": 1}  # least rank in ROLES
LEGACY = {"maintain": "write", "triage": "read"}  # how old clients see a role


class Addresses:
    """The addresses in all JSON, without a slash at the end: of the REST API, and of the pages."""

    def __init__(self, api: str, html: str, app: App) -> None:
        self.api = api
        self.html = html
        self.app: Json = {  # as anyone sees it
            "id": app.id,
            "slug": app.slug,
            "node_id": node_id("App", app.id),
            "client_id": f"Iv1.{app.id:016x}",
            "owner": user(self, app.owner),
            "name": app.name,
            "description": "",
            "external_url": f"{html}/apps/{app.slug}",
            "html_url": f"{html}/apps/{app.slug}",
            "created_at": iso(app.created_at),
            "updated_at": iso(app.created_at),
            "permissions": app.permissions,
            "events": list(app.events),
        }

    def repository(self, repository: Tracker) -> str:
        return f"{self.api}/repos/{repository.full_name}"


def user(at: Addresses, user: User) -> Json:
    url = f"{at.api}/users/{user.login}"
    return {
        "login": user.login,
        "id": user.id,
        "node_id": node_id("User", user.id),
        "avatar_url": f"{at.html}/avatars/u/{user.id}?v=4",
        "gravatar_id": "",
        "url": url,
        "html_url": f"{at.html}/{user.login}",
        **{name: url + end for name, end in USER_URLS.items()},
        "type": user.kind,
        "user_view_type": "public",
        "site_admin": False,
    }


def organization(at: Addresses, user: User) -> Json:
    url = f"{at.api}/orgs/{user.login}"
    return {
        "login": user.login,
        "id": user.id,
        "node_id": node_id("Organization", user.id),
        "url": url,
        "repos_url": f"{url}/repos",
        "events_url": f"{url}/events",
        "hooks_url": f"{url}/hooks",
        "issues_url": f"{url}/issues",
        "members_url": f"{url}/members{{/member}}",
        "public_members_url": f"{url}/public_members{{/member}}",
        "avatar_url": f"{at.html}/avatars/u/{user.id}?v=4",
        "description": "",
    }


def installation(at: Addresses, installation: Installation) -> Json:
    url = f"{at.api}/app/installations/{installation.id}"
    account = installation.account
    page = f"{at.html}/organizations/{account.login}/settings/installations/{installation.id}"
    return {
        "id": installation.id,
        "account": user(at, account),
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
        "single_file_name": None,
        "has_multiple_single_files": False,
        "single_file_paths": [],
        "repository_selection": installation.selection,
        "suspended_at": iso(installation.suspended_at),
        "suspended_by": user(at, installation.suspended_by) if installation.suspended_by else None,
    }


def team(at: Addresses, team: Team) -> Json:
    owner, created_at = team.organization, iso(team.created_at)
    url = f"{at.api}/organizations/{owner.id}/team/{team.id}"
    return {
        "name": team.slug,
        "id": team.id,
        "node_id": node_id("Team", team.id),
        "slug": team.slug,
        "url": url,
        "html_url": f"{at.html}/orgs/{owner.login}/teams/{team.slug}",
        "members_url": f"{url}/members{{/member}}",
        "repositories_url": f"{url}/repos",
        "organization_id": owner.id,
        "members_count": len(team.members),
        "created_at": created_at,
        "updated_at": created_at,
        "description": None,
        "privacy": "closed",
        "notification_setting": "notifications_enabled",
        "permission": "pull",
        "type": "organization",
        "parent": None,
        "repos_count": 1,
        "organization": {
            **organization(at, owner),
            "html_url": f"{at.html}/{owner.login}",
            "created_at": created_at,
            "updated_at": created_at,
            "has_organization_projects": True,
            "has_repository_projects": True,
            "public_repos": 0,
            "public_gists": 0,
            "followers": 0,
            "following": 0,
            "type": "Organization",
            "archived_at": None,
        },
    }


def permission(at: Addresses, person: User, role: str) -> Json:
    """Maintain reads as write and triage as read, for the sake of old clients."""
    rank = ROLES.index(role)
    rights = {name: rank >= least for name, least in RIGHTS.items()}
    return {
        "permission": LEGACY.get(role, role),
        "role_name": role,
        "user": {**user(at, person), "permissions": rights, "role_name": role},
    }
