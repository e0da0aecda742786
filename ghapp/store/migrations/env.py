"""Runs the migrations on the connection, and in the transaction, that `store/migrate.py` gives."""

from alembic import context

from ghapp.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
)
context.run_migrations()
