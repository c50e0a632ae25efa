"""Addresses and methods that do not exist."""

from typing import Final

from devtools.postman.model import Folder, has, refusal

FOLDER: Final = Folder(
    "Addresses and methods",
    "What is refused before any operation.",
    (
        refusal("Unknown address", "GET /no-such-address", 404, "not_found"),
        refusal(
            "Wrong method",
            "DELETE /health/live",
            405,
            "method_not_allowed",
            checks={"it names the methods that are allowed": {"Allow": has("GET")}},
        ),
    ),
)
