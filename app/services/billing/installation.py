"""The installation's id, which goes into the metadata of everything that is created at Stripe."""

from uuid import UUID

from app.unit_of_work import UnitOfWork


class InstallationId:
    """The id of this database among those that use the same Stripe account; read once per process."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow
        self._id: UUID | None = None

    async def get(self) -> UUID:
        """Return the id.

        Raises:
            ServiceUnavailable: the database is unavailable, and the id has not been read yet.
        """
        if self._id is None:
            async with self._uow.begin() as tx:
                self._id = await tx.installation.id()
        return self._id
