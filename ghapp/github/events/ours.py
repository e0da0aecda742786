"""What all readers of events need: by what our own deeds are known, and who a person is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from ghapp.core.model import Repository
from ghapp.core.rights import same_login
from ghapp.github import payloads

# One delivery marks no more keys; beyond that, the key of what they all belong to.
MOST_KEYS = 1_000
NEVER = datetime.min.replace(tzinfo=UTC)  # where GitHub tells no time at all
# Within one line: over line breaks, thousands of empty ones take the square of their number.
_REFRESH = re.compile(r"^[^\S\n]*/nfr[^\S\n]+refresh\b", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Ours:
    """By what our own deeds are known. bot_login: "" where it is not known yet."""

    app_id: int
    bot_login: str = ""

    def did(self, user: payloads.User) -> bool:
        return bool(self.bot_login) and same_login(user.login, self.bot_login)

    def made(self, app: payloads.App | None) -> bool:
        return app is not None and app.id == self.app_id


def repository(seen: payloads.Place) -> Repository:
    return Repository(seen.installation.id, seen.repository.id, seen.repository.full_name)


def person(author: payloads.User | None, sender: payloads.User) -> str:
    """The login of who wrote it, where that is a person and the very one who sent it; else ""."""
    if author is None or author.is_bot or not same_login(author.login, sender.login):
        return ""
    return author.login


def text(body: str | None) -> str:
    """What a person wrote, as every database can hold it."""
    return (body or "").replace("\0", "")


def refreshes(body: str) -> bool:
    """Whether somebody asks to look again at everything, our own marks included."""
    return bool(_REFRESH.search(body))
