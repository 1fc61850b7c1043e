"""Relay: one exchange from its hold to its last byte.

hold → upstream → bytes pass through, usage is only observed → settle → last byte. Nothing leaves
before the hold is durable, and the end of an answer leaves after its charge is (P2). Whatever
happens in between, the hold ends by a rule of the contract (P9).
"""

import asyncio
from collections.abc import AsyncGenerator, Callable

import msgspec
import structlog

from jeton.charging.words import Charge, Hold, Rule
from jeton.errors import JetonError, UpstreamError
from jeton.gateway.admission import Admission, pass_limits, take_hold
from jeton.gateway.deps import GatewayDeps, Wire
from jeton.gateway.ending.broken import end_of_broken
from jeton.gateway.ending.refusing import NotedRefusals
from jeton.gateway.envelope import (
    Headers,
    Reply,
    find_reason,
    json_headers,
    render_error,
    render_error_event,
    render_status,
    with_our_id,
)
from jeton.gateway.errors import (
    ClientLeftError,
    ExchangeTimeoutError,
    UnexpectedError,
    UpstreamAnswerError,
    UpstreamDeniedError,
)
from jeton.gateway.limiting.reserving import cancel, correct, standing_headers
from jeton.gateway.settlement import Ending, end_of_answer, end_of_stream
from jeton.gateway.stream import StreamObserver
from jeton.limits.limiter import Reservation
from jeton.money import render_usd
from jeton.upstreams.errors import UpstreamTimeoutError
from jeton.upstreams.interface import Answer, Ask
from jeton.watch.words import Ended

ANSWER_BYTES_MAX = 67_108_864
# What is left of a hold's validity for settling, when the wait for the upstream is given up.
SETTLE_MARGIN_S = 30
_OK = 200
_CLIENT_ERROR, _SERVER_ERROR = 400, 500
# To the upstream it is the operator who is unknown, forbidden or out of credit, never our caller.
_ABOUT_THE_OPERATOR = frozenset({401, 402, 403})
_CREDIT_SENTENCE = "Your credit balance is too low"
_LEFT = (Rule.CLIENT_LEFT_BEFORE_OUTPUT, Rule.CLIENT_LEFT_DURING_OUTPUT)
_LATE = (Rule.UPSTREAM_FAILED, Rule.TIME_LIMIT_DURING_OUTPUT)

_log = structlog.get_logger(__name__)


class Exchange(msgspec.Struct, frozen=True):
    """A request whose hold is taken; ``deadline`` is on the event loop's clock, in seconds."""

    admission: Admission
    hold: Hold
    wire: Wire
    deps: GatewayDeps
    deadline: float
    reservation: Reservation | None


async def run_exchange(admission: Admission, wire: Wire, deps: GatewayDeps) -> None:
    """Hold, relay, settle, and answer the wire in every case; never raises but when cancelled."""
    try:
        await _exchange(admission, wire, deps)
    except ClientLeftError:
        # Settled by its rule already; nobody is there to be told.
        return
    except JetonError as error:
        await fail(wire, error, request_id=admission.request_id, deps=deps)
    except Exception:  # noqa: BLE001 - the last handler of an exchange: the client gets an envelope
        _log.exception("exchange_failed", request_id=admission.request_id)
        await fail(wire, UnexpectedError(), request_id=admission.request_id, deps=deps)


async def fail(wire: Wire, error: JetonError, *, request_id: str, deps: GatewayDeps) -> None:
    """Answer with an error: as the envelope, or as an event once the answer has begun."""
    deps.watch.note_error(error.code)
    if wire.has_started:
        await wire.finish(render_error_event(error, request_id, deps.credit_status))
        return
    await send_reply(wire, render_error(error, request_id, deps.credit_status))


async def send_reply(wire: Wire, reply: Reply) -> None:
    """Send a whole answer."""
    await wire.start(reply.status, reply.headers)
    await wire.finish(reply.body)


