"""Good inputs to begin with: payloads of every event, the shipped packs, documented policies."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from ghapp import builtin_packs
from ghapp.core.review.commands import COMMANDS
from ghapp.core.text.render import MARKER
from ghapp.emulator.github import Emulator
from tests.fuzz.targets import APP_ID, BOT, EVENTS, SECRET

ROOT = Path(__file__).parents[2]
LIST = (
    f"{MARKER}\n- [ ] **Is it?** `dbm-lock` · must\n- [x] ~~**And back?**~~ `dbm-rollback` · must\n"
)
PATCH = "db/m/1.sql\n@@ -1,4 +1,5 @@ A\n one\n-two\n+{}\n+trois\n four\n@@ -9 +10 @@\n-a\n+b"
BLOCK = re.compile(r"^```ya?ml\n(.*?)^```", re.DOTALL | re.MULTILINE)
HIT = re.compile(r"^ *(?:- |hit: |miss: )+(.+)$", re.MULTILINE)
COMMENTS = (
    "Looks good.\n\n/nfr done database-migration -- measured on staging",
    "> /nfr done\n\n`/nfr hold`\n\n```\n/nfr waive -- x\n```\n<!-- /nfr done -->",
    "<details><summary>x</summary>\n\n/nfr explain\n\n</details>",
    "/nfr check a b -- https://example.com/a?b=1 @everyone ![i](http://x)\n/nfr　ｄｏｎｅ",
    "| a | b |\n|---|---|\n| /nfr done | x |\n\n- /nfr done\n\n    /nfr done\n/nfr\u200b done",
)


@cache
def seeds(target: str) -> tuple[bytes, ...]:
    """Inputs of a target that are good, or nearly so."""
    return tuple(dict.fromkeys(SOURCES[target]()))


def _deliveries() -> Iterator[bytes]:
    github = Emulator(app_id=APP_ID, webhook_secret=SECRET)
    try:
        shop = github.repository("acme/shop", {"README.md": "# shop\n"})
        pull = shop.open_pull(author="ann", branch="feat", files={"a.py": "x = 1\n"})
        pull.push({"a.py": "x = 2\n"}, by="bob")
        pull.comment("/nfr done", "sam")
        pull.edit_comment(pull.comment(LIST, BOT), LIST.replace("[ ]", "[x]"), "ann")
        pull.review_comment("/nfr hold -- slow", "sam", "a.py", 1)
        pull.add_label("nfr: signed off", "sam")
        pull.review("sam", "approved", "/nfr done")
        shop.push("main", {".github/nfr.yml": "version: 1\n"}, "ann")
        github.notify_installed(1, "ann")
        for one in github.deliveries.all:
            if one.event in EVENTS:
                yield bytes([EVENTS.index(one.event)]) + one.body
    finally:
        github.close()
    yield from _by_hand()


def _by_hand() -> Iterator[bytes]:
    """Events that the emulator's people bring about by our own deeds alone."""
    where = {
        "repository": {"id": 11, "full_name": "acme/shop", "default_branch": "main"},
        "installation": {"id": 1},
        "sender": {"login": "ann", "id": 5, "type": "User"},
    }
    run: dict[str, Any] = {
        "head_sha": "a" * 40,
        "app": {"id": APP_ID},
        "external_id": "v1:8:abc",
        "check_suite": {"updated_at": "2026-04-01T09:30:00Z", "app": {"id": APP_ID}},
        "pull_requests": [{"number": 8, "base": {"repo": {"id": 11}}}],
    }
    marker = "<!-- ghapp:follow-up 8:dbm-lock -->\nwords"
    both = [{"id": 11, "full_name": "acme/shop"}, {"id": 12, "full_name": "acme/cart"}]
    for event, parts in (
        ("check_run", {"action": "requested_action", "check_run": run,
                       "requested_action": {"identifier": "signoff"}}),
        ("check_run", {"action": "rerequested", "check_run": run}),
        ("check_suite", {"action": "rerequested", "check_suite": {**run, **run["check_suite"]}}),
        ("issues", {"action": "closed", "issue": {"body": marker,
                    "performed_via_github_app": {"id": APP_ID}}}),
        ("label", {"action": "edited", "label": {"name": "nfr: signed off"},
                   "changes": {"name": {"from": "nfr: needs sign-off"}}}),
        ("milestone", {"action": "edited", "milestone": {"number": 1}}),
        ("repository", {"action": "edited", "changes": {"default_branch": {"from": "master"}}}),
        ("installation_repositories", {"action": "added", "repositories_added": both}),
        ("installation_repositories", {"action": "removed", "repositories_removed": both}),
    ):  # fmt: skip
        yield bytes([EVENTS.index(event)]) + json.dumps({**where, **parts}).encode()


def _comments() -> Iterator[bytes]:
    yield from (text.encode() for text in (*COMMENTS, LIST))
    yield from (f"/nfr {spec.usage}\n".encode() for spec in COMMANDS.values())


def _policies() -> Iterator[bytes]:
    for page in ("policy.md", "packs.md"):
        for block in BLOCK.findall((ROOT / "docs" / page).read_text()):
            yield block.encode()
    for _, text in builtin_packs.texts():
        yield b"version: 1\npacks: ['.github/nfr/*.yml']\n\0" + text


def _packs() -> Iterator[bytes]:
    yield from (text for _, text in builtin_packs.texts())


def _diffs() -> Iterator[bytes]:
    for _, text in builtin_packs.texts():
        for line in HIT.findall(text.decode())[:40]:
            yield PATCH.format(line.strip("'\"")).encode()
    yield b"config/settings.py\n@@ -0,0 +1,2 @@\n+PASSWORD = 'x'\n+# nfr:ignore CFG-001 -- test"


SOURCES = {
    "delivery": _deliveries,
    "comment": _comments,
    "policy": _policies,
    "pack": _packs,
    "diff": _diffs,
}
