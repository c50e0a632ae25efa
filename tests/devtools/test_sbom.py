"""The bill of materials lists every package of the production lock."""

from copy import deepcopy

from devtools import locks
from devtools.sbom import LOCK, missing_pins
from tests.support.user import Json

PINS = locks.read_pins(LOCK)


def _document() -> Json:
    components = [
        {
            "name": pin.name.replace("-", "_"),
            "version": pin.version,
            "externalReferences": [{"hashes": [{"content": one.rpartition(":")[2]} for one in pin.hashes]}],
        }
        for pin in PINS
    ]
    return {"components": components}


def test_a_document_with_every_pin_is_complete() -> None:
    assert len(PINS) > 50
    assert missing_pins(_document(), PINS) == []


def test_a_missing_package_another_version_and_another_hash_are_reported() -> None:
    """Red when names alone are compared."""
    complete = _document()["components"]
    first = f"{PINS[0].name} {PINS[0].version}"
    other_version, other_hash = deepcopy(complete[0]), deepcopy(complete[0])
    other_version["version"] = "0"
    other_hash["externalReferences"] = [{"hashes": [{"content": "0" * 64}]}]
    for instead in ([], [other_version], [other_hash]):
        assert missing_pins({"components": [*instead, *complete[1:]]}, PINS) == [first]
