"""The login the App writes under, asked of GitHub until it is known."""

from __future__ import annotations

import asyncio
from enum import StrEnum

from ghapp import logs
from ghapp.errors import Gone, Retry
from ghapp.github.client import GitHub
from ghapp.github.tokens import WRONG_KEY_SECONDS

LEAST_PAUSE_SECONDS, MOST_PAUSE_SECONDS = 5.0, 300.0
REACHED_BY = "check GHAPP_GITHUB_API_URL and HTTPS_PROXY; deliveries are stored meanwhile"

UNKNOWN_APP = "GitHub does not know this App: check GHAPP_APP_ID and GHAPP_PRIVATE_KEY"

log = logs.logger()


class Standing(StrEnum):
    """Whether GitHub has told who this App is."""

    ASKED = "asked"
    KNOWN = "known"
    UNREACHABLE = "unreachable"  # deliveries are stored and wait
    REFUSED = "refused"


class BotLogin:
    """The login the App writes under: "" until GitHub has told it."""

    def __init__(self) -> None:
        self._login = ""
        self.standing = Standing.ASKED

    def __call__(self) -> str:
        return self._login

    def told(self) -> Standing:
        """How the App stands with GitHub, as far as asking has told."""
        return self.standing

    async def learn(self, github: GitHub) -> None:
        """Ask until it is known; GitHub may be down while ghapp starts."""
        pause = LEAST_PAUSE_SECONDS
        while not self._login:
            try:
                self._login = f"{await github.app()}[bot]"
                self.standing = Standing.KNOWN
            except (Retry, Gone) as error:
                self.standing = _standing(error)
                fix = UNKNOWN_APP if self.standing is Standing.REFUSED else REACHED_BY
                log.error("GitHub does not tell who this App is", reason=str(error), fix=fix)
                await asyncio.sleep(max(pause, _asked_seconds(error)))
                pause = min(2 * pause, MOST_PAUSE_SECONDS)


def _standing(error: Retry | Gone) -> Standing:
    # One who cannot be reached, or who limits our rate, is asked again sooner or counts nothing.
    refused = isinstance(error, Gone) or (error.counts and error.after_seconds >= WRONG_KEY_SECONDS)
    return Standing.REFUSED if refused else Standing.UNREACHABLE


def _asked_seconds(error: Retry | Gone) -> float:
    """How long a rate limit has us wait."""
    return error.after_seconds if isinstance(error, Retry) and not error.counts else 0.0
