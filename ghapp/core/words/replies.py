"""What commands are answered with, as Markdown: why one was refused, and which there are."""

from __future__ import annotations

from ghapp.core.commands import COMMANDS
from ghapp.core.markdown import code
from ghapp.core.memory import Entry, Verb
from ghapp.core.review import Review
from ghapp.core.words.nextstep import signers
from ghapp.core.words.texts import say

MOST_REFUSALS = 3


def refusals(seen: Review) -> str:
    """What was refused lately and not put right by its speaker since; each reason once."""
    recent: dict[tuple[str, str, str], Entry] = {}
    settled: set[str] = set()
    for entry in reversed(seen.ledger):
        if entry.verb is not Verb.REFUSED:
            settled.add(entry.speaker)
        elif entry.speaker not in settled:
            recent.setdefault((entry.speaker, entry.note, entry.detail), entry)
        if len(recent) == MOST_REFUSALS:
            break
    lines = [f"- {refusal(seen, entry)}" for entry in reversed(recent.values())]
    if not lines:
        return ""
    return "\n".join([f"**{say(seen.facts.policy.language, 'refusals')}**", "", *lines])


def refusal(seen: Review, entry: Entry) -> str:
    """One refusal as a sentence: who asked, what was not done, why and what to do."""
    language = seen.facts.policy.language
    detail, near = entry.detail, ""
    if entry.note in ("unknown_area", "unknown_item", "unknown_command"):
        detail, _, best = entry.detail.partition(" ")
        near = say(language, "refused_near", near=code(best)) if best else ""
    known = {area.id: area for area in seen.areas}
    asked = [known[one] for one in detail.split(", ") if one in known]
    words = say(
        language,
        f"refused_{entry.note}",
        detail=code(detail) if detail else "",
        near=near,
        who=signers(asked or list(seen.waiting), seen),
        signed_off=code(seen.facts.policy.labels["signed_off"]),
    )
    return say(language, "refusal", who=entry.speaker, words=words)


def commands(language: str) -> str:
    """The list of commands, from the table that reads them."""
    return "\n".join(
        say(
            language,
            "command",
            usage=code(f"/nfr {spec.usage}"),
            does=say(language, f"help_{name}"),
            who=say(language, f"who_{spec.who}"),
        )
        for name, spec in COMMANDS.items()
    )
