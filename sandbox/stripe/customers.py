"""Customers."""

from dataclasses import dataclass, field

from sandbox.stripe.problems import Json


@dataclass(slots=True, kw_only=True)
class Customer:
    """A customer; a deleted one stays known as deleted."""

    id: str
    created: int
    email: str | None = None
    name: str | None = None
    phone: str | None = None
    description: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    invoices: int = 0
    delinquent: bool = False
    deleted: bool = False

    def described(self) -> Json:
        if self.deleted:
            return {"id": self.id, "object": "customer", "deleted": True}
        return {
            "id": self.id,
            "object": "customer",
            "address": None,
            "balance": 0,
            "created": self.created,
            "currency": "usd" if self.invoices else None,
            "customer_account": None,
            "default_source": None,
            "delinquent": self.delinquent,
            "description": self.description,
            "discount": None,
            "email": self.email,
            "invoice_prefix": self.invoice_prefix,
            "invoice_settings": {
                "custom_fields": None,
                "default_payment_method": None,
                "footer": None,
                "rendering_options": None,
            },
            "livemode": False,
            "metadata": {**self.metadata},
            "name": self.name,
            "next_invoice_sequence": self.invoices + 1,
            "phone": self.phone,
            "preferred_locales": [],
            "shipping": None,
            "tax_exempt": "none",
            "test_clock": None,
        }

    @property
    def invoice_prefix(self) -> str:
        return self.id.removeprefix("cus_")[:8].upper()

    def next_invoice_number(self) -> str:
        """Number the customer's next invoice."""
        self.invoices += 1
        return f"{self.invoice_prefix}-{self.invoices:04}"
