"""Evidence about subscriptions: which are ours, and which may be cancelled."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from app.services.billing.subscription_evidence import Evidence
from app.stripe_client import StripeSubscription

_HERE, _ELSEWHERE = uuid4(), uuid4()
_USER, _OTHER_USER = uuid4(), uuid4()
_FOUND = StripeSubscription(
    id="sub_1",
    customer_id="cus_1",
    user_id=_USER,
    status="active",
    created_at=datetime(2030, 1, 1, tzinfo=UTC),
    current_period_start=None,
    current_period_end=None,
    cancel_at_period_end=False,
    sells_pro=True,
)


def _evidence(
    *,
    installation: UUID | None,
    customer_of: UUID | None,
    user: UUID | None = _USER,
    sells: bool | None = True,
) -> Evidence:
    named = None if installation is None else str(installation)
    found = replace(_FOUND, installation_id=named, user_id=user, sells_pro=sells)
    return Evidence(found, _HERE, customer_of)


@pytest.mark.parametrize(
    ("installation", "customer_of", "user", "sells", "may_cancel"),
    [
        (_HERE, None, _USER, True, True),
        (_HERE, None, _USER, False, True),
        (_ELSEWHERE, _USER, _USER, True, False),
        (None, _USER, _USER, True, True),
        (None, _USER, None, True, True),
        (None, _OTHER_USER, _USER, True, False),
        (None, None, _USER, True, False),
        (None, None, None, True, False),
        (None, _USER, None, False, False),
        (None, _USER, None, None, False),
    ],
)
def test_a_subscription_may_be_cancelled_only_on_proof(
    installation: UUID | None,
    customer_of: UUID | None,
    user: UUID | None,
    *,
    sells: bool | None,
    may_cancel: bool,
) -> None:
    found = _evidence(installation=installation, customer_of=customer_of, user=user, sells=sells)
    assert found.may_cancel is may_cancel


def test_an_unknown_product_leaves_the_decision_open_unless_the_metadata_is_ours() -> None:
    assert _evidence(installation=None, customer_of=None, sells=None).is_undecided
    assert not _evidence(installation=_HERE, customer_of=None, sells=None).is_undecided
    assert not _evidence(installation=None, customer_of=None, sells=False).is_undecided


def test_a_subscription_has_left_pro_if_none_of_its_items_has_the_product() -> None:
    moved = Evidence(replace(_FOUND, sells_pro=False, products=frozenset({"prod_other"})), _HERE, _USER)
    assert moved.has_left("prod_pro")
    assert not moved.has_left("prod_other")
    assert not moved.has_left(None)
    assert not _evidence(installation=_HERE, customer_of=_USER).has_left("prod_pro")
