"""A gate that stays closed for weeks: its run is renewed once, and completed in the end."""

from __future__ import annotations

from pathlib import Path

from ghapp.bootstrap import swept
from tests.e2e.world import World, conclusion
from tests.store.stores import LONG_AGO, changed


def test_a_run_in_progress_is_renewed_before_it_goes_stale_and_only_once(
    world: World, tmp_path: Path
) -> None:
    pull = world.open()
    world.settle()
    (first,) = pull.check_runs()
    swept(world.settings)
    world.settle()
    assert len(pull.check_runs()) == 1

    changed(
        world.settings.database_url, "UPDATE reviews SET pending_since = pending_since - 1036900"
    )
    changed(world.settings.database_url, LONG_AGO)
    swept(world.settings)
    world.settle()
    _, fresh = pull.check_runs()
    assert fresh.id != first.id
    assert (fresh.conclusion, fresh.title, fresh.external_id) == (
        None, first.title, first.external_id,
    )  # fmt: skip
    changed(world.settings.database_url, LONG_AGO)
    swept(world.settings)
    world.settle()
    assert len(pull.check_runs()) == 2
    world.say(pull, "/nfr done")
    world.settle()
    assert conclusion(pull) == "success"
    assert len(pull.check_runs()) == 2  # the fresh one
