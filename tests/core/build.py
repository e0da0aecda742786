"""Small facts for the tables of the core's tests."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from ghapp.core.areas import Area, Detect, Finding, Item, Reviewers, Text
from ghapp.core.ledger import Entry, Verb
from ghapp.core.marks import Marks
from ghapp.core.model import Channel, File, Message, Pull, PullKey, Push, Repository, Rights, Via
from ghapp.core.policy.policy import Policy
from ghapp.core.records import History, PolicySource, Shown
from ghapp.core.review.facts import Facts
from ghapp.core.scan.checklist import Checklist, Flagged
from ghapp.core.scan.triggers import PathHit

START = datetime(2026, 4, 1, 9, 0, tzinfo=UTC)
SHOP = Repository(installation_id=7, id=42, full_name="acme/shop")
HEAD, NEXT_HEAD = "a" * 40, "b" * 40
REVIEWER = Rights(write=True, teams=frozenset({"acme/sre"}))


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def item(name: str, severity: str = "must") -> Item:
    question = Text(f"Is {name} settled?", f"{name} は済んでいますか？")
    return Item(
        name,
        severity,
        "availability",
        question,
        Text(f"Why {name}.", f"{name} の理由です。"),
        Text(f"Proof of {name}", f"{name} の記録"),
    )


def area(name: str = "db", mode: str = "enforce", reviewers: Reviewers | None = None) -> Area:
    return Area(
        name,
        Text(f"Area {name}", f"領域 {name}"),
        5,
        Detect(paths=(f"{name}/**",)),
        (item(f"{name}-rollback"), item(f"{name}-plan", "should")),
        True,
        mode,
        Reviewers(teams=("sre",)) if reviewers is None else reviewers,
    )


def flagged(one: Area, fingerprint: str = "f1", *findings: Finding) -> Flagged:
    path = f"{one.id}/1.sql"
    return Flagged(
        one,
        (PathHit(f"{one.id}/**", path=path),),
        (File(path, "added", 1),),
        one.items,
        fingerprint,
        findings,
    )


def finding(
    hazard: str = "DB-1", line: int = 3, severity: str = "must", **changes: object
) -> Finding:
    """A finding that answers to `db-rollback`."""
    values: dict[str, object] = {
        "hazard": hazard,
        "severity": severity,
        "item": "db-rollback",
        "area": "db",
        "path": "db/1.sql",
        "line": line,
        "message": Text(f"{hazard} locks the table.", f"{hazard} はテーブルをロックします。"),
    }
    return Finding(**(values | changes))  # type: ignore[arg-type]


def asked(*areas: Flagged, feature: bool = True) -> Checklist:
    shown = frozenset(one.id for which in areas for one in which.items)
    return Checklist(areas, shown, (), True, feature, "")


def policy(*areas: Area, **changes: object) -> Policy:
    return Policy(areas=areas, reviewers=Reviewers(teams=("sre",)), **changes)  # type: ignore[arg-type]


def pull(head_sha: str = HEAD, **changes: object) -> Pull:
    values: dict[str, object] = {
        "key": PullKey(SHOP, 5),
        "title": "feat: points",
        "author": "ann",
        "head_sha": head_sha,
        "head_ref": "feat/points",
        "base_ref": "main",
        "updated_at": at(0),
    }
    return Pull(**(values | changes))  # type: ignore[arg-type]


def facts(
    rules: Policy,
    *said: Message,
    head_sha: str = HEAD,
    rights: dict[str, Rights] | None = None,
    observed: Marks | None = None,
    **changes: object,
) -> Facts:
    known = {"sam": REVIEWER} if rights is None else rights
    return Facts(
        now=at(60),
        pull=pull(head_sha, **changes),
        policy=rules,
        source=PolicySource(),
        messages=said,
        rights=known,
        observed=observed or Marks(),
    )


def shown(fingerprints: dict[str, str], head_sha: str = HEAD, minutes: float = 1) -> Shown:
    return Shown(head_sha, at(minutes), fingerprints)


def history(
    *seen: Shown, ledger: Iterable[Entry] = (), pushes: Iterable[Push] | None = None
) -> History:
    """Each head is one commit; the author opened the pull with the first one."""
    told = (pushed(HEAD, "ann", 0),) if pushes is None else tuple(pushes)
    heads = {one.head_sha: (one.head_sha,) for one in seen}
    return History(shown=seen, ledger=tuple(ledger), pushes=told, commits=heads)


def pushed(head_sha: str, login: str, minutes: float, before: str = "", **more: object) -> Push:
    """before: "" if the pull was opened with this head."""
    values: dict[str, object] = {"via": Via.SYNCHRONIZE if before else Via.OPENED, "before": before}
    return Push(head_sha, login, at(minutes), **(values | more))  # type: ignore[arg-type]


def comment(text: str, speaker: str = "sam", minutes: float = 5, number: int = 1) -> Message:
    return Message(f"comment:{number}", Channel.COMMENT, speaker, at(minutes), text, number)


def label(text: str, speaker: str = "sam", minutes: float = 5, number: int = 1) -> Message:
    return Message(f"label:{number}", Channel.LABEL, speaker, at(minutes), text)


def tick(text: str, speaker: str = "ann", minutes: float = 5) -> Message:
    return Message(f"tick:1:{text}", Channel.TICK, speaker, at(minutes), text)


def rerun(number: int = 1) -> Message:
    return Message(f"rerun:{number}", Channel.RERUN, "ann", at(5), "")


def entry(
    verb: Verb,
    subject: str = "",
    speaker: str = "sam",
    minutes: float = 5,
    fingerprint: str = "f1",
    head_sha: str = HEAD,
    number: int = 1,
    **changes: object,
) -> Entry:
    values: dict[str, object] = {
        "message_id": f"comment:{number}",
        "part": 0,
        "verb": verb,
        "speaker": speaker,
        "said_at": at(minutes),
        "channel": Channel.COMMENT,
        "subject": subject,
        "head_sha": head_sha,
        "fingerprint": fingerprint,
        "comment_id": number,
    }
    return Entry(**(values | changes))  # type: ignore[arg-type]


def written(channel: Channel, text: str, speaker: str = "sam", **changes: object) -> Message:
    """A comment, a review's body or a comment beside a line, on the head first shown."""
    values: dict[str, object] = {
        "head_sha": HEAD if channel is Channel.REVIEW else "",
        "comment_id": 1,
    }
    values["node_id"] = "R_1" if channel is Channel.REVIEW else ""
    return Message(f"{channel.value}:1", channel, speaker, at(5), text, **(values | changes))  # type: ignore[arg-type]


def approval(
    state: str = "approved",
    speaker: str = "sam",
    minutes: float = 5,
    number: int = 1,
    head_sha: str = HEAD,
) -> Message:
    """A review's own verdict: approved | changes_requested | dismissed."""
    name = f"review:{number}:{state}"
    return Message(name, Channel.APPROVAL, speaker, at(minutes), state, head_sha=head_sha)


def button(
    identifier: str = "signoff", speaker: str = "sam", minutes: float = 5, head_sha: str = HEAD
) -> Message:
    name = f"button:{identifier}:{minutes}"
    return Message(name, Channel.BUTTON, speaker, at(minutes), identifier, head_sha=head_sha)
