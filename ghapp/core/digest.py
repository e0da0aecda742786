"""Where the messages for stand-ups go, by the policies in force."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from hashlib import sha256

DEFAULT, NONE = "default", "none"  # names of webhooks in a policy


@dataclass(frozen=True, slots=True)
class Destination:
    """Where messages go. slack: the name of a webhook, default | none; "" and `issue` "" are unset.

    issue: "OWNER/REPOSITORY#NUMBER".
    """

    slack: str = ""
    issue: str = ""


@dataclass(frozen=True, slots=True)
class DigestTo(Destination):
    """Where the messages for the stand-up go. teams: those for single teams, by slug."""

    teams: Mapping[str, Destination] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Retro:
    """When a team looks back: on the day `first`, and every so many weeks after it.

    every: "2w". first: "2026-11-30"; "" for never. at: "10:00".
    """

    every: str = "2w"
    first: str = ""
    at: str = "10:00"

    @property
    def weeks(self) -> int:
        return int(self.every.removesuffix("w"))

    def last_day(self, today: date) -> date | None:
        """The latest of its days until today; None if none has come, or there is none at all."""
        if not self.first or (passed := (today - date.fromisoformat(self.first)).days) < 0:
            return None
        return today - timedelta(days=passed % (7 * self.weeks))


@dataclass(frozen=True, slots=True)
class Target:
    """A channel or an issue. name: of a webhook, "" for the one without; or "acme/sre#1".

    team: only what waits for this one; "" for all.
    """

    kind: str  # slack | issue
    name: str
    team: str = ""

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}:{self.team}"

    @property
    def id(self) -> str:
        """A digest of it, which names no repository."""
        return sha256(str(self).encode()).hexdigest()[:32]


def targets(to: DigestTo, webhooks: Iterable[str]) -> tuple[Target, ...]:
    """Where a policy wants its messages. webhooks: the names of those that the server has.

    Without a word about it, messages go to the webhook without a name.
    """
    found: list[Target] = []
    for team, one in ({"": to} | dict(to.teams)).items():
        name = one.slack or ("" if team or one.issue else DEFAULT)
        name = name.replace("-", "_")
        hook = "" if name == DEFAULT else name
        if name and name != NONE and hook in webhooks:
            found.append(Target("slack", hook, team))
        if one.issue:
            found.append(Target("issue", one.issue, team))
    return tuple(found)


def retro_due(
    retro: Retro, zone: tzinfo, now: datetime, works_on: Callable[[date], bool]
) -> date | None:
    """The day of the retro whose message is due by now; None before its time, and on other days.

    If nobody works on its day, the message is due on the next day on which somebody does. One that
    was not sent on that day is left out, as are those from before the policy named them.
    """
    local = now.astimezone(zone)
    day = retro.last_day(local.date())
    if day is None:
        return None
    days = (day + timedelta(days=number) for number in range(7 * retro.weeks))
    moved = next((one for one in days if works_on(one)), None)
    due_at = datetime.combine(local.date(), time.fromisoformat(retro.at), zone)
    return day if moved == local.date() and due_at.astimezone(UTC) <= now else None
