"""The slots of a worker process: how many replies it may claim, and for which users."""

from uuid import UUID

import pytest

from app.services.generation.worker_slots import WorkerSlots

_ONE, _OTHER = UUID(int=1), UUID(int=2)


@pytest.mark.parametrize(("size", "per_user", "share"), [(1, 10, 1), (2, 10, 1), (8, 10, 4), (200, 10, 10)])
def test_a_share_is_at_most_half_of_the_slots_and_at_least_one(size: int, per_user: int, share: int) -> None:
    assert WorkerSlots(size, per_user=per_user).share == share


def test_a_claim_takes_at_most_fifty_replies_and_no_more_than_are_free() -> None:
    assert WorkerSlots(200, per_user=10).limits().slots == 50
    slots = WorkerSlots(3, per_user=10)
    slots.occupy(_ONE)
    slots.occupy(_OTHER)
    assert (slots.limits().slots, slots.limits().held) == (1, {_ONE: 1, _OTHER: 1})


def test_slots_beyond_a_share_are_spare_only_while_more_than_half_are_free() -> None:
    """Red when a user may fill the process: the next user would find no free slot."""
    slots = WorkerSlots(8, per_user=2)
    spare = []
    for _ in range(6):
        spare.append(slots.limits().spare)
        slots.occupy(_ONE)
    assert spare == [4, 3, 2, 1, 0, 0]


def test_releasing_a_slot_reports_a_user_at_its_share() -> None:
    slots = WorkerSlots(8, per_user=2)
    slots.occupy(_ONE)
    assert not slots.release(_ONE)
    assert slots.is_empty
    for _ in range(3):
        slots.occupy(_ONE)
    assert not slots.is_within_share(_ONE)
    assert slots.release(_ONE)
    assert slots.is_within_share(_ONE)
    assert slots.release(_ONE)
    assert not slots.release(_ONE)


def test_a_process_with_more_work_than_slots_has_none_free() -> None:
    slots = WorkerSlots(1, per_user=1)
    slots.occupy(_ONE)
    slots.occupy(_OTHER)
    assert (slots.free, slots.limits().slots, slots.limits().spare) == (0, 0, 0)