async def _exchange(admission: Admission, wire: Wire, deps: GatewayDeps) -> None:
    with NotedRefusals(admission, deps.watch):
        reservation = pass_limits(admission, deps)
    deps.stops.enter(admission.caller.key_id, wire)
    try:
        await _relay(admission, wire, deps, reservation)
    finally:
        deps.stops.leave(admission.caller.key_id, wire)
        if reservation is not None:
            # Of what ended before its usage was known, no tokens count.
            cancel(reservation)


async def _relay(
    admission: Admission, wire: Wire, deps: GatewayDeps, reservation: Reservation | None
) -> None:
    deps.checkpoint("before_hold")
    with NotedRefusals(admission, deps.watch, reservation):
        hold = await take_hold(admission, deps)
    deps.checkpoint("after_hold")
    if admission.request.stream:
        # Its first byte waits until the hold is durable; meanwhile the upstream is asked.
        deps.charging.expedite()
    exchange = Exchange(admission, hold, wire, deps, _deadline(hold), reservation)
    with NotedRefusals(admission, deps.watch, is_promised=True):
        answer, body = await _call(exchange)
        try:
            deps.checkpoint("upstream_called")
            if body is None and answer.headers.get("content-type", "").startswith("text/event-stream"):
                await _relay_stream(exchange, answer)
                return
            if body is None:
                body = await _read(exchange, answer)
            if answer.status == _OK:
                await _relay_answer(exchange, answer, body)
            else:
                await _relay_refusal(exchange, answer, body)
        finally:
            await answer.close()


def _deadline(hold: Hold) -> float:
    validity_s = (hold.valid_until - hold.taken_at).total_seconds()
    return asyncio.get_running_loop().time() + max(validity_s - SETTLE_MARGIN_S, validity_s / 2)


async def _call(exchange: Exchange) -> tuple[Answer, bytes | None]:
    """The upstream's answer; with its whole body unless a stream was asked for."""
    admission = exchange.admission
    ask = Ask(
        request_id=admission.request_id,
        request=admission.request,
        body=admission.body,
        headers=admission.headers,
        attempts=exchange.hold.attempts,
        cache=admission.cache,
    )
    try:
        leaver = exchange.wire if admission.request.stream else None
        with interruptible(exchange.deadline, ExchangeTimeoutError, leaver):
            answer = await admission.route.upstream.send(ask)
            return answer, None if admission.request.stream else await _read_whole(answer)
    except ClientLeftError:
        await _end(exchange, Rule.CLIENT_LEFT_BEFORE_OUTPUT)
        raise
    except UpstreamError:
        await _end(exchange, Rule.UPSTREAM_FAILED)
        raise


async def _end(exchange: Exchange, ending: Ending) -> Charge:
    deps, hold = exchange.deps, exchange.hold
    if exchange.reservation is not None:
        correct(exchange.reservation, ending)
    deps.checkpoint("before_settle")
    if isinstance(ending, Rule):
        charge = await deps.charging.release(hold, ending)
    else:
        if ending.usage is None:
            _log.warning("usage_quarantined", request_id=hold.ask.request_id, rule=ending.rule)
        charge = await deps.charging.settle(hold, ending)
    deps.checkpoint("after_settle")
    deps.watch.note(_describe_end(exchange.admission, hold, ending, charge))
    return charge


def _describe_end(admission: Admission, hold: Hold, ending: Ending, charge: Charge) -> Ended:
    version = admission.version
    return Ended(
        request_id=admission.request_id,
        model=version.model,
        family=version.family,
        rule=charge.rule,
        held_nano=hold.ask.amount_nano,
        net_nano=charge.net_nano,
        usage=None if isinstance(ending, Rule) else ending.usage,
        prompt_tokens_max=admission.prompt_tokens_max,
        prompt=admission.request.prompt,
        body_bytes=len(admission.body),
        taken_at=hold.taken_at,
        organization_id=hold.ask.organization_id,
        workspace_id=hold.ask.workspace_id,
        is_rehearsal=admission.route.is_rehearsal,
    )


