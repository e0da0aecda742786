from __future__ import annotations

from dataclasses import replace

import pytest

from ghapp.core.areas import Reviewers
from ghapp.core.i18n import table
from ghapp.core.ledger import Refusal, Verb
from ghapp.core.review.answers import INCIDENT_URL
from ghapp.core.review.joining import CONSULT_USAGE, PROJECT_USAGE
from ghapp.core.text.replies import address
from tests.core.build import entry, policy
from tests.core.text.scenes import DB, URL, Scene, reply, same_as_snapshot, summary


@pytest.mark.parametrize("language", ["en", "ja"])
def test_help_lists_the_commands(language: str) -> None:
    assert same_as_snapshot("help", language, reply(language, Scene(), Verb.HELP))


# reason -> what such a refusal names
DETAILS: dict[str, tuple[object, ...]] = {
    "unknown_command": ("wave", "waive"),
    "unknown_area": ("bd", "db"),
    "unknown_item": ("nothing",),
    "not_at_start": ("/nfr done [AREA...] [-- note]",),
    "subjects_missing": ("concern TEXT",),
    "subjects_unwanted": ("undo",),
    "reason_missing": ("hold [AREA...] -- reason",),
    "too_many_subjects": ("check 100",),
    "too_many_commands": ("20",),
    "too_long": ("8192",),
    "not_shown": ("bbbbbbb",),
    "unclear": ("teams cannot be looked up",),
    "channel_closed": ("review",),
    "state_label": ("nfr: needs sign-off",),
    "not_reviewer": ("", "", ("db", "web")),
    "pushed": ("", "", ("aaaaaaa", "bbbbbbb")),
    "pusher_unknown": ("", "", ("aaaaaaa",)),
    "open_musts": ("", "", ("db-rollback", "concern-1")),
    "evidence_missing": ("db-rollback",),
    "evidence_url": ("db-rollback", "https://example.com/report"),
    "evidence_number": ("db-rollback", "72 ms"),
    "evidence_choice": ("db-rollback", "a | b"),
    "date_unreadable": ("2026-02-30",),
    "date_past": ("2020-01-01",),
    "date_too_far": ("2026-06-30",),
    "owner_unreadable": ("acme/sre",),
    "extension_not_later": ("2026-05-01",),
    "unknown_project_area": ("gama", "gamma"),
    "project_unreadable": ("points",),
    "project_unnamed": (PROJECT_USAGE,),
    "only_on_issues": (CONSULT_USAGE,),
    "incident_url": ("http://example.com", INCIDENT_URL),
    "no_incident": ("db-rolback", "db-rollback"),
    "unknown_policy_item": ("db-rolback", "db-rollback"),
    "nothing_likely": ("", "", ("db",)),
}
REASONS = sorted(
    key.removeprefix("refused_")
    for key in table("en")
    if key.startswith("refused_") and key != "refused_near"
)
ITEMS = frozenset(
    {"defer_not_allowed", "never_deferred", "follow_up_closed"}
    | {one for one in REASONS if one.startswith("exten")} - {"extension_not_later"}
)


def refused(language: str, reason: str) -> str:
    named = DETAILS.get(reason, ("", "", ("db-plan",)) if reason in ITEMS else ())
    why = Refusal(reason, *named)  # type: ignore[arg-type]
    said = reply(language, Scene(), Verb.REFUSED, speaker="eve", refusal=why)
    return said.rstrip("\n")


@pytest.mark.parametrize("language", ["en", "ja"])
def test_every_refusal_has_its_text(language: str) -> None:
    lines = [f"{reason}\n{refused(language, reason)}\n" for reason in REASONS]
    assert same_as_snapshot("refusals", language, "\n".join(lines))


