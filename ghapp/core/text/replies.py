"""What commands are answered with, as Markdown: why one was refused, and which there are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice

from ghapp.core.areas import Clause, Finding, InFile, Item, When
from ghapp.core.i18n import joined, say
from ghapp.core.ledger import Entry, Verb
from ghapp.core.markdown import code
from ghapp.core.policy.policy import Policy
from ghapp.core.review.commands import COMMANDS
from ghapp.core.review.review import AreaReview, Review
from ghapp.core.text import parts
from ghapp.core.text.findings import rank
from ghapp.core.text.status import people, signers

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

    What else the same message did puts nothing right: a reaction says that part of it failed.
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


MOST_REASONS = 10  # hits of an area
MOST_NAMED = 4  # values of a clause, parts of a condition, findings of an item
NUMBERS = ("files_gte", "added_gte", "pull_files_gte", "pull_added_gte")


def explanation(seen: Review) -> str:
    """Every area with what flagged it, every question with what brought it up."""
    language = seen.facts.policy.language
    sha = code(seen.facts.pull.head_sha[:7])
    words: tuple[str, ...]
    if not seen.areas:
        words = (say(language, "explain_clear", sha=sha), parts.hints(seen))
    else:
        areas = (_area(area, seen) for area in seen.areas)
        words = (say(language, "explain", sha=sha), *areas, parts.hints(seen))
    return "\n\n".join(block for block in words if block)


def _area(area: AreaReview, seen: Review) -> str:
    language = seen.facts.policy.language
    head = say(
        language,
        "explain_area",
        area=parts.title(area, language),
        id=code(area.id),
        why=parts.reasons(area, seen, MOST_REASONS),
        who=signers([area], seen),
    )
    items = [_item(item, area, language) for item in area.items]
    return "\n".join([head, *([""] if items else []), *items])


def _item(item: Item, area: AreaReview, language: str) -> str:
    """Its condition in words, and the findings that answer to it."""
    mine = [one for one in area.findings if one.item == item.id]
    reasons = [say(language, "explain_found", findings=_findings(mine, language))] if mine else []
    if item.must_when is not None and item.severity == "must":
        reasons.append(say(language, "explain_must", when=condition(item.must_when, language)))
    if item.when is not None:
        reasons.append(say(language, "explain_when", when=condition(item.when, language)))
    elif not mine:
        raised = "explain_raised" if area.is_concern else "explain_always"
        reasons.append(say(language, raised))
    severity = say(language, f"sev_{item.severity}")
    because = say(language, "explain_between").join(reasons)
    return say(language, "explain_item", item=code(item.id), severity=severity, why=because)


def condition(when: When, language: str) -> str:
    """A `when` as a clause of a sentence."""
    if isinstance(when, Clause):
        return say(language, f"when_{when.kind}", values=_values(when, language))
    if isinstance(when, InFile):
        return say(language, "when_file", values=_in_file(when, language))
    words = [_inner(one, language) for one in islice(when.of, MOST_NAMED)]
    left = len(when.of) - len(words)
    words += [say(language, "when_more", count=left)] if left > 0 else []
    if when.how == "not":
        return say(language, "when_not", words=words[0])
    return say(language, f"when_{when.how}").join(words)


def _in_file(when: InFile, language: str) -> str:
    kinds = (("path", when.path), ("diff", when.diff), ("removed", when.removed))
    words = [condition(Clause(kind, values), language) for kind, values in kinds if values]
    words += [say(language, "when_file_new")] if when.new else []
    words += [say(language, "when_file_bump", part=code(when.bump))] if when.bump else []
    return joined(language, tuple(words))


def _inner(when: When, language: str) -> str:
    words = condition(when, language)
    simple = isinstance(when, Clause | InFile) or when.how == "not" or len(when.of) == 1
    return words if simple else say(language, "when_inner", words=words)


def _values(clause: Clause, language: str) -> str:
    if clause.kind in NUMBERS:
        return f"{int(clause.values[0]):,}"
    return _listed(map(code, clause.values), len(clause.values), language)


def _findings(findings: list[Finding], language: str) -> str:
    ordered = sorted(findings, key=rank)
    places = (f"{one.path}:{one.line}" if one.line else one.path for one in ordered)
    named = (f"{code(one.hazard)} {code(at)}" for one, at in zip(ordered, places, strict=True))
    return _listed(named, len(ordered), language)


def _listed(names: Iterable[str], count: int, language: str) -> str:
    first = [*islice(names, MOST_NAMED)]
    left = count - len(first)
    first += [say(language, "and_more", count=left)] if left else []
    return joined(language, (*first,))
