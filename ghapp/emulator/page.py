"""The pages people see: pulls and issues, one of them, and forms to play author and reviewer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import jinja2
from markupsafe import Markup, escape

from ghapp.emulator import markdown, play
from ghapp.emulator.issues import Issue
from ghapp.emulator.patches import patch
from ghapp.emulator.pull import Pull
from ghapp.emulator.rest import Answer
from ghapp.emulator.state import CheckRun, Json, Label, Review, Said
from ghapp.emulator.words import table

if TYPE_CHECKING:
    from ghapp.emulator.github import Emulator


MOST_FILES = 30
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


class Page:
    """HTML over one `Emulator`. No JavaScript; every form answers with a redirect.

    language: en or ja, of all that no user of the pages has written.
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
        self._templates.globals |= {"say": self._say, "language": language}
        self._templates.tests["bot"] = lambda user: user.kind == "Bot"

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        with self.github.lock:
            if method == "GET" and path == "/":
                return self._shown("pulls.html", pulls=self._pulls(), issues=self._issues())
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

    def _pulls(self) -> list[Pull]:
        every = (repo.pulls.values() for repo in self.github.repositories.values())
        return sorted(
            (p for some in every for p in some),
            key=lambda p: p.updated_at,
            reverse=True,
        )

    def _issues(self) -> list[Issue]:
        """Those that the App opened, open ones first."""
        every = (repo.issues.values() for repo in self.github.repositories.values())
        ours = [issue for some in every for issue in some if issue.via_app]
        return sorted(ours, key=lambda issue: (issue.state != "open", issue.number))

    def _thread(self, found: re.Match[str]) -> Pull | Issue | None:
        name = f"{found[1]}/{found[2]}".lower()
        repository = self.github.repositories.get(name) or self.github.moved.get(name)
        return repository.thread(int(found[3])) if repository else None

    def _play(
        self, thread: Pull | Issue, path: str, headers: dict[str, str], body: bytes
    ) -> Answer:
        site = headers.get("sec-fetch-site", "same-origin")
        if site not in ("same-origin", "none"):
            return self._shown("missing.html", status=403)
        form = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
        try:
            play.play(thread, form)
        except play.Misplayed as wrong:
            return self._show(thread, problem=wrong.told(self.language), status=422)
        back = "/" if form.get("back") == "front" else path.removesuffix("/play")
        return Answer(303, b"", {"location": back, **SECURITY})

    def _show(self, thread: Pull | Issue, *, problem: str = "", status: int = 200) -> Answer:
        if isinstance(thread, Pull):
            return self._show_pull(thread, problem, status)
        return self._shown(
            "issue.html",
            status=status,
            issue=thread,
            problem=problem,
            comment_html=self._comment_html,
            reactions=_reactions,
        )

    def _show_pull(self, pull: Pull, problem: str, status: int) -> Answer:
        runs = {run.name: run for run in pull.check_runs()}
        notes = [note for run in runs.values() for note in run.annotations]
        return self._shown(
            "pull.html",
            status=status,
            pull=pull,
            problem=problem,
            runs=sorted(runs.values(), key=lambda run: run.name),
            standing=_standing,
            place=_place,
            files=[patch(change, notes) for change in pull.changes()[:MOST_FILES]],
            more_files=max(0, len(pull.changes()) - MOST_FILES),
            changes=play.editable(pull),
            reviewing=[r for r in pull.reviews if r.state in ("approved", "changes_requested")],
            pressing=[name for name in play.people(pull) if play.may_press(pull, name)],
            labels=sorted(pull.repository.labels.values(), key=lambda label: label.name),
            comment_html=self._comment_html,
            reactions=_reactions,
        )

    def _comment_html(self, comment: Said) -> Markup:
        if comment.user.kind != "Bot":
            return Markup(markdown.to_html(comment.body))
        return Markup(
            markdown.to_html(comment.body, lambda line, on: self._box(comment.id, line, on))
        )

    def _shown(self, template: str, *, status: int = 200, **values: object) -> Answer:
        text = self._templates.get_template(template).render(
            app=self.github.app,
            color=_color,
            people_of=play.people,
            verdict=self._verdict,
            **values,
        )
        headers = {"content-type": "text/html; charset=utf-8", **SECURITY}
        return Answer(status, text.encode(), headers)

    def _say(self, key: str, **values: object) -> Markup:
        """The words under `key` and the values in them, escaped where they are no markup."""
        return escape(table()[key][self.language]).format(**values)

    def _box(self, comment_id: int, line: int, ticked: bool) -> str:
        word = self._say("untick" if ticked else "tick")
        mark = "☑" if ticked else "☐"
        return (
            f'<button class="box" name="tick" value="{comment_id}:{line}" title="{word}">'
            f'<span aria-hidden="true">{mark}</span><span class="unseen">{word}: </span></button> '
        )

    def _verdict(self, said: Said) -> str:
        """What a review does, in a word or two; "" where it is a comment."""
        return self._say(f"reviewed_{said.state}") if isinstance(said, Review) else ""

    def _style(self) -> Answer:
        """The style sheet, and a class for each label colour (inline styles are not admitted)."""
        colors = sorted(
            {
                label.color.lower()
                for repository in self.github.repositories.values()
                for label in repository.labels.values()
            }
        )
        rules = "".join(f".color-{c}{{background:#{c};color:{_ink(c)}}}\n" for c in colors)
        text = self._templates.get_template("emulator.css").render() + "\n" + rules
        return Answer(200, text.encode(), {"content-type": "text/css; charset=utf-8", **SECURITY})


def _color(label: Label) -> str:
    return f"color-{label.color.lower()}"


def _ink(color: str) -> str:
    """Black or white, whichever reads better on the colour."""
    red, green, blue = (int(color[at : at + 2], 16) for at in (0, 2, 4))
    return "#1f2328" if 0.299 * red + 0.587 * green + 0.114 * blue > 140 else "#ffffff"


def _standing(run: CheckRun) -> str:
    """The one word that the mark beside a check run stands for."""
    return run.conclusion or run.status


def _place(annotation: Json) -> str:
    """Where in the diff: the file with its line or lines."""
    first, last = annotation["start_line"], annotation["end_line"]
    return f"{annotation['path']}:{first}" + (f"-{last}" if last != first else "")


def _reactions(comment: Said) -> list[tuple[str, str]]:
    """Emoji and who reacted with it."""
    names: dict[str, list[str]] = {}
    for reaction in comment.reactions:
        names.setdefault(reaction.content, []).append(reaction.user.login)
    return [(EMOJI[content], str(escape(", ".join(who)))) for content, who in names.items()]
