"""What commands are answered with, as Markdown: why one was refused, and which there are."""

from __future__ import annotations

from collections.abc import Mapping

from ghapp.core.commands import COMMANDS
from ghapp.core.markdown import code
from ghapp.core.memory import Entry, Verb
from ghapp.core.policies.policy import Policy
from ghapp.core.review import Review
from ghapp.core.words.nextstep import people, signers
from ghapp.core.words.texts import say

MOST_REFUSALS = 3
NEAR = frozenset({"unknown_area", "unknown_item", "unknown_command"})
BLOCKING = frozenset({"hold_not_reviewer", "concern_not_reviewer"})
# By the state that a label shows: what sets and takes back the same.
LABELS: Mapping[str, str] = {
    "hold": "label_of_hold",
    "waived": "label_of_waiver",
    "follow_ups": "label_of_follow_ups",
}


def refusals(seen: Review) -> str:
    """What was refused lately and not put right by its speaker since; each reason once.

    What else the same utterance did puts nothing right: a reaction says that part of it failed.
    """
    recent: dict[tuple[str, str, str], Entry] = {}
    taken: dict[str, set[str]] = {}  # by speaker
    for entry in reversed(seen.ledger):
        said, since = entry.id.partition("#")[0], taken.setdefault(entry.speaker, set())
        if entry.verb is not Verb.REFUSED:
            since.add(said)
        elif since <= {said}:
            recent.setdefault((entry.speaker, entry.note, entry.detail), entry)
        if len(recent) == MOST_REFUSALS:
            break
    lines = [f"- {refusal(seen, entry)}" for entry in reversed(recent.values())]
    if not lines:
        return ""
    return "\n".join([f"**{say(seen.facts.policy.language, 'refusals')}**", "", *lines])


def refusal(seen: Review, entry: Entry) -> str:
    """One refusal as a sentence: who asked, what was not done, why and what to do."""
    policy = seen.facts.policy
    language, key = policy.language, f"refused_{entry.note}"
    if entry.note == "state_label":
        key = LABELS.get(_state_of(entry.detail, policy), key)
    words = say(
        language,
        key,
        who=_who(seen, entry),
        waivers=people(policy.waivers, language),
        signed_off=code(policy.labels["signed_off"]),
        **_named(entry, language),
    )
    return say(language, "refusal", who=entry.speaker, words=words)


def _named(entry: Entry, language: str) -> dict[str, str]:
    """What a refusal names, each as code; two of them are parted by their first blank."""
    detail = entry.detail
    word, _, rest = detail.partition(" ")
    named = {"detail": code(detail) if detail else "", "near": ""}
    if entry.note in NEAR:
        named["detail"] = code(word)
        named["near"] = say(language, "refused_near", near=code(rest)) if rest else ""
    example = rest or say(language, "a_text")
    named["item"], named["choices"] = code(word), code(rest)
    named["example"] = code(f"/nfr check {word} -- {example}")
    return named


def _who(seen: Review, entry: Entry) -> str:
    """Who may do what was refused: of the areas it names, else of those it may have meant."""
    known = {area.id: area for area in seen.areas}
    asked = [known[one] for one in entry.detail.split(", ") if one in known]
    meant = seen.areas if entry.note in BLOCKING else seen.waiting
    return signers(asked or list(meant), seen)


def _state_of(label: str, policy: Policy) -> str:
    """Which state a label of ours shows; GitHub's labels ignore case."""
    states = (k for k, name in policy.labels.items() if name.casefold() == label.casefold())
    return next(states, "")


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
