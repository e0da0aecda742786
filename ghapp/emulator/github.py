"""The emulator for GitHub: one App, its installations, accounts, teams and repositories."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from ghapp.emulator import shapes_accounts
from ghapp.emulator.accounts import Accounts
from ghapp.emulator.deliveries import Deliveries, Delivery, Hook
from ghapp.emulator.diffs import DiffLimits, Diffs
from ghapp.emulator.faults import Faults
from ghapp.emulator.gitrepo import Files, Git
from ghapp.emulator.locking import locked
from ghapp.emulator.passing import Unwatched, Watch
from ghapp.emulator.repository import Network, Repository
from ghapp.emulator.shapes import Shapes, node_id
from ghapp.emulator.state import Installation, Json, User

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
    "merge_group", "organization", "pull_request", "pull_request_review",
    "pull_request_review_comment", "push", "repository", "team",
)  # fmt: skip
UNASKED = (
    "installation",
    "installation_repositories",
    "github_app_authorization",
    "ping",
)


class Emulator(Accounts):
    """The state of one GitHub. All of it lies in memory and in a temporary folder.

    private_key: PEM, made when "". limits: where patches end. latency_seconds: added to each call.
    rate_limit: requests an hour, 0 where there is no limit. enterprise_version: "" on github.com.
    former_key: a private key that is valid beside it, while it is replaced.
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
    ) -> None:
        super().__init__(clock, token_seconds)
        self.private_key = private_key or new_private_key()
        self.former_key = ""
        self.latency_seconds = latency_seconds
        self.rate_limit = rate_limit
        self.enterprise_version = enterprise_version
        self.limits = limits or DiffLimits()
        self.calls: Counter[str] = Counter()  # by "METHOD /route/{template}"
        self.bytes: Counter[str] = Counter()  # bodies asked with and answered, by the same
        self.under_way = self.most_under_way = 0  # calls at once: now, and the most so far
        self.faults = Faults()
        self.watch: Watch = Unwatched()
        self.repositories: dict[str, Repository] = {}
        self.moved: dict[str, Repository] = {}  # by the names they had
        self.pages: dict[tuple[object, ...], bytes] = {}  # encoded pages of changed files
        self._folder = Path(tempfile.mkdtemp(prefix="github-emulator-"))
        self.app = self.new_app(app_id, slug, permissions or dict(PERMISSIONS), tuple(events))
        self.serve_at("https://api.github.com", "https://github.com")
        hook = Hook(self.new_id(), app_id, webhook_url, webhook_secret)
        self.deliveries = Deliveries(hook, self._ids, self.now)

    def close(self) -> None:
        """Stop sending and remove the git objects."""
        self.deliveries.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def settle(self, timeout_seconds: float = 10.0) -> None:
        """Wait until every queued delivery was answered. Raises TimeoutError."""
        self.deliveries.settle(timeout_seconds)

    def redeliver(self, delivery_id: int) -> Delivery:
        return self.deliveries.redeliver(delivery_id)

    @locked
    def lose_next(self, count: int = 1, event: str = "*") -> None:
        """The next deliveries fail. event: a pattern over "event" or "event.action"."""
        self.deliveries.doom(event, count, 0)

    @locked
    def double_next(self, count: int = 1, event: str = "*") -> None:
        """The next deliveries come twice. event: a pattern over "event" or "event.action"."""
        self.deliveries.doom(event, count, 2)

    def signed(self, delivery: Delivery) -> tuple[dict[str, str], bytes]:
        """Headers and body, for posting a delivery by hand."""
        return self.deliveries.hook.headers(delivery), delivery.body

    @locked
    def listen(self, url: str) -> None:
        """Where the App's webhook is from now on."""
        self.deliveries.hook.url = url

    @locked
    def serve_at(self, api: str, html: str) -> None:
        """Where this GitHub is reached: it is in every answer and delivery."""
        self.shapes = Shapes(api, html, self.app)

    # --- installations and repositories ---------------------------------------------------

    @locked
    def tell_installed(self, number: int, by: str) -> None:
        """The delivery `installation.created`, with its repositories."""
        installation = self.installations[number]
        repositories = [
            self.shapes.repository_minimal(repository)
            for repository in self.repositories.values()
            if repository.installation is installation
        ]
        parts: Json = {"repositories": repositories, "requester": None}
        self.tell_installation("installation", "created", installation, self.user(by), parts)

    def tell_installation(
        self, event: str, action: str, installation: Installation, sender: User, parts: Json
    ) -> None:
        """A delivery about an installation, which no App has to subscribe to."""
        told = shapes_accounts.installation(self.shapes, installation)
        body = {"installation": told, **parts}
        self._queue(event, action, body, sender, installation.id, None)

    @locked
    def suspend(self, number: int, by: str) -> None:
        """No token and no delivery any more, until it is taken back."""
        installation = self.installations[number]
        installation.suspended_at, installation.suspended_by = self.now(), self.user(by)
        parts: Json = {"repositories": [], "requester": None}
        self.tell_installation("installation", "suspend", installation, self.user(by), parts)
        self.tokens = {k: t for k, t in self.tokens.items() if t.installation is not installation}

    @locked
    def unsuspend(self, number: int, by: str) -> None:
        installation = self.installations[number]
        installation.suspended_at, installation.suspended_by = None, None
        parts: Json = {"repositories": [], "requester": None}
        self.tell_installation("installation", "unsuspend", installation, self.user(by), parts)

    @locked
    def uninstall(self, number: int) -> None:
        """Out of reach from now on: no token, no repository, no delivery."""
        installation = self.installations.pop(number)
        for repository in self.repositories.values():
            if repository.installation is installation:
                repository.installation = None
        self.tokens = {k: t for k, t in self.tokens.items() if t.installation is not installation}

    @locked
    def repository(
        self,
        full_name: str,
        files: Files | None = None,
        *,
        default_branch: str = "main",
        installation_id: int | None = 1,
    ) -> Repository:
        """A new repository with one commit. installation_id: None where the App is not."""
        owner, _, name = full_name.partition("/")
        git = Git(self._folder / f"{self.new_id()}.git")
        made = self._new_repository(
            Network(git, Diffs(git, self.limits)),
            self.user(owner, kind="Organization"),
            name,
        )
        made.default_branch = default_branch
        made.push(default_branch, files or {"README.md": f"# {name}\n"}, owner, "First commit")
        if installation_id is not None:
            made.installation = self.installation(installation_id, owner, self.app)
        return made

    @locked
    def fork(self, repository: Repository, owner: str) -> Repository:
        """A person's fork, made when missing; the App is not installed there."""
        name = f"{owner}/{repository.name}".lower()
        if name not in self.repositories:
            made = self._new_repository(repository.network, self.user(owner), repository.name)
            made.parent, made.default_branch = repository, repository.default_branch
            made.branches = dict(repository.branches)
        return self.repositories[name]

    def _new_repository(self, network: Network, owner: User, name: str) -> Repository:
        now = self.now()
        made = Repository(
            github=self, owner=owner, network=network, id=self.new_id(), name=name,
            default_branch="main", created_at=now, pushed_at=now,
        )  # fmt: skip
        self.moved.pop(made.full_name.lower(), None)  # a new one takes the name for good
        network.repositories.append(made)
        self.repositories[made.full_name.lower()] = made
        return made

    def emit(
        self,
        event: str,
        action: str | None,
        repository: Repository,
        sender: User,
        parts: Json,
    ) -> None:
        """A delivery about a repository, where the App is installed and subscribed."""
        installation = repository.installation
        subscribed = event in (*self.app.events, *UNASKED)
        if installation is None or installation.suspended_at is not None or not subscribed:
            return
        owner, shapes = repository.owner, self.shapes
        body = {**parts, "repository": shapes.repository(repository)}
        if event == "push":  # the one payload with times in seconds
            for name in ("pushed_at", "created_at"):
                body["repository"][name] = int(getattr(repository, name).timestamp())
        if owner.kind == "Organization":
            body["organization"] = shapes.organization(owner)
        number = installation.id
        body["installation"] = {
            "id": number,
            "node_id": node_id("Installation", number),
        }
        self._queue(event, action, body, sender, number, repository.id)

    def _queue(
        self,
        event: str,
        action: str | None,
        parts: Json,
        sender: User,
        installation_id: int,
        repository_id: int | None,
    ) -> None:
        body = {**({"action": action} if action else {}), **parts}
        body["sender"] = self.shapes.user(sender)
        self.deliveries.new(
            event, action, msgspec.json.encode(body),
            installation_id=installation_id, repository_id=repository_id,
        )  # fmt: skip


def new_private_key() -> str:
    """A fresh RSA key as PEM, as the App's settings page would hand out."""
    return (
        rsa.generate_private_key(65537, 2048)
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
        .decode()
    )
