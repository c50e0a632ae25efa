"""SQL text with named parameters, as the server receives it."""

import pytest

from app.database import Statement


def test_a_name_becomes_a_number_with_its_type_wherever_it_occurs() -> None:
    statement = Statement.of("SELECT :b, :a + :b", a="integer", b="bigint")
    assert statement.text == "SELECT $2::bigint, $1::integer + $2::bigint"
    assert statement.arguments({"b": 2, "a": 1, "unused": 3}) == (1, 2)


@pytest.mark.parametrize(
    "kept",
    [
        "'12:30:x'",
        "'it''s :x'",
        '"a:x"',
        "now()::date",
        "(ARRAY[1,2])[1:2]",
        "/* :x\n:x */ 1",
        "1 -- of :x, isn't it\n",
        "'::' || '--' || 'y'",
    ],
)
def test_casts_literals_names_and_comments_stay(kept: str) -> None:
    """Red with a plain search for a colon and a name."""
    statement = Statement.of(f"SELECT {kept}, :name", name="text")
    assert statement.text == f"SELECT {kept}, $1::text"


def test_a_cast_parameter_is_still_one() -> None:
    assert Statement.of("SELECT :x::date", x="text").text == "SELECT $1::text::date"


def test_no_and_one_parameter_are_tuples_too() -> None:
    assert Statement.of("SELECT 1").arguments({}) == ()
    assert Statement.of("SELECT :x", x="text").arguments({"x": "ab"}) == ("ab",)


@pytest.mark.parametrize("types", [{}, {"x": "text", "y": "text"}])
def test_a_parameter_without_type_and_a_type_without_parameter_are_rejected(types: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="without a type"):
        Statement.of("SELECT :x", **types)


def test_a_missing_value_is_an_error() -> None:
    with pytest.raises(KeyError):
        Statement.of("SELECT :x, :y", x="text", y="text").arguments({"x": "ab"})
