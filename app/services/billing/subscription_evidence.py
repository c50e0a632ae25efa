"""Decides from evidence which subscriptions at Stripe are ours, and which may be cancelled."""

from dataclasses import dataclass
from uuid import UUID

from app.stripe_client import StripeSubscription


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a subscription says about itself, beside what this database knows of its customer."""

    found: StripeSubscription
    installation_id: UUID
    """Of this database."""
    customer_user_id: UUID | None
    """The user whom this database made the customer for, if it did."""

    @property
    def user_id(self) -> UUID | None:
        """The user it is for: by its metadata, else by its customer."""
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
        """Whether it may be read as Pro and changed: it sells Pro, or carries metadata of our own.

        Before installations had ids, the metadata of our own was the user's id alone, which counts if the
        customer is that user's.
        """
        has_older_metadata = (
            self.found.installation_id is None
            and self.found.user_id is not None
            and self.found.user_id == self.customer_user_id
        )
        return bool(self.found.sells_pro) or self.names_this_installation or has_older_metadata

    @property
    def is_undecided(self) -> bool:
        """Whether it cannot be told what it sells, so that what was decided before stands."""
        return not self.is_ours and self.found.sells_pro is None

    def has_left(self, product_id: str | None) -> bool:
        """Whether it was of this product, which was Pro's then, and is now of others than Pro's.

        Its metadata stays when a subscription is moved to another product. A product that Pro was sold as
        before `STRIPE_PRO_PRICE_ID` was changed is still among its products.
        """
        is_of_it = self.found.sells_pro or product_id in self.found.products
        return product_id is not None and not is_of_it

    @property
    def may_cancel(self) -> bool:
        """Whether it is proved to be of this installation, so that it may be cancelled for a reason.

        Without an installation's id it is if this database made the customer for that very user.
        """
        is_older_of_ours = (
            self.found.installation_id is None
            and self.customer_user_id is not None
            and self.user_id == self.customer_user_id
        )
        return self.is_ours and (self.names_this_installation or is_older_of_ours)
