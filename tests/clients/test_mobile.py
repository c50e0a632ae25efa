"""What openapi-generator makes for Kotlin, Swift and Dart has the types that the API promises."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.clients.tools import Tools
from tests.support.user import Json


@dataclass(frozen=True)
class Language:
    """How one generator is called, and how what it makes is written."""

    name: str
    suffix: str
    result: str
    """A method and its result, with `{}` for the method's name."""
    field: str
    """A model's field: `name` and `type`, also `value` if it has a default."""
    unset: tuple[str | None, ...]
    """Defaults with which a field is not sent."""
    time: str
    text: str
    enum: str
    """An enum's first line; its values have to be strings."""
    options: str = "enumUnknownDefaultCase=true"


KOTLIN = Language(
    "kotlin",
    ".kt",
    result=r"fun {}\(.*\) : ([\w.]+) \{{",
    field=r"^    val `?(?P<name>\w+)`?: (?P<type>[\w.<>]+)\??(?: = (?P<value>[^,\n]+))?,?$",
    unset=("null",),
    time="java.time.OffsetDateTime",
    text="kotlin.String",
    enum=r"^ *enum class \w+\(val value: ([\w.]+)\)",
)
SWIFT = Language(
    "swift6",
    ".swift",
    result=r"func {}\(.*\) async throws\(ErrorResponse\) -> (\w+) \{{",
    field=r"^    public var `?(?P<name>\w+)`?: (?P<type>[\w\[\]]+)\??(?: = (?P<value>.+))?$",
    unset=(None,),
    time="Date",
    text="String",
    enum=r"^ *public enum \w+: (\w+), Sendable, Codable, (?:ParameterConvertible, )?CaseIterable",
)
DART = Language(
    "dart",
    ".dart",
    result=r"Future<(\w+)\??> {}\(",
    field=r"^  (?:Optional<)?(?P<type>[\w<>, ]+?)\??>? (?P<name>\w+);$",
    unset=("const Optional.absent()",),
    time="DateTime",
    text="String",
    enum=r"^enum \w+ \{[^}]*?^  final (\w+) _value;",
    # Without the others it sends null for every field that was not set.
    options="enumUnknownDefaultCase=true,useOptional=true,patchOnly=true",
)
LANGUAGES = (KOTLIN, SWIFT, DART)

# Fields that may hold values which a released app does not know yet.
OPEN = {
    "Problem": "code",
    "FieldProblem": "code",
    "ReplyError": "code",
    "MessageOut": "status",
    "SubscriptionOut": "status",
    "InvoiceOut": "status",
}
TIME = re.compile(r"\w+(At|Until)|timestamp|currentPeriodEnd")


@dataclass(frozen=True)
class Generated:
    """The files of one language, by their names without the suffix and underscores, in lower case."""

    language: Language
    files: dict[str, str]

    def fields(self, model: str) -> dict[str, tuple[str, str | None]]:
        """Type and default of each field of a model."""
        text = self.files[model.lower()].partition("@override")[0]
        found = {}
        for match in re.finditer(self.language.field, text, re.MULTILINE):
            value = match.groupdict().get("value")
            if self.language is DART:
                default = re.search(rf"^    this\.{match['name']}(?: = (.+))?,$", text, re.MULTILINE)
                value = default[1] if default else None
            found[match["name"]] = (match["type"], value)
        return found


@pytest.fixture(scope="module", params=LANGUAGES, ids=lambda language: language.name)
def generated(request: pytest.FixtureRequest, tools: Tools, document: Path) -> Generated:
    language: Language = request.param
    folder = tools.folder / language.name
    arguments = ("-i", str(document), "-g", language.name, "-o", str(folder))
    printed = tools.pip(
        "openapi-generator-cli", "generate", *arguments, f"--additional-properties={language.options}"
    )
    assert "ERROR" not in printed
    sources = (path for path in folder.rglob(f"*{language.suffix}") if "test" not in path.parts)
    return Generated(language, {path.stem.replace("_", "").lower(): path.read_text() for path in sources})


@pytest.fixture(scope="module")
def schemas(document: Path) -> Json:
    found: Json = json.loads(document.read_text())["components"]["schemas"]
    return found


def _events(document: Path) -> list[str]:
    """The models of the events, by the stream's schema."""
    paths = json.loads(document.read_text())["paths"]
    answer = paths["/chatroom/{chatroom_id}/message/stream"]["post"]["responses"]["200"]
    schema = answer["content"]["text/event-stream"]["schema"]
    if "$ref" in schema:
        components: Json = json.loads(document.read_text())["components"]["schemas"]
        schema = components[schema["$ref"].rpartition("/")[2]]
    return [each["$ref"].rpartition("/")[2] for each in schema["oneOf"]]


def _patches(document: Path) -> Iterator[str]:
    """The models of the bodies of PATCH."""
    for item in json.loads(document.read_text())["paths"].values():
        if "patch" in item:
            schema = item["patch"]["requestBody"]["content"]["application/json"]["schema"]
            yield schema["$ref"].rpartition("/")[2]


@pytest.mark.parametrize("method", ["sendMessage", "regenerateReply"])
def test_a_message_is_answered_with_the_exchange(generated: Generated, method: str) -> None:
    pattern = generated.language.result.format(method)
    results = {found for text in generated.files.values() for found in re.findall(pattern, text)}
    assert results == {"ExchangeOut"}


def test_every_time_has_the_type_of_times(generated: Generated, schemas: Json) -> None:
    types = {
        f"{model}.{name}": found
        for model in schemas
        if model.lower() in generated.files
        for name, (found, _) in generated.fields(model).items()
        if TIME.fullmatch(name)
    }
    assert len(types) > 30
    assert {field for field, found in types.items() if found != generated.language.time} == set()


def test_a_patch_sends_only_what_was_set(generated: Generated, document: Path) -> None:
    patches = list(_patches(document))
    assert len(patches) >= 2
    for model in patches:
        fields = generated.fields(model)
        assert fields
        assert {value for _, value in fields.values()} <= set(generated.language.unset), (model, fields)


def test_each_event_has_a_model_with_its_type(generated: Generated, document: Path) -> None:
    events = _events(document)
    assert len(events) == 5
    for model in events:
        assert "type" in generated.fields(model)


@pytest.mark.parametrize(("model", "name"), OPEN.items())
def test_a_code_from_the_future_can_be_read(generated: Generated, model: str, name: str) -> None:
    assert generated.fields(model)[name][0] == generated.language.text


def test_every_enum_is_of_strings_and_has_a_case_for_what_is_unknown(generated: Generated) -> None:
    """An enum of booleans, which a constant becomes, does not compile in Swift and Kotlin."""
    language = generated.language
    flags = re.MULTILINE | re.DOTALL
    enums = {
        name: found
        for name, text in generated.files.items()
        if (found := re.findall(language.enum, text, flags))
    }
    assert len(enums) > 5
    assert {name: found for name, found in enums.items() if set(found) != {language.text}} == {}
    assert {name for name in enums if "nknown" not in generated.files[name]} == set()
