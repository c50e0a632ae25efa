"""The OpenAPI document is complete, and no route shows data of another user."""

import uuid
from collections.abc import Iterator

import jsonschema_rs
import pytest

from tests.support.routes import OPERATORS, USERS, documented_at
from tests.support.stack import Stack
from tests.support.user import Json, User, client, ok, problem

_OPERATION_IDS = [
    "get_service_info",
    "get_health",
    "get_liveness",
    "get_metrics",
    "sign_up",
    "send_otp",
    "forgot_password",
    "verify_otp",
    "log_in",
    "change_password",
    "refresh_session",
    "log_out",
    "list_sessions",
    "end_session",
    "get_me",
    "update_me",
    "delete_me",
    "get_my_usage",
    "export_me",
    "create_chatroom",
    "list_chatrooms",
    "search_messages",
    "get_chatroom",
    "update_chatroom",
    "delete_chatroom",
    "export_chatroom",
    "send_message",
    "stream_message",
    "list_messages",
    "list_models",
    "get_message",
    "follow_reply",
    "cancel_reply",
    "regenerate_reply",
    "stream_regeneration",
    "subscribe_pro",
    "get_subscription",
    "cancel_subscription",
    "resume_subscription",
    "open_portal",
    "list_invoices",
    "show_checkout_success",
    "show_checkout_cancelled",
    "receive_stripe_webhook",
]
"""Method names of generated clients: removing or renaming one breaks the clients."""

_ADMIN_OPERATION_IDS = [
    "find_user",
    "show_user",
    "grant_pro",
    "end_pro_grant",
    "set_daily_limit",
    "ban_user",
    "unban_user",
    "end_user_sessions",
    "read_message_text",
    "list_replies",
    "show_reply",
    "retry_reply",
    "cancel_any_reply",
    "list_stripe_events",
    "replay_stripe_event",
    "request_reconciliation",
    "list_audit",
]

_METHODS = ("get", "post", "put", "patch", "delete")
_BODIES = {"post": {"content": "Not mine"}, "patch": {"title": "Not mine"}}


@pytest.fixture(scope="module")
def document(stack: Stack) -> Json:
    return documented_at(stack.base_url)


@pytest.fixture(scope="module")
def admin_document(stack: Stack) -> Json:
    return documented_at(stack.base_url, OPERATORS)


@pytest.fixture(scope="module", params=[USERS, OPERATORS])
def each_document(stack: Stack, request: pytest.FixtureRequest) -> Json:
    return documented_at(stack.base_url, request.param)


def _operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    for path, item in document["paths"].items():
        for method in _METHODS:
            if method in item:
                yield method, path, item[method]


def test_every_operation_has_its_stable_id_and_a_summary_of_its_promise(
    document: Json, admin_document: Json
) -> None:
    for found, expected in ((document, _OPERATION_IDS), (admin_document, _ADMIN_OPERATION_IDS)):
        ids = [operation["operationId"] for _, _, operation in _operations(found)]
        assert sorted(ids) == sorted(expected)
        assert all(operation["description"] for _, _, operation in _operations(found))


def _bodies(operation: Json) -> Iterator[tuple[str, Json]]:
    """What an operation takes and answers: content by its media type."""
    for message in (operation.get("requestBody", {}), *operation["responses"].values()):
        yield from message.get("content", {}).items()


def _errors_in(example: object, schema: Json, document: Json) -> list[str]:
    whole = {**schema, "components": document["components"]}
    validator = jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
    return [error.message for error in validator.iter_errors(example)]


def test_every_body_has_an_example_of_its_form(each_document: Json) -> None:
    """A new model's example belongs into app/schemas/examples."""
    for method, path, operation in _operations(each_document):
        for media_type, content in _bodies(operation):
            examples = [each["value"] for each in content.get("examples", {}).values()]
            examples += [content["example"]] if "example" in content else []
            assert examples, f"{method} {path} has a {media_type} without an example"
            for example in examples:
                assert _errors_in(example, content["schema"], each_document) == [], (method, path)


def _sends_events(operation: Json) -> bool:
    return any(media_type == "text/event-stream" for media_type, _ in _bodies(operation))


