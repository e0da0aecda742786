"""A change of the policy -> the check run `NFR policy`: its problems, or what would be different.

Titles and patterns of the proposed policy are shown as code, so that nothing in them is a link, a
mention or markup.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ghapp.core.areas import Area, Mode, Reviewers, SameAs, Size, Text
from ghapp.core.i18n import Words
from ghapp.core.markdown import MOST_TITLE, code, cut, dotted, paragraphs, plain, visible
from ghapp.core.marks import POLICY, Annotation, CheckRun
from ghapp.core.model import Problem
from ghapp.core.policy.strictness import DIFFERENT, STRICTER, WEAKER, Change, as_written
from ghapp.core.releases import Freeze
from ghapp.core.review.preview import ENOUGH, Preview, Replay, Replayed, questions
from ghapp.core.text.render import sealed
from ghapp.core.text.status import people

# One request takes fifty annotations, and write requests are scarce. All problems are in the text.
MOST_ANNOTATIONS = 100
MOST_CHANGES = 15  # of each direction in the summary; the others are in the text
MOST_VALUES, MOST_PULLS, MOST_QUESTIONS, MOST_RULES = 5, 10, 5, 10
MOST_MESSAGE = 1_000  # characters
# Keys of which several are the same to a reader.
ALIKE = {one: one for one in ("labels", "words", "features", "working_time", "digest", "retro")}


def check_run(preview: Preview, replay: Replay) -> CheckRun:
    """The check run on the head of a pull that edits the policy. replay: empty if not wanted."""
    words, pull = Words(preview.before.language), preview.pull
    if preview.problems:
        return _failed(pull.head_sha, preview.problems, words)
    groups = {
        direction: [
            line(one, preview, words) for one in preview.changes if one.direction == direction
        ]
        for direction in (WEAKER, DIFFERENT, STRICTER)
    }
    lists = [_listed(name, lines[:MOST_CHANGES], lines, words) for name, lines in groups.items()]
    beyond = [
        _listed(name, lines[MOST_CHANGES:], lines[MOST_CHANGES:], words)
        for name, lines in groups.items()
    ]
    elsewhere = ""
    if pull.base_ref != pull.default_branch:
        names = {"base": code(pull.base_ref), "default": code(pull.default_branch)}
        elsewhere = words("preview_elsewhere", **names)
    nothing = "" if preview.changes else words("preview_nothing")
    refused = _listed_problems(words("policy_refused"), preview.refused) if preview.refused else ""
    run = CheckRun(
        head_sha=pull.head_sha,
        digest="",
        conclusion="failure" if refused else "success",
        title=_title(preview, groups, replay, words),
        summary=cut(
            paragraphs(refused, elsewhere, nothing, *lists, _replayed(replay, preview, words)),
            words("cut"),
        ),
        text=cut(paragraphs(*beyond), words("cut")),
        annotations=_annotations(preview.refused, words),
        name=POLICY,
    )
    return sealed(run)


def _failed(head_sha: str, problems: Sequence[Problem], words: Words) -> CheckRun:
    count = len(problems)
    key = "title_policy_problem" if count == 1 else "title_policy_problems"
    run = CheckRun(
        head_sha=head_sha,
        digest="",
        conclusion="failure",
        title=words(key, count=count),
        summary=cut(_listed_problems(words("policy_problems"), problems), words("cut")),
        annotations=_annotations(problems, words),
        name=POLICY,
    )
    return sealed(run)


def _listed_problems(heading: str, problems: Sequence[Problem]) -> str:
    return "\n".join([heading, "", *(f"- {code(str(one), 400)}" for one in problems)])


def _annotations(problems: Sequence[Problem], words: Words) -> tuple[Annotation, ...]:
    title = words("policy_problem")
    return tuple(
        Annotation(one.path, max(one.line, 1), "failure", title, visible(one.text, MOST_MESSAGE))
        for one in problems[:MOST_ANNOTATIONS]
    )


def parked_run(head_sha: str, language: str, reason: str) -> CheckRun:
    """The run on a pull whose policy could not be checked again and again; never green."""
    words = Words(language)
    summary = words("policy_parked", reason=code(reason, 400))
    title = words("title_policy_parked")
    return sealed(CheckRun(head_sha, "", "failure", title, summary, name=POLICY))


def _title(
    preview: Preview, groups: Mapping[str, Sequence[str]], replay: Replay, words: Words
) -> str:
    counts = [
        words(f"title_policy_{name}", count=len(lines)) for name, lines in groups.items() if lines
    ]
    lost = [one for one in replay.pulls if one.before and not one.after]
    new = [one for one in replay.pulls if one.after and not one.before]
    flagged = [
        words(f"title_policy_{name}", count=len(found))
        for name, found in (("lost", lost), ("new", new))
        if found
    ]
    parts = [words.joined(one) for one in (counts, flagged) if one]
    if preview.refused:
        parts.insert(0, words("title_policy_refused", count=len(preview.refused)))
    return visible(dotted(*parts) or words("title_policy_same"), MOST_TITLE)


def _listed(name: str, shown: Sequence[str], lines: Sequence[str], words: Words) -> str:
    if not shown:
        return ""
    more = len(lines) - len(shown)
    rest = [f"- {words('preview_more', count=more)}"] if more else []
    heading = words(f"preview_{name}", count=len(lines))
    return "\n".join([heading, "", *(f"- {one}" for one in shown), *rest])


# --- one change -----------------------------------------------------------------------------------


def line(change: Change, preview: Preview, words: Words) -> str:
    """The change in plain words, as an entry of a list."""
    area = _area(change.area, preview, words) if change.area else ""
    match change.key.split("."):
        case ["areas", _]:
            return _switched(change, area, preview, words)
        case ["areas", _, "items" | "hazards" as kind, id]:
            key = f"{kind}_{'on' if change.after else 'off'}"
            return words(f"change_{key}", area=area, id=code(id))
        case ["areas", _, "items" | "hazards" as kind, id, key]:
            what = words(f"change_{kind}_{key}")
            return words("change_in_area", area=area, what=dotted(code(id), what)) + _values(
                change, words
            )
        case ["areas", _, *rest]:
            what = words(f"change_area_{'_'.join(rest)}")
            text = words("change_in_area", area=area, what=what) + _values(change, words)
            return _with_meaning(text, change, words)
        case _:
            first, *rest = change.key.split(".")
            key = ALIKE.get(first) or "_".join((first, *rest))
            what = words(f"change_{key}")
            if first in ALIKE:
                what = dotted(what, code(rest[0]))
            return _with_meaning(what + _values(change, words), change, words)


def _with_meaning(text: str, change: Change, words: Words) -> str:
    """The text, and for a mode what that means."""
    mode = change.after
    if not isinstance(mode, Mode):
        return text
    meaning = words(f"change_to_{mode.mode}")
    if mode.enforce_from:
        meaning = words("change_to_enforce_from", day=mode.enforce_from)
    return words("change_meaning", text=text, meaning=meaning)


def _switched(change: Change, area: str, preview: Preview, words: Words) -> str:
    if not change.after:
        return words("change_area_off", area=area)
    new = next(one for one in preview.after.areas if one.id == change.area)
    return words("change_area_on", area=area, mode=code(new.mode), count=len(new.items))


def _area(id: str, preview: Preview, words: Words) -> str:
    """The area's title in the policy in force, which is known; that of a new one as code."""
    known = {area.id: area for area in preview.before.areas}
    if id in known:
        return f"**{plain(words.text(known[id].title))}**"
    new: Area = next(area for area in preview.after.areas if area.id == id)
    return f"**{code(words.text(new.title), 80)}**"


