"""Read a reply's events with httpx-sse: every event has its name in its data, and none is empty."""

import json
import os

import httpx
import httpx_sse

headers = {"Authorization": f"Bearer {os.environ['TOKEN']}"}
names = []
with (
    httpx.Client(timeout=60, headers=headers) as http,
    httpx_sse.connect_sse(http, "GET", os.environ["EVENTS"]) as source,
):
    for event in source.iter_sse():
        assert json.loads(event.data)["type"] == event.event, event
        names.append(event.event)
assert names.count("message") == names.count("end") == 1, names
