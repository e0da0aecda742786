"""The Procfile as it stands, as Heroku, Dokku and their like run it: each line in a shell."""

from __future__ import annotations

import pytest

from tests.deploy.recipes import (
    CREDENTIALS,
    NO_GITHUB,
    Process,
    environment,
    free_port,
    text,
)

LINES = dict(line.split(": ", 1) for line in text("Procfile").splitlines())


def start(name: str, **more: str) -> Process:
    given = environment(**CREDENTIALS, **NO_GITHUB, **more)
    return Process(["/bin/sh", "-c", LINES[name]], given)


def ended(name: str, **more: str) -> tuple[int, str]:
    process = start(name, **more)
    try:
        return process.ended(0), process.log
    finally:
        process.kill()


def test_it_has_all_that_runs() -> None:
    assert {*LINES} == {"web", "worker", "release"}


def test_it_runs_with_the_variables_of_a_platform(empty_postgres_url: str) -> None:
    url = empty_postgres_url.replace("postgresql://", "postgres://", 1)
    assert ended("release", DATABASE_URL=url)[0] == 0
    port = str(free_port())
    web, worker = start("web", DATABASE_URL=url, PORT=port), start("worker", DATABASE_URL=url)
    try:
        assert web.wait_for(f"http://127.0.0.1:{port}/healthz").status_code == 200
        assert f"http://0.0.0.0:{port}" in web.log  # the router is not on this machine
        worker.wait_to_log('"started"')
        assert (web.ended(), worker.ended()) == (0, 0)
    finally:
        web.kill()
        worker.kill()


@pytest.mark.parametrize("name", LINES)
def test_sqlite_on_a_disk_that_is_lost_is_refused(name: str) -> None:
    status, log = ended(name, PORT=str(free_port()))
    assert status != 0
    assert "DATABASE_URL: is not set: add PostgreSQL, because this disk is lost" in log
