"""The message of a wake-up is the one that Celery would send."""

import json
from base64 import b64decode
from uuid import uuid4

import pytest
from celery import Celery

from app.queue.task_message import QUEUE, task_message
from app.queue.wake_ups import ProcessGeminiMessage, SyncStripeEvent, WakeUp

_OF_ITS_OWN = ("delivery_tag", "reply_to")  # random; the queue of results, which nobody reads
_REPLY = uuid4()


@pytest.mark.parametrize(
    "wake_up",
    [
        ProcessGeminiMessage(_REPLY, "request"),
        ProcessGeminiMessage(_REPLY, None),
        SyncStripeEvent("evt_1", "request"),
    ],
    ids=["reply", "without-request", "stripe-event"],
)
def test_message_is_that_of_celery(wake_up: WakeUp) -> None:
    """Red when a field of Celery's protocol is missing, or has another value."""
    ours = json.loads(task_message(wake_up))
    celery = Celery("app", broker="memory://", set_as_current=False)
    celery.conf.task_default_queue = QUEUE
    with celery.connection_for_write() as connection, connection.SimpleQueue(QUEUE) as queue:
        celery.send_task(
            wake_up.name,
            kwargs=wake_up.arguments(),
            task_id=ours["headers"]["id"],
            ignore_result=True,
            connection=connection,
        )
        theirs = queue.get_nowait()
    assert ours["headers"] == theirs.headers
    assert json.loads(b64decode(ours["body"])) == theirs.payload
    assert (ours["content-type"], ours["content-encoding"]) == (theirs.content_type, theirs.content_encoding)
    assert set(ours["properties"]) == set(theirs.properties)
    for name in set(ours["properties"]).difference(_OF_ITS_OWN):
        assert ours["properties"][name] == theirs.properties[name]
