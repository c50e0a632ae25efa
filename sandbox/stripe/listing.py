"""Lists: newest first, cut into pages by the id of the last object seen."""

from collections.abc import Callable, Collection, Iterable
from typing import Protocol, TypeVar

from pydantic import JsonValue

from sandbox.stripe.params import Page
from sandbox.stripe.problems import Json, no_such


class Listable(Protocol):
    """An object that can be in a list."""

    @property
    def id(self) -> str:
        """Its id, by which pages are cut."""

    @property
    def created(self) -> int:
        """When it was made, in Unix seconds."""

    def described(self) -> Json:
        """Render it in today's shape."""


T = TypeVar("T", bound=Listable)


def listed(
    objects: Collection[T], page: Page, *, url: str, noun: str, wanted: Callable[[T], bool] = lambda _: True
) -> Json:
    """List one page of those that are wanted; `objects` are all there are, oldest first."""
    newest_first = list(objects)[::-1]
    if page.starting_after is not None:
        place = _place(newest_first, page.starting_after, "starting_after", noun)
        chosen = _chosen(newest_first[place + 1 :], page, wanted)
        shown = chosen[: page.limit]
    elif page.ending_before is not None:
        place = _place(newest_first, page.ending_before, "ending_before", noun)
        chosen = _chosen(newest_first[:place], page, wanted)
        shown = chosen[-page.limit :]
    else:
        chosen = _chosen(newest_first, page, wanted)
        shown = chosen[: page.limit]
    data: list[JsonValue] = [each.described() for each in shown]
    return {"object": "list", "data": data, "has_more": len(chosen) > len(shown), "url": url}


def _chosen(objects: Iterable[T], page: Page, wanted: Callable[[T], bool]) -> list[T]:
    return [each for each in objects if page.created.holds(each.created) and wanted(each)]


def _place(objects: list[T], id_: str, param: str, noun: str) -> int:
    for place, each in enumerate(objects):
        if each.id == id_:
            return place
    raise no_such(noun, id_, param=param)
