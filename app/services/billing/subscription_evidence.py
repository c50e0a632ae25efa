"""Decides, from evidence, which subscriptions at Stripe are ours and which may be cancelled."""

from dataclasses import dataclass
from uuid import UUID

from app.stripe_client import StripeSubscription


@dataclass(frozen=True, slots=True)
class Evidence:
    """A subscription as it is at Stripe, and what this database knows of its customer."""

    found: StripeSubscription
    installation_id: UUID
    """The id of this installation."""
    customer_user_id: UUID | None
    """The user of the customer, if this database created it."""

    @property
    def user_id(self) -> UUID | None:
        """Return its user: by metadata, else by customer."""
        return self.found.user_id or self.customer_user_id

    @property
    def names_this_installation(self) -> bool:
        """Whether its metadata names this installation."""
        return self.found.installation_id == str(self.installation_id)

    @property
    def names_other_installation(self) -> bool:
        """Whether its metadata names another installation."""
        return self.found.installation_id is not None and not self.names_this_installation

    @property
    def is_ours(self) -> bool:
        """Whether it may be treated as Pro and changed: it sells Pro, or carries our metadata.

        Before installations had ids, our metadata was the user's id alone; it counts if the customer is that
        user's.
        """
        has_older_metadata = (
            self.found.installation_id is None
            and self.found.user_id is not None
            and self.found.user_id == self.customer_user_id
        )
        return bool(self.found.sells_pro) or self.names_this_installation or has_older_metadata

    @property
    def is_undecided(self) -> bool:
        """Whether it is unknown what it sells, so that the previous decision applies."""
        return not self.is_ours and self.found.sells_pro is None

    def has_left(self, product_id: str | None) -> bool:
        """Whether it has been moved from this product, which was Pro's, to products other than Pro's.

        A subscription keeps its metadata when it is moved. A product that was Pro's before
        `STRIPE_PRO_PRICE_ID` changed is still among its products.
        """
        is_of_it = self.found.sells_pro or product_id in self.found.products
        return product_id is not None and not is_of_it

    @property
    def may_cancel(self) -> bool:
        """Whether there is proof that this installation sold it, so that it may be cancelled.

        Without an installation's id the proof is that this database created the customer for that user.
        """
        is_older_of_ours = (
            self.found.installation_id is None
            and self.customer_user_id is not None
            and self.user_id == self.customer_user_id
        )
        return self.is_ours and (self.names_this_installation or is_older_of_ours)
