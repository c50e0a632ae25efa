"""What tests reach behind Gemini's back: the record of calls, and holds."""

from dataclasses import dataclass

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.gemini.calls import Calls
from sandbox.gemini.checks import parse
from sandbox.gemini.holds import Holds
from sandbox.gemini.requests import Message
from sandbox.gemini.words import Counts


class HoldOrder(Message):
    """Which calls are to wait, and where."""

    contains: str = Field(min_length=1)
    after_pieces: int = Field(0, ge=0)


class ReleaseOrder(Message):
    """Which hold is to end; without a text every one."""

    contains: str | None = None


@dataclass(frozen=True, slots=True)
class Control:
    """The routes under /sandbox."""

    calls: Calls
    holds: Holds
    counts: Counts

    def routes(self) -> list[Route]:
        """List them."""
        return [
            Route("/sandbox/calls", self.list_calls, methods=["GET"]),
            Route("/sandbox/calls", self.forget_calls, methods=["DELETE"]),
            Route("/sandbox/hold", self.hold, methods=["POST"]),
            Route("/sandbox/release", self.release, methods=["POST"]),
        ]

    async def list_calls(self, request: Request) -> Response:
        """List the calls, newest last; `?contains=` filters by the last user turn."""
        text = request.query_params.get("contains", "")
        return JSONResponse([call.described() for call in self.calls.containing(text)])

    async def forget_calls(self, _: Request) -> Response:
        """Forget every call, and how often counted words have acted."""
        self.calls.clear()
        self.counts.clear()
        return Response(status_code=204)

    async def hold(self, request: Request) -> Response:
        """Hold matching calls from now on."""
        order = parse(HoldOrder, await request.body())
        self.holds.add(order.contains, order.after_pieces)
        return Response(status_code=204)

    async def release(self, request: Request) -> Response:
        """End a hold, or all of them; says how many ended."""
        order = parse(ReleaseOrder, await request.body() or b"{}")
        return JSONResponse({"released": self.holds.release(order.contains)})
