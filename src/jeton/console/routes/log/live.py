"""Live: the charges of the organization as they are settled, for the page that follows them."""

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from jeton.console.errors import InvalidFilterError
from jeton.console.pages import SECURITY_HEADERS
from jeton.console.routes.log.requests import SIGN_IN_FIRST, read_wanted
from jeton.console.visit import Door
from jeton.errors import NotAuthenticatedError, NotFoundError
from jeton.insight.live.streaming import StreamAsk, open_stream


class Live:
    """The stream of one signed-in member; the browser begins it again by itself."""

    def __init__(self, door: Door) -> None:
        """Whoever may see the log may follow it."""
        self._door = door

    async def __call__(self, request: Request) -> Response:
        """Events, or a page that says why not."""
        return await self._door.guard(request, self._answer(request))

    async def _answer(self, request: Request) -> Response:
        visit = await self._door.find_visit(request)
        if visit is None:
            raise NotAuthenticatedError(SIGN_IN_FIRST)
        feed = visit.deps.live
        if feed is None:
            raise NotFoundError("Charges cannot be followed here.")
        last_id = request.headers.get("last-event-id", "")
        if not last_id.isascii():
            raise InvalidFilterError("Last-Event-ID", "must be the id of an event")
        ask = StreamAsk(visit.session.organization_id, read_wanted(visit), last_id)
        headers = {**SECURITY_HEADERS, "x-accel-buffering": "no"}
        return StreamingResponse(
            await open_stream(feed, ask), headers=headers, media_type="text/event-stream"
        )
