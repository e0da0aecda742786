"""The emulator for GitHub: one App, its installations, accounts, teams and repositories."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from ghapp.emulator.accounts import Installation, Site, User, locked
from ghapp.emulator.deliveries import Deliveries, Delivery, Hook
from ghapp.emulator.diffs import DiffLimits, Diffs
from ghapp.emulator.faults import Faults
from ghapp.emulator.git import Files, Git
from ghapp.emulator.json.accounts import Addresses
from ghapp.emulator.json.payloads import payload
from ghapp.emulator.oauth import OAuth
from ghapp.emulator.registration import Manifest, Registration
from ghapp.emulator.repository import Names, Network, Repository

PERMISSIONS = {
    "checks": "write",
    "contents": "read",
    "issues": "write",
    "members": "read",
    "merge_queues": "read",
    "metadata": "read",
    "pull_requests": "write",
}
EVENTS = (
    "check_run", "check_suite", "issue_comment", "issues", "label", "member", "membership",
    "merge_group", "milestone", "organization", "pull_request", "pull_request_review",
    "pull_request_review_comment", "push", "repository", "sub_issues", "team",
)  # fmt: skip
ALWAYS_SENT = (  # whatever the App subscribes to
    "installation",
    "installation_repositories",
    "github_app_authorization",
    "ping",
)


@dataclass(frozen=True, slots=True, eq=False)
class CallInProgress:
    """A call that reached a route, as "METHOD /route/{template}".

    client: the address and port it came from.
    """

    route: str
    path: str
    client: tuple[str, int]


class Observer:
    """Is notified of each call before it is answered, and once its answer was sent."""

    def began(self, call: CallInProgress) -> None: ...
    def ended(self, call: CallInProgress) -> None: ...


class Emulator(Site):
    """The state of one GitHub. All of it lies in memory and in a temporary folder.

    private_key: PEM, made if "". limits: when patches end. latency_seconds: added to each call.
    rate_limit: requests an hour, 0 for none. enterprise_version: "" on github.com.
    former_key: a private key that is valid beside it, while it is replaced.
    beside: another emulator whose App, accounts, teams, installations and numbers this one shares.
    It has repositories, deliveries and a clock of its own, until the other one adopts it.
    """

    def __init__(
        self,
        *,
        app_id: int = 1,
        slug: str = "ghapp",
        webhook_url: str = "",
        webhook_secret: str = "secret",
        private_key: str = "",
        permissions: dict[str, str] | None = None,
        events: Iterable[str] = EVENTS,
        limits: DiffLimits | None = None,
        token_seconds: float = 3600.0,
        latency_seconds: float = 0.0,
        rate_limit: int = 15_000,
        enterprise_version: str = "",
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        beside: Emulator | None = None,
    ) -> None:
        super().__init__(
            app_id, slug, permissions=permissions or dict(PERMISSIONS), events=tuple(events),
            clock=clock, token_seconds=token_seconds, beside=beside,
        )  # fmt: skip
        self.private_key = private_key or new_private_key()
        self.former_key = ""
        self.latency_seconds = latency_seconds
        self.rate_limit = rate_limit
        self.enterprise_version = enterprise_version
        self.limits = limits or DiffLimits()
        self.calls: Counter[str] = Counter()  # by "METHOD /route/{template}"
        self.bytes: Counter[str] = Counter()  # bodies of requests and answers, by the same
        self.under_way = self.most_under_way = 0  # calls at once: now, and the most so far
        self.faults = Faults()
        self.observer = Observer()
        self.names = Names()
        self.repositories = self.names.current
        self.file_pages: dict[tuple[object, ...], bytes] = {}  # encoded lists of changed files
        self._is_beside = beside is not None
        self.folder: Path = (  # of the git objects
            beside.folder if beside else Path(tempfile.mkdtemp(prefix="github-emulator-"))
        )
        self.serve_at("https://api.github.com", "https://github.com")
        self.registration = Registration()
        self.oauth = OAuth(self, self.registration)
        hook = Hook(self.new_id(), app_id, webhook_url, webhook_secret)
        self.deliveries = Deliveries(hook, self.new_id, self.now)

    def close(self) -> None:
        """Stop sending and remove the git objects."""
        self.deliveries.close()
        if not self._is_beside:
            shutil.rmtree(self.folder, ignore_errors=True)

    @locked
    def adopt(self, other: Emulator) -> None:
        """Take the repositories of an emulator that was made `beside` this one.

        Raises ValueError (a repository of the same name exists).
        """
        if taken := self.repositories.keys() & other.repositories.keys():
            raise ValueError(f"{min(taken)} exists already")
        for repository in other.repositories.values():
            repository.github, repository.names = self, self.names
        self.names.current |= other.names.current
        self.names.moved |= other.names.moved
        other.names = Names()
        other.repositories = other.names.current

    @locked
    def serve_at(self, api: str, html: str) -> None:
        """Set the addresses of this GitHub, which are in every answer and delivery."""
        self.addresses = Addresses(api, html, self.app)

    @locked
    def register(self, manifest: Manifest, owner: str) -> str:
        """Make the one App what a manifest asks for; the code to exchange for its secrets."""
        self.app.owner = self.user(owner, kind="Organization")
        self.app.name, self.app.slug = manifest.name, manifest.slug
        self.app.bot = self.user(f"{manifest.slug}[bot]")
        self.app.permissions = dict(manifest.default_permissions)
        self.app.events = tuple(manifest.default_events)
        active = manifest.hook_attributes.active
        self.deliveries.hook.url = manifest.hook_attributes.url if active else ""
        self.deliveries.hook.secret = secrets.token_hex(20)
        self.serve_at(self.addresses.api, self.addresses.html)
        if active:
            self._send("ping", None, self.app.owner, None, {"zen": "Keep it logically awesome."})
        return self.registration.begin(manifest, self.now())

    @locked
    def install(self, account: str, by: str) -> int:
        """Install the App on all repositories of an account; the installation's number."""
        number = max(self.installations, default=0) + 1
        made = self.installation(number, account)
        for repository in self.repositories.values():
            if repository.owner is made.account:
                repository.installation = made
        self.notify_installed(number, by)
        return number

    # --- repositories ----------------------------------------------------------------------

    @locked
    def repository(
        self,
        full_name: str,
        files: Files | None = None,
        *,
        default_branch: str = "main",
        installation_id: int | None = 1,
    ) -> Repository:
        """A new repository with one commit. installation_id: None if the App is not installed."""
        login, _, name = full_name.partition("/")
        owner, git = (
            self.user(login, kind="Organization"),
            Git(self.folder / f"{self.new_id()}.git"),
        )
        made = Repository.create(
            self, self.names, Network(git, Diffs(git, self.limits)), owner, name,
            default_branch=default_branch,
        )  # fmt: skip
        made.push(default_branch, files or {"README.md": f"# {name}\n"}, login, "First commit")
        if installation_id is not None:
            made.installation = self.installation(installation_id, login)
        return made

    @locked
    def rename(self, login: str, new: str) -> None:
        """Give an account another name; the old one is free for others, and leads nowhere.

        Its repositories are found by the names that they had. Raises ValueError (taken).
        Source: https://docs.github.com/account-and-profile/concepts/username-changes
        """
        if new.lower() in self.users:
            raise ValueError(f"{new} exists already")
        user = self.users.pop(login.lower())
        owned = [one for one in self.repositories.values() if one.owner is user]
        for one in owned:
            del self.names.current[one.full_name.lower()]
            self.names.moved[one.full_name.lower()] = one
        for team in self.teams.values():
            for people in (team.members, team.pending):
                if user.login in people:
                    people.remove(user.login)
                    people.add(new)
        for repository in self.repositories.values():
            if role := repository.roles.pop(login.lower(), None):
                repository.roles[new.lower()] = role
        user.login = new
        self.users[new.lower()] = user
        for one in owned:
            self.names.current[one.full_name.lower()] = one

    # --- installations ---------------------------------------------------------------------

    @locked
    def notify_installed(self, number: int, by: str) -> None:
        """The delivery `installation.created`, with its repositories."""
        repositories = [
            repository
            for repository in self.repositories.values()
            if repository.installation is self.installations[number]
        ]
        self._notify_installation(number, "created", by, repositories)

    @locked
    def suspend(self, number: int, by: str) -> None:
        """No token and no delivery any more, until `unsuspend`."""
        installation = self.installations[number]
        installation.suspended_at, installation.suspended_by = self.now(), self.user(by)
        self._notify_installation(number, "suspend", by, [])
        self._revoke_tokens(installation)

    @locked
    def unsuspend(self, number: int, by: str) -> None:
        installation = self.installations[number]
        installation.suspended_at, installation.suspended_by = None, None
        self._notify_installation(number, "unsuspend", by, [])

    @locked
    def uninstall(self, number: int) -> None:
        """Out of reach from now on: no token, no repository, no delivery."""
        installation = self.installations.pop(number)
        for repository in self.repositories.values():
            if repository.installation is installation:
                repository.installation = None
        self._revoke_tokens(installation)

    def _notify_installation(
        self, number: int, action: str, by: str, repositories: list[Repository]
    ) -> None:
        parts = {"repositories": repositories, "requester": None}
        self.emit("installation", action, self.user(by), self.installations[number], parts)

    @locked
    def revoke_authorization(self, login: str) -> None:
        """A person no longer lets the App act for them: their tokens end, which is delivered.

        Source: https://docs.github.com/webhooks/webhook-events-and-payloads#github_app_authorization
        """
        person = self.user(login)
        for name, token in list(self.tokens.items()):
            if token.user is person and name.startswith("ghu_"):
                del self.tokens[name]
        self._send("github_app_authorization", "revoked", person, None, {})

    def _revoke_tokens(self, installation: Installation) -> None:
        for name, token in list(self.tokens.items()):
            if token.installation is installation:
                del self.tokens[name]

    # --- deliveries ------------------------------------------------------------------------

    def emit(
        self,
        event: str,
        action: str | None,
        sender: User,
        installation: Installation | None,
        parts: Mapping[str, object],
    ) -> None:
        """Send a delivery, if the App is installed and subscribed."""
        if installation is None or event not in (*self.app.events, *ALWAYS_SENT):
            return
        if installation.suspended_at is not None and event != "installation":
            return
        self._send(event, action, sender, installation, parts)

    def _send(
        self,
        event: str,
        action: str | None,
        sender: User,
        installation: Installation | None,
        parts: Mapping[str, object],
    ) -> None:
        repository = parts.get("repository")
        body = payload(self.addresses, event, action, sender, installation, parts)
        self.deliveries.new(
            event, action, msgspec.json.encode(body),
            installation_id=installation.id if installation else None,
            repository_id=repository.id if isinstance(repository, Repository) else None,
        )  # fmt: skip

    @locked
    def listen(self, url: str) -> None:
        """Set the address of the App's webhook."""
        self.deliveries.hook.url = url

    def settle(self, timeout_seconds: float = 10.0) -> None:
        """Wait until every queued delivery was answered. Raises TimeoutError."""
        self.deliveries.settle(timeout_seconds)

    def redeliver(self, delivery_id: int) -> Delivery:
        return self.deliveries.redeliver(delivery_id)

    @locked
    def lose_next(self, count: int = 1, event: str = "*") -> None:
        """The next deliveries fail. event: a pattern over "event" or "event.action"."""
        self.deliveries.copy_next(event, count, 0)

    @locked
    def double_next(self, count: int = 1, event: str = "*") -> None:
        """The next deliveries come twice. event: a pattern over "event" or "event.action"."""
        self.deliveries.copy_next(event, count, 2)

    def signed(self, delivery: Delivery) -> tuple[dict[str, str], bytes]:
        """Headers and body, for posting a delivery by hand."""
        return self.deliveries.hook.headers(delivery), delivery.body


def new_private_key() -> str:
    """A fresh RSA key as PEM, as the App's settings page hands out."""
    return (
        rsa.generate_private_key(65537, 2048)
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
        .decode()
    )
