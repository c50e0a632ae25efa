"""The prices: Pro at two monthly prices, and a product of another app on the account."""

from dataclasses import dataclass

from sandbox.stripe.problems import Json

OPENED = 1_767_225_600  # 2026-01-01, a date before any test's


@dataclass(frozen=True, slots=True)
class Product:
    """Something to subscribe to."""

    id: str
    name: str
    description: str
    created: int = OPENED

    def described(self) -> Json:
        return {
            "id": self.id,
            "object": "product",
            "active": True,
            "created": self.created,
            "default_price": None,
            "description": self.description,
            "images": [],
            "livemode": False,
            "marketing_features": [],
            "metadata": {},
            "name": self.name,
            "package_dimensions": None,
            "shippable": None,
            "statement_descriptor": None,
            "tax_code": None,
            "type": "service",
            "unit_label": None,
            "updated": self.created,
            "url": None,
        }


@dataclass(frozen=True, slots=True)
class Price:
    """What a product costs a month, in cents."""

    id: str
    product: Product
    amount: int
    lookup_key: str
    currency: str = "usd"
    created: int = OPENED

    def described(self) -> Json:
        return {
            "id": self.id,
            "object": "price",
            "active": True,
            "billing_scheme": "per_unit",
            "created": self.created,
            "currency": self.currency,
            "custom_unit_amount": None,
            "livemode": False,
            "lookup_key": self.lookup_key,
            "metadata": {},
            "nickname": None,
            "product": self.product.id,
            "recurring": {
                "interval": "month",
                "interval_count": 1,
                "meter": None,
                "trial_period_days": None,
                "usage_type": "licensed",
            },
            "tax_behavior": "unspecified",
            "tiers_mode": None,
            "transform_quantity": None,
            "type": "recurring",
            "unit_amount": self.amount,
            "unit_amount_decimal": str(self.amount),
        }

    def described_as_plan(self) -> Json:
        """Describe it as the older kind of object that every item still carries."""
        return {
            "id": self.id,
            "object": "plan",
            "active": True,
            "amount": self.amount,
            "amount_decimal": str(self.amount),
            "billing_scheme": "per_unit",
            "created": self.created,
            "currency": self.currency,
            "interval": "month",
            "interval_count": 1,
            "livemode": False,
            "metadata": {},
            "meter": None,
            "nickname": None,
            "product": self.product.id,
            "tiers_mode": None,
            "transform_usage": None,
            "trial_period_days": None,
            "usage_type": "licensed",
        }

    @property
    def shown(self) -> str:
        """Format the amount for display."""
        return f"${self.amount / 100:.2f}"


PRO = Price(
    id="price_sandbox_pro",
    product=Product("prod_sandbox_pro", "Pro", "Unlimited messages"),
    amount=2000,
    lookup_key="pro_monthly",
)
PRO_EARLIER = Price(
    id="price_sandbox_pro_earlier", product=PRO.product, amount=1500, lookup_key="pro_monthly_earlier"
)
OTHER = Price(
    id="price_sandbox_other",
    product=Product("prod_sandbox_other", "Other", "What another app of the account's owner sells"),
    amount=700,
    lookup_key="other_monthly",
)
PRICES = {price.id: price for price in (PRO, PRO_EARLIER, OTHER)}
