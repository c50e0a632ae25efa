"""The table of stream events and their payloads in docs/api.md, made from the models."""

from typing import Any, Final

from app.schemas.sse import PAYLOADS

Json = dict[str, Any]

_WHOLE_REPLY: Final = "and the reply as `GET …/message/{message_id}` answers it"
_HEAD: Final = "| event | data | meaning |\n|---|---|---|\n"


def event_table() -> str:
    """Return the table in Markdown, one row for each event, in the order of sending."""
    return _HEAD + "".join(
        f"| `{kind}` | {_payload(model.model_json_schema())} | {_meaning(model.__doc__)} |\n"
        for kind, model in PAYLOADS.items()
    )


def _payload(schema: Json) -> str:
    fields = schema["properties"]
    constant = f'`"type": "{fields["type"]["const"]}"`'
    if "chatroom_id" in fields:
        names = ", ".join(f"`{name}`" for name in fields if name != "type")
        return f"{constant}, {_WHOLE_REPLY}: {names}"
    others = [f"`{name}` ({_type_of(field)})" for name, field in fields.items() if name != "type"]
    return ", ".join([constant, *others])


def _type_of(field: Json) -> str:
    return str(field.get("type", field.get("$ref", "").rpartition("/")[2]))


def _meaning(text: str | None) -> str:
    return " ".join((text or "").split())


if __name__ == "__main__":
    print(event_table(), end="")  # noqa: T201  # to be copied into the page
