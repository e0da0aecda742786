"""A policy -> a pull request that adds it, opened for a person with that person's token.

The App cannot do this: it may only read contents, so that nobody who takes it over can change code.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import githubkit
import httpx
from githubkit.exception import GitHubException, RequestFailed

from ghapp.core.markdown import visible, without_credentials
from ghapp.core.policy.policy import POLICY_PATH
from ghapp.errors import Gone, Rejected, Retry
from ghapp.github.errors import AGAIN_SECONDS
from ghapp.settings import Endpoint

BRANCH = "ghapp-init"
PATIENCE_SECONDS = 15.0
# Source: https://docs.github.com/rest/repos/repos (`full_name`)
FULL_NAME = re.compile(r"[A-Za-z0-9][\w-]*/(?!\.{1,2}$)[\w.-]+", re.ASCII)
NEEDED = (
    "the token has to be fine-grained with Contents and Pull requests write for this repository, "
    "or classic with `repo`, of a person who may push to it"
)
ABSENT = 404


def propose(
    endpoint: Endpoint, token: str, name: str, text: str, title: str, body: str, *, force: bool
) -> tuple[str, bool]:
    """The address of the pull request that adds the policy to the default branch of a repository.

    With it, whether it was opened just now: one that is open already is left as it is. A branch
    that is left over gets the new text. force: also replace a policy of the default branch.
    Raises Rejected, Gone and Retry (GitHub refuses, has no such repository, or does not answer).
    """
    if not FULL_NAME.fullmatch(name):
        raise Rejected(f"`{visible(name)}` is not a repository: write OWNER/REPO")
    with githubkit.GitHub(
        githubkit.TokenAuthStrategy(token),
        base_url=endpoint.api_url,
        user_agent="ghapp",
        follow_redirects=False,
        timeout=PATIENCE_SECONDS,
        http_cache=False,
        auto_retry=False,
    ) as github:
        return _propose(Calls(github, name), text, title, body, force=force)


class Calls:
    """Calls about one repository. Every refusal says what to do."""

    def __init__(self, github: githubkit.GitHub[Any], name: str) -> None:
        self._github = github
        self._name = name

    def get(self, path: str, absent: str = "") -> Any:
        """The answer, None if there is none. absent: what a 404 means if it is a refusal."""
        answer = self._send("GET", path, {})
        if answer.status_code != ABSENT:
            return self._good(answer)
        if absent:
            raise Gone(f"{self._name}: {absent}")
        return None

    def send(self, method: str, path: str, body: Mapping[str, Any], taken: str = "") -> Any:
        """The answer, None if what is to be made exists, which `taken` in the refusal tells."""
        answer = self._send(method, path, {"json": body})
        if answer.status_code == 422 and taken and taken in answer.text:
            return None
        return self._good(answer)

    def _send(self, method: str, path: str, more: Mapping[str, Any]) -> httpx.Response:
        try:
            return self._github.request(method, f"/repos/{self._name}{path}", **more).raw_response
        except RequestFailed as failed:
            return failed.response.raw_response
        except (GitHubException, httpx.HTTPError) as error:
            cause = without_credentials(visible(str(error.__cause__ or error)))
            raise Retry(
                f"GitHub does not answer ({cause}): try again", after_seconds=AGAIN_SECONDS
            ) from None

    def _good(self, answer: httpx.Response) -> Any:
        status = answer.status_code
        if 200 <= status < 300:
            try:
                return answer.json()
            except ValueError:
                raise Retry(
                    f"{self._name}: GitHub's answer cannot be read: try again",
                    after_seconds=AGAIN_SECONDS,
                ) from None
        try:
            message = str(answer.json()["message"])
        except (ValueError, KeyError, TypeError):
            message = "no message"
        said = f"{self._name}: GitHub refuses ({status}: {without_credentials(visible(message))})"
        if status == 401:
            raise Rejected(f"{said}: GH_TOKEN is not valid, or has expired")
        if status in (301, 307):
            raise Gone(f"{self._name}: the repository has another name now: use that one")
        if status in (403, ABSENT):
            raise Rejected(f"{said}: {NEEDED}")
        if status >= 500:
            raise Retry(f"{said}: try again", after_seconds=AGAIN_SECONDS)
        raise Rejected(said)


def _propose(calls: Calls, text: str, title: str, body: str, *, force: bool) -> tuple[str, bool]:
    unseen = "no such repository, or the token may not see it: check the name; " + NEEDED
    repository = calls.get("", absent=unseen)
    base, owner = repository["default_branch"], repository["owner"]["login"]
    if repository.get("archived"):
        raise Rejected(f"{repository['full_name']} is archived: nothing can be changed in it")
    if known := _open_pull(calls, owner, base):
        return known, False
    file = f"/contents/{POLICY_PATH}"
    if calls.get(f"{file}?ref={quote(base, safe='')}") and not force:
        raise Rejected(
            f"{repository['full_name']} has {POLICY_PATH}: replace it with `--force`, or edit it"
        )
    tip = calls.get(f"/branches/{quote(base, safe='')}", absent=f"no commit on {base} yet")
    new = {"ref": f"refs/heads/{BRANCH}", "sha": tip["commit"]["sha"]}
    calls.send("POST", "/git/refs", new, taken="already exists")
    there = calls.get(f"{file}?ref={BRANCH}")
    content = text.encode()
    if there is None or base64.b64decode(there["content"]) != content:
        change = {
            "message": title,
            "content": base64.b64encode(content).decode(),
            "branch": BRANCH,
            **({"sha": there["sha"]} if there else {}),
        }
        calls.send("PUT", file, change)
    pull = {"title": title, "head": BRANCH, "base": base, "body": body}
    made = calls.send("POST", "/pulls", pull, taken="already exists")
    if made is None:  # somebody else opened it in the meantime
        return _open_pull(calls, owner, base), False
    return made["html_url"], True


def _open_pull(calls: Calls, owner: str, base: str) -> str:
    """The address of the open pull request of our branch, "" if there is none."""
    head = quote(f"{owner}:{BRANCH}", safe="")
    found = calls.get(f"/pulls?state=open&head={head}&base={quote(base, safe='')}")
    return found[0]["html_url"] if found else ""
