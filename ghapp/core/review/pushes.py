"""Who pushed what: nobody settles alone what they brought to a pull request.

Whatever GitHub did not report is unknown, and what an unknown person pushed nobody settles.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from ghapp.core.ledger import Entry, Refusal, Verb, standing, when
from ghapp.core.model import Account, Pull, Via
from ghapp.core.policy.policy import Policy
from ghapp.core.records import History

# What brings a pull closer to green.
SETTLES = frozenset({Verb.SIGN_OFF, Verb.WAIVE, Verb.RELEASE, Verb.WITHDRAW})
OF_PULL = frozenset({Via.OPENED, Via.SYNCHRONIZE})
# Rights over what somebody did themselves.
OWN = frozenset({"holder", "raiser"})


def steps(
    history: History,
    head_sha: str,
    until: str = "",
    *,
    within: Collection[str] | None = None,
    deep: bool = False,
) -> tuple[tuple[str, frozenset[Account]], ...]:
    """(head SHA, who pushed it), oldest first, from the first head of the pull up to this one.

    An empty set is an unknown pusher. until: a head at which the way back ends, without it.
    within: the commits of the pull, if they are known: a branch goes back further than they do.
    deep: also what was pushed to the branch before the pull was opened.

    The way leads from each push to the head before it, never by time: a head that comes back has
    several pushes, each of which counts.
    """
    pushes = defaultdict(list)
    for push in history.pushes:
        pushes[push.head_sha].append(push)
    found: dict[str, frozenset[Account]] = {}
    ahead = [head_sha]
    while ahead:
        head = ahead.pop()
        if head in found or head == until:
            continue
        here = pushes[head]
        found[head] = frozenset(push.account for push in here)
        own = [push for push in here if push.via in OF_PULL]
        for push in here if deep or not own else own:
            if push.before.strip("0"):
                if push in own or within is None or push.before in within:
                    ahead.append(push.before)
            elif not push.before and push.via is not Via.OPENED:
                found[head] = frozenset()  # it followed a head that is not known
    return tuple(reversed(found.items()))


def owners(history: History, pull: Pull, head_sha: str) -> Mapping[str, frozenset[Account]] | None:
    """Who pushed each commit of a head, oldest first; None if it is not known which these are.

    A delivery of a push names its commits, and was kept by them. Anything else that reports a push
    names only the head before and after it. What lies between is of that push, in a fork or before
    the App was there, unless the delivery of the same push says otherwise.
    """
    alone = (head_sha,) if head_sha == pull.head_sha and pull.commits == 1 else ()
    commits = history.commits.get(head_sha, alone)
    if not commits:
        return None
    place = {sha: number for number, sha in enumerate(commits)}
    found = {sha: set(history.pushers.get(sha, ())) for sha in commits}
    listed = {push.head_sha for push in history.pushes if push.via is Via.PUSH}
    for push in history.pushes:
        if push.head_sha not in place:
            continue
        last = first = place[push.head_sha]
        if push.head_sha not in listed and (pull.from_fork or push.via is Via.ACTIVITY):
            first = place.get(push.before, -1) + 1
        for sha in commits[first : last + 1] or (push.head_sha,):
            found[sha].add(push.account)
    return {sha: frozenset(by) for sha, by in found.items()}


def bar(
    history: History, pull: Pull, who: Account, area: str, head_sha: str, before: Iterable[Entry]
) -> Refusal | None:
    """Why somebody may not settle an area of a head: it is their own, or it is not known whose.

    before: the ledger until then. Pushes that the area's last sign-off covers do not count: they
    were checked. They do count if the signed head has had another diff, because its base or the
    policy changed. A waiver covers nothing: nobody has checked anything.
    """
    checked = [entry for entry in before if entry.verb is not Verb.WAIVE]
    signed = standing(checked, area, "", "", "never").signed
    until = signed.head_sha if signed else ""
    if signed and any(
        one.head_sha == until and one.fingerprints.get(area) != signed.fingerprint
        for one in history.shown
    ):
        until = ""
    commits = owners(history, pull, head_sha)
    heads = steps(history, head_sha, until, within=commits)
    if not heads:
        return None
    if not _is_explained(history, pull, head_sha):
        heads = (*heads, (head_sha, frozenset()))
    # Not if the signed head is gone: what was wrong before it may be back.
    covered = {until, *history.commits.get(until, ())} if until in (commits or ()) else set[str]()
    brought = [*heads, *((commits or {head_sha: frozenset[Account]()}).items())]
    brought = [(sha, by) for sha, by in brought if sha not in covered]
    own = [sha for sha, by in brought if who.among(by)]
    if own:
        return Refusal("pushed", names=(own[0][:7],))
    unknown = [sha for sha, by in brought if not by]
    return Refusal("pusher_unknown", names=(unknown[0][:7],)) if unknown else None


def _is_explained(history: History, pull: Pull, head_sha: str) -> bool:
    """Whether the present head was reported to come once more than it was reported to go.

    If not, it is back, and it is not known who brought it.
    """
    if head_sha != pull.head_sha:
        return True
    balances: defaultdict[bool | Via, int] = defaultdict(int)
    for push in history.pushes:
        of_pull = push.via in OF_PULL
        if of_pull or push.branch == pull.head_ref:
            moves = (push.head_sha == head_sha) - (push.before == head_sha)
            balances[of_pull or push.via] += moves
    return any(balance > 0 for balance in balances.values())


def is_unknown(history: History, pull: Pull, head_sha: str) -> bool:
    """Whether GitHub is to be asked who pushed a head.

    Also if only the pull itself says so: whoever opened it may not have pushed its branch. Of a
    fork nothing else does.
    """
    commits = owners(history, pull, head_sha)
    heads = dict(steps(history, head_sha, within=commits))
    if not _is_explained(history, pull, head_sha):
        return True
    listed = {push.head_sha for push in history.pushes if push.via not in OF_PULL}
    if not pull.from_fork and not listed.issuperset(heads):
        return True
    return commits is None or not all((*heads.values(), *commits.values()))


def only_by(who: Account, history: History, head_sha: str) -> bool:
    """Whether every head is known to have been pushed by this account, and by no other."""
    return all(
        by and all(who.among((one,)) for one in by) for _, by in steps(history, head_sha, deep=True)
    )


def newest(history: History) -> str:
    """The head SHA that was pushed or shown last, "" if there is none."""
    known = [(push.seen_at, push.head_sha) for push in history.pushes if push.via in OF_PULL]
    known += [(shown.accepted_at, shown.head_sha) for shown in history.shown]
    return max(known)[1] if known else ""


def counting(
    ledger: tuple[Entry, ...], history: History, pull: Pull, policy: Policy
) -> tuple[Entry, ...]:
    """The ledger by what is known now of who pushed; deliveries may have come after a judgement.

    What people did to their own pushes is refused after all. What was refused because the pusher
    was not known counts once it is known, and was somebody else. Once the pull is merged, its
    ledger stands: the merge itself pushed its commits.
    """
    if policy.allow_author or pull.is_merged:
        return ledger
    by = {account for push in history.pushes for account in (push.account,)}
    by.update(account for accounts in history.pushers.values() for account in accounts)
    counted: dict[int, Entry] = {}
    for place, entry in sorted(enumerate(ledger), key=lambda pair: when(pair[1])):
        counted[place] = entry
        settles = entry.verb in SETTLES and not entry.own_allowed and entry.right not in OWN
        if not entry.pending and not (settles and entry.account.among(by)):
            continue
        head, before = entry.head_sha or pull.head_sha, list(counted.values())[:-1]
        why = bar(history, pull, entry.account, entry.subject, head, before)
        if entry.pending:
            counts = replace(entry, verb=entry.pending, refusal=None)
            counted[place] = replace(entry, refusal=why) if why else counts
        elif why and why.reason == "pushed":
            counted[place] = replace(entry, verb=Verb.REFUSED, refusal=why)
    return tuple(counted[place] for place in range(len(ledger)))
