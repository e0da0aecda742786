"""The sign-offs, waivers and holds in force, and who has to act next."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from ghapp.core.areas import Item, Reviewers
from ghapp.core.i18n import Words
from ghapp.core.ledger import Entry, State, Verb, when
from ghapp.core.markdown import code, dotted, link, login, plain, visible
from ghapp.core.policy.policy import POLICY_PATH
from ghapp.core.releases import Freeze
from ghapp.core.review.review import AreaReview, PullState, Review

MOST_REASON = 1_000  # characters


def area_title(area: AreaReview, words: Words) -> str:
    """The area's title inside Markdown."""
    return plain(words.text(area.title))


def ended(review: Review) -> str:
    """How the pull ended before its review was done, as the end of a key in the texts."""
    ended = "merged" if review.facts.pull.is_merged else "closed"
    return f"{ended}_on_hold" if review.state is PullState.ON_HOLD else ended


def heading(review: Review, words: Words) -> str:
    """Whose turn it is, and with how much."""
    pull, state = review.facts.pull, review.state
    waits = review.waiting or state is PullState.ON_HOLD
    if waits and not pull.is_open:
        return words(f"heading_{ended(review)}")
    count = sum(len(area.open_musts) for area in review.waiting)
    named = words("open_one" if count == 1 else "open_many", count=count)
    who = signers(review.waiting, review, words)
    return words(f"heading_{state.value}", questions=named, author=login(pull.author), who=who)


def area_heading(area: AreaReview, words: Words) -> str:
    """The area's title, how many of its questions are answered, and the id that commands take."""
    count = len(area.items)
    answered = sum(item.id in area.answered and item.id not in area.deferred for item in area.items)
    done = words("answered", answered=answered, count=count) if count else ""
    return f"#### {dotted(area_title(area, words), done, code(area.id))}"


def stands(area: AreaReview, words: Words) -> str:
    """One area as the check run lists it: settled, or what is missing."""
    title, musts = area_title(area, words), area.open_musts
    if area.settled:
        return words("area_settled", area=title)
    missing = words("missing_musts", items=_named(musts, words)) if musts else ""
    return words("area_waits", area=title, missing=missing or words("missing_sign_off"))


MOST_NAMED = 5


def _named(items: Sequence[Item], words: Words) -> str:
    return words.joined([code(item.id) for item in items[:MOST_NAMED]], len(items) - MOST_NAMED)


def signed(area: AreaReview, review: Review, words: Words) -> str:
    """Who settled the area, struck through if the diff has changed since; or who undid it."""
    standing = area.standing
    if standing.undone:
        return _undone(standing.undone, review, words)
    entry = standing.signed
    if entry is None:
        return ""
    kind = "waived_by" if entry.verb is Verb.WAIVE else "signed_by"
    text = words(kind, who=entry.speaker, sha=code(entry.head_sha[:7]))
    if standing.state is State.STALE:
        if not area.changed_by:
            return words("stale_otherwise", signed=text, change="", compared="")
        pull, compared = review.facts.pull, ""
        base, found, _ = pull.url.partition("/pull/")
        if found and base.startswith("https://"):
            # With two dots GitHub also compares with a commit that a force-push replaced.
            address = f"{base}/compare/{entry.head_sha}..{pull.head_sha}"
            compared = words("compared", link=link(words("what_changed"), address))
        change = code(area.changed_by[:7])
        return words("stale_by", signed=text, change=change, compared=compared)
    open_musts = ", ".join(entry.open_musts)
    musts = words("accepted_open", items=code(open_musts)) if open_musts else ""
    note = entry.note if entry.verb is Verb.SIGN_OFF else ""  # a waiver's reason is at the top
    return dotted(text, musts, note and code(note))


def _undone(undo: Entry, review: Review, words: Words) -> str:
    """Who undid the sign-off or waiver; nobody is known if a dismissal's delivery was lost."""
    before = [
        entry
        for entry in review.ledger
        if entry.subject == undo.subject
        and entry.verb in (Verb.SIGN_OFF, Verb.WAIVE)
        and when(entry) <= when(undo)
    ]
    waived = bool(before) and max(before, key=when).verb is Verb.WAIVE
    key = "waiver_undone_by" if waived else "undone_by"
    return words(key if undo.speaker else "undone_by_nobody", who=undo.speaker)


def waivers(review: Review, words: Words) -> str:
    """Who waived which areas and why, each waiver in force once."""
    waived: dict[str, tuple[Entry, list[str]]] = {}
    for area in review.areas:
        entry = area.standing.signed
        if entry and area.waived:
            titles = waived.setdefault(entry.message_id, (entry, []))[1]
            titles.append(area_title(area, words))
    return "\n".join(
        words(
            "waiver",
            who=entry.speaker,
            sha=code(entry.head_sha[:7]),
            reason=code(entry.note, MOST_REASON),
            areas=words.joined(titles),
        )
        for entry, titles in waived.values()
    )


