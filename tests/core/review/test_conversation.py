"""Whole reviews, in any order of events: what is shown is what ledger and facts imply."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ghapp.core.areas import Reviewers
from ghapp.core.decide import Decision, decide
from ghapp.core.ledger import Entry, Verb, holds
from ghapp.core.marks import Marks, PutCheckRun, Written, after, plan
from ghapp.core.model import Channel, Message, Push, Rights, Via
from ghapp.core.records import History, PolicySource, Shown
from ghapp.core.review.facts import Facts
from ghapp.core.review.judge import judge
from ghapp.core.review.pushes import counting
from ghapp.core.review.review import PullState
from ghapp.core.scan.checklist import Checklist
from ghapp.core.text.labels import described
from tests.core import build

AREAS = ("db", "web")
POLICY = build.policy(
    build.area("db"),
    build.area("web", reviewers=Reviewers(teams=("web",))),
    sign_off_by=frozenset({"command", "label", "button", "review"}),
    waivers=Reviewers(teams=("leads",)),
    comment="flagged",
)
RIGHTS = {
    "ann": Rights(write=True),
    "bob": Rights(write=True),
    "eve": Rights(),
    "sam": Rights(write=True, teams=frozenset({"acme/sre"})),
    "sue": Rights(write=True, teams=frozenset({"acme/web"})),
    "lee": Rights(write=True, teams=frozenset({"acme/leads"})),
}
MAY_SIGN = {"db": {"sam"}, "web": {"sue"}}
OUTSIDERS, EVERYONE = ("ann", "bob", "eve"), tuple(RIGHTS)
COMMANDS = (
    "done", "done db", "done web", "done db web -- looks good", "done concern-1", "undo",
    "hold -- load test first", "hold db -- wait", "hold", "concern retries are missing",
    "check db-rollback -- done", "check db-rollback web-plan", "uncheck db-rollback",
    "na web-rollback -- static", "defer db-plan -- later", "defer db-plan until 2026-05-01 -- x",
    "defer db-plan until 2020-01-01 -- x", "check concern-1 -- fixed", "waive -- incident",
    "refresh", "explain", "help", "dnoe",
)  # fmt: skip
SOON = timedelta(seconds=1)


class Conversation(RuleBasedStateMachine):
    """One pull request on a GitHub that loses, doubles and delays, and a ghapp that crashes."""

    speakers: tuple[str, ...] = EVERYONE

    @initialize()
    def opened(self) -> None:
        self.now = build.at(0)
        self.numbers = 0
        self.versions = dict.fromkeys(AREAS, 0)
        self.heads = 0
        self.pushes: tuple[Push, ...] = (Push(self.head_sha, "ann", self.now, via=Via.OPENED),)
        self.untold: tuple[Push, ...] = ()  # whose delivery was lost
        self.there = Marks()
        self.shown: tuple[Shown, ...] = ()
        self.unrecorded: Shown | None = None
        self.ledger: tuple[Entry, ...] = ()
        self.arrived: list[Message] = []
        self.lost: list[Message] = []
        self.said: list[Message] = []
        self.signed: dict[tuple[str, str], int] = {}
        self.decision: Decision | None = None

    # --- what happens -----------------------------------------------------------------------

    @rule(
        area=st.sampled_from((*AREAS, "")),
        by=st.sampled_from(("ann", "ann", "bob", "sam")),
        told=st.booleans(),
    )
    def pushes_a_commit(self, area: str, by: str, *, told: bool) -> None:
        if area:
            self.versions[area] += 1
        self._moved(by, told=told)

    @rule()
    def redelivers_pushes(self) -> None:
        self.untold = ()

    @rule(minutes=st.integers(1, 4))
    def waits(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule(by=st.sampled_from(("ann", "bob")))
    def rebases(self, by: str) -> None:
        self._moved(by)

    @rule(area=st.sampled_from(AREAS))
    def reverts_an_area(self, area: str) -> None:
        self.versions[area] = 0
        self._moved("ann")

    @rule(command=st.sampled_from(COMMANDS), data=st.data())
    def comments(self, command: str, data: st.DataObject) -> None:
        channel = data.draw(
            st.sampled_from((Channel.COMMENT, Channel.REVIEW, Channel.REVIEW_COMMENT))
        )
        seen = self.head_sha if channel is Channel.REVIEW else ""
        self._say(channel, f"/nfr {command}", data, head_sha=seen)

    @rule(text=st.sampled_from(("approved", "changes_requested")), data=st.data())
    def reviews(self, text: str, data: st.DataObject) -> None:
        self._say(Channel.APPROVAL, text, data, head_sha=self.head_sha)

    @rule(text=st.sampled_from(("signoff", "refresh", "explain")), data=st.data())
    def presses(self, text: str, data: st.DataObject) -> None:
        self._say(Channel.BUTTON, text, data, head_sha=self.head_sha)

    @rule(box=st.sampled_from(("+db-rollback", "-db-rollback", "+web-plan")), data=st.data())
    def ticks(self, box: str, data: st.DataObject) -> None:
        self._say(Channel.TICK, box, data)

    @rule(sign=st.sampled_from("+-"), state=st.sampled_from(sorted(POLICY.labels)), data=st.data())
    def labels(self, sign: str, state: str, data: st.DataObject) -> None:
        name = POLICY.labels[state]
        self._say(Channel.LABEL, f"{sign}{name}", data)
        on = {name} if sign == "+" else set()
        self.there = replace(self.there, labels=(self.there.labels - {name}) | on)

    @rule(command=st.sampled_from(("done", "done", "done", "undo", "hold -- x", "waive -- x")))
    def all_say(self, command: str) -> None:
        """Everyone looks at what is there and says the same; nothing is lost."""
        self._run()
        for who in self.speakers:
            self._utter(Channel.COMMENT, f"/nfr {command}", who, lost=False)
        self._run()
        self._check()

    @precondition(lambda self: self.said)
    @rule(data=st.data())
    def delivers_twice(self, data: st.DataObject) -> None:
        again = data.draw(st.sampled_from(self.said))
        heard = {entry.message_id for entry in self.ledger}
        if again.id not in heard and again not in self.arrived:
            self.arrived.append(again)

    @precondition(lambda self: self.lost)
    @rule()
    def sweeps(self) -> None:
        """Reading finds what no delivery brought."""
        heard = {entry.message_id for entry in self.ledger}
        self.arrived += [one for one in self.lost if one.id not in heard]
        self.lost = []

    @rule(stop=st.integers(0, 4))
    def crashes(self, stop: int) -> None:
        self._run(stop)

    @rule()
    def runs(self) -> None:
        self._run()
        self._check()

    # --- how --------------------------------------------------------------------------------

    @property
    def head_sha(self) -> str:
        return f"{self.heads:040x}"

    @property
    def asked(self) -> Checklist:
        return build.asked(*(build.flagged(one, self._mark(one.id)) for one in POLICY.areas))

    def _mark(self, area: str) -> str:
        return f"{area}{self.versions[area]}"

    def _moved(self, by: str, *, told: bool = True) -> None:
        self.now += SOON
        before = self.head_sha
        self.heads += 1
        push = Push(self.head_sha, by, self.now, before=before)
        self.pushes = (*self.pushes, push)
        self.untold = self.untold if told else (*self.untold, push)

    def _say(self, channel: Channel, text: str, data: st.DataObject, head_sha: str = "") -> None:
        who = data.draw(st.sampled_from(self.speakers))
        self._utter(channel, text, who, head_sha, lost=data.draw(st.booleans()))

    def _utter(
        self, channel: Channel, text: str, speaker: str, head_sha: str = "", *, lost: bool
    ) -> None:
        self.now += SOON
        self.numbers += 1
        number = self.numbers
        names = {
            Channel.APPROVAL: f"review:{number}:{text}",
            Channel.TICK: f"tick:1:{text[1:]}:{'on' if text[0] == '+' else 'off'}:{number}",
        }
        said = Message(
            id=names.get(channel, f"{channel.value}:{number}"),
            channel=channel,
            speaker=speaker,
            said_at=self.now,
            text=text,
            comment_id=number
            if channel in (Channel.COMMENT, Channel.REVIEW, Channel.REVIEW_COMMENT)
            else 0,
            head_sha=head_sha,
        )
        self.said.append(said)
        (self.lost if lost else self.arrived).append(said)

    def _facts(self, *said: Message) -> Facts:
        return Facts(
            now=self.now,
            pull=build.pull(self.head_sha),
            policy=POLICY,
            source=PolicySource(),
            messages=said,
            rights=RIGHTS,
            observed=self.there,
        )

    def _past(self) -> History:
        told = tuple(push for push in self.pushes if push not in self.untold)
        heads = {one.head_sha: (one.head_sha,) for one in self.shown}
        return History(shown=self.shown, ledger=self.ledger, pushes=told, commits=heads)

    def _run(self, stop: int | None = None) -> None:
        """One pass of what `reconcile` does; it is cut off before its `stop`-th step."""
        self.now += SOON
        if self.unrecorded and self.unrecorded.head_sha == self.head_sha:
            self.shown = (*self.shown, self.unrecorded)
        self.unrecorded = None
        if stop == 0:
            return
        said = sorted(self.arrived, key=lambda one: one.said_at)
        new = judge(self._facts(*said), self._past(), self.asked)
        known = {entry.id for entry in self.ledger}
        self.ledger += tuple(entry for entry in new.entries if entry.id not in known)
        self.arrived = []
        decision = self._decided()
        effects = plan(decision.marks, self.there, Written(), described(POLICY))
        taken = effects[: None if stop is None else stop - 1]
        self.there = after(self.there, taken)
        if any(isinstance(effect, PutCheckRun) for effect in taken):
            seen = Shown(self.head_sha, self.now, decision.fingerprints, decision.items)
            if stop is None:
                self.shown = (*self.shown, seen)
            else:
                self.unrecorded = seen
        self.decision = decision

    def _decided(self) -> Decision:
        return decide(self._facts(), self._past(), self.asked, self._counting(), ())

    def _counting(self) -> tuple[Entry, ...]:
        return counting(self.ledger, self._past(), self._facts().pull, POLICY)

    # --- what has to hold -------------------------------------------------------------------

    def _check(self) -> None:
        """After a run that came to its end."""
        decision = self._decided()
        assert plan(decision.marks, self.there, Written(), described(POLICY)) == ()
        self._nothing_is_asked_again(decision)

    def _nothing_is_asked_again(self, decision: Decision) -> None:
        for area in decision.review.areas:
            place = (area.id, area.fingerprint)
            undone = sum(one.verb is Verb.UNDO and one.subject == area.id for one in self.ledger)
            if self.signed.get(place) == undone:
                assert area.signed_off or area.waived, f"{place} was signed and is asked again"
            if area.signed_off:
                self.signed[place] = undone

    @invariant()
    def green_only_by_those_who_may(self) -> None:
        run = self.there.check_run
        if run is None or run.conclusion != "success" or run.head_sha != self.head_sha:
            return
        assert self.decision is not None
        assert self.decision.review.state is PullState.SIGNED_OFF
        for area in AREAS:
            assert self._is_signed(area), f"green, and nobody who may has signed {area}"
        for one in self._of(Verb.HOLD):
            released = self._of(Verb.RELEASE, one.subject, after=one)
            assert [r for r in released if r.whose == one.speaker], f"green despite {one}"
        for one in self._of(Verb.CONCERN):
            settled = (Verb.WITHDRAW, Verb.SIGN_OFF)
            assert [e for verb in settled for e in self._of(verb, one.subject, after=one)]

    def _is_signed(self, area: str) -> bool:
        """Whether someone who may, and did not push that head, signed the present diff for good."""
        pushed = {(push.head_sha, push.login) for push in self.pushes}
        return any(
            one.fingerprint == self._mark(area)
            and one.speaker in MAY_SIGN[area]
            and (one.head_sha, one.speaker) not in pushed
            and not self._of(Verb.UNDO, area, after=one)
            for one in self._of(Verb.SIGN_OFF, area)
        )

    def _of(
        self, verb: Verb, subject: str | None = None, after: Entry | None = None
    ) -> list[Entry]:
        return [
            one
            for one in self._counting()
            if one.verb is verb
            and subject in (None, one.subject)
            and (after is None or one.said_at > after.said_at)
        ]

    @invariant()
    def the_ledger_only_grows(self) -> None:
        ids = [entry.id for entry in self.ledger]
        assert len(ids) == len(set(ids))


class Outsiders(Conversation):
    """People without the right to review, whatever they say."""

    speakers = OUTSIDERS

    @invariant()
    def never_green_waived_or_held(self) -> None:
        run = self.there.check_run
        assert run is None or run.conclusion == ""
        assert not holds(self.ledger)
        if self.decision:
            assert self.decision.review.state.value.startswith("waiting")


PATIENT = settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


@pytest.mark.parametrize("machine", [Conversation, Outsiders])
def test_any_order_of_events(machine: type[Conversation]) -> None:
    case = machine.TestCase
    case.settings = PATIENT
    case().runTest()
