"""The windows that count a code: shared by all callers, or reserved for known networks."""

from collections import Counter

from app.redis_client.windows import WindowLimit
from app.services.identity.otp_budgets import CodeRequest, OtpBudgets, OtpLimits

_LIMITS = OtpLimits(per_hour=5, per_day=10, per_ip_hour=20, per_prefix_hour=50, global_per_hour=100)
_BUDGETS = OtpBudgets(_LIMITS, b"k" * 32)
_NUMBER, _NEIGHBOUR = "+14155550123", "+14155550199"
_IPV6 = ("2001:db8:1:1234::/64", "2001:db8:1:1200::/56", "2001:db8:1::/48")


def _windows(
    number: str = _NUMBER, *, has_account: bool = True, signed_in_before: bool = False
) -> list[WindowLimit]:
    return _BUDGETS.of_code(CodeRequest(number, _IPV6, has_account, signed_in_before))


def _keys(windows: list[WindowLimit], name: str) -> set[str]:
    return {window.key for window in windows if window.name == name}


def test_networks_have_budgets_by_their_size() -> None:
    assert [window.limit for window in _windows() if window.name == "ip"] == [20, 40, 100]


def test_a_number_has_a_reserve_of_half_of_its_budget() -> None:
    assert [window.limit for window in _windows() if window.name == "number"] == [7, 15, 5, 10]


def test_a_known_network_shares_no_window_with_others_but_that_of_the_number_and_its_own() -> None:
    """Red when strangers can exhaust the block or the service for known networks."""
    known, others = _windows(signed_in_before=True), _windows()
    for name in ("prefix", "global"):
        assert not _keys(known, name) & _keys(others, name)
    assert len(_keys(known, "number") & _keys(others, "number")) == 2
    assert _keys(known, "ip") == {next(window.key for window in others if window.name == "ip")}


def test_only_the_window_of_the_service_depends_on_the_account() -> None:
    """Red when more does: a caller could tell numbers with an account by their budgets."""
    with_account, without = _windows(), _windows(has_account=False)
    assert Counter(window.name for window in with_account) - Counter(
        window.name for window in without
    ) == Counter(["global"])
    assert {window.key for window in with_account} & {window.key for window in without} == {
        window.key for window in with_account if window.name != "global"
    }


def test_neighbouring_numbers_share_a_block() -> None:
    assert _keys(_windows(), "prefix") == _keys(_windows(_NEIGHBOUR), "prefix")
    assert not _keys(_windows(), "number") & _keys(_windows(_NEIGHBOUR), "number")


def test_keys_contain_neither_number_nor_network() -> None:
    for window in _windows():
        assert not any(text in window.key for text in ("4155550", "2001:db8"))
