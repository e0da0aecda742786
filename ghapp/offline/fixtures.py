"""`ghapp test`: fixtures of a policy -> what the App's own core decides, against what they expect.

A fixture describes pull requests and what people do on them. Nothing of the core is replaced.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import ValidationError

from ghapp import builtin_packs
from ghapp.core.areas import Reviewers
from ghapp.core.decide import Decision, decide
from ghapp.core.i18n import Words
from ghapp.core.markdown import seen
from ghapp.core.model import (
    Channel,
    File,
    Message,
    Problem,
    Pull,
    PullKey,
    Push,
    Repository,
    Rights,
    Via,
)
from ghapp.core.policy import yaml
from ghapp.core.policy.pack_files import ENDINGS
from ghapp.core.policy.policy import POLICY_PATH, Policy, Rules, effective
from ghapp.core.policy.problems import meant, mistakes
from ghapp.core.records import History, PolicySource, Shown
from ghapp.core.review.facts import Facts
from ghapp.core.review.judge import judge
from ghapp.core.review.permissions import full_team
from ghapp.core.review.pushes import counting, only_by
from ghapp.core.review.special_areas import WITHOUT_PACK
from ghapp.core.scan.checklist import Checklist, checklist
from ghapp.core.scan.hazards import findings
from ghapp.core.scan.pull_conditions import in_force
from ghapp.core.scan.samples import is_diff, written
from ghapp.core.scan.scan import scan
from ghapp.errors import BadPack, BadRange
from ghapp.offline import pack_test, packs
from ghapp.offline.check import read_policy
from ghapp.offline.fixture_schema import (
    CasePart,
    ExpectPart,
    FilePart,
    FixtureFile,
    StepPart,
    WithPart,
)
from ghapp.terminal import counted, printed, wrong

GOOD, FAILED = 0, 1  # exit statuses
COMMAND = "ghapp test"
OWNER, REPOSITORY = "owner", Repository(0, 1, "owner/repository")
AUTHOR_ID = 1


@dataclass(frozen=True, slots=True)
class Case:
    """One case. at: the line and column of each thing that it expects, by key."""

    file: str
    part: CasePart
    place: yaml.Place
    at: Mapping[str, yaml.Place]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the core decided. refusals: the reasons for which messages were refused."""

    decision: Decision
    checklist: Checklist
    refusals: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as expected."""

    case: Case
    key: str
    expected: str
    got: str
    hint: str = ""

    def __str__(self) -> str:
        case = self.case
        text = f"{case.part.name}: {self.key}: expected {self.expected}; got {self.got}{self.hint}"
        return str(Problem(case.file, *case.at.get(self.key, case.place), text))


def run(files: Sequence[Path], policy: Path | None, organisation: Path | None, format: str) -> int:
    """Prints which cases of fixtures, and which samples of packs, fail.

    files: fixtures, packs and folders of both; by default the fixtures of this repository, else the
    built-in packs. policy: in the place of that of the fixtures' repository. organisation: the
    policy file below that one. format: text | json.
    The result is the exit status: 0 all hold, 1 some fail or a file has problems, 2 wrong use, a
    broken policy, or an output that cannot be written.
    """
    try:
        fixtures, others = split(files or here())
        tested = pack_test.tested(others) if others or not fixtures else None
        cases, problems = read(fixtures)
        rules = builtin_packs.rules("advise")
        policies = Policies(policy, organisation, rules)
        differences = [
            difference
            for case in cases
            for difference in compared(case, played(case.part, *policies.of(case.file)))
        ]
    except (BadPack, BadRange) as error:
        return wrong(f"{COMMAND}: {error}")
    if policies.problems:
        return wrong(*map(str, policies.problems), f"{COMMAND}: fix the policy and test again")
    words = Words("en")
    failed = {id(one.case) for one in differences}
    if format == "json":
        text = as_json(cases, differences, problems, tested)
    else:
        lines = [*map(str, problems), *map(str, differences)]
        counts = [counted(len(cases), "case", words), f"{len(failed)} failed"]
        counts += [counted(len(problems), "problem", words)] if problems else []
        lines += [", ".join(counts)] if fixtures else []
        lines += tested.lines if tested else []
        text = "\n".join(lines)
    bad = bool(differences or problems or (tested and tested.failed))
    return printed(text, COMMAND) or (FAILED if bad else GOOD)


def as_json(
    cases: Sequence[Case],
    differences: Sequence[Difference],
    problems: Sequence[Problem],
    tested: pack_test.Tested | None,
) -> str:
    """For programs; the shape is a promise, and `version` changes with it."""
    found: dict[int, list[Difference]] = {}
    for one in differences:
        found.setdefault(id(one.case), []).append(one)

    def shown(case: Case) -> dict[str, object]:
        failures = [
            {
                "key": one.key,
                "line": case.at.get(one.key, case.place)[0],
                "expected": seen(one.expected),
                "got": seen(one.got),
            }
            for one in found.get(id(case), ())
        ]
        return {
            "path": seen(case.file),
            "line": case.place[0],
            "name": seen(case.part.name),
            "passed": not failures,
            "failures": failures,
        }

    faults = [*problems, *(tested.failures if tested else ())]
    outcome = {
        "version": 1,
        "cases": [shown(case) for case in cases],
        "problems": [
            {"path": seen(one.path), "line": one.line, "column": one.column, "message": one.text}
            for one in faults
        ],
    }
    return json.dumps(outcome, ensure_ascii=False, indent=2)


# --- files ----------------------------------------------------------------------------------------


def here() -> tuple[Path, ...]:
    """The folder of fixtures here, or in a folder above up to the root of the repository."""
    folder = Path.cwd()
    for up in (folder, *folder.parents):
        if (up / packs.TESTS).is_dir():
            return (Path(*[".."] * (len(folder.parts) - len(up.parts)), packs.TESTS),)
        if (up / ".git").exists():
            break
    return ()


def split(paths: Iterable[Path]) -> tuple[list[Path], list[Path]]:
    """The fixtures among these files and in these folders, and all other files and folders.

    A folder that holds fixtures alone is not among the others.
    """
    fixtures, others = dict[Path, None](), list[Path]()
    for path in paths:
        if not path.is_dir():
            fixtures.update({path: None} if packs.holds_cases(path) else {})
            others += [] if path in fixtures else [path]
            continue
        yaml_files = (one for one in sorted(path.rglob("*")) if one.suffix in ENDINGS)
        found = [one for one in yaml_files if one.is_file()]
        held = [one for one in found if packs.holds_cases(one)]
        fixtures.update(dict.fromkeys(held))
        others += [] if held and len(held) == len(found) else [path]
    return list(fixtures), others


def read(files: Iterable[Path]) -> tuple[tuple[Case, ...], tuple[Problem, ...]]:
    """The cases of the files, and all that is wrong with files. Raises BadPack (unreadable)."""
    cases: list[Case] = []
    problems: list[Problem] = []
    for file in files:
        found = parse(packs.content(file), str(file))
        if isinstance(found[0], Case):
            cases += [one for one in found if isinstance(one, Case)]
        else:
            problems += [one for one in found if isinstance(one, Problem)]
    return tuple(cases), tuple(problems)


def parse(text: str | bytes, path: str) -> tuple[Case, ...] | tuple[Problem, ...]:
    """The cases of a file, or its problems in the order of their places; at least one of either."""
    tree = yaml.read(text, path)
    if not isinstance(tree, yaml.Tree):
        return tree
    try:
        file = FixtureFile.model_validate(tree.value)
    except ValidationError as error:
        return mistakes(error, FixtureFile, tree, path)
    return tuple(
        Case(
            path,
            part,
            tree.at(("cases", number)),
            {
                key: tree.key_at(("cases", number, "expect", key))
                for key in part.expect.model_fields_set
            },
        )
        for number, part in enumerate(file.cases)
    )


class Policies:
    """The policy of each fixture, read once. problems: of those that are broken.

    file: in the place of all of them. organisation: the file of the layer below.
    """

    def __init__(self, file: Path | None, organisation: Path | None, rules: Rules) -> None:
        self._file, self._organisation, self._rules = file, organisation, rules
        self._known: dict[Path | None, tuple[Policy, PolicySource]] = {}
        self.problems: tuple[Problem, ...] = ()

    def of(self, fixture: str) -> tuple[Policy, PolicySource]:
        """That of the repository in which the fixture lies, else the built-in areas.

        Raises BadRange and BadPack (it cannot be read).
        """
        file = self._file
        if file is None:
            beside = packs.root_of(Path(fixture), otherwise=Path.cwd()) / POLICY_PATH
            file = beside if beside.is_file() else None
        if file not in self._known:
            layer = self._organisation
            below = packs.layer(layer, self._rules) if layer else None
            source = PolicySource(organisation=below)
            if file:
                found = read_policy(
                    "", "", "", str(file), self._rules, str(layer) if layer else None
                )
                self.problems += found.problems
                source = found.source
            self._known[file] = effective(source, self._rules), source
        return self._known[file]


# --- running --------------------------------------------------------------------------------------


def played(case: CasePart, policy: Policy, source: PolicySource) -> Outcome:
    """What the core decides after the last step: scan, judge and decide, as a run of the App."""
    at = datetime.fromisoformat(case.date).replace(hour=12, tzinfo=UTC)
    files, contents = _files(case.files)
    pull = Pull(
        PullKey(REPOSITORY, 1),
        *(case.title, case.author, _sha(1), case.branch, case.base, at),
        labels=frozenset(case.labels),
        is_draft=case.draft,
        changed_files=len(files),
        files=files,
        new_folders=frozenset(case.new_folders),
        default_branch="main",
        is_guarded=case.guarded,
        url="https://github.example/owner/repository/pull/1",
        author_id=AUTHOR_ID,
        teams=frozenset(case.author_teams),
        topics=frozenset(case.topics),
        properties=frozenset(f"{name}: {value}" for name, value in case.properties.items()),
    )
    ids = {case.author.casefold(): AUTHOR_ID}
    opened = Push(pull.head_sha, case.author, at, AUTHOR_ID, Via.OPENED, branch=case.branch)
    history = History(pushes=(opened,))
    facts = Facts(at, pull, in_force(policy, pull).on(at), source)
    outcome, history = _decided(facts, history, contents)
    for number, step in enumerate(case.steps, 1):
        at += timedelta(minutes=1)
        account = ids.setdefault(step.by.casefold(), len(ids) + 1)
        messages: tuple[Message, ...] = ()
        if step.pushes is not None:
            files, contents = _files(step.pushes)
            head = _sha(len(history.pushes) + 1)
            push = Push(head, step.by, at, account, before=pull.head_sha, branch=case.branch)
            pull = replace(
                pull, files=files, changed_files=len(files), head_sha=head, updated_at=at
            )
            history = replace(history, pushes=(*history.pushes, push))
        else:
            messages = (_message(step, number, at, account, pull.head_sha),)
        rights = {step.by: _rights(step, policy)}
        facts = Facts(at, pull, in_force(policy, pull).on(at), source, messages, rights)
        outcome, history = _decided(facts, history, contents)
    reasons = (one.refusal.reason for one in history.ledger if one.refusal)
    return replace(outcome, refusals=tuple(reasons))


def _decided(
    facts: Facts, history: History, contents: Mapping[str, str]
) -> tuple[Outcome, History]:
    """The decision, and the history as the run leaves it: its check run has been shown."""
    pull, policy = facts.pull, facts.policy
    scanned = scan(pull, policy, only_by(pull.by, history, pull.head_sha))
    wanted = {one.path: contents.get(one.path) for one in scanned.wanted}
    asked = checklist(scanned, policy, findings(scanned.suspicion, wanted))
    judgement = judge(facts, history, asked)
    ledger = (*history.ledger, *judgement.entries)
    history = replace(history, ledger=ledger, judged=history.judged | {*judgement.judged})
    decision = decide(facts, history, asked, counting(ledger, history, pull, policy), ())
    shown = Shown(pull.head_sha, facts.now, decision.fingerprints, decision.items)
    return Outcome(decision, asked), replace(history, shown=(*history.shown, shown))


def _message(step: StepPart, number: int, at: datetime, account: int, head: str) -> Message:
    if step.says is None:
        id, text = f"review:{number}:approved", "approved"
        return Message(
            id, Channel.APPROVAL, step.by, at, text, number, head_sha=head, speaker_id=account
        )
    id = f"comment:{number}"
    return Message(id, Channel.COMMENT, step.by, at, step.says, number, speaker_id=account)


def _rights(step: StepPart, policy: Policy) -> Rights:
    """What GitHub would answer about the person."""
    people: tuple[Reviewers, ...] = ()
    if step.role == "reviewer":
        people = (policy.reviewers, *(area.reviewers for area in policy.areas))
    elif step.role == "waiver":
        people = (policy.waivers,)
    teams = {team for part in people for team in part.teams} | {*step.teams}
    return Rights(
        write=step.role != "none",
        maintain=step.role not in ("write", "none"),
        teams=frozenset(full_team(team, OWNER) for team in teams),
    )


def _files(given: Mapping[str, str | FilePart]) -> tuple[tuple[File, ...], dict[str, str]]:
    """The files in path order, and the new text of each that has one."""
    files: list[File] = []
    contents: dict[str, str] = {}
    for path, value in sorted(given.items()):
        part = value
        if isinstance(part, str):
            part = FilePart(diff=part) if is_diff(part) else FilePart(content=part)
        file, new_side = written(part.diff or part.content or "", path)
        if part.status == "removed" and not part.diff:
            file, new_side = written("@@\n" + _removed(part.content or ""), path)
        status = part.status or ("modified" if part.diff is not None else "added")
        files.append(File(
            path, status, file.additions, file.deletions, file.patch,
            previous_path=part.previous or "",
        ))  # fmt: skip
        if status != "removed":
            contents[path] = new_side if part.content is None else part.content
    return tuple(files), contents


def _removed(text: str) -> str:
    return "\n".join(f"-{line}" for line in text.removesuffix("\n").split("\n"))


def _sha(number: int) -> str:
    return f"{number:040x}"


# --- comparing ------------------------------------------------------------------------------------


def compared(case: Case, outcome: Outcome) -> Iterator[Difference]:
    """What is not as the case expects, in the order of the keys."""
    expect, asked, decision = case.part.expect, outcome.checklist, outcome.decision
    review = decision.review
    run = decision.marks.check_run
    found = {
        "areas": [area.id for area in review.areas],
        "questions": [f"{item.id} {item.severity}" for one in asked.flagged for item in one.items],
        "findings": [
            f"{finding.hazard} {finding.path}:{finding.line}"
            for one in asked.flagged
            for finding in one.findings
        ],
        "refusals": [*outcome.refusals],
        "labels": sorted(decision.marks.labels),
    }
    areas = review.facts.policy.areas
    known = {
        "areas": {*WITHOUT_PACK, *(area.id for area in areas)},
        "questions": {item.id for area in areas for item in area.items},
        "findings": {hazard.id for area in areas for hazard in area.hazards},
    }
    for key in ExpectPart.model_fields:
        wanted = getattr(expect, key)
        if wanted is None:
            continue
        if key in found:
            yield from _names(case, key, wanted, found[key], known.get(key, ()))
            continue
        got = str(review.state)
        if key == "conclusion":
            got = (run.conclusion if run else "") or "in_progress"
        if wanted != got:
            yield Difference(case, key, wanted, got)


def _names(
    case: Case,
    key: str,
    wanted: tuple[str, ...] | WithPart,
    found: Sequence[str],
    known: Iterable[str],
) -> Iterator[Difference]:
    """known: all names that there may be; () if that is not known."""
    exactly = not isinstance(wanted, WithPart)
    includes = wanted.includes if isinstance(wanted, WithPart) else wanted
    excludes = wanted.excludes if isinstance(wanted, WithPart) else ()
    missing = [one for one in includes if not any(_is(one, name) for name in found)]
    beyond = [name for name in found if exactly and not any(_is(one, name) for one in includes)]
    beyond += [name for name in found if any(_is(one, name) for one in excludes)]
    if not missing and not beyond:
        return
    names = {*known}
    strange = [one for one in missing if names and one.partition(" ")[0] not in names]
    hint = ""
    if strange:
        first = strange[0].partition(" ")[0]
        hint = f"; `{first}` is unknown in this policy{meant(first, names, listed=False)}"
    expected = _listed(includes)
    if not exactly:
        both = (("with", missing), ("without", beyond))
        expected = " and ".join(f"{word} {_listed(some)}" for word, some in both if some)
    yield Difference(case, key, expected, _listed(found), hint)


def _is(wanted: str, name: str) -> bool:
    """Whether a name is the wanted one, with or without its severity or place."""
    return name == wanted or name.startswith(f"{wanted} ")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