def test_no_operation_documents_both_json_and_events(document: Json) -> None:
    """Red with events beside JSON: generators type the response as a string or as an empty stream."""
    streams = set()
    for _, _, operation in _operations(document):
        kinds = {media_type for media_type, _ in _bodies({**operation, "requestBody": {}})}
        if "text/event-stream" in kinds:
            streams.add(operation["operationId"])
            assert kinds == {"text/event-stream", "application/problem+json"}
            statuses = {status for status in operation["responses"] if status < "300"}
            assert statuses - ({"204"} if operation["operationId"] == "follow_reply" else set()) == {"200"}
    assert streams == {"stream_message", "stream_regeneration", "follow_reply"}


def test_the_data_of_every_event_has_its_own_schema_with_a_constant_type(document: Json) -> None:
    schemas = document["components"]["schemas"]
    union = schemas["ReplyEvent"]
    mapping = union["discriminator"]["mapping"]
    assert mapping.keys() == {"message", "start", "delta", "restart", "end"}
    assert union["discriminator"]["propertyName"] == "type"
    assert union["oneOf"] == [{"$ref": reference} for reference in mapping.values()]
    for kind, reference in mapping.items():
        name = reference.rpartition("/")[2]
        assert name == f"Reply{kind.title()}Event"
        payload = schemas[name]
        assert payload["properties"]["type"]["const"] == kind
        assert "type" in payload["required"]
        for example in payload["examples"]:
            assert _errors_in(example, {"$ref": f"#/components/schemas/{name}"}, document) == []
            assert example["type"] == kind
    for _, _, operation in _operations(document):
        for media_type, content in _bodies(operation):
            if media_type == "text/event-stream":
                assert content["schema"] == {"$ref": "#/components/schemas/ReplyEvent"}


def test_every_response_has_a_description(each_document: Json) -> None:
    for method, path, operation in _operations(each_document):
        for status, response in operation["responses"].items():
            assert response["description"] not in ("", "Successful Response"), (method, path, status)


def test_no_route_documents_422_and_every_error_is_a_problem(each_document: Json) -> None:
    for method, path, operation in _operations(each_document):
        assert "422" not in operation["responses"], (method, path)
        for status, response in operation["responses"].items():
            if int(status) >= 400 and path != "/health":
                assert list(response["content"]) == ["application/problem+json"], (method, path, status)


def _is_guarded(operation: Json) -> bool:
    return bool(operation.get("security"))


def test_every_protected_route_rejects_a_request_without_a_token(stack: Stack, document: Json) -> None:
    with client(stack.base_url) as anyone:
        for method, path, operation in _operations(document):
            if _is_guarded(operation):
                address = path.replace("{", "").replace("}", "")
                problem(anyone.request(method, address, json={}), 401, "authentication_required")


def test_every_route_with_an_id_rejects_ids_of_other_users(stack: Stack, document: Json, user: User) -> None:
    """The owner matrix: a new route is covered on the day it is in the document."""
    room = user.open_room()
    reply = user.say(room, "Mine")["reply"]
    [session] = ok(user.http.get("/auth/sessions"))["sessions"]
    ids = {
        "chatroom_id": room,
        "message_id": reply["id"],
        "reply_id": reply["id"],
        "session_id": session["id"],
    }
    stranger = stack.user()
    checked = 0
    for method, path, operation in _operations(document):
        names = [
            parameter["name"] for parameter in operation.get("parameters", []) if parameter["in"] == "path"
        ]
        if not names:
            continue
        assert _is_guarded(operation), (method, path)
        assert set(names) <= ids.keys(), f"tell this test how to make a {names} of somebody else"
        for values in (ids, dict.fromkeys(ids, str(uuid.uuid4())), dict.fromkeys(ids, "no-uuid")):
            answer = stranger.http.request(method, path.format(**values), json=_BODIES.get(method))
            assert answer.status_code == 404, (method, path, answer.text)
            checked += 1
    assert checked >= 9
    assert ok(user.http.get(f"/chatroom/{room}"))["message_count"] == 2
