"""The pages people see: pulls and issues, one of them, and forms to play author and reviewer."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import parse_qsl

import jinja2
from markupsafe import Markup, escape
from starlette.responses import Response

from ghapp.emulator import markdown, play
from ghapp.emulator.checks import CheckRun
from ghapp.emulator.conversation import Label, Message, Review
from ghapp.emulator.diffs import Change, numbered
from ghapp.emulator.github import Emulator
from ghapp.emulator.issue import Issue
from ghapp.emulator.json import Json
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
LINE_KINDS = {"@": "hunk", "+": "added", "-": "removed"}  # by the first character, else "kept"


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

    language: en or ja, for everything but what users wrote.
    """

    def __init__(self, github: Emulator, language: str = "en") -> None:
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
            "app": github.app,
            "color": lambda label: f"color-{label.color.lower()}",
            "people_of": play.people,
            "verdict": self._verdict,
            "comment_html": self._comment_html,
            "reactions": _reactions,
        }
        self._templates.tests["bot"] = lambda user: user.kind == "Bot"

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Response:
        with self.github.lock:
            if method == "GET" and path == "/":
                return self._front()
            if method == "GET" and path == "/emulator.css":
                return self._style()
            found = THREAD_PATH.fullmatch(path)
            thread = self._thread(found) if found else None
            if found is None or thread is None:
                return self._shown("missing.html", status=404)
            if method == "POST" and found[4]:
                return self._play(thread, path, headers, body)
            if method == "GET" and not found[4]:
                return self._show(thread)
            return self._shown("missing.html", status=405)

    def _thread(self, found: re.Match[str]) -> Pull | Issue | None:
        name, names = f"{found[1]}/{found[2]}".lower(), self.github.names
        repository = names.current.get(name) or names.moved.get(name)
        return repository.thread(int(found[3])) if repository else None

    def _front(self) -> Response:
        """All pulls, and the issues that the App opened: open ones first."""
        repositories = self.github.repositories.values()
        pulls = [pull for one in repositories for pull in one.pulls.values()]
        issues = [issue for one in repositories for issue in one.issues.values() if issue.via_app]
        pulls.sort(key=lambda pull: pull.updated_at, reverse=True)
        issues.sort(key=lambda issue: (issue.state != "open", issue.number))
        return self._shown("pulls.html", pulls=pulls, issues=issues)

    def _play(
        self, thread: Pull | Issue, path: str, headers: dict[str, str], body: bytes
    ) -> Response:
        site = headers.get("sec-fetch-site", "same-origin")
        if site not in ("same-origin", "none"):
            return self._shown("missing.html", status=403)
        form = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
        try:
            play.play(thread, form)
        except play.ActionFailed as wrong:
            return self._show(thread, problem=wrong.explained(self.language), status=422)
        back = "/" if form.get("back") == "front" else path.removesuffix("/play")
        return Response(status_code=303, headers={"location": back, **SECURITY})

    def _show(self, thread: Pull | Issue, *, problem: str = "", status: int = 200) -> Response:
        if isinstance(thread, Issue):
            return self._shown("issue.html", status=status, issue=thread, problem=problem)
        pull, repository = thread, thread.repository
        runs = {run.name: run for run in pull.check_runs()}
        notes = [note for run in runs.values() for note in run.annotations]
        changes = pull.changes()
        return self._shown(
            "pull.html",
            status=status,
            pull=pull,
            problem=problem,
            runs=sorted(runs.values(), key=lambda run: run.name),
            outcome=_outcome,
            place=_place,
            files=[file(change, notes) for change in changes[:FILES_LIMIT]],
            more_files=max(0, len(changes) - FILES_LIMIT),
            editable=play.editable(pull),
            verdicts=[r for r in pull.reviews if r.state in ("approved", "changes_requested")],
            pressing=[
                login
                for login in play.people(pull)
                if repository.may_write(self.github.user(login))
            ],
            labels=sorted(repository.labels.values(), key=lambda label: label.name),
        )

    def _shown(self, template: str, *, status: int = 200, **values: object) -> Response:
        text = self._templates.get_template(template).render(values)
        headers = {"content-type": "text/html; charset=utf-8", **SECURITY}
        return Response(text, status, headers)

    def _say(self, key: str, **values: object) -> Markup:
        """The words under `key`. Whatever is not markup yet is escaped."""
        return escape(table()[key][self.language]).format(**values)

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
