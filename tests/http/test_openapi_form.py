"""The OpenAPI document has the form that generators of clients and linters need."""

import json
import re
from collections.abc import Iterator

import pytest

from app.errors import CATALOGUE
from app.gemini_client import FinishReason
from app.services.generation.outcomes import ERROR_CODES
from tests.support.routes import Route, routes_at
from tests.support.stack import Stack
from tests.support.user import Json, User, client, ok, problem

_PUBLIC_URL = "https://chat.example.org"
_OF_BROWSERS = {
    *("Attr", "Blob", "Cache", "Comment", "Document", "Element", "Error", "Event", "EventSource", "File"),
    *("FormData", "Headers", "History", "Image", "Location", "Lock", "Map", "MessageChannel", "MessageEvent"),
    *("MessagePort", "Navigator", "Node", "Notification", "Object", "Option", "Plugin", "Promise", "Range"),
    *("Request", "Response", "Selection", "Set", "Storage", "String", "Text", "URL", "Window", "Worker"),
}
"""Types of browsers and of JavaScript, which a generated type of the same name would hide."""
_TIME = re.compile(
    r"(created|updated|completed|last_\w+|verified|expires|refresh_expires|resets|ended|closed"
    r"|exported|last_login|last_used|last_message)_at|at|timestamp|grace_until|pro_until|current_period_\w+"
)
_QUERIES_IGNORED = {
    *("get_health", "get_liveness", "get_metrics"),  # monitors
    *("show_checkout_success", "show_checkout_cancelled"),  # browsers on the way back from Stripe
    "receive_stripe_webhook",
}
"""The addresses to which other programs add parameters of their own."""


@pytest.fixture(scope="module")
def document(stack: Stack) -> Json:
    with client(stack.start_api(PUBLIC_URL=f"{_PUBLIC_URL}/")) as anyone:
        answer = anyone.get("/openapi.json")
    assert len(answer.content) < 160_000  # 312,000 when each operation repeats its error answers
    return ok(answer)


def _operations(document: Json) -> Iterator[Json]:
    for item in document["paths"].values():
        yield from item.values()


def _objects(node: object) -> Iterator[Json]:
    if isinstance(node, dict):
        yield node
        for value in node.values():
            yield from _objects(value)
    elif isinstance(node, list):
        for value in node:
            yield from _objects(value)


def _fields(document: Json) -> Iterator[tuple[str, str, Json]]:
    for name, schema in document["components"]["schemas"].items():
        for field, found in schema.get("properties", {}).items():
            yield name, field, found


def test_the_document_names_licence_contact_and_server(document: Json) -> None:
    """Red with `servers: /`: the client of a generator has no address."""
    assert document["info"]["license"] == {"name": "MIT", "identifier": "MIT"}
    assert document["info"]["contact"]["url"].startswith(_PUBLIC_URL)
    assert [server["url"] for server in document["servers"]] == [_PUBLIC_URL]


def test_every_operation_has_a_written_summary_and_a_tag_with_a_text(document: Json) -> None:
    tags = {tag["name"]: tag["description"] for tag in document["tags"]}
    assert all(tags.values())
    used = set()
    for operation in _operations(document):
        name, summary = operation["operationId"], operation["summary"]
        assert re.fullmatch(r"[A-Z][^.]*[^.]", summary), name
        assert summary != name.replace("_", " ").title(), f"{name} has no summary of its own"
        [tag] = operation["tags"]
        used.add(tag)
    assert used == tags.keys()
    assert next(iter(tags)) == "authentication"
    assert next(iter(document["components"]["securitySchemes"])) == "HTTPBearer"


def test_no_text_joins_sentences_by_semicolons(document: Json) -> None:
    texts = [each["description"] for each in _objects(document) if isinstance(each.get("description"), str)]
    assert len(texts) > 200
    assert [text for text in texts if ".;" in text or ";;" in text or text.strip() == ""] == []


def test_error_responses_are_shared(document: Json) -> None:
    """Red when an operation writes its own: 213 KB of 312 were repetitions."""
    shared = document["components"]["responses"]
    for operation in _operations(document):
        for status, response in operation["responses"].items():
            if int(status) >= 400 and "application/json" not in response.get("content", {}):
                assert list(response) == ["$ref"], (operation["operationId"], status)
                assert response["$ref"].removeprefix("#/components/responses/") in shared
    bodies = [json.dumps(response, sort_keys=True) for response in shared.values()]
    assert len(bodies) == len(set(bodies)) > 20


