"""What an installation may still ask: windows that are exact, and shares that are kept free."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghapp.errors import Wait
from ghapp.github.rate_limits import MOST_SHARES, Budget, Importance


def taken(
    budget: Budget, method: str, importance: Importance, now: float, *whose: str | int
) -> float:
    """Seconds to wait, 0.0 where it was taken."""
    try:
        budget.take(method, importance, now, *whose)  # type: ignore[arg-type]
    except Wait as wait:
        return wait.after_seconds
    return 0.0


def test_what_is_over_budget_waits_without_counting() -> None:
    budget = Budget()
    budget.close(60.0, 0.0)
    with pytest.raises(Wait) as wait:
        budget.take("GET", Importance.CHECK_RUN, 15.0)
    assert wait.value.after_seconds == 45.0


def test_a_burst_passes_at_once_and_the_window_ends() -> None:
    budget = Budget()
    assert [taken(budget, "POST", Importance.CHECK_RUN, 100.0) for _ in range(80)] == [0.0] * 80
    assert taken(budget, "POST", Importance.CHECK_RUN, 130.0) == 30.0
    assert taken(budget, "POST", Importance.CHECK_RUN, 160.0) == 0.0


def test_reads_leave_room_for_writes_and_comments_for_the_check_run() -> None:
    budget = Budget()
    assert sum(not taken(budget, "GET", Importance.READ, 0.0) for _ in range(900)) == 810
    assert taken(budget, "PATCH", Importance.BEST_EFFORT, 0.0) > 0
    assert taken(budget, "PATCH", Importance.CHECK_RUN, 0.0) == 0.0
    comments = Budget()
    assert sum(not taken(comments, "POST", Importance.BEST_EFFORT, 0.0) for _ in range(80)) == 60
    assert taken(comments, "POST", Importance.CHECK_RUN, 0.0) == 0.0


def test_no_more_than_500_an_hour_are_created() -> None:
    budget, made = Budget(), 0
    for minute in range(60):
        made += sum(
            not taken(budget, "POST", Importance.CHECK_RUN, minute * 60.0) for _ in range(80)
        )
    assert made == 500


def test_off_is_off_even_after_a_refusal() -> None:
    budget = Budget("off")
    budget.close(60.0, 0.0)
    assert not any(taken(budget, "POST", Importance.BEST_EFFORT, 0.0) for _ in range(2_000))


@given(
    st.lists(
        st.tuples(
            st.floats(0, 5),
            st.sampled_from(["GET", "POST", "PATCH", "DELETE"]),
            st.sampled_from(Importance),
        ),
        max_size=400,
    )
)
def test_no_minute_has_more_than_github_allows(steps: list[tuple[float, str, Importance]]) -> None:
    budget, now, spent = Budget(), 0.0, list[tuple[float, int]]()
    for pause, method, importance in steps:
        now += pause / 100
        wait = taken(budget, method, importance, now)
        assert wait >= 0
        if not wait:
            spent.append((now, 1 if method == "GET" else 5))
    for end, _ in spent:
        assert sum(units for at, units in spent if end - 60 < at <= end) <= 900


@given(st.integers(1, 5), st.floats(0, 50))
def test_the_wait_that_is_told_is_enough(units: int, later: float) -> None:
    budget = Budget()
    method = "GET" if units == 1 else "PATCH"
    while not taken(budget, method, Importance.CHECK_RUN, 0.0):
        pass
    wait = taken(budget, method, Importance.CHECK_RUN, later)
    assert taken(budget, method, Importance.CHECK_RUN, later + wait) == 0.0


def began(
    budget: Budget, repository: str, pull: int, now: float, *, gives_way: bool = False
) -> float:
    try:
        budget.begin(repository, pull, now, gives_way=gives_way)
    except Wait as wait:
        return wait.after_seconds
    return 0.0


def test_no_pull_request_has_more_than_a_quarter_and_no_repository_more_than_half() -> None:
    budget, pull, other = Budget(), ("acme/shop", 1), ("acme/shop", 2)
    for _ in range(225):
        assert began(budget, *pull, 1.0) == 0
        assert taken(budget, "GET", Importance.READ, 1.0, *pull) == 0
    assert began(budget, *pull, 2.0) == 59.0
    assert began(budget, *other, 2.0) == 0
    # A run that has begun comes to its end; only its comments wait for their share.
    assert taken(budget, "GET", Importance.READ, 2.0, *pull) == 0
    assert taken(budget, "PATCH", Importance.CHECK_RUN, 2.0, *pull) == 0
    assert taken(budget, "PATCH", Importance.BEST_EFFORT, 2.0, *pull) > 0
    assert began(budget, *pull, 61.5) == 0
    rest = sum(not taken(budget, "GET", Importance.READ, 3.0, "acme/shop", n) for n in range(900))
    assert 225 + 1 + 5 + rest == 405  # of 450, which leave a tenth to check runs
    assert not taken(budget, "GET", Importance.READ, 3.0, "acme/farm", 1)
    assert taken(budget, "PATCH", Importance.CHECK_RUN, 3.0, *other) == 0


def test_a_pull_request_has_a_tenth_while_the_installation_is_busy() -> None:
    budget, pull = Budget(), ("acme/shop", 1)
    for _ in range(90):
        assert taken(budget, "GET", Importance.READ, 1.0, *pull) == 0
    assert began(budget, *pull, 1.0) == 0
    for number in range(361):  # what others take, of 900
        assert taken(budget, "GET", Importance.READ, 2.0, f"acme/farm-{number}", 1) == 0
    assert began(budget, *pull, 3.0) == 58.0
    assert taken(budget, "PATCH", Importance.BEST_EFFORT, 3.0, *pull) > 0
    assert taken(budget, "PATCH", Importance.CHECK_RUN, 3.0, *pull) == 0
    assert began(budget, "acme/shop", 2, 3.0) == 0
    assert began(budget, *pull, 62.1) == 0


def test_a_run_that_nobody_waits_for_leaves_half_of_the_budget_to_others() -> None:
    budget = Budget()
    for number in range(450):  # of 900
        assert began(budget, "acme/shop", number, 1.0, gives_way=True) == 0
        assert taken(budget, "GET", Importance.READ, 1.0, f"acme/farm-{number}", 1) == 0
    assert began(budget, "acme/shop", 1, 2.0, gives_way=True) == 59.0
    assert began(budget, "acme/shop", 1, 2.0) == 0
    assert began(budget, "acme/shop", 1, 61.0, gives_way=True) == 0
    off = Budget("off")
    off.close(60.0, 0.0)
    assert began(off, "acme/shop", 1, 1.0, gives_way=True) == 0


def test_a_run_that_nobody_waits_for_leaves_half_of_the_repositorys_share_to_others() -> None:
    budget = Budget()
    for number in range(225):  # of the 450 for one repository
        assert began(budget, "acme/shop", number + 1, 1.0, gives_way=True) == 0
        assert taken(budget, "GET", Importance.READ, 1.0, "acme/shop", number + 1) == 0
    assert began(budget, "acme/shop", 300, 2.0, gives_way=True) == 59.0
    assert began(budget, "acme/shop", 300, 2.0) == 0
    assert began(budget, "acme/farm", 1, 2.0, gives_way=True) == 0


def test_shares_that_nobody_uses_take_no_room() -> None:
    budget = Budget()
    for number in range(3 * MOST_SHARES):
        budget.begin("acme/shop", number + 1, 60.0 * number)
        budget.take("GET", Importance.READ, 60.0 * number, "acme/shop", number + 1)
    assert len(budget._shares) <= MOST_SHARES


def test_a_scan_leaves_three_quarters_of_everything_to_others() -> None:
    budget = Budget()
    shops = [f"acme/{number}" for number in range(3)]
    taken_by = [
        sum(not taken(budget, "GET", Importance.SCAN, 0.0, shop) for _ in range(400))
        for shop in shops
    ]
    assert taken_by == [112, 112, 1]  # of 450 for a repository, and of 900 in all
    assert taken(budget, "GET", Importance.READ, 0.0, shops[0]) == 0.0


def test_scans_are_at_most_a_thousand_an_hour() -> None:
    budget, made = Budget(), 0
    for minute in range(60):
        for _ in range(100):
            made += not taken(budget, "GET", Importance.SCAN, 60.0 * minute, "acme/shop")
    assert made == 1_000
    assert taken(budget, "GET", Importance.READ, 3_540.0, "acme/shop") == 0.0
    assert taken(budget, "GET", Importance.SCAN, 3_600.0, "acme/shop") == 0.0
