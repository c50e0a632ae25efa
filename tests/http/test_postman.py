"""postman_collection.json is made from its sources and the OpenAPI document, and leads through the API."""

import json
import re
from collections.abc import Iterator

import jsonschema_rs
import pytest

from devtools.postman.collection import as_text, build
from devtools.postman.contract import Contract, contract
from devtools.postman.variables import VARIABLES
from tests.support.process import ROOT
from tests.support.user import Json

_FLOW = [
    "sign_up",
    "send_otp",
    "verify_otp",
    "create_chatroom",
    "send_message",
    "list_chatrooms",
    "subscribe_pro",
    "get_subscription",
]
"""The client's test flow, by operation id."""


@pytest.fixture(scope="module")
def api() -> Contract:
    return contract()


@pytest.fixture(scope="module")
def collection() -> Json:
    found: Json = json.loads((ROOT / "postman_collection.json").read_text())
    return found


def _folders(items: list[Json]) -> Iterator[Json]:
    for item in items:
        if "item" in item:
            yield item
            yield from _folders(item["item"])


def _requests(items: list[Json]) -> Iterator[Json]:
    for item in items:
        if "item" in item:
            yield from _requests(item["item"])
        else:
            yield item


def _script(item: Json, listen: str) -> str:
    return "\n".join(
        "\n".join(event["script"]["exec"]) for event in item["event"] if event["listen"] == listen
    )


def _operations_of(item: Json, api: Contract) -> list[str]:
    request = item["request"]
    path = "/" + "/".join(request["url"]["path"]).removesuffix("/")
    return [
        name
        for name, operation in api.operations.items()
        if operation.method == request["method"]
        and re.fullmatch(re.sub(r"\{\w+\}", r"(\\{\\{\\w+\\}\\}|[0-9a-z-]+)", operation.path), path)
    ]


def test_the_collection_equals_its_sources(api: Contract) -> None:
    """Red when the file was changed by hand, or not written anew (`python -m devtools.postman`)."""
    assert (ROOT / "postman_collection.json").read_text() == as_text(build(api))


def test_every_operation_is_asked_successfully(api: Contract, collection: Json) -> None:
    asked = {
        name
        for item in _requests(collection["item"])
        if not re.search(r": [45]\d\d$", item["name"])
        for name in _operations_of(item, api)
    }
    assert api.operations.keys() - asked == set()


def test_the_first_folder_is_the_test_flow_in_eight_steps(api: Contract, collection: Json) -> None:
    flow = collection["item"][0]
    assert flow["name"] == "Test flow"
    assert [_operations_of(item, api)[0] for item in flow["item"]] == _FLOW
    for number, item in enumerate(flow["item"], start=1):
        assert item["name"].startswith(f"{number}. ")
        assert len(item["request"]["description"].split("\n\n")) == 2
        [saved] = item["response"]
        assert saved["code"] < 300
        assert json.loads(saved["body"])


def test_rejections_and_webhooks_are_last(collection: Json) -> None:
    names = [folder["name"] for folder in collection["item"]]
    assert names[-2:] == ["Refusals", "Webhooks"]
    before = [item["name"] for folder in collection["item"][:-2] for item in folder["item"]]
    assert [name for name in before if re.search(r": [45]\d\d$", name)] == []


def test_every_request_tests_its_status_and_every_folder_and_variable_has_a_text(collection: Json) -> None:
    for item in _requests(collection["item"]):
        assert re.search(r"pm\.response\.(to\.have\.status\(|code\))", _script(item, "test")), item["name"]
    assert [each["name"] for each in _folders(collection["item"]) if not each["description"]] == []
    assert [each["key"] for each in collection["variable"] if not each["description"]] == []
    values = {each["key"]: each["value"] for each in collection["variable"]}
    assert values["base_url"] == "http://localhost:8000"
    assert values["auth_token"] == ""


def test_every_variable_that_is_used_is_declared_and_the_other_way_round() -> None:
    text = (ROOT / "postman_collection.json").read_text()
    text = text.partition('"item"')[2].rpartition('"variable"')[0]
    local = set(re.findall(r"pm\.variables\.set\(\\\"(\w+)", text))
    used = set(re.findall(r"\{\{(\w+)\}\}", text))
    used |= set(re.findall(r"pm\.(?:collectionVariables|variables)\.(?:get|set)\(\\\"(\w+)", text))
    assert used - local == VARIABLES.keys()


def test_the_saved_responses_match_the_openapi_document(api: Contract, collection: Json) -> None:
    checked = 0
    for item in _requests(collection["item"]):
        for saved in item["response"]:
            operation = api.operations[_operations_of(item, api)[0]]
            kinds = {header["key"]: header["value"] for header in saved["header"]}
            kind = kinds.get("Content-Type", "").partition(";")[0]
            assert kind in (api.media_types(operation, saved["code"]) or [""]), item["name"]
            if kind.endswith("json"):
                schema = api.schema(operation, saved["code"], kind)
                validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
                errors = [error.message for error in validator.iter_errors(json.loads(saved["body"]))]
                assert errors == [], item["name"]
                checked += 1
    assert checked > 100
