"""What goes over the wire: keys, versions, envelopes, parameters that are refused, pages of lists."""

import httpx
import pytest
import stripe

from tests.sandbox.stripe_running import PRICE, SUCCESS, Account, sdk

BEARER = {"authorization": "Bearer sk_test_x"}


def refused(answer: httpx.Response, status: int, kind: str = "invalid_request_error") -> dict[str, str]:
    """Check Stripe's envelope and return what is in it."""
    error: dict[str, str] = answer.json()["error"]
    assert (answer.status_code, error["type"]) == (status, kind), error
    assert answer.headers["content-type"] == "application/json"
    return error


@pytest.mark.parametrize("key", ["sk_live_x", "sk_test_bad", "sk_test_invalid1", "pk_test_x", "nonsense"])
def test_wrong_key_is_an_authentication_error(account: Account, key: str) -> None:
    with pytest.raises(stripe.AuthenticationError) as error:
        sdk(account.url, key=key).v1.customers.list()
    assert error.value.http_status == 401
    assert key not in str(error.value)


@pytest.mark.parametrize("authorization", ["", "Bearer", "Digest x", "Basic %%%", "Basic /w=="])
def test_no_key_is_unauthorized(account: Account, authorization: str) -> None:
    answer = account.http.get("/v1/customers", headers={"authorization": authorization})
    assert "did not provide an API key" in refused(answer, 401)["message"]


def test_key_may_come_as_a_user_name(account: Account) -> None:
    assert account.http.get("/v1/customers", auth=("rk_test_x", "")).json()["data"] == []


def test_every_answer_names_its_request_and_version(account: Account) -> None:
    for path, status in (("/v1/customers", 200), ("/v1/customers/cus_none", 404)):
        answer = account.http.get(path, headers={**BEARER, "stripe-version": "2026-10-28.endive"})
        assert answer.status_code == status
        assert answer.headers["request-id"].startswith("req_")
        assert answer.headers["stripe-version"] == stripe.api_version
    wrong = account.http.get("/v1/customers", headers={**BEARER, "stripe-version": "newest"})
    assert refused(wrong, 400)["message"] == "Invalid Stripe API version: newest"


def test_event_names_the_request_that_caused_it(account: Account) -> None:
    made = account.client.v1.customers.create({}, options={"idempotency_key": "key-1"})
    response = made.last_response
    assert response is not None
    (event,) = account.events()
    assert event.request is not None
    assert (event.request.id, event.request.idempotency_key) == (response.request_id, "key-1")


@pytest.mark.parametrize(
    ("path", "form", "code", "param"),
    [
        ("customers", "emial=x", "parameter_unknown", "emial"),
        ("customers", "metadata[a][b]=x", None, "metadata[a]"),
        ("customers", "email[x]=y", None, "email"),
        ("customers", "a[=1", None, "a["),
        ("customers", "email=a&email[b]=c", None, "email"),
        ("customers", "metadata[" + "k" * 41 + "]=x", None, "metadata[" + "k" * 41 + "][[key]]"),
        ("customers", "metadata[k]=" + "v" * 501, None, "metadata[k]"),
        ("customers", "&".join(f"metadata[{number}]=x" for number in range(51)), None, "metadata"),
        ("customers", "email=%ff", None, None),
        ("customers", "email=a@example.com&expand[]=email", None, "expand[0]"),
        ("checkout/sessions", "", "parameter_missing", "mode"),
        ("checkout/sessions", "mode=gift", None, "mode"),
        ("checkout/sessions", "mode=subscription", "parameter_missing", "line_items"),
        ("billing_portal/sessions", "customer=", "parameter_invalid_empty", "customer"),
        ("billing_portal/sessions", "customer=cus_none", "resource_missing", "customer"),
    ],
)
def test_bad_parameters_are_refused_by_name(
    account: Account, path: str, form: str, code: str | None, param: str | None
) -> None:
    headers = {**BEARER, "content-type": "application/x-www-form-urlencoded"}
    error = refused(account.http.post(f"/v1/{path}", content=form, headers=headers), 400)
    assert (error.get("code"), error.get("param")) == (code, param)
    assert error["message"]


@pytest.mark.parametrize(
    ("changes", "code", "param"),
    [
        ({"line_items[0][price]": "price_none"}, "resource_missing", "line_items[0][price]"),
        ({"line_items[0][quantity]": "many"}, "parameter_invalid_integer", "line_items[0][quantity]"),
        ({"line_items[0][amount]": "1"}, "parameter_unknown", "line_items[0][amount]"),
        ({"line_items[0][quantity]": None}, "parameter_missing", "line_items[0][quantity]"),
        ({"success_url": "app.test"}, "url_invalid", "success_url"),
        ({"cancel_url": "javascript:alert(1)"}, "url_invalid", "cancel_url"),
        ({"success_url": None}, "parameter_missing", "success_url"),
        ({"customer": "cus_none"}, "resource_missing", "customer"),
        ({"client_reference_id": "x" * 201}, None, "client_reference_id"),
        ({"payment_method_types[0]": "card"}, "parameter_unknown", "payment_method_types"),
        ({"subscription_data[trial]": "1"}, "parameter_unknown", "subscription_data[trial]"),
    ],
)
def test_bad_checkouts_are_refused_by_name(
    account: Account, changes: dict[str, str | None], code: str | None, param: str
) -> None:
    good = {
        "mode": "subscription",
        "line_items[0][price]": PRICE,
        "line_items[0][quantity]": "1",
        "success_url": SUCCESS,
    }
    form = {name: value for name, value in {**good, **changes}.items() if value is not None}
    error = refused(account.http.post("/v1/checkout/sessions", data=form, headers=BEARER), 400)
    assert (error.get("code"), error.get("param")) == (code, param)


