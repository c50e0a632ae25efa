"""The service's own pages, and its log."""

import secrets

from tests.support.stack import Stack
from tests.support.user import client, ok, some_number
from tests.support.waiting import eventually


def test_the_front_page_leads_on(stack: Stack) -> None:
    with client(stack.base_url) as anyone:
        page = ok(anyone.get("/"))
    assert page.keys() == {"name", "version", "docs", "health"}


def test_health_tells_every_part(stack: Stack) -> None:
    with client(stack.base_url) as anyone:
        health = ok(anyone.get("/health"))
        assert ok(anyone.get("/health/live")) == {"status": "healthy"}
    assert health["status"] == "healthy"
    assert health["checks"].keys() == {"database", "redis", "queue"}
    assert all(check["status"] == "up" and check["latency_ms"] >= 0 for check in health["checks"].values())
    assert health["checks"]["queue"]["workers"] >= 1
    assert health["checks"]["queue"]["oldest_pending_seconds"] >= 0


def test_health_is_unhealthy_without_a_database_and_other_routes_say_when_to_return(stack: Stack) -> None:
    address = stack.start_api(DATABASE_URL="postgresql://nobody:x@127.0.0.1:9/none")
    with client(address) as anyone:
        answer = anyone.get("/health")
        assert (answer.status_code, answer.json()["status"]) == (503, "unhealthy")
        assert answer.json()["checks"]["database"]["status"] == "down"
        refused = anyone.post("/auth/signup", json={"mobile_number": some_number()})
        assert (refused.status_code, refused.json()["code"]) == (503, "service_unavailable")
        assert int(refused.headers["retry-after"]) >= 1
        assert anyone.get("/health/live").status_code == 200


def test_the_request_id_goes_through_to_the_worker(stack: Stack) -> None:
    user, mark = stack.user(), f"trace-{secrets.token_hex(8)}"
    user.post(user.open_room(), "Follow me", X_Request_Id=mark)

    def is_recorded() -> bool:  # by any worker: earlier tests may have started another
        workers = [process for process in stack.processes if process.name == "worker"]
        lines = [line for worker in workers for line in worker.log.splitlines()]
        return any(mark in line and '"event": "reply_recorded"' in line for line in lines)

    assert eventually(is_recorded, what="the request id in the worker's log")


def test_nothing_secret_is_in_any_log(stack: Stack) -> None:
    """The whole flow with marked values, wrong ways too. Red when a body, a query or a code is logged."""
    number, word = some_number(), f"secret{secrets.token_hex(8)}"
    password, another = f"{word} umbrella", f"{word} teapot"
    unsafe = {word, number, number.removeprefix("+")}
    with client(stack.base_url) as anyone:
        ok(anyone.post("/auth/signup", json={"mobile_number": number, "full_name": word}))
        otp = ok(anyone.post("/auth/send-otp", json={"mobile_number": number}))["otp"]
        anyone.post("/auth/verify-otp", json={"mobile_number": number, "otp": "wrong", word: word})
        tokens = ok(anyone.post("/auth/verify-otp", json={"mobile_number": number, "otp": otp}))
        renewed = ok(anyone.post("/auth/refresh", json={"refresh_token": tokens["refresh_token"]}))
        reset = ok(anyone.post("/auth/forgot-password", json={"mobile_number": number}))["otp"]
        anyone.post("/auth/login", json={"mobile_number": number, "password": password})
        anyone.post(f"/auth/nothing/{word}?{word}={number}", content=word.encode())
        anyone.post("/webhook/stripe", content=word.encode(), headers={"stripe-signature": word})
    for pair in (tokens, renewed):
        unsafe |= {pair["access_token"], pair["refresh_token"]}
    with client(stack.base_url, {"Authorization": f"Bearer {renewed['access_token']}"}) as user:
        changed = ok(user.post("/auth/change-password", json={"new_password": password}))
        unsafe |= {changed["access_token"], changed["refresh_token"]}
        user.headers["Authorization"] = f"Bearer {changed['access_token']}"
        user.post("/auth/change-password", json={"new_password": another, "old_password": word * 2})
        user.patch("/user/me", json={"full_name": f"New {word}"})
        room = ok(user.post("/chatroom", json={"title": word, "system_instruction": word}))["id"]
        for magic in ("", "[sandbox:503*1] ", "[sandbox:400] ", "[sandbox:cut*1] "):
            content = f"{magic}{word}{secrets.token_hex(2)}"
            ok(user.post(f"/chatroom/{room}/message", json={"content": content}))
        user.post(f"/chatroom/{room}/message", json={"content": word, word: word})
        user.get(f"/chatroom?cursor={word}")
        user.post("/subscribe/pro", json={"success_url": f"https://{word}.example.com/"})
        checkout = ok(user.post("/subscribe/pro"))
        user.get(f"/subscription/status?session_id={word}")
        unsafe.add(checkout["checkout_url"])
        assert user.delete("/user/me").status_code == 202
    log = "\n".join(line for line in stack.logs().splitlines() if not line.startswith("SMS to "))
    codes = {f'"{code}"' for code in (otp, reset)}
    settings = {stack.settings[name] for name in ("JWT_SECRET_KEY", "DATABASE_URL", "REDIS_URL")}
    assert [secret for secret in unsafe | codes | settings if secret in log] == []
