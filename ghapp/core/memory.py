"""The nouns that stay: the ledger and what else is remembered of a pull between two runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from ghapp.core.marks import Effect, Marks, Written
from ghapp.core.model import Door, Key, Push, Utterance


class Verb(StrEnum):
    """What an entry of the ledger did."""

    SIGN_OFF = "sign_off"
    UNDO = "undo"
    CHECK = "check"
    UNCHECK = "uncheck"
    REFRESH = "refresh"
    HELP = "help"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Entry:
    """One judged utterance, or one part of it; the ledger only ever grows.

    id: the utterance's id, with "#N" behind it for its N-th part; unique.
    subject: the area signed off or taken back, or the item answered; "" for the whole pull.
    head_sha, fingerprint: what the speaker saw; "" where it does not matter.
    right: by which right the speaker was heard ("team acme/sre", "user ann", "maintain").
    note: the speaker's own words, or for REFUSED the key of the reason in the texts.
    detail: for REFUSED what the reason names (a misspelt word, an area), for SIGN_OFF the must
    items accepted open.
    replied: answered in a reply of its own, since the pull had nothing flagged and so no comment.
    """

    id: str
    verb: Verb
    speaker: str
    said_at: datetime
    door: Door
    subject: str = ""
    head_sha: str = ""
    fingerprint: str = ""
    right: str = ""
    note: str = ""
    detail: str = ""
    comment_id: int = 0
    replied: bool = False


@dataclass(frozen=True, slots=True)
class Shown:
    """What a check run that GitHub accepted showed, from `accepted_at` on.

    fingerprints: area id -> digest of the area's own diff at that head.
    """

    head_sha: str
    accepted_at: datetime
    fingerprints: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one pull asks of a head SHA; several pulls may share the head.

    conclusion: as in CheckRun. title: the check run's title for this pull alone.
    waiting, signed: its areas with the fingerprints of their diffs, as "area:fingerprint".
    """

    number: int
    head_sha: str
    conclusion: str
    title: str
    is_open: bool
    waiting: tuple[str, ...] = ()
    signed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PackFile:
    """A file of the repository that `packs` of its policy names, or the references beside one.

    sha: of its blob. size: in bytes. kind: file | symlink | crowded (no file but a folder with
    more entries than GitHub lists).
    text: None where it was not read: it is no file, too large, or one of too many.
    """

    path: str
    sha: str = ""
    size: int = 0
    kind: str = "file"
    text: str | None = None


@dataclass(frozen=True, slots=True)
class PolicySource:
    """The policy as last read from the default branch.

    text: None where the repository has no such file. etag: to ask whether it changed.
    good: the last text without problems, with which a broken one is bridged; None where none was.
    packs: what the text names under `packs`, in path order; good_packs: what `good` named then.
    """

    text: str | None = None
    etag: str = ""
    read_at: datetime | None = None
    good: str | None = None
    packs: tuple[PackFile, ...] = ()
    good_packs: tuple[PackFile, ...] = ()


@dataclass(frozen=True, slots=True)
class Past:
    """All that we remember about a pull when a run begins, and the hints of its deliveries.

    marks: as last recorded; None where no run has ended yet.
    unresolved: names of the effects that may or may not have been taken, as "PutComment": where
    there are any, our marks are read back.
    fresh_at, opened, touched, changed_files: as in Delivery, joined over those not yet worked off.
    policy: None where it was never read; its `read_at` is None where a push may have changed it.
    """

    marks: Marks | None = None
    written: Written = Written()
    unresolved: frozenset[str] = frozenset()
    fresh_at: datetime | None = None
    opened: bool = False
    touched: bool = False
    changed_files: int = 0
    utterances: tuple[Utterance, ...] = ()  # not yet judged, oldest first
    heard: frozenset[str] = frozenset()  # ids of label utterances judged before
    ledger: tuple[Entry, ...] = ()  # oldest first
    shown: tuple[Shown, ...] = ()  # oldest first
    pushes: tuple[Push, ...] = ()  # oldest first
    waited: int = 0  # how often in a row the key was put off because facts lagged behind
    policy: PolicySource | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """A key held by this worker: the lease `token` fences its writes to the store."""

    key: Key
    token: str
    generation: int
    attempts: int


@dataclass(frozen=True, slots=True)
class Run:
    """What one pass of `reconcile` leaves behind.

    shown: None where no check run was written. state: of the pull, as in `review.PullState`.
    unresolved: effects that failed, and may have taken effect all the same.
    """

    marks: Marks
    written: Written
    verdict: Verdict
    state: str
    shown: Shown | None = None
    unresolved: tuple[Effect, ...] = ()
