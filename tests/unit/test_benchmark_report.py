"""Measured values become medians, ratios, verdicts and a page; the upstream writes what the SDK reads."""

import json

import pytest
from google.genai import types

from benchmarks import upstream
from benchmarks.load import is_complete, request
from benchmarks.options import parse
from benchmarks.page import TEMPLATE, render
from benchmarks.report import Section, add, at_least, at_most, compare, printed, state, table
from benchmarks.series import Series, number, percentile


def test_a_series_is_written_as_its_median_and_its_extremes() -> None:
    assert Series.of([1350, 1290, 1400]).written("/s") == "1,350/s (1,290 to 1,400)"
    assert Series.of([0.649]).written("") == "0.65"
    with pytest.raises(ValueError, match="without values"):
        Series.of([])


def test_a_ratio_is_made_round_by_round() -> None:
    """Red when medians are divided: a round that disturbed both sides would count once."""
    assert Series.of([100, 50, 10]).over(Series.of([200, 100, 40])).values == (0.5, 0.5, 0.25)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.05, "0.05"), (1.234, "1.23"), (12.34, "12.3"), (123.4, "123"), (-12.34, "-12.3")],
)
def test_numbers_have_three_digits(value: float, text: str) -> None:
    assert number(value) == text


def test_a_percentile_is_a_measured_value() -> None:
    values = list(range(1, 101))
    assert [percentile(values, share) for share in (0, 0.5, 0.99, 1)] == [1, 50, 99, 100]


def test_a_target_is_about_the_ratio_the_value_or_the_difference() -> None:
    reached = compare("a", Series.of([65]), Series.of([100]), "/s", at_least(0.65))
    assert reached.cells() == ("a", "65.0/s", "100/s", "0.65", "≥ 0.65", "reached")
    assert state("b", Series.of([101]), " MB", at_most(100, " MB")).cells()[4:] == (
        "≤ 100 MB",
        "not reached",
    )
    assert add("c", 63, 50, " ms", at_most(8, " ms")).cells()[3:] == (
        "+13.0 ms",
        "≤ 8.00 ms",
        "not reached",
    )
    assert state("d", Series.of([1]), "").cells() == ("d", "1.00", "", "", "", "")


def test_results_stand_in_a_table_on_the_page_and_in_columns_on_the_terminal() -> None:
    section = Section("requests", "What is compared.", (state("a | b", Series.of([1]), ""),))
    assert table(section.rows)[-1] == "| a \\| b | 1.00 |  |  |  |  |"
    assert printed(section).splitlines()[-1] == "a | b  1.00"
    page = render(TEMPLATE.read_text(), command="./dev bench", machine=["2 cores"], sections=[section])
    assert "- `./dev bench`\n- 2 cores\n" in page
    assert "### requests\n\nWhat is compared.\n\n| work | ours |" in page
    assert "<!--" not in page


def test_options_are_numbers_in_the_order_given() -> None:
    name, options = parse(["replies", "--processes", "1,2,4"], names=["replies"], description="")
    assert (name, options.processes) == ("replies", (1, 2, 4))
    with pytest.raises(SystemExit):
        parse(["replies", "--rounds", "0"], names=["replies"], description="")


def test_an_answer_is_complete_by_its_length_its_last_chunk_or_without_a_body() -> None:
    assert is_complete(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
    assert not is_complete(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}")
    assert is_complete(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n")
    assert not is_complete(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n")
    assert is_complete(b"HTTP/1.1 204 No Content\r\n\r\n")
    assert not is_complete(b"HTTP/1.1 204 No")


def test_a_request_has_its_length_in_bytes() -> None:
    assert "Content-Length: 4\r\n\r\n{é}" in request("POST", "/", body="{é}")


def test_the_upstream_writes_answers_that_the_sdk_reads() -> None:
    pieces = [
        types.GenerateContentResponse.model_validate_json(upstream.piece(place, 3).removeprefix(b"data: "))
        for place in range(3)
    ]
    assert "".join(piece.text or "" for piece in pieces).startswith("word0 of the answer, word1")
    reasons = [[one.finish_reason for one in piece.candidates or []] for piece in pieces]
    assert reasons == [[None], [None], [types.FinishReason.STOP]]
    assert json.loads(upstream.whole())["usageMetadata"]["totalTokenCount"] == 14