def test_no_patch_has_a_default_and_all_of_its_fields_may_be_absent(document: Json) -> None:
    """Red with a default: a generated client that renames a room sends `archived: false`, too."""
    schemas = document["components"]["schemas"]
    patches = {name: schema for name, schema in schemas.items() if name.endswith("Patch")}
    bodies = {
        operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        for item in document["paths"].values()
        for method, operation in item.items()
        if method == "patch"
    }
    assert patches.keys() == bodies != set()
    for name, schema in patches.items():
        assert [each for each in _objects(schema) if "default" in each] == [], name
        assert "required" not in schema
        assert schema["minProperties"] == 1


def test_a_patch_changes_only_the_fields_it_names(user: User) -> None:
    room = user.open_room(title="Old", description="About", system_instruction="Be brief")
    address = f"/chatroom/{room}"
    ok(user.http.patch(address, json={"archived": True}))
    for change in ({"title": "New"}, {"description": "More"}, {"system_instruction": None}):
        before = ok(user.http.get(address))
        after = ok(user.http.patch(address, json=change))
        before |= change
        assert {name: after[name] for name in after if name != "updated_at"} == {
            name: before[name] for name in after if name != "updated_at"
        }
    ok(user.http.patch("/user/me", json={"full_name": "Grace"}))
    problem(user.http.patch("/user/me", json={}), 400, "validation_failed")
    assert ok(user.http.get("/user/me"))["full_name"] == "Grace"


def test_every_time_is_a_date_time(document: Json) -> None:
    times = [(name, field) for name, field, _ in _fields(document) if _TIME.fullmatch(field)]
    assert len(times) > 40
    for name, field, schema in _fields(document):
        kinds = [schema, *schema.get("anyOf", ())]
        is_time = any(kind.get("format") == "date-time" for kind in kinds)
        assert is_time == bool(_TIME.fullmatch(field)), (name, field)


def _values(document: Json, name: str) -> set[str]:
    """The known values of an open enum, which takes any other string as well."""
    schema = document["components"]["schemas"][name]
    assert schema.keys() == {"description", "type", "x-extensible-enum"}
    assert schema["type"] == "string"
    assert all(f"`{value}`" in schema["description"] for value in schema["x-extensible-enum"])
    return set(schema["x-extensible-enum"])


def test_codes_reasons_and_states_are_open_enums_of_the_codes_own_values(document: Json) -> None:
    """Red as an enum: a client of today fails at a value of tomorrow."""
    assert _values(document, "ProblemCode") == {error.code for error in CATALOGUE}
    assert _values(document, "ReplyErrorCode") == set(ERROR_CODES)
    assert _values(document, "FinishReason") == set(FinishReason)
    assert {"active", "past_due", "canceled"} <= _values(document, "SubscriptionStatus")
    expected = {
        ("Problem", "code"): "ProblemCode",
        ("FieldProblem", "code"): "FieldProblemCode",
        ("ReplyError", "code"): "ReplyErrorCode",
        ("MessageOut", "status"): "MessageStatus",
        ("MessageOut", "finish_reason"): "FinishReason",
        ("ReplyEndEvent", "finish_reason"): "FinishReason",
        ("ExportedMessage", "finish_reason"): "FinishReason",
        ("SubscriptionOut", "status"): "SubscriptionStatus",
        ("ExportedSubscription", "status"): "SubscriptionStatus",
        ("InvoiceOut", "status"): "InvoiceStatus",
        ("Check", "status"): "CheckStatus",
        ("QueueCheck", "status"): "CheckStatus",
        ("Health", "status"): "HealthStatus",
    }
    for (schema, field), name in expected.items():
        found = document["components"]["schemas"][schema]["properties"][field]
        kinds = [found, *found.get("anyOf", ())]
        assert {"$ref": f"#/components/schemas/{name}"} in [
            {key: value for key, value in kind.items() if key == "$ref"} for kind in kinds
        ], (schema, field)
    assert "x-open-enum" not in json.dumps(document)
    for closed in ("Role", "Plan"):
        assert document["components"]["schemas"][closed]["type"] == "string"
        assert document["components"]["schemas"][closed]["enum"]


def test_no_schema_hides_a_type_of_browsers(document: Json) -> None:
    assert _OF_BROWSERS & document["components"]["schemas"].keys() == set()


