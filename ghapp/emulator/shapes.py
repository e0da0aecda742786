"""State as GitHub's JSON: people, the App, repositories, labels, comments, events, deliveries.

Pulls are in `shapes_pulls`, check runs in `shapes_checks`, teams and rights in `shapes_accounts`.
"""

from __future__ import annotations

import base64
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from ghapp.emulator.constants import REPOSITORY_FIXED, REPOSITORY_URLS, USER_URLS
from ghapp.emulator.deliveries import Delivery
from ghapp.emulator.state import App, Comment, Event, Json, Label, Reaction, User, iso

if TYPE_CHECKING:
    from ghapp.emulator.repository import Repository
    from ghapp.emulator.thread_state import ThreadState


REACTIONS = ("+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes")


def node_id(kind: str, number: int) -> str:
    return base64.b64encode(f"{kind}:{number}".encode()).decode()


@dataclass
class Shapes:
    """api: the address of the REST API, without a slash at the end; html: that of the pages."""

    api: str
    html: str
    app_entity: App

    @cached_property
    def app(self) -> Json:
        """The App as anyone sees it."""
        app = self.app_entity
        return {
            "id": app.id,
            "slug": app.slug,
            "node_id": node_id("App", app.id),
            "client_id": f"Iv1.{app.id:016x}",
            "owner": self.user(app.owner),
            "name": app.name,
            "description": "",
            "external_url": f"{self.html}/apps/{app.slug}",
            "html_url": f"{self.html}/apps/{app.slug}",
            "created_at": iso(app.created_at),
            "updated_at": iso(app.created_at),
            "permissions": app.permissions,
            "events": list(app.events),
        }

    def user(self, user: User) -> Json:
        url = f"{self.api}/users/{user.login}"
        return {
            "login": user.login,
            "id": user.id,
            "node_id": node_id("User", user.id),
            "avatar_url": f"{self.html}/avatars/u/{user.id}?v=4",
            "gravatar_id": "",
            "url": url,
            "html_url": f"{self.html}/{user.login}",
            **{name: url + end for name, end in USER_URLS.items()},
            "type": user.kind,
            "user_view_type": "public",
            "site_admin": False,
        }

    def organization(self, user: User) -> Json:
        url = f"{self.api}/orgs/{user.login}"
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
            "avatar_url": f"{self.html}/avatars/u/{user.id}?v=4",
            "description": "",
        }

    def repository_minimal(self, repository: Repository) -> Json:
        return {
            "id": repository.id,
            "node_id": node_id("Repository", repository.id),
            "name": repository.name,
            "full_name": repository.full_name,
            "private": True,
        }

    def repository(self, repository: Repository) -> Json:
        url = self.repository_url(repository)
        page = f"{self.html}/{repository.full_name}"
        opened = sum(thread.state == "open" for thread in repository.threads())
        return {
            **self.repository_minimal(repository),
            "owner": self.user(repository.owner),
            "html_url": page,
            "description": repository.description,
            "fork": repository.parent is not None,
            "url": url,
            **{name: url + end for name, end in REPOSITORY_URLS.items()},
            "git_url": f"git:{page.partition(':')[2]}.git",
            "ssh_url": f"git@{page.partition('://')[2].replace('/', ':', 1)}.git",
            "clone_url": f"{page}.git",
            "svn_url": page,
            "open_issues": opened,
            "open_issues_count": opened,
            "default_branch": repository.default_branch,
            "has_issues": repository.has_issues,
            "pushed_at": iso(repository.pushed_at),
            "created_at": iso(repository.created_at),
            "updated_at": iso(repository.pushed_at),
            **REPOSITORY_FIXED,
        }

    def repository_url(self, repository: Repository) -> str:
        return f"{self.api}/repos/{repository.full_name}"

    def label(self, repository: Repository, label: Label) -> Json:
        return {
            "id": label.id,
            "node_id": node_id("Label", label.id),
            "url": f"{self.repository_url(repository)}/labels/{label.name.replace(' ', '%20')}",
            "name": label.name,
            "color": label.color,
            "default": label.default,
            "description": label.description,
            "archived_at": None,
            "archived_by": None,
        }

    def reaction_counts(self, url: str, reactions: list[Reaction]) -> Json:
        counts = Counter(reaction.content for reaction in reactions)
        return {
            "url": f"{url}/reactions",
            "total_count": len(reactions),
            **{content: counts[content] for content in REACTIONS},
        }

    def reaction(self, reaction: Reaction) -> Json:
        return {
            "id": reaction.id,
            "node_id": node_id("Reaction", reaction.id),
            "user": self.user(reaction.user),
            "content": reaction.content,
            "created_at": iso(reaction.created_at),
        }

    def page(self, thread: ThreadState) -> str:
        """The address of an issue or a pull for people."""
        repository = thread.repository
        kind = "pull" if thread.number in repository.pulls else "issues"
        return f"{self.html}/{repository.full_name}/{kind}/{thread.number}"

    def comment(self, thread: ThreadState, comment: Comment) -> Json:
        repository = thread.repository
        url = f"{self.repository_url(repository)}/issues/comments/{comment.id}"
        return {
            "url": url,
            "html_url": f"{self.page(thread)}#{comment.anchor}",
            "issue_url": f"{self.repository_url(repository)}/issues/{thread.number}",
            "id": comment.id,
            "node_id": node_id("IssueComment", comment.id),
            "user": self.user(comment.user),
            "created_at": iso(comment.created_at),
            "updated_at": iso(comment.updated_at),
            "author_association": repository.association(comment.user),
            "body": comment.body,
            "reactions": self.reaction_counts(url, comment.reactions),
            "performed_via_github_app": self.app if comment.via_app else None,
        }

    def event(self, repository: Repository, event: Event) -> Json:
        shape: Json = {
            "id": event.id,
            "node_id": node_id("Event", event.id),
            "url": f"{self.repository_url(repository)}/issues/events/{event.id}",
            "actor": self.user(event.actor),
            "event": event.name,
            "commit_id": event.commit_id,
            "commit_url": None,
            "created_at": iso(event.created_at),
            "performed_via_github_app": self.app if event.via_app else None,
            **event.more,
        }
        if event.label is not None:
            shape["label"] = {"name": event.label.name, "color": event.label.color}
        return shape

    def delivery(self, delivery: Delivery) -> Json:
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
