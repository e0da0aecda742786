"""A bot of aiohttp and gidgethub that does ghapp's main job, as a careful author would write it.

uv run --no-project --with aiohttp --with gidgethub python benchmarks/peers/gidgethub_bot.py

Reads PORT, API_URL, APP_ID, PRIVATE_KEY and WEBHOOK_SECRET. It works before it answers, as
gidgethub's own examples do, and remembers the policy of a repository until a push to its default
branch, and the token of an installation until it is about to end.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import gidgethub
import yaml
from aiohttp import web
from gidgethub import apps, routing, sansio
from gidgethub.aiohttp import GitHubAPI

RULES = json.loads((Path(__file__).parent / "rules.json").read_text(encoding="utf-8"))
PATHS = re.compile("|".join(RULES["paths"]))
EXCLUDE = re.compile("|".join(RULES["exclude"]))
HAZARDS = [(rule, re.compile(rule["match"], re.IGNORECASE)) for rule in RULES["hazards"]]
NAME = "nfr-peer"
EARLY_SECONDS = 300
Json = dict[str, Any]
router = routing.Router()


class Installations:
    """A client for each installation, with a token that is not about to end."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session
        self._known: dict[int, tuple[float, GitHubAPI]] = {}
        self._lock = asyncio.Lock()

    async def client(self, installation_id: int) -> GitHubAPI:
        async with self._lock:
            until, client = self._known.get(installation_id, (0.0, None))
            if client is None or until < time.time():
                made = await apps.get_installation_access_token(
                    GitHubAPI(self._session, NAME, base_url=os.environ["API_URL"]),
                    installation_id=str(installation_id),
                    app_id=os.environ["APP_ID"],
                    private_key=os.environ["PRIVATE_KEY"],
                )
                client = GitHubAPI(
                    self._session,
                    NAME,
                    oauth_token=made["token"],
                    base_url=os.environ["API_URL"],
                )
                self._known[installation_id] = (time.time() + 3600 - EARLY_SECONDS, client)
            return client


class Policies:
    """The policy of each repository, by its id."""

    def __init__(self) -> None:
        self._known: dict[int, Json] = {}

    async def of(self, gh: GitHubAPI, repository: Json) -> Json:
        if repository["id"] not in self._known:
            path = f"/repos/{repository['full_name']}/contents/{RULES['policy_path']}"
            self._known[repository["id"]] = await self._read(gh, path)
        return self._known[repository["id"]]

    async def _read(self, gh: GitHubAPI, path: str) -> Json:
        try:
            text = await gh.getitem(path, accept="application/vnd.github.raw+json")
        except gidgethub.BadRequest as error:
            if error.status_code == 404:
                return {}
            raise
        found = yaml.safe_load(text)
        return found if isinstance(found, dict) else {}

    def forget(self, repository: Json) -> None:
        self._known.pop(repository["id"], None)


policies = Policies()


@router.register("push")
async def pushed(event: sansio.Event, _gh: GitHubAPI) -> None:
    repository = event.data["repository"]
    if event.data["ref"] == f"refs/heads/{repository['default_branch']}":
        policies.forget(repository)


@router.register("pull_request", action="opened")
@router.register("pull_request", action="synchronize")
@router.register("pull_request", action="reopened")
async def changed(event: sansio.Event, gh: GitHubAPI) -> None:
    pull, repository = event.data["pull_request"], event.data["repository"]
    at = f"/repos/{repository['full_name']}"
    await policies.of(gh, repository)
    listed = gh.getiter(f"{at}/pulls/{pull['number']}/files?per_page=100")
    touched, findings = await judged(listed)
    await gh.post(f"{at}/check-runs", data=check_run(pull["head"]["sha"], touched, findings))
    if not touched:
        return
    issue = f"{at}/issues/{pull['number']}"
    if RULES["waiting"] not in [label["name"] for label in pull["labels"]]:
        await gh.post(f"{issue}/labels", data={"labels": [RULES["waiting"]]})
    body = comment(touched, findings)
    async for known in gh.getiter(f"{issue}/comments?per_page=100"):
        if known["body"].startswith(RULES["marker"]):
            if known["body"] != body:
                await gh.patch(f"{at}/issues/comments/{known['id']}", data={"body": body})
            return
    await gh.post(f"{issue}/comments", data={"body": body})