def test_parameters_are_written_as_usual_and_never_null(document: Json) -> None:
    """Red with FastAPI's own: `idempotency-key`, as a string or null, `accept`, a description twice."""
    headers = set()
    for operation in _operations(document):
        for parameter in operation.get("parameters", ()):
            assert {"type": "null"} not in list(_objects(parameter["schema"])), parameter["name"]
            assert parameter["description"]
            assert parameter["schema"].get("description") != parameter["description"]
            if parameter["in"] == "header":
                headers.add(parameter["name"])
    assert headers == {
        "Accept-Language",
        "Idempotency-Key",
        "If-None-Match",
        "Last-Event-ID",
        "Prefer",
        "Stripe-Signature",
    }


@pytest.fixture(scope="module")
def routes(stack: Stack) -> list[Route]:
    return routes_at(stack.base_url)


def test_unknown_query_parameters_are_rejected_by_every_route(
    stack: Stack, routes: list[Route], user: User
) -> None:
    """A new route is covered by itself. Those that take any parameter say so in their description."""
    room = user.open_room()
    with client(stack.base_url) as anyone:
        for route in routes:
            name = route.documented["operationId"]
            if name in _QUERIES_IGNORED:
                assert "Query parameters are ignored" in route.documented["description"], name
                continue
            assert "Query parameters are ignored" not in route.documented["description"], name
            known = route.parameters("query")
            assert "unknown" not in known
            caller = user.http if route.documented["security"] else anyone
            address = route.address(room)
            query = {"unknown": "1"} | {each.title(): "1" for each in known}
            answer = caller.request(route.method, address, params=query, json={})
            errors = problem(answer, 400, "validation_failed")["errors"]
            found = {(error["pointer"], error["code"]) for error in errors}
            assert found == {(f"/query/{each}", "extra_forbidden") for each in query}, name


def test_every_fault_of_a_field_has_a_documented_code_beside_its_sentence(document: Json, user: User) -> None:
    """Red if the list lacks a code, or an error has none."""
    known = _values(document, "FieldProblemCode")
    room = f"/chatroom/{user.open_room()}"
    faults: list[tuple[str, str, object]] = [
        ("POST", "/auth/signup", {}),
        ("POST", "/auth/signup", {"mobile_number": 1, "full_name": "a\nb", "x": 1}),
        ("POST", "/auth/signup", {"mobile_number": "0" * 41}),
        ("POST", "/auth/signup", {"mobile_number": "not a number"}),
        ("POST", "/auth/signup", []),
        ("POST", "/auth/signup", "text"),
        ("POST", "/auth/verify-otp", {"mobile_number": "+14155550123", "otp": "x", "purpose": "y"}),
        ("POST", "/auth/logout", {"scope": "everything"}),
        ("POST", "/auth/change-password", {"new_password": "short"}),
        ("POST", "/auth/change-password", {"new_password": "password1"}),
        ("POST", "/chatroom", {"title": " ", "model": "other", "description": "\0"}),
        ("POST", "/chatroom", {"model": "unknown-model"}),
        ("PATCH", room, {"archived": None}),
        ("PATCH", room, {"archived": "maybe"}),
        ("PATCH", room, {}),
        ("POST", f"{room}/message", {"content": ""}),
        ("POST", f"{room}/message", {"content": "x" * 32_001}),
        ("POST", "/subscribe/pro", {"success_url": "https://elsewhere.example.com"}),
        ("GET", "/chatroom?limit=0", None),
        ("GET", "/chatroom?limit=101", None),
        ("GET", "/chatroom?limit=a", None),
        ("GET", "/chatroom?archived=perhaps", None),
        ("GET", "/chatroom?cursor=" + "a" * 501, None),
        ("GET", "/chatroom/search?q=", None),
        ("GET", "/chatroom/search?q=...", None),
        ("GET", f"{room}/export?format=pdf", None),
    ]
    seen = set()
    for method, address, body in faults:
        answer = user.http.request(method, address, json=body)
        errors = problem(answer, 400, "validation_failed")["errors"]
        assert errors
        for error in errors:
            assert error.keys() == {"pointer", "code", "message"}
            assert error["message"]
            assert re.fullmatch(r"[a-z]+(_[a-z]+)*", error["code"])
            seen.add(error["code"])
    assert seen - known == set()
    assert len(seen) > 10
