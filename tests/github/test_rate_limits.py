"""What an installation may still ask: windows that are exact, and shares that are kept free."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghapp.errors import Wait
from ghapp.github.rate_limits import Budget, Importance


def taken(budget: Budget, method: str, importance: Importance, now: float) -> float:
    """Seconds to wait, 0.0 where it was taken."""
    try:
        budget.take(method, importance, now)
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
