"""The nouns that stay: the ledger and what else is recorded of a pull between two runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from ghapp.core.areas import Text
from ghapp.core.ledger import Entry, Verb
from ghapp.core.marks import Effect, Marks, Written
from ghapp.core.model import Account, Compared, Key, Message, ProjectKey, Push
from ghapp.core.releases import Freeze, Release


@dataclass(frozen=True, slots=True)
class Full:
    """Ids of installations and repositories that already have their share of a worker's runs.

    Further keys of theirs are not claimed.
    """

    installations: tuple[int, ...] = ()
    repositories: tuple[int, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.installations or self.repositories)


NOBODY = Full()


@dataclass(frozen=True, slots=True)
class Judgement:
    """The result of judging a run's messages.

    entries: new ones, in the order of speaking. judged: ids of the messages that are settled,
    including those that led to no entry.
    """

    entries: tuple[Entry, ...] = ()
    judged: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Shown:
    """What a check run that GitHub accepted showed, from `accepted_at` on.

    fingerprints: area id -> digest of the area's own diff at that head.
    items: item id -> digest of that part of it which the item is about.
    """

    head_sha: str
    accepted_at: datetime
    fingerprints: Mapping[str, str] = field(default_factory=dict)
    items: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A question that was deferred, from when its review was signed off or its pull merged.

    number: of the pull. due: a day, "2026-12-31". issue: its number; 0 if GitHub has none,
    since issues are switched off there. assigned: whether GitHub took the owner as assignee.
    extended: whether the one extension is used up. asked_by, asked_at: who deferred it at first,
    and when; "" and None if that is not known.
    done: id of the ledger's entry by which ghapp closed the issue last; "" if it never did.
    counts_on: the next working day, if the team does not work on the day it is due; else "".
    """

    number: int
    item: str
    area: str
    due: str
    owner: str
    reason: str = ""
    issue: int = 0
    assigned: bool = True
    extended: bool = False
    is_open: bool = True
    asked_by: str = ""
    asked_at: datetime | None = None
    done: str = ""
    counts_on: str = ""

    @property
    def last_day(self) -> str:
        """The last day on which it is not overdue."""
        return self.counts_on or self.due


@dataclass(frozen=True, slots=True)
class KnownIssue:
    """An issue as read, as far as it decides whether it is a project.

    parent: as `ProjectKey.reference`; "" if it has none. is_open: also false if it is gone.
    """

    key: ProjectKey
    node_id: str
    title: str
    url: str
    is_open: bool
    labels: frozenset[str] = frozenset()
    parent: str = ""
    updated_at: datetime | None = None

    def has(self, label: str) -> bool:
        """Whether it has the label; GitHub's labels ignore case."""
        return label.casefold() in {one.casefold() for one in self.labels}


@dataclass(frozen=True, slots=True)
class Membership:
    """How a pull came to its project, or what may be meant by one.

    how: command | trailer | parent | milestone. reference: the issue named, as
    `ProjectKey.reference`. by: who named it. standing: joined | hint (only somebody with write
    access can join) | no_project (the issue is not one). project: only if joined.
    through: the issues read on the way, as references. shown: what the comment on the project shows
    of the pull, as a digest.
    """

    how: str
    reference: str
    by: str
    standing: str
    project: ProjectKey | None = None
    through: tuple[str, ...] = ()
    shown: str = ""


@dataclass(frozen=True, slots=True)
class Project:
    """An issue that is a project, as its pulls see it.

    is_open: whether the issue is open and has the label. ledger: of the issue, oldest first.
    touched: area id -> the first of its pulls that touched it, as "acme/shop#5".
    """

    key: ProjectKey
    title: str
    url: str
    is_open: bool
    ledger: tuple[Entry, ...] = ()
    touched: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ProjectPull:
    """A pull of a project. state: as in `review.PullState`. areas: their titles."""

    full_name: str
    number: int
    title: str
    state: str
    is_open: bool
    areas: tuple[tuple[str, Text], ...] = ()

    @property
    def reference(self) -> str:
        return f"{self.full_name}#{self.number}"


