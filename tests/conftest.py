"""How the tests are run, and the fixtures that several folders of them use."""

from __future__ import annotations

import gc
import logging
import os
import sys
import tempfile
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import structlog

from benchmarks.postgres import FAST, MISSING, Cluster, programs
from benchmarks.temporary import temporary

REQUIRED = os.environ.get("GHAPP_TEST_REQUIRE") == "all"
SLOW = "slow tests were left out; `uv run pytest -m 'slow or not slow'` runs all"
LEFT_OUT = pytest.StashKey[int]()

# The processes that tests start would otherwise compile all that they import, each of them anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
# How long an example takes depends on the machine, and which ones are tried depends on luck:
# neither decides whether a test passes.
hypothesis.settings.register_profile(
    "ghapp",
    deadline=None,
    derandomize=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("ghapp")


# --- in several processes ----------------------------------------------------------------


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> Generator[None, Any, Any]:
    """Use all processors, unless told otherwise or only single files are asked for.

    It is no option in pyproject.toml, for `-p no:xdist` would not know it.
    """
    alone = (
        "PYTEST_XDIST_WORKER" in os.environ  # a process that xdist started must start no others
        or not config.pluginmanager.hasplugin("xdist")
        or config.option.usepdb
        or config.pluginmanager.hasplugin("_cov")  # it has looked at the number already
        or any(".py" in argument for argument in config.args)
    )
    if not alone and config.option.numprocesses is None:
        # Most tests wait more than they work.
        config.option.numprocesses = (os.cpu_count() or 1) + 3
        # Tests of one file share what they start, so each file stays in one process.
        config.option.dist = "loadfile"
        config.option.loadscopereorder = False
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, Any, Any]:
    """Modules and tests stay in memory: collections of garbage need not visit them."""
    gc.disable()
    result = yield
    gc.freeze()
    gc.enable()
    gc.set_threshold(10_000)
    return result


def pytest_configure(config: pytest.Config) -> None:
    """What tests leave in the temporary folder goes with this process; not what pytest keeps."""
    config.stash[LEFT_OUT] = 0
    if hasattr(config, "workerinput"):
        return  # a process of xdist, started by one that has done so
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", tempfile.gettempdir())
    made = ExitStack()
    made.enter_context(temporary())
    config.add_cleanup(made.close)


# --- what is left out --------------------------------------------------------------------


@pytest.hookimpl(trylast=True)  # after pytest-randomly has shuffled them
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests first, so that none of them is what all others wait for at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)
    for item in items:
        for mark in item.iter_markers("slow"):
            assert mark.args, f"{item.nodeid} does not say why it is slow"


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    """Count what `-m 'not slow'` leaves out. What `-k` leaves out is not slow tests alone."""
    if all(item.get_closest_marker("slow") for item in items):
        for item in items:
            item.config.stash[LEFT_OUT] += 1


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Report to the process that started this one. All of xdist's leave out the same tests."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left_out"] = session.config.stash[LEFT_OUT]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    node.config.stash[LEFT_OUT] = getattr(node, "workeroutput", {}).get("left_out", 0)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    if config.stash[LEFT_OUT]:
        terminalreporter.write_line(f"{config.stash[LEFT_OUT]} {SLOW}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    """If all is required, a skip is a failure: something is missing on the machine."""
    report = yield
    if REQUIRED and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
    return report


# --- fixtures ----------------------------------------------------------------------------


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


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """A new database with the newest schema, in a file of its own."""
    from tests.support import sqlite_at  # not above: what is measured must not be imported before

    return sqlite_at(tmp_path / "ghapp.db")


@pytest.fixture
def empty_sqlite_url(tmp_path: Path) -> str:
    """A file that does not exist yet: for what is about the schema, or about how it comes there."""
    return f"sqlite:///{tmp_path / 'ghapp.db'}"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """A cluster of this process's own, which tests may stop and crash if they start it again."""
    if programs() is None:
        pytest.skip(MISSING)
    cluster = Cluster(options=FAST)
    yield cluster
    cluster.remove()


@pytest.fixture(scope="session")
def _postgres_template(postgres: Cluster) -> str:
    """The name of a database with the newest schema."""
    from tests.support import migrated

    postgres.create("migrated")
    migrated(postgres.url("migrated"))
    return "migrated"


@pytest.fixture
def postgres_url(postgres: Cluster, _postgres_template: str) -> Iterator[str]:
    """A new database with the newest schema."""
    with postgres.database(_postgres_template) as url:
        yield url


@pytest.fixture
def empty_postgres_url(postgres: Cluster) -> Iterator[str]:
    """A new database without tables: for what is about the schema, or about how it comes there."""
    with postgres.database() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A new database with the newest schema, once of each kind."""
    fixture = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    url: str = request.getfixturevalue(fixture)
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest) -> str:
    """A new database without tables, once of each kind."""
    fixture = "empty_sqlite_url" if request.param == "sqlite" else "empty_postgres_url"
    url: str = request.getfixturevalue(fixture)
    return url