@pytest.mark.parametrize(
    ("refusal", "expected"),
    [
        (
            Refusal("unknown_area", "bd", "db"),
            "`bd` is not an area flagged here. Did you mean `db`?",
        ),
        (Refusal("unknown_item", "zzz"), "`zzz` is not a question of this pull request."),
        (
            Refusal("unknown_command", "dnoe", "done"),
            "`dnoe` is not a command. Did you mean `done`?",
        ),
        (Refusal("state_label", "nfr: on hold"), "the label `nfr: on hold` shows a state"),
    ],
)
def test_a_refusal_says_what_and_what_to_do(refusal: Refusal, expected: str) -> None:
    assert expected in summary(policy(DB), entry(Verb.REFUSED, refusal=refusal))


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("NFR: On hold", "`/nfr hold -- reason` adds it, `/nfr undo` removes it"),
        ("nfr: waived", "`/nfr waive -- reason` adds it, `/nfr undo` removes it"),
        ("nfr: follow-ups", "`/nfr defer ITEM -- reason` defers a question"),
        ("nfr: needs sign-off", "`/nfr done` or the label `nfr: signed off`"),
    ],
)
def test_the_refusal_of_a_state_label_names_the_command(label: str, expected: str) -> None:
    said = reply("en", Scene(), Verb.REFUSED, refusal=Refusal("state_label", label))
    assert expected in said


def test_a_refusal_names_the_reviewers_of_its_area() -> None:
    said = reply("en", Scene(), Verb.REFUSED, refusal=Refusal("hold_not_reviewer", names=("web",)))
    assert "only reviewers (wes) may put" in said
    rules = {"waivers": Reviewers(teams=("leads",))}
    said = reply("en", Scene(rules=rules), Verb.REFUSED, refusal=Refusal("not_waiver"))
    assert "only team `leads` may waive" in said


def test_only_the_latest_refusals_are_shown_and_each_reason_once() -> None:
    notes = ["author", "no_write", "no_write", "nothing_waiting", "not_yours"]
    said = [
        entry(Verb.REFUSED, refusal=Refusal(note), number=n, speaker="eve")
        for n, note in enumerate(notes)
    ]
    shown_ones = [line for line in summary(policy(DB), *said).splitlines() if "- eve: " in line]
    assert len(shown_ones) == 3
    assert "authors cannot sign off" not in "".join(shown_ones)


def test_nobodys_refusals_crowd_out_those_of_others() -> None:
    refused = [
        entry(Verb.REFUSED, refusal=Refusal(note), number=n, speaker=who, minutes=10 + n)
        for n, (who, note) in enumerate(
            [("sue", "author"), ("eve", "author"), ("eve", "no_write"), ("eve", "not_yours")]
        )
    ]
    lines = [line for line in summary(policy(DB), *refused).splitlines() if line[:3] != "- A"]
    assert [line[:6] for line in lines if line.startswith("- ")] == ["- sue:", "- eve:", "- eve:"]
    assert "authors cannot sign off" not in lines[-1]
    more = [
        entry(Verb.REFUSED, refusal=Refusal("author"), number=n, speaker=f"p{n}", minutes=n)
        for n in range(10, 15)
    ]
    lines = [line for line in summary(policy(DB), *more).splitlines() if "authors" in line]
    assert [line[:5] for line in lines] == ["- p12", "- p13", "- p14"]


def test_a_refusal_quotes_the_command() -> None:
    said = entry(Verb.REFUSED, refusal=Refusal("author"), note="/nfr done -- `mine` @all", number=7)
    assert (
        f"- [sam]({URL}#issuecomment-7): ``/nfr done -- `mine` @all`` — authors"
        in Scene((said,)).comment()
    )


def test_a_refusal_leads_to_its_message_and_goes_after_a_day() -> None:
    refused = entry(Verb.REFUSED, refusal=Refusal("author"), speaker="eve", number=7)
    scene = Scene((refused,))
    assert f"- [eve]({URL}#issuecomment-7): authors" in scene.comment()
    assert "authors cannot" in replace(scene, minutes=24 * 60).comment()
    assert "authors cannot" not in replace(scene, minutes=24 * 60 + 6).comment()


def test_a_refusal_goes_once_its_speaker_has_fixed_it() -> None:
    refused = entry(Verb.REFUSED, refusal=Refusal("author"), speaker="eve")
    assert "- eve: " in summary(policy(DB), refused, entry(Verb.REFRESH, speaker="ann"))
    same, later = (entry(Verb.REFRESH, speaker="eve", number=number) for number in (1, 2))
    assert "- eve: " in summary(policy(DB), refused, same)  # another command of that comment
    assert "- eve: " not in summary(policy(DB), refused, same, later)


def test_what_was_said_on_the_issue_of_a_follow_up_is_found_there() -> None:
    said = entry(Verb.CLOSE, "db-plan", number=7, issue=12)
    place = URL.rpartition("/pull/")[0]
    assert address(said, URL) == f"{place}/issues/12#issuecomment-7"
    assert address(said, "") == ""