@dataclass(frozen=True, slots=True)
class ProjectRun:
    """What a run of a project leaves behind.

    is_open: as in `Project`. touched: as there. areas: as pages show them. unresolved: effects that
    failed, but may have taken effect.
    """

    issue: KnownIssue
    is_open: bool
    marks: Marks
    written: Written
    touched: Mapping[str, str] = field(default_factory=dict)
    consultation: Consultation | None = None
    unresolved: tuple[Effect, ...] = ()
    areas: tuple[ProjectArea, ...] = ()


@dataclass(frozen=True, slots=True)
class Consultation:
    """What a project waits for the reviewers to answer.

    areas: their ids; () for a question about none. asked_at: when the oldest of it was asked.
    question: in the words of who asked last; "" if there are none. reviewers: who may answer, as
    `FlaggedArea.reviewers`.
    """

    full_name: str
    number: int
    title: str
    url: str
    areas: tuple[str, ...]
    who: str
    asked_at: datetime
    question: str = ""
    reviewers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AreaDiff:
    """An area with the fingerprint of its diff."""

    area: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one pull asks of a head SHA; several pulls may share the head.

    conclusion: as in CheckRun. title: the check run's title for this pull alone.
    waiting, signed: its areas by whether they are settled. holds: ids of the entries that keep it
    on hold.
    base_ref: what the pull was to be merged into, since another base means another diff.
    unguarded: it would pass, but its base is not guarded.
    """

    number: int
    head_sha: str
    conclusion: str
    title: str
    is_open: bool
    waiting: tuple[AreaDiff, ...] = ()
    signed: tuple[AreaDiff, ...] = ()
    holds: tuple[str, ...] = ()
    base_ref: str = ""
    unguarded: bool = False


@dataclass(frozen=True, slots=True)
class TrialArea:
    """An area that would have blocked a pull. id: "" for a hold on the whole pull.

    mode: observe | advise. musts: ids of the must questions that were open. hazards: ids of those
    that were found and that nobody accepted.
    """

    id: str
    mode: str
    musts: tuple[str, ...] = ()
    hazards: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Trial:
    """What would have blocked a pull if all its areas were enforced.

    areas: that block it, or did at the end. since: when this began, by the first run that found it.
    until: when it ended; None while it lasts.
    ended: why it did: signed_off | waived | cleared (nothing is flagged, or held, any more) |
    enforced (it blocks in earnest) | merged | closed (without a merge); "" while it lasts.
    seconds: how long it lasted at other times before.
    """

    head_sha: str
    author: str
    title: str
    url: str
    areas: tuple[TrialArea, ...]
    since: datetime
    until: datetime | None = None
    ended: str = ""
    seconds: float = 0.0

    def blocked_seconds(self, now: datetime) -> float:
        """For how long in all it would have been blocked by now."""
        return self.seconds + ((self.until or now) - self.since).total_seconds()


@dataclass(frozen=True, slots=True)
class Tried:
    """The trial of one pull. full_name: of its repository."""

    full_name: str
    number: int
    trial: Trial


@dataclass(frozen=True, slots=True)
class Note:
    """What somebody did, as far as pages name it: an answer that holds, a sign-off or a hold.

    subject: as in Entry. until: only of a deferral.
    """

    verb: Verb
    who: str
    at: datetime
    text: str = ""
    subject: str = ""
    head_sha: str = ""
    until: str = ""


@dataclass(frozen=True, slots=True)
class RunNote:
    """One run of a pull, as pages list it.

    read_at: when its facts were read, by GitHub's clock. state: what it found, as in Run.
    delivery: the newest that it covers, as "EVENT.ACTION ID"; "" if none asked for it.
    waited_seconds: how long the oldest of them had waited for it. calls: requests to GitHub.
    writes: names of the effects that were applied. error: why the review is parked.
    """

    read_at: datetime
    state: str
    head_sha: str
    delivery: str = ""
    waited_seconds: float = 0.0
    seconds: float = 0.0
    calls: int = 0
    writes: tuple[str, ...] = ()
    error: str = ""


MOST_RUNS = 5  # whose notes are kept of each pull


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as a run showed it.

    answer: the one that holds; None if it is open. findings: how many hazards raised it.
    is_inherited: whether the answer is that of the pull's project.
    """

    id: str
    severity: str
    question: Text
    answer: Note | None = None
    findings: int = 0
    is_inherited: bool = False


