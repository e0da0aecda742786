"""What would have blocked which pulls, for reports."""

from __future__ import annotations

from datetime import datetime

import msgspec
from sqlalchemy import bindparam, select

from ghapp.core.records import Trial, Tried
from ghapp.store.schema import keys, reviews
from ghapp.store.sql import Connection, Statement
from ghapp.store.work_queue.marking import ZERO

_TRIAL = msgspec.json.Decoder(Trial)
TRIED = Statement(
    select(keys.c.full_name, reviews.c.number, reviews.c.trial)
    .join(keys, keys.c.key == reviews.c.key)
    .where(reviews.c.trial_until > ZERO, reviews.c.trial_until >= bindparam("since"))
    .order_by(keys.c.full_name, reviews.c.number)
)


def tried(connection: Connection, since: datetime) -> tuple[Tried, ...]:
    """The pulls that would have been blocked then or later, by repository and number."""
    return tuple(
        Tried(one.full_name, one.number, _TRIAL.decode(one.trial))
        for one in connection.rows(TRIED, {"since": since.timestamp()})
    )
