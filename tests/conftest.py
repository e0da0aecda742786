"""What holds for all tests, and the fixtures that several folders of them use."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import structlog

from benchmarks.postgres import FAST, MISSING, Cluster, programs
from benchmarks.temporary import temporary

REQUIRED = os.environ.get("GHAPP_TEST_REQUIRE") == "all"

# How long an example takes depends on the machine, and decides nothing.
hypothesis.settings.register_profile("ghapp", deadline=None)
hypothesis.settings.load_profile("ghapp")


def pytest_configure(config: pytest.Config) -> None:
    """What tests leave in the temporary folder goes with this process; not what pytest keeps."""
    if hasattr(config, "workerinput"):
        return  # a process of xdist, started by one that has done so
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", tempfile.gettempdir())
    made = ExitStack()
    made.enter_context(temporary())
    config.add_cleanup(made.close)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def _logs_as_they_were() -> Iterator[None]:
    """A test that starts ghapp configures the logs of this process."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    """Where all is required, a skip is a failure: something is missing on the machine."""
    report = yield
    if REQUIRED and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
    return report


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """An empty database in a file of its own."""
    return f"sqlite:///{tmp_path / 'ghapp.db'}"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """A cluster of this process's own, which tests may stop and crash if they start it again."""
    if programs() is None:
        pytest.skip(MISSING)
    cluster = Cluster(options=FAST)
    yield cluster
    cluster.remove()


@pytest.fixture
def postgres_url(postgres: Cluster) -> Iterator[str]:
    """A fresh, empty database."""
    with postgres.database() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """An empty database, once of each kind."""
    fixture = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    url: str = request.getfixturevalue(fixture)
    return url
