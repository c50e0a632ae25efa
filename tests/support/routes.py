"""Routes from the OpenAPI document, so that a test of all routes covers new ones automatically."""

from dataclasses import dataclass
from typing import Final

from tests.support.user import Json, client, ok

# These requests end the session: every later one would get 401.
FAREWELLS: Final = ("log_out", "end_session", "delete_me")


class Ids(dict[str, str]):
    """Path parameters: the room, and for all others an id that does not exist."""

    def __init__(self, room: str) -> None:
        super().__init__(chatroom_id=room)

    def __missing__(self, name: str) -> str:
        return "018f0000-0000-7000-8000-000000000000"


@dataclass(frozen=True)
class Route:
    """One operation."""

    method: str
    path: str
    documented: Json
    schemas: Json

    @property
    def is_farewell(self) -> bool:
        """Whether the operation ends the session of its request."""
        return self.documented["operationId"] in FAREWELLS

    def __str__(self) -> str:
        return f"{self.method.upper()} {self.path}"

    def address(self, room: str) -> str:
        """Return the operation's path for this room."""
        return self.path.format_map(Ids(room))

    def parameters(self, place: str) -> list[str]:
        """Return the names of its parameters in the path, the query or the header."""
        return [each["name"] for each in self.documented.get("parameters", ()) if each["in"] == place]

    def body(self) -> Json:
        """Return the schema of its JSON body; empty without one."""
        content = self.documented.get("requestBody", {}).get("content", {}).get("application/json", {})
        schema: Json = content.get("schema", {})
        for reference in (schema, *schema.get("anyOf", ())):
            if "$ref" in reference:
                found: Json = self.schemas[reference["$ref"].rpartition("/")[2]]
                return found
        return schema


USERS, OPERATORS = "/openapi.json", "/admin/openapi.json"
"""The documents of the two APIs."""


def documented_at(address: str, path: str = USERS) -> Json:
    """Return the OpenAPI document of an API process; shared responses and examples are resolved."""
    with client(address) as anyone:
        document = ok(anyone.get(path))
    for item in document["paths"].values():
        for operation in item.values():
            for status, response in operation["responses"].items():
                if "$ref" in response:
                    name = response["$ref"].removeprefix("#/components/responses/")
                    operation["responses"][status] = document["components"]["responses"][name]
    for response in document["components"]["responses"].values():
        for content in response["content"].values():
            for code, example in content["examples"].items():
                if "$ref" in example:
                    content["examples"][code] = document["components"]["examples"][code]
    return document


def routes_at(address: str, path: str = USERS) -> list[Route]:
    """Return every route in a document of an API process."""
    document = documented_at(address, path)
    schemas = document["components"]["schemas"]
    return [
        Route(method, path, operation, schemas)
        for path, item in document["paths"].items()
        for method, operation in item.items()
    ]