@dataclass(frozen=True, slots=True)
class ProjectArea:
    """An area of a project as a run showed it. id, title: "" for a question about no area.

    consulted: who asked about it last; None if nobody has. accepted: the reviewers' answer.
    """

    id: str
    title: Text
    consulted: Note | None = None
    accepted: Note | None = None
    items: tuple[Asked, ...] = ()


@dataclass(frozen=True, slots=True)
class OfProject:
    """The project that a pull belongs to, as a run of the pull showed it."""

    key: ProjectKey
    title: str


@dataclass(frozen=True, slots=True)
class Found:
    """A finding as a run showed it. item: the question that it belongs to. line: 0 if it is gone.

    accepted: the reason given on the line; "" if nobody accepted it.
    """

    hazard: str
    severity: str
    item: str
    path: str
    line: int
    message: Text
    accepted: str = ""


@dataclass(frozen=True, slots=True)
class FlaggedArea:
    """An area as a run showed it.

    fingerprint: of its diff. findings: the heaviest.
    state: as in `ledger.State`. signed: what a settled or stale state rests on. why: what flagged
    it. reviewers: who may sign it off, as "team SLUG" and logins; () for maintainers and admins.
    """

    id: str
    title: Text
    mode: str
    state: str
    why: Text
    reviewers: tuple[str, ...] = ()
    signed: Note | None = None
    items: tuple[Asked, ...] = ()
    fingerprint: str = ""
    findings: tuple[Found, ...] = ()

    @property
    def settled(self) -> bool:
        return self.state in ("signed_off", "waived")

    @property
    def open_musts(self) -> tuple[str, ...]:
        return tuple(one.id for one in self.items if one.severity == "must" and not one.answer)


@dataclass(frozen=True, slots=True)
class Hours:
    """When a team works; as in `working_time.WorkingTime`, without the zone."""

    days: tuple[str, ...]
    hours: str
    holidays: str = ""
    days_off: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PolicyFile:
    """A file that the policy in force comes from.

    layer: repository | organisation. sha: of the blob in force, as git names it; "" if none is.
    is_current: whether that is the newest version; the newest is broken, or gone, if not.
    """

    layer: str
    sha: str
    is_current: bool = True


@dataclass(frozen=True, slots=True)
class Overview:
    """What pages show of a pull, as its last run left it.

    holds: those in force, oldest first. hours: by the policy in force. policy: its files, topmost
    first; () if only what is built in applies. waivers: as `FlaggedArea.reviewers`. labels: as in
    Policy.
    at: when the pull was read; None if an earlier version read it. head_sha: as it was then.
    release: the next one that the pull may be in. freeze: the release freeze in force.
    project: None if it belongs to none.
    """

    title: str
    author: str
    is_draft: bool
    hours: Hours
    areas: tuple[FlaggedArea, ...] = ()
    holds: tuple[Note, ...] = ()
    policy: tuple[PolicyFile, ...] = ()
    waivers: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    at: datetime | None = None
    head_sha: str = ""
    is_merged: bool = False
    release: Release | None = None
    freeze: Freeze | None = None
    project: OfProject | None = None

    @property
    def release_on(self) -> str:
        """The day of the release, as it is sorted; "" if there is none."""
        return self.release.on if self.release and self.areas else ""

    @property
    def urgency(self) -> str:
        """What is smaller comes first in lists: in a freeze, then by the day of the release."""
        return "0" if self.freeze else self.release_on or "9"

    @property
    def waiting(self) -> tuple[FlaggedArea, ...]:
        return tuple(one for one in self.areas if not one.settled)

    @property
    def tags(self) -> tuple[str, ...]:
        """What a list can be narrowed to: "release:DAY", and "area:ID" and "team:SLUG" of what is
        not settled.
        """
        found = {f"area:{area.id}" for area in self.waiting}
        for area in self.waiting:
            found |= {f"team:{one[5:]}" for one in area.reviewers if one.startswith("team ")}
        found |= {f"release:{self.release_on}"} if self.release_on else set()
        return tuple(sorted(found))


