"""The standing review of the configuration as an issue, and what a pull request fixes of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from ghapp.core.areas import Hazard
from ghapp.core.i18n import Words
from ghapp.core.ledger import Entry
from ghapp.core.markdown import MOST_TEXT, code, cut, login, paragraphs, visible
from ghapp.core.marks import Issue
from ghapp.core.policy.policy import Policy
from ghapp.core.review.configuration import COMMANDS, UNDO_USAGE, USAGE, Standing, Tracked
from ghapp.core.scan.checklist import SEVERITIES
from ghapp.core.text import findings
from ghapp.core.text.labels import described

MARKER = "<!-- ghapp:configuration -->"
# Lines of all lists together; with those that count the rest of each, they are fifty.
MOST_LINES, MOST_GONE, MOST_ACCEPTED = 47, 10, 10
MOST_NUMBERS = 8  # of lines in one file
MOST_REFUSED, MOST_UNREAD, MOST_FIXED = 5, 3, 5
MOST_WORDS = 600  # characters of one message


def marked(body: str) -> bool:
    """Whether a text is that of the issue about configuration."""
    return body.split("\n", 1)[0].strip() == MARKER


def issue(
    standing: Standing, hazards: Mapping[str, Hazard], policy: Policy, details: str = ""
) -> Issue:
    """The issue. hazards: those of the policy, by id. details: the address of its page; "" if none
    is to be named.
    """
    words = Words(policy.language)
    lines = _Lines(standing, hazards, policy, words)
    gone, accepted = lines.gone(), lines.accepted()
    shown = gone[:MOST_GONE], accepted[:MOST_ACCEPTED]
    body = paragraphs(
        f"{MARKER}\n{_summary(standing, policy, words)}",
        lines.opened(MOST_LINES - sum(map(len, shown))),
        _part("configuration_accepted", shown[1], len(accepted), words),
        _part("configuration_gone", shown[0], len(gone), words),
        _refused(standing.refused, words),
        words("configuration_page", url=details) if details else "",
        words(
            "configuration_help",
            command=code(f"/nfr {USAGE}"),
            undo=code(f"/nfr {UNDO_USAGE}"),
        ),
    )
    label = policy.labels["configuration"]
    return Issue(
        item="configuration",
        due="",
        title=words("configuration_title"),
        body=cut(body[:MOST_TEXT], words("cut")),
        owner="",
        label=(label, *described(policy)[label]),
    )


def commands(words: Words) -> str:
    """The answer to `/nfr help` on the issue."""
    lines = (
        words(
            "command",
            usage=code(f"/nfr {usage}"),
            does=words("help_help" if name == "help" else f"configuration_help_{name}"),
            who=words(f"who_{who}"),
        )
        for name, (_, usage, who) in COMMANDS.items()
    )
    return paragraphs(words("help"), "\n".join(lines))


def _summary(standing: Standing, policy: Policy, words: Words) -> str:
    opened = standing.open
    counts = standing.counts()
    named = words.joined(
        words("findings_of", count=counts[one], severity=words(f"sev_{one}"))
        for one in SEVERITIES
        if counts[one]
    )
    first = words("configuration_clear")
    if opened:
        found = findings.counted(len(opened), words)
        first = words("configuration_open", findings=found, counts=named)
    at = standing.searched_at
    day = _day(at, policy) if at else ""
    new = sum(map(standing.is_new, (*opened, *standing.waived)))
    changed = words("configuration_changed", new=new, gone=len(standing.gone))
    unread = standing.unread
    paths = words.joined(
        map(code, unread[:MOST_UNREAD]), len(unread) - MOST_UNREAD, "and_more_files"
    )
    return words.sentences(
        first,
        words("configuration_scanned", day=day, files=standing.files) if at else "",
        changed if standing.before and (new or standing.gone) else "",
        "" if standing.complete else words("configuration_incomplete"),
        words("configuration_unread", paths=paths) if unread else "",
    )


def _day(at: datetime, policy: Policy) -> str:
    return at.astimezone(policy.working_time.zone).date().isoformat()


class _Lines:
    """The lists of the issue, a line for each hazard in a file."""

    def __init__(
        self, standing: Standing, hazards: Mapping[str, Hazard], policy: Policy, words: Words
    ) -> None:
        self._standing, self._hazards = standing, hazards
        self._policy, self._words = policy, words

    def opened(self, most: int) -> str:
        """The open findings, by hazard; at most so many lines."""
        words, lines, left_out = self._words, list[str](), 0
        for hazard, files in _grouped(self._standing.open).items():
            # A hazard takes a line of its own, so it needs room for one file as well.
            room = most - len(lines) - 1
            if room < 1:
                left_out += sum(map(len, files.values()))
                continue
            rule = self._hazards.get(hazard)
            severity = words(f"sev_{next(iter(files.values()))[0].severity}")
            message = visible(words.text(rule.message.naming("")), MOST_WORDS) if rule else ""
            lines.append(f"- **{severity}** {code(hazard)} {message}")
            for place, (path, here) in enumerate(files.items()):
                if place >= room:
                    left_out += len(here)
                    continue
                lines.append(f"  - {self._place(path, here)} · {self._since(here)}")
        if left_out:
            lines.append(f"- {words('configuration_more', count=left_out)}")
        return "\n".join(lines)

    def accepted(self) -> list[str]:
        words, found = self._words, list[str]()
        for hazard, files in _grouped(self._standing.waived).items():
            for path, here in files.items():
                entry = (self._standing.accepted or {}).get(str(here[0].place))
                if here[0].accepted or entry is None:
                    why = words("configuration_accepted_in_code", reason=code(here[0].accepted))
                else:
                    key = f"configuration_accepted_{'until' if entry.until else 'by'}"
                    note, who = code(entry.note), login(entry.speaker)
                    why = words(key, reason=note, who=who, day=entry.until)
                found.append(f"- {code(hazard)} {self._place(path, here)} · {why}")
        return found

    def gone(self) -> list[str]:
        return [
            f"- {code(hazard)} {code(path)}"
            for hazard, files in _grouped(self._standing.gone).items()
            for path in files
        ]

    def _place(self, path: str, here: Sequence[Tracked]) -> str:
        numbers = list(dict.fromkeys(one.line for one in here))
        words = self._words
        key = "configuration_line" if len(numbers) == 1 else "configuration_lines"
        shown = ", ".join(map(str, numbers[:MOST_NUMBERS]))
        return words(key, path=code(path), lines=f"{shown}{', …' * (len(numbers) > MOST_NUMBERS)}")

    def _since(self, here: Sequence[Tracked]) -> str:
        if any(map(self._standing.is_new, here)):
            return f"**{self._words('configuration_new')}**"
        day = _day(min(one.first_seen for one in here), self._policy)
        return self._words("configuration_since", day=day)


def _grouped(found: Iterable[Tracked]) -> Mapping[str, Mapping[str, list[Tracked]]]:
    """By hazard, then by path, in the order given."""
    groups: dict[str, dict[str, list[Tracked]]] = {}
    for one in found:
        groups.setdefault(one.hazard, {}).setdefault(one.path, []).append(one)
    return groups


def _part(title: str, shown: Sequence[str], total: int, words: Words) -> str:
    if not shown:
        return ""
    more = [f"- {words('and_more', count=total - len(shown))}"] if total > len(shown) else []
    return "\n".join((f"**{words(title)}**", "", *shown, *more))


def _refused(refused: Sequence[Entry], words: Words) -> str:
    return _part("configuration_refused", list(_reasons(refused, words)), 0, words)


def _reasons(refused: Sequence[Entry], words: Words) -> Iterator[str]:
    for entry in refused[-MOST_REFUSED:]:
        if entry.refusal:
            reason = words(
                f"configuration_refused_{entry.refusal.reason}",
                usage=code(f"/nfr {USAGE}"),
                who=login(entry.speaker),
                day=code(entry.refusal.subject),
            )
            who = login(entry.speaker)
            text = words(
                "configuration_refused_line", command=code(entry.note), who=who, reason=reason
            )
            yield f"- {text}"


def fixes(fixed: Sequence[tuple[str, str]], words: Words) -> str:
    """What a pull request fixes: hazards with their paths; "" if it is nothing."""
    if not fixed:
        return ""
    files = [f"{code(hazard)} {code(path)}" for hazard, path in dict.fromkeys(fixed)]
    named = words.joined(files[:MOST_FIXED], len(files) - MOST_FIXED, "and_more_files")
    key = "configuration_fixes_one" if len(fixed) == 1 else "configuration_fixes_many"
    return words(key, count=len(fixed), findings=named)
