"""Headers and bytes of a POST -> a verified Delivery: the keys it concerns, and who spoke.

Of the payload no more is kept; state is read fresh. Whatever comes in, it ends as a Delivery or
as Refused.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from ghapp.core.commands import speaks
from ghapp.core.model import (
    Delivery,
    Door,
    InstallationKey,
    Key,
    PullKey,
    Push,
    Repository,
    RepositoryKey,
    Utterance,
)
from ghapp.core.packs import packfiles
from ghapp.core.rights import same_login
from ghapp.core.ticks import ticks
from ghapp.core.words.render import MARKER
from ghapp.errors import Refused
from ghapp.github import payloads
from ghapp.github.payloads import decoded, utc

# Of a push with as many commits GitHub may have left some out.
MANY_COMMITS = 20
# One delivery marks no more keys; beyond that, the key of what they all belong to.
MOST_KEYS = 1_000
_REFRESH = re.compile(r"^\s*/nfr\s+refresh\b", re.IGNORECASE | re.MULTILINE)
GUID = re.compile(r"\A[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\Z")
EVENT = re.compile(r"\A[a-z_]{1,64}\Z")
_EXTERNAL_ID = re.compile(r"\Av1:([1-9][0-9]{0,8}):")


@dataclass(frozen=True, slots=True)
class Ours:
    """By what our own deeds are known. bot_login: "" where it is not known yet."""

    app_id: int
    bot_login: str = ""

    def did(self, user: payloads.User) -> bool:
        return bool(self.bot_login) and same_login(user.login, self.bot_login)

    def made(self, app: payloads.App | None) -> bool:
        return app is not None and app.id == self.app_id


def parse(
    headers: Mapping[str, str],
    body: bytes,
    *,
    secrets: Iterable[str],
    app_id: int,
    bot_login: str = "",
) -> Delivery:
    """The delivery; without keys where it is of no interest.

    secrets: any of them may have signed. Raises Refused (401 not authentic, 400 not readable).
    """
    named = {name.lower(): value for name, value in headers.items()}
    if not _signed(named.get("x-hub-signature-256", ""), body, secrets):
        raise Refused(401, "X-Hub-Signature-256 does not fit the body and GHAPP_WEBHOOK_SECRET")
    guid, event = named.get("x-github-delivery", ""), named.get("x-github-event", "")
    if not GUID.match(guid):
        raise Refused(400, "X-GitHub-Delivery is no GUID")
    if not EVENT.match(event):
        raise Refused(400, "X-GitHub-Event names no event")
    action = decoded(body, payloads.AnyEvent).action.replace("\0", "")
    delivery = Delivery(id=guid.lower(), event=event, action=action, body=body)
    read = READERS.get(event)
    return read(delivery, Ours(app_id, bot_login)) if read else delivery


def _signed(signature: str, body: bytes, secrets: Iterable[str]) -> bool:
    given = signature.encode("utf-8", "replace")
    return any(
        hmac.compare_digest(
            given, b"sha256=" + hmac.digest(secret.encode(), body, hashlib.sha256).hex().encode()
        )
        for secret in secrets
        if secret
    )


def _pull_request(delivery: Delivery, ours: Ours) -> Delivery:
    seen = decoded(delivery.body, payloads.PullRequest)
    if delivery.action in ("labeled", "unlabeled") and ours.did(seen.sender):
        return delivery
    pull, at = seen.pull_request, utc(seen.pull_request.updated_at)
    key = PullKey(_repository(seen), seen.number)
    pushed = delivery.action in ("opened", "synchronize")
    return replace(
        delivery,
        keys=(key,),
        fresh_at=at,
        push=Push(pull.head.sha, seen.sender.login, at) if pushed else None,
        pushed_to=key if pushed else None,
        opened=delivery.action == "opened",
        changed_files=pull.changed_files,
    )


def _issue_comment(delivery: Delivery, ours: Ours) -> Delivery:
    seen = decoded(delivery.body, payloads.IssueComment)
    if seen.issue.pull_request is None or ours.did(seen.sender):
        return delivery
    keyed = replace(delivery, keys=(PullKey(_repository(seen), seen.issue.number),))
    is_ours = ours.made(seen.comment.performed_via_github_app)
    if delivery.action == "created" and not is_ours:
        said = _command(seen)
        refresh = bool(_REFRESH.search(seen.comment.body or ""))
        return replace(keyed, utterances=said, touched=refresh) if said else delivery
    if delivery.action in ("edited", "deleted") and is_ours:
        said = _ticks(seen) if delivery.action == "edited" else ()
        return replace(keyed, utterances=said, touched=True)
    return delivery


def _command(seen: payloads.IssueComment) -> tuple[Utterance, ...]:
    """What a person's new comment says to us; empty where it says nothing."""
    comment, user = seen.comment, seen.comment.user
    if user is None or user.type == "Bot" or not same_login(user.login, seen.sender.login):
        return ()
    text = (comment.body or "").replace("\0", "")
    if not speaks(text):
        return ()
    return (
        Utterance(
            id=f"comment:{comment.id}",
            door=Door.COMMENT,
            speaker=user.login,
            said_at=utc(comment.created_at),
            text=text,
            comment_id=comment.id,
        ),
    )


def _ticks(seen: payloads.IssueComment) -> tuple[Utterance, ...]:
    """The boxes that a person turned in our one comment; whoever edits it may."""
    before = seen.changes.body.before if seen.changes and seen.changes.body else ""
    if seen.sender.type == "Bot" or not before.startswith(MARKER):
        return ()
    comment, at = seen.comment, utc(seen.comment.updated_at)
    return tuple(
        Utterance(
            id=f"tick:{comment.id}:{item}:{'on' if ticked else 'off'}:{at:%Y-%m-%dT%H:%M:%SZ}",
            door=Door.TICK,
            speaker=seen.sender.login,
            said_at=at,
            text=f"{'+' if ticked else '-'}{item}",
        )
        for item, ticked in ticks(before, comment.body or "")
    )