@router.register("issue_comment", action="created")
async def said(event: sansio.Event, gh: GitHubAPI) -> None:
    issue, spoken = event.data["issue"], event.data["comment"]
    if "pull_request" not in issue or not spoken["body"].startswith("/nfr done"):
        return
    at = f"/repos/{event.data['repository']['full_name']}"
    who = spoken["user"]["login"]
    right = await gh.getitem(f"{at}/collaborators/{who}/permission")
    if right["permission"] not in ("admin", "write"):
        return
    pull = await gh.getitem(f"{at}/pulls/{issue['number']}")
    output = {"title": f"Signed off by {who}", "summary": "All questions are settled."}
    signed = {"name": RULES["check"], "head_sha": pull["head"]["sha"], "conclusion": "success"}
    await gh.post(f"{at}/check-runs", data={**signed, "status": "completed", "output": output})
    labels = f"{at}/issues/{issue['number']}/labels"
    names = [label["name"] for label in issue["labels"]]
    await gh.post(labels, data={"labels": [RULES["signed"]]})
    if RULES["waiting"] in names:
        await gh.delete(f"{labels}/{RULES['waiting'].replace(' ', '%20')}")


async def judged(files: AsyncIterator[Json]) -> tuple[list[str], list[Json]]:
    """Paths that count as migrations, and what their added lines say."""
    touched, findings = [], []
    async for file in files:
        path = file["filename"]
        if not PATHS.search(path) or EXCLUDE.search(path):
            continue
        touched.append(path)
        findings += hazards(path, file.get("patch") or "")
    return touched, findings


def hazards(path: str, patch: str) -> list[Json]:
    found, number = [], 0
    for line in patch.split("\n"):
        if line.startswith("@@"):
            number = int(line.split("+")[1].split(",")[0].split(" ")[0]) - 1
        if line.startswith("-"):
            continue
        number += not line.startswith("@@")
        if line.startswith("+"):
            found += [
                {"id": rule["id"], "path": path, "line": number, "say": rule["say"]}
                for rule, pattern in HAZARDS
                if pattern.search(line[1:])
            ]
    return found


def check_run(sha: str, touched: list[str], findings: list[Json]) -> Json:
    made: Json = {"name": RULES["check"], "head_sha": sha}
    if not touched:
        output = {"title": "Nothing to ask", "summary": "No area is touched."}
        return {**made, "status": "completed", "conclusion": "success", "output": output}
    rows = [
        {
            "path": one["path"],
            "start_line": one["line"],
            "end_line": one["line"],
            "annotation_level": "warning",
            "title": one["id"],
            "message": one["say"],
        }
        for one in findings[:50]
    ]
    summary = "\n".join(f"- `{path}`" for path in touched[:50])
    told = {"title": "Waiting for a sign-off", "summary": summary, "annotations": rows}
    return {**made, "status": "in_progress", "output": told}


def comment(touched: list[str], findings: list[Json]) -> str:
    lines = [RULES["marker"], "### Database migration", ""]
    lines += [f"- `{path}`" for path in touched[:50]]
    lines += ["", *(f"- [ ] {item}" for item in RULES["items"]), ""]
    lines += [f"- {one['id']} `{one['path']}:{one['line']}` {one['say']}" for one in findings[:50]]
    return "\n".join([*lines, "", "A reviewer answers `/nfr done`."])


async def webhook(request: web.Request) -> web.Response:
    body = await request.read()
    try:
        event = sansio.Event.from_http(request.headers, body, secret=os.environ["WEBHOOK_SECRET"])
    except (gidgethub.ValidationFailure, gidgethub.BadRequest):
        return web.Response(status=400)
    if event.event == "ping":
        return web.Response(text="pong")
    if "installation" in event.data:
        installations: Installations = request.app[INSTALLATIONS]
        gh = await installations.client(event.data["installation"]["id"])
        await router.dispatch(event, gh)
    return web.Response(text="ok")


async def healthy(_request: web.Request) -> web.Response:
    return web.Response(text="ok")


INSTALLATIONS = web.AppKey("installations", Installations)


async def session(app: web.Application) -> AsyncIterator[None]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=100)) as made:
        app[INSTALLATIONS] = Installations(made)
        yield


def main() -> None:
    app = web.Application(client_max_size=25 << 20)
    app.router.add_post("/webhook", webhook)
    app.router.add_get("/healthz", healthy)
    app.cleanup_ctx.append(session)
    web.run_app(app, host="127.0.0.1", port=int(os.environ["PORT"]), access_log=None, print=None)


if __name__ == "__main__":
    main()