def test_both_customer_and_email_are_too_much(account: Account) -> None:
    form = {"mode": "subscription", "line_items[0][price]": PRICE, "line_items[0][quantity]": "1"}
    form |= {"success_url": SUCCESS, "customer": "cus_x", "customer_email": "a@example.com"}
    error = refused(account.http.post("/v1/checkout/sessions", data=form, headers=BEARER), 400)
    assert error["message"].startswith("You may only specify one of these parameters")


@pytest.mark.parametrize(
    "path",
    ["customers/cus_x", "checkout/sessions/cs_x", "subscriptions/sub_x", "invoices/in_x", "events/evt_x"],
)
def test_unknown_id_is_missing(account: Account, path: str) -> None:
    error = refused(account.http.get(f"/v1/{path}", headers=BEARER), 404)
    assert (error["code"], error["param"]) == ("resource_missing", "id")
    assert error["message"].startswith("No such ")


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/v1/charges"), ("PUT", "/v1/customers"), ("POST", "/v1/subscriptions")]
)
def test_unknown_path_is_answered_in_stripes_words(account: Account, method: str, path: str) -> None:
    answer = account.http.request(method, path, headers=BEARER)
    assert refused(answer, 404)["message"].startswith(f"Unrecognized request URL ({method}: {path})")


def test_metadata_is_merged_and_unset(account: Account) -> None:
    v1 = account.client.v1
    customer = v1.customers.create({"metadata": {"user": "1", "7": "seven"}, "name": "Ada"})
    assert customer.metadata is not None
    assert customer.metadata.to_dict() == {"user": "1", "7": "seven"}
    changed = v1.customers.update(customer.id, {"metadata": {"7": "", "plan": "pro"}, "name": ""})
    assert changed.metadata is not None
    assert (changed.metadata.to_dict(), changed.name) == ({"user": "1", "plan": "pro"}, None)
    cleared = v1.customers.update(customer.id, {"metadata": ""})
    assert cleared.metadata is not None
    assert cleared.metadata.to_dict() == {}
    assert account.events()[-1].data.to_dict()["previous_attributes"] == {
        "metadata": {"user": "1", "plan": "pro"}
    }


def test_lists_are_paged_in_both_directions(account: Account) -> None:
    v1 = account.client.v1
    ids = [account.customer() for _ in range(5)][::-1]
    first = v1.customers.list({"limit": 2})
    assert ([each.id for each in first.data], first.has_more) == (ids[:2], True)
    second = v1.customers.list({"limit": 3, "starting_after": ids[1]})
    assert ([each.id for each in second.data], second.has_more) == (ids[2:], False)
    before = v1.customers.list({"limit": 2, "ending_before": ids[3]})
    assert ([each.id for each in before.data], before.has_more) == (ids[1:3], True)
    assert [each.id for each in v1.customers.list({"limit": 2}).auto_paging_iter()] == ids
    with pytest.raises(stripe.InvalidRequestError) as error:
        v1.customers.list({"starting_after": "cus_none"})
    assert (error.value.code, error.value.param) == ("resource_missing", "starting_after")
    with pytest.raises(stripe.InvalidRequestError, match="one direction"):
        v1.customers.list({"starting_after": ids[0], "ending_before": ids[1]})
    with pytest.raises(stripe.InvalidRequestError):
        v1.customers.list({"limit": 101})


def test_lists_are_filtered(account: Account) -> None:
    v1 = account.client.v1
    mine, other = account.subscribed(), account.subscribed()
    customer = str(mine.customer)
    assert [each.id for each in v1.subscriptions.list({"customer": customer}).data] == [mine.id]
    assert v1.subscriptions.list({"status": "past_due"}).data == []
    assert [each.subscription for each in v1.checkout.sessions.list({"customer": customer}).data] == [mine.id]
    assert v1.checkout.sessions.list({"status": "open"}).data == []
    assert [each.customer for each in v1.invoices.list({"customer": customer}).data] == [customer]
    assert len(v1.events.list({"types": ["invoice.paid", "checkout.session.completed"]}).data) == 4
    assert len(v1.events.list({"type": "invoice.*"}).data) == 8
    assert v1.events.list({"created": {"gt": account.now()}}).data == []
    assert len(v1.customers.list({"created": {"lte": account.now()}}).data) == 2
    assert v1.prices.list({"active": False}).data == []
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        v1.subscriptions.list({"customer": "cus_none"})
    assert other.id != mine.id
