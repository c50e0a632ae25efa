"""A lock made by uv is completed so that every pip finds each form of a package pinned."""

from __future__ import annotations

from devtools import lock

ONE_EXTRA = """\
plain==1.0 \\
    --hash=sha256:00
    # via auth
auth[requests]==2.5 ; sys_platform != 'darwin' \\
    --hash=sha256:01 \\
    --hash=sha256:02
    # via
    #   -r requirements.in
    #   genai
"""
TWO_EXTRAS = """\
auth[grpc,requests]==2.5 \\
    --hash=sha256:01
    # via genai
"""


def _pins(text: str) -> list[str]:
    return [line for line in text.splitlines() if line[0].isalpha()]


def test_a_package_pinned_with_an_extra_is_pinned_without_it_too() -> None:
    completed = lock.complete(ONE_EXTRA)
    assert _pins(completed) == [
        "plain==1.0 \\",
        "auth==2.5 ; sys_platform != 'darwin' \\",
        "auth[requests]==2.5 ; sys_platform != 'darwin' \\",
    ]
    assert completed.count("--hash=sha256:01 \\\n    --hash=sha256:02\n    #") == 2
    assert completed.endswith(ONE_EXTRA.partition("# via auth\n")[2])


def test_of_several_extras_each_one_is_pinned_alone() -> None:
    completed = lock.complete(TWO_EXTRAS)
    forms = ["auth", "auth[grpc]", "auth[requests]", "auth[grpc,requests]"]
    assert _pins(completed) == [f"{form}==2.5 \\" for form in forms]


def test_a_complete_lock_stays_as_it_is() -> None:
    for text in (ONE_EXTRA, TWO_EXTRAS):
        assert lock.complete(lock.complete(text)) == lock.complete(text)