async def _read(exchange: Exchange, answer: Answer) -> bytes:
    """The whole body where a stream was asked for and something else came."""
    try:
        with interruptible(exchange.deadline, ExchangeTimeoutError):
            return await _read_whole(answer)
    except UpstreamError:
        await _end(exchange, Rule.UPSTREAM_FAILED)
        raise


async def _read_whole(answer: Answer) -> bytes:
    """The body to its end. The client's leaving changes nothing, so that its usage is known."""
    try:
        body = await answer.read()
    except BaseException:
        await answer.close()
        raise
    if len(body) > ANSWER_BYTES_MAX:
        raise UpstreamAnswerError(f"The upstream's answer is larger than {ANSWER_BYTES_MAX} bytes.")
    return body


async def _relay_answer(exchange: Exchange, answer: Answer, body: bytes) -> None:
    admission, deps = exchange.admission, exchange.deps
    asked, version, output_max = admission.asked, admission.version, admission.request.max_tokens
    charge = await _end(exchange, end_of_answer(body, asked, version=version, max_tokens=output_max))
    headers = [
        (b"content-type", answer.headers.get("content-type", "application/json").encode("latin-1")),
        (b"content-length", str(len(body)).encode()),
        *caller_headers(exchange),
    ]
    if charge.state in {"settled", "released"}:
        # An unknown charge has no header: it is not zero.
        headers.append((b"jeton-cost", render_usd(charge.net_nano).encode()))
    await exchange.wire.start(_OK, headers)
    deps.checkpoint("first_byte_sent")
    await exchange.wire.finish(body)
    deps.checkpoint("last_byte_sent")


async def _relay_stream(exchange: Exchange, answer: Answer) -> None:
    observer = StreamObserver()
    asked, version = exchange.admission.asked, exchange.admission.version
    failure: UpstreamError | None = None
    try:
        with interruptible(exchange.deadline, ExchangeTimeoutError, exchange.wire):
            await _pass_through(exchange, answer, observer)
    except ClientLeftError:
        # Cancel first: what the upstream makes from now on nobody will read.
        await answer.close()
        await _end_broken(exchange, observer, _LEFT)
        raise
    except UpstreamError as error:
        failure = error
    if isinstance(failure, (ExchangeTimeoutError, UpstreamTimeoutError)):
        # A client that reads slowly enough can bring this about, so it is not free.
        await _end_broken(exchange, observer, _LATE)
    elif failure is not None or observer.error:
        has_begun = observer.has_started
        await _end(exchange, Rule.UPSTREAM_FAILED_DURING_OUTPUT if has_begun else Rule.UPSTREAM_FAILED)
    else:
        await _end(exchange, end_of_stream(observer, asked, version))
    if failure is not None:
        raise failure
    await _start_stream(exchange, answer)
    await exchange.wire.finish(observer.held_back)
    exchange.deps.checkpoint("last_byte_sent")


async def _end_broken(exchange: Exchange, observer: StreamObserver, rules: tuple[Rule, Rule]) -> None:
    counter = exchange.deps.counter
    await _end(exchange, await end_of_broken(exchange.admission, observer, rules=rules, counter=counter))


async def _pass_through(exchange: Exchange, answer: Answer, observer: StreamObserver) -> None:
    chunks = answer.chunks()
    async for chunk in chunks:
        ready = observer.feed(chunk)
        if ready:
            if not exchange.wire.has_started:
                await _start_stream(exchange, answer)
            await exchange.wire.send(ready)
        if observer.is_over:
            break
    if isinstance(chunks, AsyncGenerator):
        await chunks.aclose()
    if not observer.is_over:
        raise UpstreamAnswerError("The upstream's stream ended without message_stop.")


async def _start_stream(exchange: Exchange, answer: Answer) -> None:
    # The status waits for the first bytes, so that an upstream that breaks off before them is
    # still answered with a status of its own.
    if exchange.wire.has_started:
        return
    # A hold that was promised out of a lease: no byte goes out before its row is durable (P2).
    await exchange.deps.charging.confirm(exchange.hold)
    content_type = answer.headers.get("content-type", "").encode("latin-1")
    headers = [(b"content-type", content_type), (b"cache-control", b"no-cache"), *caller_headers(exchange)]
    await exchange.wire.start(_OK, headers)
    exchange.deps.watch.note_first_byte(exchange.admission.version.model, exchange.hold.taken_at)
    exchange.deps.checkpoint("first_byte_sent")


