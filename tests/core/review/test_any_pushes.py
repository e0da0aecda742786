"""Any pushes, by whomever and however reported: nobody alone turns green what they pushed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from ghapp.core.decide import decide
from ghapp.core.ledger import Entry, Verb, standing
from ghapp.core.model import Account, Channel, Message, Pull, Push, Via
from ghapp.core.policy.policy import Policy
from ghapp.core.records import History, PolicySource, Shown
from ghapp.core.review.facts import Facts
from ghapp.core.review.judge import judge, settled_heads
from ghapp.core.review.pushes import counting, is_unknown
from ghapp.core.review.review import PullState
from ghapp.core.scan.checklist import Checklist
from tests.core import build

ANN, SAM, SUE = range(1, 4)
PEOPLE, REVIEWERS = (ANN, SAM, SUE), (SAM, SUE)
PULL, SIDE, BASES = "feat/points", "side", ("main", "stable")
NOTHING = "0" * 40
RULES: Policy = build.policy(
    build.area("db"), sign_off_by=frozenset({"command", "label", "button", "review"})
)
BY = st.sampled_from(PEOPLE)
REPORTED = st.sampled_from(("now", "now", "twice", "late", "lost"))
CHANNELS = (Channel.COMMENT, Channel.LABEL, Channel.BUTTON, Channel.APPROVAL)
WHAT = (
    "push", "push", "start again", "bring back", "merge", "push elsewhere", "rename",
    "change the base", "deliver late", "sign off", "sign off", "sign off",
)  # fmt: skip
Step = tuple[str, int, int, str]
STEP = st.tuples(st.sampled_from(WHAT), BY, st.integers(0, 3), REPORTED)
FIRST = st.tuples(
    st.sampled_from(("push", "push", "merge", "push elsewhere")), BY, st.integers(0, 3), REPORTED
)


class Pushes:
    """A pull from the branch `feat/points`, beside `side`, into `main` or `stable`.

    Deliveries about it come at once, twice, late and so in another order, or never. Those about
    other branches come: if nobody says who pushed there, GitHub's list of this branch cannot know.
    A commit is by who pushed it first, and by all whose push of it was delivered: nobody sees that
    a head has gone and is back, if neither was reported.
    is_listed: whether GitHub lists who pushed. content: what a commit has in the area.
    """

    def __init__(self, *, is_listed: bool) -> None:
        self.is_listed = is_listed
        self.now = build.at(0)
        self.count = 0
        self.logins = {person: f"user-{person}" for person in PEOPLE}
        self.parents: dict[str, tuple[str, ...]] = {}
        self.content: dict[str, int] = {}
        root = self._commit((), 0)
        self.branches = dict.fromkeys((PULL, SIDE, *BASES), root)
        self.heads = [root]  # that the pull's branch has had
        self.by: dict[tuple[str, int], datetime] = {}  # commit, who pushed it -> since when
        self.listed: list[Push] = []
        self.known: list[tuple[Push, bool]] = []  # delivered; whether to the pull
        self.late: list[tuple[Push, bool]] = []
        self.base = "main"
        self.is_open, self.opened_with = False, ""
        self.shown: tuple[Shown, ...] = ()
        self.ledger: tuple[Entry, ...] = ()
        self.messages: list[Message] = []
        self.commits: dict[str, tuple[str, ...]] = {}  # of heads, as recorded
        self.asked: list[Push] = []  # of GitHub's list, as recorded
        self.state = PullState.CLEAR

    # --- what happens -----------------------------------------------------------------------

    def takes(self, step: Step) -> None:
        """A step as it was drawn: what, by whom, a number of any meaning, how it is reported."""
        what, by, number, reported = step
        tip, main = self.branches[PULL], self.branches["main"]
        match what:
            case "push":
                self._move(PULL, self._commit((tip,), number), by, reported)
            case "start again":
                self._move(PULL, self._commit((main,), number), by, reported)
            case "bring back":
                self._move(PULL, self.heads[-1 - number % len(self.heads)], by, reported)
            case "merge":
                other = SIDE if number % 2 else "main"
                theirs = self.branches[other]
                content = self.content[theirs if other == SIDE else tip]
                self._move(PULL, self._commit((tip, theirs), content), by, reported)
            case "push elsewhere":
                branch = SIDE if number else "main"
                content = number if branch == SIDE else 0
                self._move(branch, self._commit((self.branches[branch],), content), by, "now")
            case "rename":
                self.logins[by] = f"user-{by}-{len(self.known)}"
            case "change the base":
                self.base = BASES[number % len(BASES)]
            case "deliver late" if self.late:
                self._deliver(self.late.pop(number % len(self.late)))
            case "sign off":
                self.run()
                self._sign_off(SAM if number else by, CHANNELS[number % len(CHANNELS)])
        self.run()

    def opens(self, reported: str) -> None:
        push = self._push(PULL, self.branches[PULL], ANN, Via.OPENED, "")
        if reported != "lost":
            self.known.append((push, True))
        self.is_open = True
        self.opened_with = push.head_sha if reported != "lost" else ""

    def _sign_off(self, by: int, channel: Channel) -> None:
        self._pass()
        self.count += 1
        texts = {
            Channel.COMMENT: "/nfr done",
            Channel.LABEL: "+nfr: signed off",
            Channel.BUTTON: "signoff",
            Channel.APPROVAL: "approved",
        }
        named = channel in (Channel.BUTTON, Channel.APPROVAL) and self.shown
        head_sha = self.shown[-1].head_sha if named else ""
        number = f"{channel.value}:{self.count}"
        id = f"{number}:approved" if channel is Channel.APPROVAL else number
        said = Message(id, channel, self.logins[by], self.now, texts[channel], head_sha=head_sha)
        self.messages.append(replace(said, speaker_id=by))

    # --- how it goes on ---------------------------------------------------------------------

    def _pass(self) -> None:
        self.now += timedelta(seconds=1)

    def _commit(self, parents: tuple[str, ...], content: int) -> str:
        sha = f"{len(self.parents) + 1:040x}"
        self.parents[sha], self.content[sha] = parents, content
        return sha

    def _push(self, branch: str, sha: str, by: int, via: Via, before: str) -> Push:
        self._pass()
        self.count += 1
        id = f"delivery-{self.count}"
        return Push(sha, self.logins[by], self.now, by, via, before, branch, id)

    def _history_of(self, sha: str) -> set[str]:
        """The commits that are reachable from it."""
        found, ahead = set(), [sha]
        while ahead:
            one = ahead.pop()
            if one not in found:
                found.add(one)
                ahead += self.parents[one]
        return found

    def _between(self, base: str, head: str) -> tuple[str, ...]:
        """Those of the head that the base lacks, oldest first."""
        return tuple(sorted(self._history_of(head) - self._history_of(base)))

    def _move(self, branch: str, sha: str, by: int, reported: str) -> None:
        before = self.branches[branch]
        if before == sha:
            return
        self.branches[branch] = sha
        brought = self._between(before, sha)
        push = replace(self._push(branch, sha, by, Via.PUSH, before), commits=brought)
        first = {commit for commit, _ in self.by}
        self._pushed(replace(push, commits=tuple(one for one in brought if one not in first)))
        reports = [(push, False)]
        if branch == PULL:
            self.heads.append(sha)
            self.listed.append(
                replace(push, via=Via.ACTIVITY, commits=(), id=f"activity-{push.id}")
            )
            if self.is_open:
                reports.append((self._push(PULL, sha, by, Via.SYNCHRONIZE, before), True))
        times = {"now": 1, "twice": 2, "late": 0, "lost": 0}[reported]
        for one in reports * times:
            self._deliver(one)
        self.late += reports if reported == "late" else []

    def _deliver(self, report: tuple[Push, bool]) -> None:
        self.known.append(report)
        push, _ = report
        self._pushed(replace(push, commits=(*push.commits, push.head_sha)))

    def _pushed(self, push: Push) -> None:
        for commit in push.commits:
            self.by.setdefault((commit, push.user_id), push.seen_at)

    def _pull(self) -> Pull:
        head, base = self.branches[PULL], self.branches[self.base]
        count = len(self._between(base, head))
        return build.pull(
            head, author=self.logins[ANN], author_id=ANN, commits=count, base_ref=self.base
        )

    @property
    def _fingerprint(self) -> str:
        return f"{self.content[self.branches[PULL]]} on {self.base}"

    def _checklist(self) -> Checklist:
        return build.asked(build.flagged(build.area("db"), self._fingerprint))

    def _history(self, asked: Iterable[Push] = ()) -> History:
        known = [*dict.fromkeys(push for push, _ in self.known), *self.asked, *asked]
        pushers: dict[str, set[Account]] = {}
        for push in known:
            for commit in push.commits:
                pushers.setdefault(commit, set()).add(push.account)
        known.sort(key=lambda push: push.seen_at)
        return History(
            shown=self.shown,
            ledger=self.ledger,
            pushes=tuple(replace(push, commits=()) for push in known),
            commits=dict(self.commits),
            pushers={commit: frozenset(accounts) for commit, accounts in pushers.items()},
        )

    def _facts(self, *said: Message) -> Facts:
        rights: Mapping[str, object] = {
            one.speaker: build.REVIEWER for one in said if one.speaker_id in REVIEWERS
        }
        return Facts(
            now=self.now,
            pull=self._pull(),
            policy=RULES,
            source=PolicySource(),
            messages=said,
            rights=rights,  # type: ignore[arg-type]
        )

    def run(self) -> None:
        """What a run does, once the pull is open."""
        self._pass()
        if not self.is_open:
            return
        facts = self._facts(*self.messages)
        heads = settled_heads(facts, self._history())
        for head in heads:
            self.commits.setdefault(head, self._between(self.branches[self.base], head))
        pull = facts.pull
        if self.is_listed and any(is_unknown(self._history(), pull, one) for one in heads):
            self.asked = list(self.listed)
        self.ledger += judge(facts, self._history(), self._checklist()).entries
        self.messages = []
        history = self._history()
        ledger = counting(self.ledger, history, pull, RULES)
        decision = decide(facts, history, self._checklist(), ledger, ())
        self.state = decision.review.state
        seen = Shown(pull.head_sha, self.now, decision.fingerprints, decision.items)
        if not self.shown or self.shown[-1].fingerprints != seen.fingerprints or (
            self.shown[-1].head_sha != seen.head_sha
        ):  # fmt: skip
            self.shown = (*self.shown, seen)
        self._check(ledger)

    # --- what has to hold -------------------------------------------------------------------

    def _check(self, ledger: tuple[Entry, ...]) -> None:
        """A green head was signed off by somebody who had not pushed it until then.

        What another person has signed off before does not count, as long as it is built upon.
        """
        if self.state is not PullState.SIGNED_OFF:
            return
        signed = standing(
            ledger, "db", self._fingerprint, self.branches[PULL], "area-change"
        ).signed
        assert signed
        consists = set(self._between(self.branches[self.base], signed.head_sha))
        consists.add(signed.head_sha)
        covered: set[str] = set()
        for one in ledger:
            earlier = one.said_at < signed.said_at and one.verb is Verb.SIGN_OFF
            if earlier and one.speaker_id != signed.speaker_id and one.head_sha in consists:
                covered |= self._history_of(one.head_sha)
        who, never = signed.speaker_id, signed.said_at
        own = {sha for sha in consists - covered if self.by.get((sha, who), never) < signed.said_at}
        if not self.is_listed and not any(
            push.head_sha == self.opened_with and push.via is Via.PUSH for push, _ in self.known
        ):
            own.discard(self.opened_with)  # all that is reported of it is who opened the pull
        assert not own, f"{signed.speaker} alone signed off {own}, which they had pushed"
        assert signed.speaker_id in REVIEWERS


@given(
    before=st.lists(FIRST, min_size=1, max_size=4),
    opening=REPORTED,
    after=st.lists(STEP, min_size=3, max_size=20),
    is_listed=st.booleans(),
)
@settings(max_examples=500, deadline=None)
def test_no_green_head_has_a_commit_that_its_only_signer_pushed(
    before: list[Step], opening: str, after: list[Step], is_listed: bool
) -> None:
    world = Pushes(is_listed=is_listed)
    for step in before:
        world.takes(step)
    world.opens(opening)
    for step in after:
        world.takes(step)
