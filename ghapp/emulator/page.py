"""The pages people see: pulls and issues, one of them, and forms to play author and reviewer."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit

import jinja2
from markupsafe import Markup, escape
from starlette.requests import cookie_parser
from starlette.responses import JSONResponse, Response

from ghapp.emulator import markdown, play
from ghapp.emulator.checks import CheckRun
from ghapp.emulator.conversation import Label, Message, Review
from ghapp.emulator.diffs import Change, numbered
from ghapp.emulator.github import Emulator
from ghapp.emulator.issue import Issue
from ghapp.emulator.json import Json
from ghapp.emulator.oauth import Refused
from ghapp.emulator.registration import BadManifest, parsed
from ghapp.emulator.repository import Pull
from ghapp.emulator.words import table

FILES_LIMIT, LINES_LIMIT = 30, 400
THREAD_PATH = re.compile(r"/([^/]+)/([^/]+)/(?:pull|issues)/(\d+)(/play)?")
SECURITY = {
    "content-security-policy": "default-src 'none'; style-src 'self'; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
}
EMOJI = {
    "+1": "👍", "-1": "👎", "laugh": "😄", "confused": "😕",
    "heart": "❤️", "hooray": "🎉", "rocket": "🚀", "eyes": "👀",
}  # fmt: skip
# Cookies: the login that one plays; what was just done, as "comment:ann", until a page shows it.
ME, DONE = "emulator_me", "emulator_done"
NEW_APP = re.compile(r"(?:/organizations/([^/]+))?/settings/apps/new")
LINE_KINDS = {"@": "hunk", "+": "added", "-": "removed"}  # by the first character, else "kept"


def _leading_to(answer: Response, url: str) -> Response:
    """The answer, whose form may be answered with a redirect there: Chromium asks for that, too."""
    parts = urlsplit(url)
    policy = SECURITY["content-security-policy"]
    allowed = policy.replace(
        "form-action 'self'", f"form-action 'self' {parts.scheme}://{parts.netloc}"
    )
    answer.headers["content-security-policy"] = allowed
    return answer


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks for a page. me: the login that they play, "" if there is nobody to play.

    people: the logins to choose from. done: the words that confirm their last action, once.
    """

    me: str
    people: list[str]
    done: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """notes: the annotations that end at this line."""

    kind: str
    text: str
    notes: tuple[Json, ...]


@dataclass(frozen=True, slots=True)
class File:
    """lines: at most LINES_LIMIT; none if GitHub shows no patch. notes: of lines not shown."""

    change: Change
    lines: tuple[Line, ...]
    more_lines: int
    notes: tuple[Json, ...]

    @property
    def noted(self) -> bool:
        return bool(self.notes) or any(line.notes for line in self.lines)


def file(change: Change, annotations: Iterable[Json]) -> File:
    """A changed file with the annotations that are about it."""
    notes: dict[int, list[Json]] = defaultdict(list)
    for note in annotations:
        if note["path"] == change.name:
            notes[note["end_line"]].append(note)
    rows = list(numbered(change.patch))
    lines = tuple(
        Line(LINE_KINDS.get(row[:1], "kept"), row, tuple(notes.pop(number, ())))
        for row, number in rows[:LINES_LIMIT]
    )
    rest = tuple(note for some in notes.values() for note in some)
    return File(change, lines, max(0, len(rows) - LINES_LIMIT), rest)


