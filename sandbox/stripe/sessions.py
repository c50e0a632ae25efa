"""Sessions of the two hosted pages: checkout and the customer portal."""

from dataclasses import dataclass, field
from enum import StrEnum

from sandbox.stripe.prices import Price
from sandbox.stripe.problems import Json

EMBEDDED_ONLY = ("client_secret", "return_url")  # a hosted page has none of these


class SessionStatus(StrEnum):
    """Whether a checkout can still be paid."""

    OPEN = "open"
    COMPLETE = "complete"
    EXPIRED = "expired"


@dataclass(slots=True, kw_only=True)
class CheckoutSession:
    """One try to sell a subscription; it can be completed once."""

    id: str
    created: int
    expires_at: int
    page: str
    price: Price
    quantity: int
    success_url: str
    cancel_url: str | None = None
    customer: str | None = None
    customer_email: str | None = None
    known_email: str | None = None
    makes_customer: bool = False
    client_reference_id: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    subscription_metadata: dict[str, str] = field(default_factory=dict)
    allow_promotion_codes: bool | None = None
    billing_address_collection: str | None = None
    locale: str | None = None
    status: SessionStatus = SessionStatus.OPEN
    subscription: str | None = None
    invoice: str | None = None

    @property
    def amount(self) -> int:
        return self.price.amount * self.quantity

    @property
    def return_address(self) -> str:
        """Where a payer goes: `success_url` with the placeholder filled."""
        return self.success_url.replace("{CHECKOUT_SESSION_ID}", self.id)

    def described(self) -> Json:
        complete = self.status is SessionStatus.COMPLETE
        return {
            "id": self.id,
            "object": "checkout.session",
            "adaptive_pricing": {"enabled": False},
            "after_expiration": None,
            "allow_promotion_codes": self.allow_promotion_codes,
            "amount_subtotal": self.amount,
            "amount_total": self.amount,
            "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
            "billing_address_collection": self.billing_address_collection,
            "cancel_url": self.cancel_url,
            "client_reference_id": self.client_reference_id,
            **dict.fromkeys(EMBEDDED_ONLY),
            "collected_information": None,
            "consent": None,
            "consent_collection": None,
            "created": self.created,
            "currency": self.price.currency,
            "currency_conversion": None,
            "custom_fields": [],
            "custom_text": {
                "after_submit": None,
                "shipping_address": None,
                "submit": None,
                "terms_of_service_acceptance": None,
            },
            "customer": self.customer,
            "customer_account": None,
            "customer_creation": "always" if self.makes_customer else None,
            "customer_details": self._customer_details(),
            "customer_email": self.customer_email,
            "discounts": [],
            "expires_at": self.expires_at,
            "integration_identifier": None,
            "invoice": self.invoice,
            "invoice_creation": None,
            "livemode": False,
            "locale": self.locale,
            "managed_payments": {"enabled": False},
            "metadata": {**self.metadata},
            "mode": "subscription",
            "origin_context": None,
            "payment_intent": None,
            "payment_link": None,
            "payment_method_collection": "always",
            "payment_method_configuration_details": None,
            "payment_method_options": {},
            "payment_method_types": ["card"],
            "payment_status": "paid" if complete else "unpaid",
            "permissions": None,
            "phone_number_collection": {"enabled": False},
            "recovered_from": None,
            "redirect_on_completion": None,
            "saved_payment_method_options": {
                "allow_redisplay_filters": ["always"],
                "payment_method_remove": "disabled",
                "payment_method_save": None,
            },
            "setup_intent": None,
            "shipping_address_collection": None,
            "shipping_cost": None,
            "shipping_options": [],
            "status": self.status,
            "submit_type": None,
            "subscription": self.subscription,
            "success_url": self.success_url,
            "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
            "ui_mode": "hosted_page",
            "url": self.page if self.status is SessionStatus.OPEN else None,
            "wallet_options": None,
        }

    def _customer_details(self) -> Json | None:
        if self.customer is None and self.known_email is None:
            return None
        return {
            "address": None,
            "business_name": None,
            "email": self.known_email,
            "individual_name": None,
            "name": None,
            "phone": None,
            "tax_exempt": "none",
            "tax_ids": None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalSession:
    """A customer's way to the page where a subscription is managed."""

    id: str
    created: int
    customer: str
    return_url: str | None
    page: str
    locale: str | None = None

    def described(self) -> Json:
        return {
            "id": self.id,
            "object": "billing_portal.session",
            "configuration": "bpc_sandbox",
            "created": self.created,
            "customer": self.customer,
            "customer_account": None,
            "flow": None,
            "livemode": False,
            "locale": self.locale,
            "on_behalf_of": None,
            "return_url": self.return_url,
            "url": self.page,
        }