def holds(review: Review, words: Words) -> str:
    """Each hold: whose, on what and why. An area that is no longer flagged is named by its id."""
    titles = {area.id: area_title(area, words) for area in review.areas}
    titles[""] = words("whole_pull")
    return "\n".join(
        words(
            "hold_overridden" if review.state is PullState.WAIVED else "hold",
            who=hold.speaker,
            on=titles.get(hold.subject, code(hold.subject)),
            reason=code(hold.note, MOST_REASON),
        )
        for hold in review.holds
    )


def frozen(review: Review, words: Words) -> str:
    """What the release freeze in force means for the pull; "" if none is."""
    if review.freeze is None:
        return ""
    held = words.joined(area_title(area, words) for area in review.frozen)
    return words(
        "freeze_hold" if held else "freeze_note",
        freeze=freeze(review.freeze, words, plain),
        areas=held,
    )


def freeze(one: Freeze, words: Words, shown: Callable[[str], str]) -> str:
    """A freeze in short: its name and its last day. shown: how a name is made harmless."""
    key = "freeze_named" if one.name else "freeze_unnamed"
    return words(key, name=shown(one.name), day=day(one.last, words))


def next_step(review: Review, words: Words, *, ticking: bool) -> str:
    """Who has to act next, and how. ticking: whether the boxes of the questions are below this."""
    pull, policy, state = review.facts.pull, review.facts.policy, review.state
    who = signers(review.waiting, review, words)
    asked, musts = "", [item for area in review.waiting for item in area.open_musts]
    if musts:
        known = (item for area in review.waiting for item in area.items)
        count = sum(item.severity == "must" for item in known)
        number = "only" if count == 1 else "one" if len(musts) == 1 else "many"
        asked = words(
            "next_author" if ticking else "next_author_check",
            author=login(pull.author),
            who=who,
            musts=words(f"musts_{number}", open=len(musts), count=count),
            items=_named(musts, words),
        )
    if state is PullState.UNREADABLE:
        broken = next((problem.path for problem in policy.problems), POLICY_PATH)
        step = words("next_policy", path=code(broken))
    elif not pull.is_open:
        step = words("next_merged" if pull.is_merged else "next_closed")
    elif state is PullState.ON_HOLD:
        holders = dict.fromkeys(words("person", who=hold.speaker) for hold in review.holds)
        step = words.sentences(words("next_hold", who=words.joined(holders)), asked)
    elif not review.waiting:
        settled = {PullState.WAIVED: "next_waived", PullState.FROZEN: "next_frozen"}
        step = words(settled.get(state, "next_nobody"))
    else:
        step = asked or words("next_reviewers", who=who, ways=_ways(review, words))
    lines = [step]
    waits = review.waiting or state is PullState.ON_HOLD
    if waits and pull.is_open and (begins := common_day(review)):
        lines.append(words("begins_note", day=day(begins, words)))
    elif waits and pull.is_open and review.mode != "enforce":
        lines.append(words("advise_note"))
    if ticking and pull.is_draft and pull.is_open:  # the check run is the same once it is ready
        lines.append(words("draft_note", author=pull.author))
    return words("next", words="\n".join(lines))


def common_day(review: Review) -> str:
    """The day from which everything that waits blocks the merge; "" if there is no such one."""
    shown = {area.id for area in review.areas}
    days = {area.enforce_from for area in review.areas if not area.settled or area.holds}
    days |= {review.enforce_from for hold in review.holds if hold.subject not in shown}
    return days.pop() if len(days) == 1 else ""


def day(iso: str, words: Words) -> str:
    """A day in words. iso: "2027-01-15"."""
    year, month, number = iso.split("-")
    name = words("months").split()[int(month) - 1]
    return words("day", year=year, month=name, number=int(number))


def _ways(review: Review, words: Words) -> str:
    """How to sign off: the channels that the policy accepts, and that GitHub shows now."""
    policy, channels = review.facts.policy, review.facts.policy.sign_off_by
    if not review.conclusion:
        channels -= {"button"}  # GitHub shows none while a check run is in progress
    label, button = code(policy.labels["signed_off"]), words("button_signoff")
    ways = [
        words(f"way_{channel}", label=label, button=button)
        for channel in ("command", "label", "review", "button")
        if channel in channels
    ]
    if len(ways) < 2:
        return ways[0] if ways else words("ways_none")
    *first, beside, last = ways
    return words("ways_or", first=words.joined((*first, beside)), second=last)


def signers(areas: Iterable[AreaReview], review: Review, words: Words) -> str:
    """Who may sign off these areas: each set of reviewers once, with its areas if sets differ."""
    groups: dict[Reviewers, list[str]] = {}
    for area in areas:
        groups.setdefault(area.reviewers, []).append(area_title(area, words))
    if len(groups) < 2:
        return people(next(iter(groups), review.facts.policy.reviewers), words)
    return words.joined(
        words("who_area", who=people(reviewers, words).rstrip(), area=words.joined(titles))
        for reviewers, titles in groups.items()
    )


def people(reviewers: Reviewers, words: Words) -> str:
    """Reviewers in words."""
    if not reviewers:
        return words("who_maintain")
    teams = words.joined(map(code, reviewers.teams))
    users = [words("person", who=visible(user, 40)) for user in reviewers.users]
    return words.joined([words("who_teams", teams=teams), *users] if teams else users)
