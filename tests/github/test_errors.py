"""What GitHub's refusals become, by its answer alone."""

from __future__ import annotations

import pytest

from ghapp.errors import Gone
from ghapp.github.errors import Answer, limited_seconds, refusal

DATE = "Wed, 01 Apr 2026 09:30:00 GMT"


def answer(status: int, body: str = "{}", **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, {"date": DATE, **named}, body.encode())


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        (answer(403, retry_after="17"), 17),
        (answer(403, retry_after="0"), 1),
        (answer(429, retry_after="Wed, 01 Apr 2026 09:31:30 GMT"), 90),
        (answer(429, retry_after="soon"), 60),
        (answer(429, retry_after="-5"), 60),
        (answer(429, retry_after="Wed, 01 Apr 2020 09:30:00 GMT"), 60),
        (answer(429, retry_after="Fri, 31 Dec 9999 23:59:59 -2359"), 3_900),
        (answer(403, retry_after="1000000000"), 3_900),
        (answer(429), 60),
        (answer(403, retry_after="999999"), 3_900),
        (answer(403, x_ratelimit_remaining="0", x_ratelimit_reset="1775035860"), 61),
        (answer(403, x_ratelimit_remaining="0"), 61),
        (answer(403, x_ratelimit_remaining="0", x_ratelimit_reset="1775035500"), 60),
        (answer(403, x_ratelimit_remaining="0", x_ratelimit_reset="9" * 400), 3_900),
        (answer(403, '{"message": "You have triggered an abuse detection mechanism"}'), 60),
        (answer(403, '{"message": "Resource not accessible by integration"}'), 0),
        (answer(403, "<html>"), 0),
        (answer(404, retry_after="17"), 0),
        (answer(503, retry_after="17"), 0),
    ],
)
def test_a_limit_is_told_by_its_signs_and_by_githubs_clock(given: Answer, seconds: float) -> None:
    assert limited_seconds(given) == seconds


@pytest.mark.parametrize("status", [404, 410, 451])
def test_what_is_away_for_good_is_gone(status: int) -> None:
    assert isinstance(refusal(answer(status), "GET x"), Gone)


def test_a_refusal_says_what_github_said() -> None:
    body = (
        '{"message": "Validation Failed", "errors": [{"resource": "Label", "field": "name",'
        ' "code": "too_long"}, {"message": "Body is too long"}, "plain"]}'
    )
    assert str(refusal(answer(422, body), "POST x")) == (
        "POST x: GitHub answers 422: Validation Failed; Label.name too_long;"
        " Body is too long; plain"
    )
    needed = answer(403, '{"message": "No."}', x_accepted_github_permissions="checks=write")
    assert str(refusal(needed, "POST x")).endswith("No. (the App needs: checks=write)")
    assert "(no JSON)" in str(refusal(answer(502, "<html>"), "GET x"))
