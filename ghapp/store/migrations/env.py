"""Runs the migrations on the connection, and in the transaction, that `store/migrate.py` gives."""

from collections.abc import Collection, Mapping
from typing import Any

from alembic import context
from alembic.runtime.migration import MigrationContext, MigrationInfo
from sqlalchemy import update

from ghapp.store.schema import metadata, schema


def noted(
    ctx: MigrationContext, step: MigrationInfo, heads: Collection[Any], run_args: Mapping[str, Any]
) -> None:
    """What the database says of itself after each step: with whose code it works from now on."""
    for head in heads:
        script = context.script.get_revision(head)
        if works_from := getattr(script.module, "works_from", None):
            assert ctx.connection
            ctx.connection.execute(update(schema).values(works_from=works_from))


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    on_version_apply=noted,
)
context.run_migrations()