@dataclass(frozen=True, slots=True)
class PackFile:
    """A file of the repository that `packs` of its policy names, or the references beside one.

    sha: of its blob. size: in bytes. kind: file | symlink | crowded (a folder with more entries
    than GitHub lists) | absent (a calendar that is not there).
    text: None if it was not read: it is not a file, is too large, or too many are named.
    """

    path: str
    sha: str = ""
    size: int = 0
    kind: str = "file"
    text: str | None = None


@dataclass(frozen=True, slots=True)
class PolicySource:
    """The policy as last read from the default branch.

    text: None if the repository has no such file. etag: to ask whether it changed.
    good: the last text without problems, which applies while `text` is broken; None if none was.
    packs: the files that `text` names under `packs`, in path order. good_packs: those of `good`.
    organisation: the layer below, read in the same way from the organisation's `.github`
    repository; None if none was read. There, a `good` without a `text` is a file that vanished.
    calendar: the file of that repository that `text` names as its calendar.
    """

    text: str | None = None
    etag: str = ""
    read_at: datetime | None = None
    good: str | None = None
    packs: tuple[PackFile, ...] = ()
    good_packs: tuple[PackFile, ...] = ()
    organisation: PolicySource | None = None
    calendar: PackFile | None = None

    @property
    def is_broken(self) -> bool:
        """Whether there is a file, and not it but its last good version is in force, or none."""
        is_good = (self.text, self.packs) == (self.good, self.good_packs)
        return self.text is not None and not is_good


@dataclass(frozen=True, slots=True)
class History:
    """All that is recorded about a pull when a run begins, and the hints of its deliveries.

    marks: as last recorded; None if no run has ended yet.
    unresolved: names (`Effect.name`) of the effects that may or may not have taken effect. If there
    are any, our marks are read back. unresolved_seconds: how long ago the last was intended.
    intended: what the check runs among these would show, oldest first. Their `accepted_at` is when
    the write was intended, by GitHub's clock.
    fresh_at, opened, touched, changed_files: as in Delivery, joined over the deliveries that no run
    has covered yet; `opened` only as long as the pull surely has no marks.
    delivered: what the newest of these deliveries names as compared.
    seen_at: `updated_at` of the pull as our last run read it; None if none has. compared: what that
    run read.
    policy: None if no layer was ever read. `read_at` of a layer is None if a push may have changed
    it, or if it was never read. organisation_drops: how many pushes may have changed that layer.
    requested: a delivery or a person waits for the run; others give way to it.
    delivery, runs: as in RunNote, and the notes of the last runs, newest first.
    state: of the pull after the last run, as in `review.PullState`; "" if there was none.
    state_since: when a run first found it in this state; None if that is not known.
    pending_since: when GitHub accepted the check run that is in progress; None if none is.
    base_since: when a run first read another base than the one before; None if that is long ago, or
    never was.
    late_since: as in Facts, by the last run. trial, membership: what the last run recorded.
    commits: by head SHA, as GitHub listed them when somebody settled an area of that head, oldest
    first; () if it does not list them. pushers: by commit, who pushed it to any branch.
    """

    marks: Marks | None = None
    written: Written = Written()
    unresolved: frozenset[str] = frozenset()
    unresolved_seconds: float = 0.0
    intended: tuple[Shown, ...] = ()
    fresh_at: datetime | None = None
    delivered: Compared | None = None
    seen_at: datetime | None = None
    compared: Compared | None = None
    opened: bool = False
    touched: bool = False
    changed_files: int = 0
    messages: tuple[Message, ...] = ()  # not yet judged, oldest first
    judged: frozenset[str] = frozenset()  # ids of messages judged before
    ledger: tuple[Entry, ...] = ()  # oldest first
    shown: tuple[Shown, ...] = ()  # oldest first
    pushes: tuple[Push, ...] = ()  # oldest first
    commits: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    pushers: Mapping[str, frozenset[Account]] = field(default_factory=dict)
    waited: int = 0  # how often in a row the key was deferred because facts lagged behind
    policy: PolicySource | None = None
    organisation_drops: int = 0
    requested: bool = True
    delivery: str = ""
    runs: tuple[RunNote, ...] = ()
    state: str = ""
    state_since: datetime | None = None
    pending_since: datetime | None = None
    base_since: datetime | None = None
    late_since: datetime | None = None
    trial: Trial | None = None
    membership: Membership | None = None
    follow_ups: tuple[FollowUp, ...] = ()  # of this pull, by item
    debts: tuple[FollowUp, ...] = ()  # open ones of others in the repository, soonest due first

    def knowing(self, earlier: tuple[Shown, ...]) -> History:
        """The same history, with what was shown earlier and not recorded."""
        shown = sorted((*self.shown, *earlier), key=lambda one: one.accepted_at)
        return replace(self, shown=tuple(shown)) if earlier else self


