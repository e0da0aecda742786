"""Facts + ledger -> Decision: where the review stands, and what the pull request should carry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from ghapp.core.ledger import Entry, Verb
from ghapp.core.marks import AGAIN, AddLabels, CheckRun, Marks, Reaction, Reply
from ghapp.core.model import WRITTEN, Channel, same_login
from ghapp.core.records import (
    AreaDiff,
    Consultation,
    FollowUp,
    History,
    ProjectArea,
    ProjectPull,
    Verdict,
)
from ghapp.core.releases import midnight, turns_at
from ghapp.core.review.commands import COMMANDS
from ghapp.core.review.comment_text import boxes
from ghapp.core.review.facts import Facts
from ghapp.core.review.follow_ups import Reminder, follow_ups, has_open, reminders
from ghapp.core.review.project_issue import areas, consultation
from ghapp.core.review.projects import expires_at
from ghapp.core.review.review import (
    RANK,
    SETTLES,
    Base,
    PullState,
    Review,
    review_of,
    worst,
)
from ghapp.core.scan.checklist import Checklist
from ghapp.core.text import projects, render
from ghapp.core.text.follow_ups import issue, reminder
from ghapp.core.text.overview import project_areas

TICKING = timedelta(seconds=5)
# Two days before GitHub calls a run stale that is in progress.
# Source: https://docs.github.com/rest/guides/using-the-rest-api-to-interact-with-checks
RENEWED_AFTER = timedelta(days=12)
# A sweep goes by the database's clock, and a decision by GitHub's. A run that begins when only the
# first of the two shows a new day must not be the last one.
CLOCKS_DIFFER = timedelta(minutes=5)
# By channel, what carries the reaction that acknowledges a message.
REACTED: Mapping[Channel, str] = {
    Channel.COMMENT: "comment",
    Channel.REVIEW: "review",
    Channel.APPROVAL: "review",
    Channel.REVIEW_COMMENT: "review_comment",
}
REACTIONS = ("confused", "+1", "eyes")  # worst first
LABELS: Mapping[PullState, str] = {  # each other state has the label `waiting`
    PullState.ON_HOLD: "hold",
    PullState.FROZEN: "hold",
    PullState.SIGNED_OFF: "signed_off",
    PullState.WAIVED: "waived",
}


@dataclass(frozen=True, slots=True)
class Decision:
    """Where the review stands, and what the pull request should carry.

    writes: False if the policy only observes, so that nothing goes to GitHub.
    follow_ups: all of this pull, including those without an issue yet.
    state_since: since when runs have found the pull in its present state.
    pending_since: since when the existing check run has been in progress, if it stays in progress.
    renews: whether that is so long ago that a new run has to replace it.
    settles_in: when to check again, while the base has just changed or boxes are being ticked.
    recheck_at: when to check again even if nothing happens; None for never.
    """

    review: Review
    marks: Marks
    verdict: Verdict
    writes: bool
    state_since: datetime
    follow_ups: tuple[FollowUp, ...] = ()
    pending_since: datetime | None = None
    renews: bool = False
    settles_in: timedelta | None = None
    recheck_at: datetime | None = None

    @property
    def fingerprints(self) -> Mapping[str, str]:
        """Area id -> digest of its diff, for the areas shown."""
        return {area.id: area.fingerprint for area in self.review.areas}

    @property
    def items(self) -> Mapping[str, str]:
        """Item id -> digest of what the item is about, for the areas shown."""
        return {item: mark for area in self.review.areas for item, mark in area.marks.items()}


def decide(
    facts: Facts,
    history: History,
    checklist: Checklist,
    ledger: tuple[Entry, ...],
    siblings: tuple[Verdict, ...],
) -> Decision:
    """What the pull request should carry, given its facts and what people said.

    ledger: oldest first. siblings: what other pulls ask of the same head.
    """
    pull, policy, observed = facts.pull, facts.policy, facts.observed
    review = review_of(facts, history, checklist, ledger)
    is_as_before = review.state.value == history.state
    state_since = (history.state_since if is_as_before else None) or facts.now
    current = follow_ups(review)
    # Follow-ups that exist already are shown with the day to which they are extended now: there
    # may be no later run that shows it.
    existing_items = {one.item for one in review.follow_ups}
    review = replace(review, follow_ups=tuple(one for one in current if one.item in existing_items))
    verdict = Verdict(
        pull.key.number,
        pull.head_sha,
        review.conclusion,
        render.title(review),
        pull.is_open,
        waiting=tuple(AreaDiff(area.id, area.fingerprint) for area in review.waiting),
        signed=tuple(AreaDiff(one.id, one.fingerprint) for one in review.areas if one.settled),
        holds=tuple(one.id for one in review.holds if review.state is PullState.ON_HOLD),
        base_ref=pull.base_ref,
        unguarded=review.is_withheld and review.base is Base.UNGUARDED,
    )
    issues = {issue(one, review) for one in current}
    reminded, reminds_at = reminders(current, review.facts)
    requests, recheck_at = _requests(review, state_since)
    items_with_issue = {one.item for one in issues}
    marks = Marks(
        check_run=_check_run(review, verdict, siblings),
        comment=_comment(review),
        labels=(_labels(review) - facts.late_labels) | (observed.labels & facts.late_labels),
        reactions=_reactions(ledger) | observed.reactions,
        replies=_replies(review, reminded),
        requests=requests | observed.requests,
        # Other existing issues stay.
        issues=frozenset(
            issues | {one for one in observed.issues if one.item not in items_with_issue}
        ),
    )
    if not pull.is_open:
        marks = _closed(review, marks, siblings, history)
    run, existing = marks.check_run, observed.check_run
    same_head = run and existing and run.head_sha == existing.head_sha
    done = (run and run.conclusion) or (existing and existing.conclusion)
    stays_pending = pull.is_open and same_head and not done
    # By GitHub's clock if the run was read back, else by our record.
    since = (facts.found_at or history.pending_since) if stays_pending else None
    renews = since is not None and facts.now - since >= RENEWED_AFTER
    settles_in = SETTLES if review.base_since else None
    again_at = _asked_again_at(review) if pull.is_open else None
    turns = [*(_turns(review) if pull.is_open else ()), *(at + CLOCKS_DIFFER for at in reminds_at)]
    if pull.is_open and _is_being_ticked(marks, facts, ledger):
        marks = replace(marks, comment=observed.comment)
        settles_in = TICKING
    return Decision(
        *(review, marks, verdict, policy.writes, state_since),
        follow_ups=current,
        pending_since=since,
        renews=renews,
        settles_in=settles_in,
        recheck_at=min((at for at in (recheck_at, again_at, *turns) if at), default=None),
    )


def _turns(review: Review) -> tuple[datetime, ...]:
    """When a day begins on which the review would be another one: just after that."""
    policy, now = review.facts.policy, review.facts.now
    zone = policy.working_time.zone
    found = [policy.begins_at]
    if review.areas:
        found.append(turns_at(policy.release.freezes, now, zone))
    if review.areas and review.release:  # then another release is the next one
        found.append(midnight(date.fromisoformat(review.release.on) + timedelta(days=1), zone))
    return tuple(at + CLOCKS_DIFFER for at in found if at)


def _asked_again_at(review: Review) -> datetime | None:
    """When the first answer of the project is asked for again."""
    found = (one for area in review.areas for one in area.inherited.values())
    at = expires_at(found, review.facts)
    return at + CLOCKS_DIFFER if at else None


@dataclass(frozen=True, slots=True)
class ProjectDecision:
    """Where a project stands, and what its issue should carry.

    is_project: whether the issue has the label, or is to have it. is_open, touched: as in Project.
    areas: as in ProjectRun.
    """

    is_project: bool
    is_open: bool
    marks: Marks
    touched: Mapping[str, str]
    consultation: Consultation | None = None
    areas: tuple[ProjectArea, ...] = ()


def decide_project(
    facts: Facts, ledger: tuple[Entry, ...], pulls: tuple[ProjectPull, ...], *, begins: bool
) -> ProjectDecision:
    """What the issue of a project should carry. ledger: oldest first.

    pulls: of the project, as the comment lists them. begins: somebody has just made it a project.
    """
    policy, observed = facts.policy, facts.observed
    label = policy.projects.label
    is_project = begins or label in observed.labels
    is_open = is_project and facts.pull.is_open
    review = Review(PullState.CLEAR, (), facts, Checklist(), ledger)
    board = projects.Board(facts, ledger, areas(policy), pulls)
    marks = Marks(
        comment=projects.comment(board) if is_project else observed.comment,
        labels=observed.labels | ({label} if begins else set()),
        reactions=_reactions(ledger) | observed.reactions,
        replies=_replies(review),
    )
    waits = consultation(facts, ledger) if is_open else None
    shown = tuple(project_areas(board)) if is_project else ()
    return ProjectDecision(is_project, is_open, marks, projects.members(pulls), waits, shown)


def _is_being_ticked(marks: Marks, facts: Facts, ledger: tuple[Entry, ...]) -> bool:
    """Whether somebody may be about to tick the next box: GitHub refuses that if we edit meanwhile.

    Then the boxes are as they should be, and only counts and names of questions are behind.
    """
    before = facts.observed.comment
    ticked = (one.said_at for one in ledger if one.channel is Channel.TICK)
    is_recent = facts.now - max(ticked, default=datetime.min.replace(tzinfo=UTC)) < TICKING
    return is_recent and marks.comment != before and boxes(marks.comment) == boxes(before)


def _check_run(review: Review, verdict: Verdict, siblings: tuple[Verdict, ...]) -> CheckRun:
    """The one check run of the head: the worst conclusion of this pull and the siblings that count.

    All open siblings count. What passes only into a branch that nobody guards does not, if an open
    pull is to be merged elsewhere: else anybody could block that one. A closed one counts if its
    conclusion is worse: else closing a pull and opening another one on the same head would turn the
    head green. It does not count once the diffs that it waits for are signed off on an open pull.
    """
    signed = set(verdict.signed).union(*(one.signed for one in siblings if one.is_open))
    own_rank = RANK.index(verdict.conclusion)
    is_guarded = any(one.is_open and not one.unguarded for one in (verdict, *siblings))
    counting = []
    for one in siblings:
        settled = one.waiting and not one.holds and signed >= {*one.waiting}
        if one.unguarded and (is_guarded or not one.is_open):
            continue
        if one.is_open or (RANK.index(one.conclusion) < own_rank and not settled):
            counting.append(one)
    own = () if verdict.unguarded and is_guarded else (verdict.conclusion,)
    shown = worst((*own, *(one.conclusion for one in counting)))
    reruns = sum(entry.channel is Channel.RERUN for entry in review.ledger)
    return render.check_run(review, verdict, shown, tuple(counting), siblings, reruns)


def _comment(review: Review) -> str:
    """The one comment: if the policy wants it, or once somebody has written a command."""
    policy, existing = review.facts.policy, review.facts.observed.comment
    if review.state is PullState.CLEAR:
        return render.collapsed(policy.language) if existing else ""
    written = any(one.channel in WRITTEN and not one.issue for one in review.ledger)
    wanted = {"flagged": True, "features": review.checklist.feature, "never": False}
    return render.comment(review) if wanted[policy.comment] or written or existing else ""


def _labels(review: Review) -> frozenset[str]:
    """Exactly one state label on a pull that is ready and not clear, else none."""
    labels = review.facts.policy.labels
    if review.facts.pull.is_draft or not (review.areas or review.state is PullState.ON_HOLD):
        return frozenset()
    found = {labels[LABELS.get(review.state, "waiting")]}
    if review.state is PullState.SIGNED_OFF and has_open(review):
        found.add(labels["follow_ups"])
    return frozenset(found)


def _reactions(ledger: tuple[Entry, ...]) -> frozenset[Reaction]:
    """How each comment and review with commands is acknowledged: the worst of its outcomes."""
    reactions = {spec.verb: spec.reaction for spec in COMMANDS.values()}
    reactions[Verb.REFUSED] = "confused"
    found: dict[tuple[str, int], list[Entry]] = {}
    for entry in ledger:
        if entry.comment_id and entry.channel in REACTED:
            found.setdefault((REACTED[entry.channel], entry.comment_id), []).append(entry)
    acknowledged = set()
    for (on, comment_id), entries in found.items():
        given = [reactions.get(entry.verb, "+1") for entry in entries]
        worst_given = min(given, key=REACTIONS.index)
        acknowledged.add(Reaction(comment_id, worst_given, on, entries[0].node_id))
    return frozenset(acknowledged)


def _replies(review: Review, reminded: tuple[Reminder, ...] = ()) -> frozenset[Reply]:
    """One reply to each person of each kind: an answer, or a refusal that no comment shows.

    It answers the last message that asks for it, and stays as it is until the next one. A reminder
    is written once.
    """
    existing = {one.topic: one for one in review.facts.observed.replies}
    asked = {_topic(entry): entry for entry in review.ledger if entry.replied}
    wanted = set[Reply]()
    for topic, entry in asked.items():
        known = existing.pop(topic, None)
        if known is None or known.message_id != entry.message_id:
            comment_id = known.comment_id if known else 0
            text = render.reply(review, entry)
            known = Reply(topic, entry.message_id, text, comment_id, entry.issue)
        wanted.add(known)
    new = [reminder(one, review) for one in reminded]
    wanted |= {one for one in new if one.topic not in existing}
    return frozenset({*wanted, *existing.values()})


def _topic(entry: Entry) -> str:
    where = f":{entry.issue}" if entry.issue else ""
    return f"{entry.verb.value}:{entry.speaker.lower()}{where}"


def _requests(review: Review, since: datetime) -> tuple[frozenset[str], datetime | None]:
    """Whom GitHub is to ask for a review, if the policy wants that: whoever can act next.

    since: when the pull began to wait for them. Also when to ask them once more.
    """
    pull, policy = review.facts.pull, review.facts.policy
    waits = review.state is PullState.WAITING_REVIEWERS
    if not (policy.request_review and waits and pull.is_open and not pull.is_draft):
        return frozenset(), None
    remind_at = None
    if policy.remind_after:
        working = policy.working_time
        remind_at = working.after(since, working.amount(policy.remind_after))
    reminds = remind_at is not None and remind_at <= review.facts.now
    found = set[str]()
    for area in review.waiting:
        people = {f"team:{team.rpartition('/')[2]}" for team in area.reviewers.teams}
        others = (user for user in area.reviewers.users if not same_login(user, pull.author))
        people |= {f"user:{user}" for user in others if not user.endswith("[bot]")}
        found |= {f"{one}:{area.fingerprint[:12]}" for one in people}
        if reminds:
            found |= {f"{one}:{AGAIN}{since.timestamp():.0f}" for one in people}
    return frozenset(found), None if reminds else remind_at


def _closed(review: Review, marks: Marks, siblings: tuple[Verdict, ...], history: History) -> Marks:
    """The marks of a closed pull: existing marks are kept up to date, and no new ones are made.

    The one exception is a label whose write had failed: the label before it may be gone already.

    No run stays in progress. It becomes `cancelled`, not `neutral`, which would satisfy a required
    check after the pull is reopened. If an open pull shares the head, the run is left to that pull.
    """
    observed = review.facts.observed
    run = marks.check_run if observed.check_run else None
    if any(one.is_open for one in siblings):
        run = observed.check_run
    elif run and run.conclusion in ("", "action_required"):
        run = render.closed_run(review)
    labelled = observed.labels or AddLabels.__name__ in history.unresolved
    return replace(
        marks,
        check_run=run,
        comment=marks.comment if observed.comment else "",
        labels=marks.labels if labelled else frozenset(),
    )