def _values(change: Change, words: Words) -> str:
    """What the value was and is: for lists what is gone and what is new."""
    before, after = change.before, change.after
    if _is_condition(before) or _is_condition(after):
        state = "gone" if not after else "other" if before else "new"
        return words("change_list", parts=words(f"change_condition_{state}"))
    if isinstance(before, frozenset | tuple) and isinstance(after, frozenset | tuple):
        gone, new = (
            [one for one in _sorted(left) if one not in right]
            for left, right in ((before, after), (after, before))
        )
        parts = [
            words(f"change_{name}", values=_named(values, words))
            for name, values in (("without", gone), ("with", new))
            if values
        ]
        listed = words.joined(parts) or words("change_order")
        return words("change_list", parts=listed)
    return words("change_value", before=_value(before, words), after=_value(after, words))


def _is_condition(value: object) -> bool:
    """Whether the value, or one of a list, has no short form that people would recognise."""
    if isinstance(value, tuple | frozenset):
        return any(map(_is_condition, value))
    short = str | int | Reviewers | Mode | Text | Size | SameAs | Freeze | None
    return not isinstance(value, short)


def _sorted(values: Iterable[object]) -> list[str]:
    return sorted(map(str, values)) if isinstance(values, frozenset) else [*map(str, values)]


def _named(values: Sequence[str], words: Words) -> str:
    left = len(values) - MOST_VALUES
    return words.joined((code(one, 80) for one in values[:MOST_VALUES]), left)