@dataclass(frozen=True, slots=True)
class Previewed:
    """What is recorded about a check run `NFR policy` when a run begins.

    basis: what it was last written for; "" if it never was. content: the two policies of `replay`.
    replay: as JSON; "" if none is kept.
    unresolved: whether a check run may have been written without a record. touched: whether a fresh
    one was requested. waited: how often in a row the key was deferred.
    """

    basis: str = ""
    content: str = ""
    replay: str = ""
    unresolved: bool = False
    touched: bool = False
    waited: int = 0


@dataclass(frozen=True, slots=True)
class Claim:
    """A key held by this worker: the lease `token` fences its writes to the store.

    touched: as in Delivery, joined over the deliveries that this run covers.
    arrived_at: when the oldest of these deliveries arrived; None if there is none.
    claimed_at: by the same clock, the database's. delivery: the id of the newest; "" if none.
    """

    key: Key
    token: str
    generation: int
    attempts: int
    touched: bool = False
    arrived_at: datetime | None = None
    claimed_at: datetime | None = None
    delivery: str = ""

    @property
    def waited_seconds(self) -> float | None:
        """How long the oldest delivery has waited for the run to begin; None if there is none."""
        if self.arrived_at is None or self.claimed_at is None:
            return None
        return max((self.claimed_at - self.arrived_at).total_seconds(), 0.0)


@dataclass(frozen=True, slots=True)
class Run:
    """What one pass of `reconcile` leaves behind.

    shown: None if no check run was written, or if it shows the same as the last one.
    shown_before: how often something else is recorded as shown on the head.
    state: of the pull, as in `review.PullState`.
    unresolved: effects that failed, but may have taken effect.
    seen_at: `updated_at` of the pull as it was read; None if it was not read.
    follow_ups: all of this pull.
    state_since, pending_since, base_since, late_since: as in History.
    recheck_at: when to check again even if nothing happens; None for never.
    trial: what is only observed or advised, as if it were enforced; None if there never was any.
    overview, membership: None if the pull was not read. membership: also if it names no project.
    runs: notes of this run and the last, newest first. milestone: its number; 0 if the pull is in
    none, or was not read.
    """

    marks: Marks
    written: Written
    verdict: Verdict
    state: str
    shown: Shown | None = None
    shown_before: int = 0
    unresolved: tuple[Effect, ...] = ()
    seen_at: datetime | None = None
    follow_ups: tuple[FollowUp, ...] = ()
    state_since: datetime | None = None
    recheck_at: datetime | None = None
    trial: Trial | None = None
    pending_since: datetime | None = None
    base_since: datetime | None = None
    late_since: datetime | None = None
    overview: Overview | None = None
    runs: tuple[RunNote, ...] = ()
    membership: Membership | None = None
    milestone: int = 0
