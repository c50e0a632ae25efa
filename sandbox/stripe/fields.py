"""How a parameter is written in a form, and what Stripe says of one that is written wrongly."""

from typing import Annotated, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from sandbox.stripe.form import Form
from sandbox.stripe.problems import StripeError

MOST_METADATA = 50
SENTENCES = {
    "missing": ("parameter_missing", "Missing required param: {name}."),
    "int_parsing": ("parameter_invalid_integer", "Invalid integer: {given}"),
    "int_type": ("parameter_invalid_integer", "Invalid integer: {given}"),
    "bool_type": (None, "Invalid boolean: {given}"),
    "string_too_short": (
        "parameter_invalid_empty",
        "You passed an empty string for '{name}'. It cannot be unset; leave it out.",
    ),
    "literal_error": (None, "Invalid {name}: must be one of {expected}"),
    "url_invalid": ("url_invalid", "{msg}"),
}
P = TypeVar("P", bound=BaseModel)


def _listed(value: object) -> object:
    if isinstance(value, dict) and all(str(name).isdigit() for name in value):
        return [value[name] for name in sorted(value, key=int)]
    return value


def _boolean(value: object) -> object:
    return {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value


def _range(value: object) -> object:
    return {"gte": value, "lte": value} if isinstance(value, str) else value


def _url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise PydanticCustomError("url_invalid", "Not a valid URL")
    return value


def _small(metadata: dict[str, str]) -> dict[str, str]:
    if len(metadata) > MOST_METADATA:
        raise PydanticCustomError("metadata", "You can have at most 50 metadata keys.")
    return metadata


def unset(value: object) -> object:
    """Read an empty value as None."""
    return None if value == "" else value


Boolean = Annotated[bool, BeforeValidator(_boolean), Field(strict=True)]
Text = Annotated[str, Field(max_length=5000)]
Word = Annotated[str, Field(min_length=1, max_length=5000)]
Url = Annotated[str, Field(min_length=1, max_length=5000), AfterValidator(_url)]
Metadata = Annotated[
    dict[Annotated[str, Field(min_length=1, max_length=40)], Annotated[str, Field(max_length=500)]],
    AfterValidator(_small),
]
Unsettable = Annotated[Metadata | None, BeforeValidator(unset)]
Listed = BeforeValidator(_listed)
Moments = BeforeValidator(_range)


class Given(BaseModel):
    """Parameters as they were given: unknown ones are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def read(kind: type[P], given: Form) -> P:
    """Read parameters, strictly."""
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        raise unreadable(error) from None


def unreadable(error: ValidationError) -> StripeError:
    """Translate what pydantic found into Stripe's words."""
    found = error.errors(include_url=False, include_context=True, include_input=True)
    unknown = [_name(each["loc"]) for each in found if each["type"] == "extra_forbidden"]
    if unknown:
        noun = "parameters" if len(unknown) > 1 else "parameter"
        message = f"Received unknown {noun}: {', '.join(unknown)}"
        return StripeError(400, message, code="parameter_unknown", param=unknown[0])
    return _explained(found[0])


def _explained(found: ErrorDetails) -> StripeError:
    name = _name(found["loc"])
    code, sentence = SENTENCES.get(found["type"], (None, "{msg}"))
    expected = found.get("ctx", {}).get("expected")
    message = sentence.format(name=name, given=found["input"], expected=expected, msg=found["msg"])
    return StripeError(400, message, code=code, param=name or None)


def _name(location: tuple[int | str, ...]) -> str:
    first, *rest = location or ("",)
    return str(first) + "".join(f"[{step}]" for step in rest)