def _check_run(delivery: Delivery, ours: Ours) -> Delivery:
    seen = decoded(delivery.body, payloads.CheckRun)
    run = seen.check_run
    if delivery.action not in ("rerequested", "requested_action") or not ours.made(run.app):
        return delivery
    repository = _repository(seen)
    keys = _pulls(repository, run.pull_requests) or _named(repository, run.external_id or "")
    suite_at = run.check_suite.updated_at if run.check_suite else None
    times = (suite_at, run.completed_at, run.started_at)
    said = _rerun(delivery, seen.sender, times) if delivery.action == "rerequested" else ()
    return replace(delivery, keys=keys, utterances=said if keys else (), touched=bool(keys))


def _check_suite(delivery: Delivery, ours: Ours) -> Delivery:
    seen = decoded(delivery.body, payloads.CheckSuite)
    suite = seen.check_suite
    if delivery.action not in ("requested", "rerequested") or not ours.made(suite.app):
        return delivery
    keys = _pulls(_repository(seen), suite.pull_requests)
    again = delivery.action == "rerequested" and bool(keys)
    said = _rerun(delivery, seen.sender, (suite.updated_at,)) if again else ()
    return replace(delivery, keys=keys, utterances=said, touched=again)


def _rerun(
    delivery: Delivery, sender: payloads.User, times: Iterable[datetime | None]
) -> tuple[Utterance, ...]:
    """Somebody asked for a fresh run.

    times: best first; GitHub tells none of the asking itself.
    """
    at = next((utc(time) for time in times if time), datetime.min.replace(tzinfo=UTC))
    return (Utterance(f"rerun:{delivery.id}", Door.RERUN, sender.login, at, ""),)


def _pulls(repository: Repository, refs: Iterable[payloads.PullRef]) -> tuple[Key, ...]:
    """Those of this repository: others may have the same head. Of too many, the repository."""
    numbers = {ref.number for ref in refs if ref.base.repo.id == repository.id}
    if len(numbers) > MOST_KEYS:
        return (RepositoryKey(repository),)
    return tuple(PullKey(repository, number) for number in sorted(numbers))


def _named(repository: Repository, external_id: str) -> tuple[Key, ...]:
    """The pull that our run was written for: of a fork's, GitHub names none."""
    found = _EXTERNAL_ID.match(external_id)
    return (PullKey(repository, int(found.group(1))),) if found else ()


def _push(delivery: Delivery, ours: Ours) -> Delivery:
    seen = decoded(delivery.body, payloads.Push)
    delivery = _pushed(delivery, seen)
    if seen.ref != f"refs/heads/{seen.repository.default_branch}":
        return delivery
    unsure = seen.forced or seen.created or len(seen.commits) >= MANY_COMMITS
    if unsure or any(map(_touches_policy, seen.commits)):
        return replace(delivery, keys=(RepositoryKey(_repository(seen)),), policy_changed=True)
    return delivery


def _pushed(delivery: Delivery, seen: payloads.Push) -> Delivery:
    """With who pushed the branch: of a pull's first head, nothing else tells who made it.

    The commits' own times are their authors' to choose, hence `pushed_at`.
    """
    at, whole = seen.repository.pushed_at, seen.after.strip("0")
    if at is None or not whole or seen.deleted or not seen.ref.startswith("refs/heads/"):
        return delivery
    time = datetime.fromtimestamp(at, UTC) if isinstance(at, int) else utc(at)
    push = Push(seen.after, seen.sender.login, time)
    return replace(delivery, push=push, pushed_to=RepositoryKey(_repository(seen)))


def _touches_policy(commit: payloads.Commit) -> bool:
    paths = (*commit.added, *commit.modified, *commit.removed)
    return any(map(packfiles.concerns, paths))


def _repository_event(delivery: Delivery, ours: Ours) -> Delivery:
    if delivery.action not in ("renamed", "transferred", "edited"):
        return delivery
    seen = decoded(delivery.body, payloads.RepositoryEvent)
    other_branch = bool(seen.changes and seen.changes.default_branch)
    if delivery.action == "edited" and not other_branch:
        return delivery
    keys = (RepositoryKey(_repository(seen)),)
    return replace(delivery, keys=keys, policy_changed=other_branch)


def _installation(delivery: Delivery, ours: Ours) -> Delivery:
    if delivery.action not in ("created", "unsuspend", "new_permissions_accepted"):
        return delivery
    seen = decoded(delivery.body, payloads.InstallationEvent)
    return replace(delivery, keys=(InstallationKey(seen.installation.id),))


def _installation_repositories(delivery: Delivery, ours: Ours) -> Delivery:
    if delivery.action != "added":
        return delivery
    seen = decoded(delivery.body, payloads.InstallationRepositories)
    id, added = seen.installation.id, seen.repositories_added
    if len(added) > MOST_KEYS:
        return replace(delivery, keys=(InstallationKey(id),))
    keys = (RepositoryKey(Repository(id, one.id, one.full_name)) for one in added)
    return replace(delivery, keys=tuple(keys))


READERS: Mapping[str, Callable[[Delivery, Ours], Delivery]] = {
    "pull_request": _pull_request,
    "issue_comment": _issue_comment,
    "check_run": _check_run,
    "check_suite": _check_suite,
    "push": _push,
    "repository": _repository_event,
    "installation": _installation,
    "installation_repositories": _installation_repositories,
}


def _repository(seen: payloads.Where) -> Repository:
    return Repository(seen.installation.id, seen.repository.id, seen.repository.full_name)
