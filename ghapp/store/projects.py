"""Projects: what issues were read, the last run of each project, and which pulls belong to it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    and_,
    bindparam,
    delete,
    literal_column,
    or_,
    select,
    update,
)

from ghapp.core.ledger import Entry
from ghapp.core.marks import Effect, Marks, Written
from ghapp.core.model import ProjectKey, PullKey, Repository
from ghapp.core.records import (
    Claim,
    Consultation,
    History,
    Judgement,
    KnownIssue,
    Overview,
    PolicySource,
    Project,
    ProjectPull,
    ProjectRun,
)
from ghapp.store import history, ledger, policies, runs
from ghapp.store.schema import Now, issues, keys, projects, pull_issues, reviews, upsert
from ghapp.store.schema import ledger as entries
from ghapp.store.sql import Connection, Statement, one_of
from ghapp.store.work_queue.leases import change, finish, holding
from ghapp.store.work_queue.marking import Mark, mark

# A reading may be older than a delivery that came while it was under way, so it does not count for
# longer than that.
ISSUE_SECONDS = 3600.0
MOST_PULLS = 500  # of one project
MOST_CONSULTATIONS = 200

_ISSUE = msgspec.json.Decoder(KnownIssue)
_MARKS, _WRITTEN = msgspec.json.Decoder(Marks), msgspec.json.Decoder(Written)
_ENTRY, _OVERVIEW = msgspec.json.Decoder(Entry), msgspec.json.Decoder(Overview)
_TOUCHED, _CONSULTATION = msgspec.json.Decoder(dict[str, str]), msgspec.json.Decoder(Consultation)

# --- issues that pulls name -----------------------------------------------------------------------

_KNOWN = Statement(
    select(issues.c.issue).where(
        issues.c.reference == bindparam("of"), issues.c.read_at > Now() - ISSUE_SECONDS
    )
)
_keep = upsert(issues).values(read_at=Now())
_KEEP = Statement(
    _keep.on_conflict_do_update(
        index_elements=[issues.c.reference],
        set_={name: _keep.excluded[name] for name in ("issue", "read_at")},
    )
)
_DROP = Statement(delete(issues).where(one_of(issues.c.reference, "references")))
_LED = Statement(
    select(keys)
    .join(pull_issues, pull_issues.c.key == keys.c.key)
    .join(reviews, reviews.c.key == keys.c.key)
    .where(one_of(pull_issues.c.reference, "references"), reviews.c.is_open)
    .order_by(keys.c.key)
    .limit(MOST_PULLS)
)


def known_issue(connection: Connection, reference: str) -> KnownIssue | None:
    """The issue as a run last read it; None if it was not read for an hour, or has changed since.

    reference: as `ProjectKey.reference`.
    """
    found = connection.value(_KNOWN, {"of": reference})
    return _ISSUE.decode(found) if found else None


def changed(connection: Connection, found: Iterable[ProjectKey]) -> tuple[PullKey, ...]:
    """Forget what was read of these issues; the open pulls whose way to a project led there."""
    names = sorted({one.reference for one in found})
    if not names:
        return ()
    connection.change(_DROP, {"references": names})
    rows = connection.rows(_LED, {"references": names})
    return tuple(PullKey(_place(one), one.number) for one in rows)


_IS_OPEN = Statement(select(projects.c.is_open).where(projects.c.key == bindparam("of")))
_LINK = Statement(upsert(pull_issues).on_conflict_do_nothing())
_UNLINK = Statement(delete(pull_issues).where(pull_issues.c.key == bindparam("of")))


def keep_way(
    connection: Connection,
    key: PullKey,
    through: Iterable[str] | None,
    read: Iterable[tuple[str, KnownIssue]],
    label: str,
) -> tuple[ProjectKey, ...]:
    """Record the way of a pull to its project, and the issues that were read on it.

    through: None if it is the recorded one. read: under the references that led there. label: of
    projects. Returns the issues that were read before they became projects: these readings do not
    count, and the pull has to be checked again.
    """
    if through is not None:
        connection.change(_UNLINK, {"of": str(key)})
        rows = [{"reference": one, "key": str(key)} for one in sorted(set(through))]
        connection.change_each(_LINK, rows)
    early, rows = [], []
    for name, issue in sorted(read, key=lambda pair: pair[0]):
        if not issue.has(label) and connection.value(_IS_OPEN, {"of": str(issue.key)}):
            early.append(issue.key)
        else:
            rows.append({"reference": name, "issue": _json(issue)})
    connection.change_each(_KEEP, rows)
    return tuple(early)


# --- the project of a pull ------------------------------------------------------------------------

_ROW = Statement(select(projects).where(projects.c.key == bindparam("of")))
_ENTRIES = Statement(
    select(entries.c.entry).where(entries.c.key == bindparam("of")).order_by(entries.c.row)
)


def project(connection: Connection, issue: KnownIssue, label: str) -> Project:
    """The project that an issue is, with its ledger. label: that of projects."""
    row = connection.row(_ROW, {"of": str(issue.key)})
    origin = row.ledger if row else str(issue.key)
    found = connection.values(_ENTRIES, {"of": origin})
    return Project(
        issue.key,
        issue.title,
        issue.url,
        is_open=issue.is_open and issue.has(label),
        ledger=tuple(map(_ENTRY.decode, found)),
        touched=_TOUCHED.decode(row.touched) if row and row.touched else {},
    )


def is_known(connection: Connection, key: ProjectKey) -> bool:
    """Whether a run has found that the issue is a project."""
    return connection.row(_ROW, {"of": str(key)}) is not None


_PULLS = Statement(
    select(keys.c.installation_id, keys.c.repository_id, keys.c.full_name, reviews.c.number)
    .add_columns(reviews.c.state, reviews.c.is_open, reviews.c.overview)
    .join(keys, keys.c.key == reviews.c.key)
    .where(reviews.c.project == bindparam("of"))
    .order_by(reviews.c.is_open.desc(), reviews.c.number.desc(), keys.c.full_name)
    .limit(MOST_PULLS)
)


def pulls(connection: Connection, key: ProjectKey) -> tuple[tuple[PullKey, ProjectPull], ...]:
    """The pulls of a project as their last runs left them: open ones first, then the newest."""
    found = []
    for row in connection.rows(_PULLS, {"of": str(key)}):
        seen = _OVERVIEW.decode(row.overview) if row.overview else None
        areas = tuple((one.id, one.title) for one in seen.areas) if seen else ()
        title = seen.title if seen else ""
        pull = ProjectPull(row.full_name, row.number, title, row.state, bool(row.is_open), areas)
        found.append((PullKey(_place(row), row.number), pull))
    return tuple(found)


# --- runs of a project ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Recalled:
    """What is recorded of a project. ledger: the key of its ledger, which outlives its address.

    history: as of a pull. is_project: whether a run has found that it is one. is_open: as recorded.
    """

    ledger: str
    history: History
    is_project: bool
    is_open: bool
    node_id: str = ""
    pulls: tuple[tuple[PullKey, ProjectPull], ...] = ()


def recall(connection: Connection, key: ProjectKey) -> Recalled:
    """Everything that is recorded of a project, and of its pulls."""
    found, row = history.recall(connection, key), connection.row(_ROW, {"of": str(key)})
    if row is None:
        return Recalled(str(key), found, is_project=False, is_open=False)
    marks, written = _MARKS.decode(row.marks), _WRITTEN.decode(row.written)
    found = replace(found, marks=marks, written=written)
    if row.ledger != str(key):
        entered = tuple(map(_ENTRY.decode, connection.values(_ENTRIES, {"of": row.ledger})))
        judged = found.judged | {one.message_id for one in entered}
        said = tuple(one for one in found.messages if one.id not in judged)
        found = replace(found, ledger=entered, judged=judged, messages=said)
    is_open, here = bool(row.is_open), pulls(connection, key)
    return Recalled(row.ledger, found, True, is_open, row.node_id, here)


_HOLD = holding(lease_token=keys.c.lease_token)


def admit(
    connection: Connection,
    claim: Claim,
    of: str,
    source: PolicySource | None,
    judgement: Judgement,
    effects: tuple[Effect, ...],
    organisation_drops: int = 0,
) -> None:
    """Record what was judged and which writes follow. of: the key of the ledger. Raises LeaseLost.

    source: the policy as it was read; None if it is the recalled one.
    """
    held = change(connection, claim, _HOLD)
    key = _project(claim)
    ledger.append(connection, of, judgement.entries, key.repository.id)
    ledger.judged(connection, str(key), judgement.judged)
    if source:
        policies.keep(connection, key.repository.id, source, held.policy_drops)
        if below := source.organisation:
            policies.keep_organisation(connection, key.repository.owner, below, organisation_drops)
    runs.intend(connection, claim, effects)


_put = upsert(projects).values(updated_at=Now())
_last = (
    *("key", "installation_id", "repository_id", "full_name", "number", "node_id"),
    *(
        "title",
        "url",
        "is_open",
        "marks",
        "written",
        "touched",
        "consultation",
        "asked_at",
        "areas",
    ),
)
_PUT = Statement(
    _put.on_conflict_do_update(
        index_elements=[projects.c.ledger],
        set_={name: _put.excluded[name] for name in (*_last, "updated_at")},
    )
)


def record(
    connection: Connection,
    claim: Claim,
    of: str,
    run: ProjectRun | None,
    *,
    marks: Iterable[Mark] = (),
    finished: bool = True,
    begins: bool = False,
) -> None:
    """Record a run of a project. of: the key of the ledger. Raises LeaseLost.

    run: None if the issue is not a project and never was. finished: also give the key back.
    begins: it is a project from now on, so that pulls which named it before have one.
    """
    key = _project(claim)
    runs.answered(connection, claim)
    if begins:
        mark(connection, Mark(changed(connection, (key,)), requested=True))
    if run:
        asked = run.consultation
        connection.change(
            _PUT,
            {
                "ledger": of,
                "key": str(key),
                "installation_id": key.repository.installation_id,
                "repository_id": key.repository.id,
                "full_name": key.repository.full_name,
                "number": key.number,
                "node_id": run.issue.node_id,
                "title": run.issue.title,
                "url": run.issue.url,
                "is_open": run.is_open,
                "marks": _json(run.marks),
                "written": _json(run.written),
                "touched": _json(run.touched),
                "consultation": _json(asked) if asked else "",
                "asked_at": asked.asked_at.timestamp() if asked else 0.0,
                "areas": _json(run.areas),
            },
        )
        connection.change(_KEEP, {"reference": key.reference, "issue": _json(run.issue)})
    if run and run.unresolved:
        runs.intend(connection, claim, run.unresolved)
    if finished:
        finish(connection, claim)
    mark(connection, *marks)


_CLOSE = Statement(
    update(projects)
    .where(projects.c.key == bindparam("of"))
    .values(is_open=False, consultation="", asked_at=0.0)
)


def gone(connection: Connection, claim: Claim) -> None:
    """Record that the issue is out of reach, so that its project is closed; mark its pulls.

    Raises LeaseLost.
    """
    key = _project(claim)
    runs.answered(connection, claim)
    connection.change(_CLOSE, {"of": str(key)})
    connection.change(_DROP, {"references": [key.reference]})
    finish(connection, claim)
    mark(connection, Mark([pull for pull, one in pulls(connection, key) if one.is_open]))


_nothing: ColumnElement[str] = literal_column("''")
_MOVE = Statement(
    update(projects)
    .where(
        or_(
            projects.c.key == bindparam("of"),
            and_(projects.c.node_id == bindparam("node"), projects.c.node_id != _nothing),
        )
    )
    .values(
        key=bindparam("to"),
        installation_id=bindparam("installation", type_=BigInteger),
        repository_id=bindparam("repository", type_=BigInteger),
        full_name=bindparam("name"),
        number=bindparam("new_number", type_=BigInteger),
        node_id=bindparam("new_node"),
    )
)


def move(
    connection: Connection, key: ProjectKey, to: ProjectKey, node_id: str, new_node_id: str
) -> bool:
    """Let the project of a transferred issue go with it; False if the issue is not a project.

    Its ledger stays under its first key. node_id, new_node_id: of the issue before and after.
    """
    place = to.repository
    moved = {
        "of": str(key),
        "node": node_id,
        "to": str(to),
        "installation": place.installation_id,
        "repository": place.id,
        "name": place.full_name,
        "new_number": to.number,
        "new_node": new_node_id,
    }
    return connection.change(_MOVE, moved) > 0


# --- for the queue and digests --------------------------------------------------------------------

_all = or_(
    bindparam("every", type_=BigInteger) == 1, one_of(projects.c.repository_id, "repositories")
)
_CONSULTED = Statement(
    select(projects.c.consultation)
    .where(projects.c.asked_at > 0, projects.c.is_open, _all)
    .order_by(projects.c.asked_at, projects.c.key)
    .limit(bindparam("most", type_=BigInteger))
)


def consultations(
    connection: Connection,
    repositories: Iterable[int] | None = None,
    most: int = MOST_CONSULTATIONS,
) -> tuple[Consultation, ...]:
    """What open projects wait for the reviewers to answer; what was asked first comes first.

    repositories: ids of those that may be shown; None for all.
    """
    asked = {
        "every": int(repositories is None),
        "repositories": list(repositories or ()),
        "most": most,
    }
    return tuple(map(_CONSULTATION.decode, connection.values(_CONSULTED, asked)))


def _project(claim: Claim) -> ProjectKey:
    if not isinstance(claim.key, ProjectKey):
        raise TypeError(f"{claim.key} is not an issue")
    return claim.key


def _place(row: Any) -> Repository:
    return Repository(row.installation_id, row.repository_id, row.full_name)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