def caller_headers(exchange: Exchange) -> Headers:
    """The headers of every answer to an authenticated caller."""
    admission = exchange.admission
    headers = [
        (b"request-id", admission.request_id.encode()),
        (b"anthropic-organization-id", str(admission.caller.organization_id).encode()),
        (b"anthropic-workspace-id", admission.workspace_id.encode()),
    ]
    if admission.route.is_rehearsal:
        headers.append((b"jeton-rehearsal", b"true"))
    if admission.caller.overdue_number:
        headers.append((b"jeton-payment-overdue", admission.caller.overdue_number.encode("ascii", "replace")))
    if exchange.reservation is not None:
        headers += standing_headers(exchange.reservation)
    return headers


async def _relay_refusal(exchange: Exchange, answer: Answer, body: bytes) -> None:
    admission = exchange.admission
    request_id, upstream = admission.request_id, admission.route.upstream.name
    is_refusal = _CLIENT_ERROR <= answer.status < _SERVER_ERROR
    await _end(exchange, Rule.UPSTREAM_REFUSED if is_refusal else Rule.UPSTREAM_FAILED)
    reason = find_reason(body)
    if answer.status in _ABOUT_THE_OPERATOR or (reason and reason.message.startswith(_CREDIT_SENTENCE)):
        _log.error("upstream_denied", upstream=upstream, status=answer.status, request_id=request_id)
        raise UpstreamDeniedError(upstream, answer.status)
    if answer.status < _CLIENT_ERROR:
        raise UpstreamAnswerError(f"The upstream {upstream} answered with status {answer.status}.")
    if reason is None:
        sentence = f"The upstream {upstream} answered with status {answer.status}."
        reply = render_status(answer.status, sentence, request_id=request_id)
    else:
        reply = with_our_id(body, request_id)
    advice = [
        (name.encode(), answer.headers[name].encode("latin-1"))
        for name in ("retry-after", "x-should-retry")
        if name in answer.headers
    ]
    headers = [*json_headers(request_id, reply), *caller_headers(exchange)[1:], *advice]
    await send_reply(exchange.wire, Reply(answer.status, headers, reply))


class interruptible:  # noqa: N801 - reads as a statement: with interruptible(...)
    """Stop what the body awaits at ``deadline`` (the loop's clock), or when ``wire``'s client leaves.

    Raises ``late`` or ClientLeftError in its place. Only a wait for somebody else stands inside;
    a hold or a settlement never does. Without a wire nobody's leaving is noticed.
    """

    __slots__ = ("_late", "_reason", "_task", "_timer", "_wire")

    def __init__(self, deadline: float, late: Callable[[], JetonError], wire: Wire | None = None) -> None:
        """Start the clock."""
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        if task is None:
            raise RuntimeError
        self._task = task
        self._late = late
        self._wire = wire
        self._reason: JetonError | None = None
        self._timer = loop.call_at(deadline, self._be_late)

    def __enter__(self) -> None:
        wire = self._wire
        if wire is not None:
            if wire.has_left:
                self._timer.cancel()
                raise ClientLeftError
            wire.on_leave(self._be_left)

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        self._timer.cancel()
        if self._wire is not None:
            self._wire.on_leave(None)
        # Our own interruption is taken back; one from outside (shutdown) goes on.
        if self._reason is not None and self._task.uncancel() == 0:
            raise self._reason from error

    def _be_late(self) -> None:
        self._interrupt(self._late())

    def _be_left(self) -> None:
        self._interrupt(ClientLeftError())

    def _interrupt(self, reason: JetonError) -> None:
        if self._reason is None:
            self._reason = reason
            self._task.cancel()