def _value(value: object, words: Words) -> str:
    if isinstance(value, Reviewers):
        return people(value, words).strip()
    return code(as_written(value), 120)


# --- the replay -----------------------------------------------------------------------------------


def _replayed(replay: Replay, preview: Preview, words: Words) -> str:
    """What the change does to real pulls, or why that is not known."""
    if not preview.before.preview:
        return words("replay_off") if preview.changes else ""
    if not preview.changes:
        return ""
    missing = words(f"replay_{replay.missing}") if replay.missing else ""
    if not replay.pulls:
        return missing or words("replay_none")
    parts = [_heading(replay, words), _table(replay.pulls, words)]
    lines = [
        *_moved(replay, preview, words),
        *_asked(replay, words),
        *_rules(replay, preview, words),
    ]
    notes = [missing]
    if replay.cut:
        notes.append(words("replay_cut", count=replay.cut))
    if replay.hides_private:
        notes.append(words("replay_private"))
    blocked = any(one.blocks != one.blocks_after for one in replay.pulls)
    same = "" if lines or blocked else words("replay_same")
    listed = "\n".join(f"- {one}" for one in lines)
    return paragraphs(*parts, same, listed, words.sentences(*notes))


def _heading(replay: Replay, words: Words) -> str:
    opened = sum(one.is_open for one in replay.pulls)
    counts = {"open": opened, "merged": len(replay.pulls) - opened}
    if replay.repositories:
        return words("replay_of_several", repositories=replay.repositories, **counts)
    return words("replay_of", **counts)


def _table(pulls: Sequence[Replayed], words: Words) -> str:
    counts: dict[str, tuple[int, int]] = {
        "flagged": (sum(bool(one.before) for one in pulls), sum(bool(one.after) for one in pulls)),
        "blocked": (sum(one.blocks for one in pulls), sum(one.blocks_after for one in pulls)),
        "questions": (
            sum(len(one.asked) for one in pulls),
            sum(len(one.asked_after) for one in pulls),
        ),
    }
    lines = [f"| | {words('replay_before')} | {words('replay_after')} |", "| --- | --: | --: |"]
    lines += [
        f"| {words(f'replay_{name}')} | {old} | {new} |" for name, (old, new) in counts.items()
    ]
    return "\n".join(lines)


def _moved(replay: Replay, preview: Preview, words: Words) -> list[str]:
    """The pulls that are no longer flagged, newly flagged, or flagged for other areas."""
    groups: dict[str, list[tuple[Replayed, set[str]]]] = {"lost": [], "new": [], "other": []}
    for one in replay.pulls:
        before, after = set(one.before), set(one.after)
        if before and not after:
            groups["lost"].append((one, before))
        elif after and not before:
            groups["new"].append((one, after))
        elif before != after:
            groups["other"].append((one, before ^ after))
    lines = []
    for name, found in groups.items():
        if not found:
            continue
        areas = dict.fromkeys(area for _, changed in found for area in sorted(changed))
        titles = [_area(area, preview, words) for area in [*areas][:MOST_VALUES]]
        pulls = [_pull(one) for one, _ in found[:MOST_PULLS]]
        lines.append(
            words(
                f"replay_{name}",
                count=len(found),
                pulls=words.joined(pulls, len(found) - MOST_PULLS),
                areas=words.joined(titles, len(areas) - MOST_VALUES),
            )
        )
    return lines


def _pull(one: Replayed) -> str:
    return code(f"{one.repository}#{one.number}") if one.repository else f"#{one.number}"


def _asked(replay: Replay, words: Words) -> list[str]:
    changed = questions(replay)
    if not changed:
        return []
    named = [f"{code(item)} {old} → {new}" for item, old, new in changed[:MOST_QUESTIONS]]
    return [words("replay_asked", items=words.joined(named, len(changed) - MOST_QUESTIONS))]


def _rules(replay: Replay, preview: Preview, words: Words) -> list[str]:
    """The new patterns that match no pull of the sample, and those that match all of them."""
    every = len(replay.pulls)
    never = [one for one in replay.rules if one.count == 0]
    always = [one for one in replay.rules if one.count == every >= ENOUGH]
    lines = []
    for name, found in (("never", never), ("always", always)):
        if found:
            shown = [
                words(
                    "replay_rule",
                    pattern=code(one.pattern, 80),
                    area=_area(one.area, preview, words),
                )
                for one in found[:MOST_RULES]
            ]
            rules = words.joined(shown, len(found) - MOST_RULES)
            lines.append(words(f"replay_{name}", rules=rules))
    return lines