class Page:
    """HTML over one `Emulator`. No JavaScript; every form answers with a redirect.

    language: en or ja, for everything but what users wrote. hint: what to try, on the list.
    """

    def __init__(self, github: Emulator, language: str = "en", hint: str = "") -> None:
        self.github = github
        self.language = language
        self._templates = jinja2.Environment(
            loader=jinja2.PackageLoader("ghapp.emulator"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters |= {
            "markdown": lambda text: Markup(markdown.to_html(text or "")),
            "ago": lambda at: at.strftime("%H:%M:%S"),
        }
        self._templates.globals |= {
            "say": self._say,
            "language": language,
            "hint": hint,
            "app": github.app,
            "color": lambda label: f"color-{label.color.lower()}",
            "role": self._role,
            "address": _address,
            "verdict": self._verdict,
            "comment_html": self._comment_html,
            "reactions": _reactions,
        }
        self._templates.tests["bot"] = lambda user: user.kind == "Bot"

    def answer(
        self, method: str, path: str, headers: dict[str, str], body: bytes, query: str = ""
    ) -> Response:
        with self.github.lock:
            if method == "GET" and path == "/emulator.css":
                return self._style()
            answer = self._registered(method, path, query, body)
            if answer := answer or self._oauth(method, path, query, headers, body):
                return answer
            form = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
            cookies = cookie_parser(headers.get("cookie", ""))
            thread = self._thread(path)
            visitor = self._visitor(thread, form, cookies)
            if method == "POST":
                if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
                    return self._shown("missing.html", visitor, status=403)
                if path == "/me":
                    return self._choose(form)
                if thread is not None and path.endswith("/play"):
                    return self._play(thread, visitor, form)
            if method == "GET" and path == "/":
                answer = self._front(visitor)
            elif method == "GET" and thread is not None and not path.endswith("/play"):
                answer = self._show(thread, visitor)
            else:
                status = 404 if thread is None else 405
                return self._shown("missing.html", visitor, status=status)
            if visitor.done:
                answer.delete_cookie(DONE)
            return answer

    def _registered(self, method: str, path: str, query: str, body: bytes) -> Response | None:
        """What set-up of an App shows, which begins on another site; None for all other paths."""
        given = dict(parse_qsl(query)) | dict(parse_qsl(body.decode("utf-8", "replace")))
        nobody, github = Visitor("", []), self.github
        if method == "POST" and (found := NEW_APP.fullmatch(path)):
            try:
                manifest = parsed(given.get("manifest", ""))
            except BadManifest as wrong:
                return self._shown("manifest.html", nobody, status=422, problem=str(wrong))
            if "confirmed" in given:
                code = github.register(manifest, found[1] or "octocat")
                target = {"code": code, "state": given.get("state", "")}
                headers = {"location": f"{manifest.redirect_url}?{urlencode(target)}", **SECURITY}
                return Response(status_code=302, headers=headers)
            answer = self._shown(
                "manifest.html",
                nobody,
                problem="",
                manifest=manifest,
                text=given["manifest"],
                state=given.get("state", ""),
                path=path,
            )
            return _leading_to(answer, manifest.redirect_url)
        made = github.registration.manifest
        if made is None or path != f"/apps/{github.app.slug}/installations/new":
            return None
        if method == "POST" and given.get("account"):
            number = github.install(given["account"], github.app.owner.login)
            target = {"installation_id": str(number), "setup_action": "install"}
            headers = {"location": f"{made.setup_url}?{urlencode(target)}", **SECURITY}
            return Response(status_code=302, headers=headers)
        accounts = sorted({one.owner.login for one in github.repositories.values()})
        answer = self._shown("install.html", nobody, accounts=accounts)
        return _leading_to(answer, made.setup_url)

    def _oauth(
        self, method: str, path: str, query: str, headers: dict[str, str], body: bytes
    ) -> Response | None:
        """A person lets the App know who they are; the App fetches their token. None elsewhere."""
        github, nobody = self.github, Visitor("", [])
        form = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
        client_id = github.addresses.app["client_id"]
        if method == "POST" and path == "/login/oauth/access_token":
            found = github.oauth.token(form, client_id)
            if "application/json" in headers.get("accept", ""):
                return JSONResponse(found, headers=SECURITY)
            return Response(urlencode(found), headers=SECURITY)
        if path != "/login/oauth/authorize":
            return None
        asked = dict(parse_qsl(query))
        try:
            back = github.oauth.check(asked, client_id)
        except Refused as wrong:
            return self._shown("authorize.html", nobody, status=404, problem=str(wrong))
        same = headers.get("sec-fetch-site", "same-origin") == "same-origin"
        if method == "POST" and same and ("by" in form or "declined" in form):
            login = form.get("by", "")
            target = github.oauth.allow(asked, login) if login else github.oauth.decline(asked)
            return Response(status_code=302, headers={"location": target, **SECURITY})
        people = sorted(one.login for one in github.users.values() if one.kind == "User")
        answer = self._shown("authorize.html", nobody, problem="", people=people)
        return _leading_to(answer, back)

    def _thread(self, path: str) -> Pull | Issue | None:
        """What a path leads to; the path of its forms leads there, too."""
        if not (found := THREAD_PATH.fullmatch(path)):
            return None
        name, names = f"{found[1]}/{found[2]}".lower(), self.github.names
        repository = names.current.get(name) or names.moved.get(name)
        return repository.thread(int(found[3])) if repository else None

    def _visitor(
        self, thread: Pull | Issue | None, form: dict[str, str], cookies: dict[str, str]
    ) -> Visitor:
        """By default people play the author of what they see.

        A form knows whom its page showed, which counts more than a choice in another window.
        """
        people = play.people(self.github, thread)
        author = thread.author.login if thread else ""
        wanted = [form.get("by"), cookies.get(ME), author, *people]
        name, _, by = cookies.get(DONE, "").partition(":")
        done = self._say(f"done_{name}", by=by) if f"done_{name}" in table() else ""
        return Visitor(next((login for login in wanted if login in people), ""), people, done)

    def _choose(self, form: dict[str, str]) -> Response:
        """Play somebody else from now on, and return to the same page."""
        thread = self._thread(form.get("back", ""))
        location = _address(thread) if thread else "/"
        answer = Response(status_code=303, headers={"location": location, **SECURITY})
        if form.get("by") in play.people(self.github, thread):
            answer.set_cookie(ME, form["by"], httponly=True, samesite="strict")
        return answer

    def _front(self, visitor: Visitor) -> Response:
        """All pulls, and the issues that the App opened: open ones first."""
        repositories = self.github.repositories.values()
        pulls = [pull for one in repositories for pull in one.pulls.values()]
        issues = [issue for one in repositories for issue in one.issues.values() if issue.via_app]
        pulls.sort(key=lambda pull: pull.updated_at, reverse=True)
        issues.sort(key=lambda issue: (issue.state != "open", issue.number))
        return self._shown("pulls.html", visitor, pulls=pulls, issues=issues)

    def _play(self, thread: Pull | Issue, visitor: Visitor, form: dict[str, str]) -> Response:
        by = form.get("by") or visitor.me
        try:
            name = play.play(thread, {**form, "by": by})
        except play.ActionFailed as wrong:
            return self._show(thread, visitor, problem=wrong.explained(self.language), status=422)
        location = "/" if form.get("back") == "front" else _address(thread)
        answer = Response(status_code=303, headers={"location": location, **SECURITY})
        answer.set_cookie(DONE, f"{name}:{by}", httponly=True, samesite="strict")
        return answer

    def _show(
        self, thread: Pull | Issue, visitor: Visitor, *, problem: str = "", status: int = 200
    ) -> Response:
        if isinstance(thread, Issue):
            return self._shown("issue.html", visitor, thread, status, issue=thread, problem=problem)
        pull, repository = thread, thread.repository
        runs = {run.name: run for run in pull.check_runs()}
        notes = [note for run in runs.values() for note in run.annotations]
        changes = pull.changes()
        return self._shown(
            "pull.html",
            visitor,
            pull,
            status,
            pull=pull,
            problem=problem,
            runs=sorted(runs.values(), key=lambda run: run.name),
            outcome=_outcome,
            place=_place,
            files=[file(change, notes) for change in changes[:FILES_LIMIT]],
            more_files=max(0, len(changes) - FILES_LIMIT),
            editable=play.editable(pull),
            verdicts=[r for r in pull.reviews if r.state in ("approved", "changes_requested")],
            may_press=bool(visitor.me) and repository.may_write(self.github.user(visitor.me)),
            labels=sorted(repository.labels.values(), key=lambda label: label.name),
        )

    def _shown(
        self,
        template: str,
        visitor: Visitor,
        thread: Pull | Issue | None = None,
        status: int = 200,
        **values: object,
    ) -> Response:
        text = self._templates.get_template(template).render(
            values, visitor=visitor, me=visitor.me, thread=thread
        )
        headers = {"content-type": "text/html; charset=utf-8", **SECURITY}
        return Response(text, status, headers)

    def _say(self, key: str, **values: object) -> Markup:
        """The words under `key`. Whatever is not markup yet is escaped."""
        return escape(table()[key][self.language]).format(**values)

    def _role(self, login: str, thread: Pull | Issue | None) -> str:
        """What somebody is on this page: its author, by their teams, or a developer."""
        if thread is not None and login == thread.author.login:
            return self._say("role_author")
        slugs = [team.slug for team in self.github.teams.values() if login in team.members]
        words = [self._say(f"team_{one}") if f"team_{one}" in table() else one for one in slugs]
        return ", ".join(words) or self._say("role_developer")

    def _comment_html(self, message: Message) -> Markup:
        """The App's boxes are buttons that tick them."""
        if message.user.kind != "Bot":
            return Markup(markdown.to_html(message.body))

        def box(line: int, ticked: bool) -> str:
            word, mark = self._say("untick" if ticked else "tick"), "☑" if ticked else "☐"
            return (
                f'<button class="box" name="tick" value="{message.id}:{line}" title="{word}">'
                f'<span aria-hidden="true">{mark}</span><span class="unseen">{word}: </span>'
                "</button> "
            )

        return Markup(markdown.to_html(message.body, box))

    def _verdict(self, message: Message) -> str:
        """What a review does, in a word or two; "" for a comment."""
        return self._say(f"reviewed_{message.state}") if isinstance(message, Review) else ""

    def _style(self) -> Response:
        """The style sheet, and a class for each label colour (inline styles are not admitted)."""
        every: Iterable[Label] = (
            label
            for repository in self.github.repositories.values()
            for label in repository.labels.values()
        )
        rules = []
        for color in sorted({label.color.lower() for label in every}):
            red, green, blue = (int(color[at : at + 2], 16) for at in (0, 2, 4))
            is_light = 0.299 * red + 0.587 * green + 0.114 * blue > 140
            ink = "#1f2328" if is_light else "#ffffff"
            rules.append(f".color-{color}{{background:#{color};color:{ink}}}\n")
        text = self._templates.get_template("emulator.css").render() + "\n" + "".join(rules)
        return Response(text, headers={"content-type": "text/css; charset=utf-8", **SECURITY})


def _address(thread: Pull | Issue) -> str:
    kind = "issues" if isinstance(thread, Issue) else "pull"
    return f"/{thread.repository.full_name}/{kind}/{thread.number}"


def _outcome(run: CheckRun) -> str:
    """The word for the mark beside a check run."""
    return run.conclusion or run.status


def _place(annotation: Json) -> str:
    """The file with the line or lines of an annotation."""
    first, last = annotation["start_line"], annotation["end_line"]
    return f"{annotation['path']}:{first}" + (f"-{last}" if last != first else "")


def _reactions(message: Message) -> list[tuple[str, str]]:
    """Emoji and who reacted with it."""
    names: dict[str, list[str]] = {}
    for reaction in message.reactions:
        names.setdefault(reaction.content, []).append(reaction.user.login)
    return [(EMOJI[content], str(escape(", ".join(who)))) for content, who in names.items()]
