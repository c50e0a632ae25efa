"""The message that starts a task: Celery's protocol, version 2, in kombu's envelope for Redis.

See https://docs.celeryq.dev/en/stable/internals/protocol.html. Not built by Celery, which the API would load
for nothing else: 7 MB and 0.15 s.
"""

import json
import os
import socket
from base64 import b64encode
from typing import Final
from uuid import uuid4

from app.queue.wake_ups import WakeUp

QUEUE: Final = "ai_processing"


def task_message(wake_up: WakeUp) -> str:
    """Return the message of a wake-up, as it is stored in Redis."""
    arguments, task_id = wake_up.arguments(), wake_up.task_id
    unused = dict.fromkeys(("callbacks", "errbacks", "chain", "chord"))
    body = json.dumps([(), arguments, unused])
    return json.dumps(
        {
            "headers": {
                "lang": "py",
                "task": wake_up.name,
                "id": task_id,
                "shadow": None,
                "eta": None,
                "expires": None,
                "group": None,
                "group_index": None,
                "retries": 0,
                "timelimit": [None, None],
                "root_id": task_id,
                "parent_id": None,
                "argsrepr": "()",
                "kwargsrepr": repr(arguments),
                "origin": f"gen{os.getpid()}@{socket.gethostname()}",
                "ignore_result": True,
                "replaced_task_nesting": 0,
                "stamped_headers": None,
                "stamps": {},
            },
            "body": b64encode(body.encode()).decode(),
            "content-type": "application/json",
            "content-encoding": "utf-8",
            "properties": {
                "correlation_id": task_id,
                "reply_to": "",
                "body_encoding": "base64",
                "delivery_info": {"exchange": "", "routing_key": QUEUE},
                "delivery_mode": 2,
                "delivery_tag": str(uuid4()),
                "priority": 0,
            },
        }
    )
