"""Reserving: at the end of a request the rate limits learn what it counted.

Input counts without what was read from the cache, as the Messages API has it; output counts as it was
made, whatever max_tokens said. A refusal before any output is free, and counts as estimated.
"""

from jeton import clock
from jeton.charging.words import Metered, Rule
from jeton.gateway.limiting.headers import Headers, limit_headers
from jeton.limits.limiter import Reservation


def correct(reservation: Reservation, ending: Metered | Rule) -> None:
    """End a reservation with what is known at the end of the request."""
    match ending:
        case Metered(usage=None) | Rule.REFUSAL_BEFORE_OUTPUT:
            reservation.keep()
        case Metered(usage=usage) if usage is not None:
            input_tokens = usage.prompt_tokens - usage.cache_read_input_tokens
            reservation.correct(input_tokens, usage.output_tokens, at_us=clock.read_us())
        case _:
            reservation.cancel(at_us=clock.read_us())


def cancel(reservation: Reservation) -> None:
    """End a reservation, if it has not ended, without any tokens."""
    reservation.cancel(at_us=clock.read_us())


def withdraw(reservation: Reservation | None) -> None:
    """End the reservation of a request that was not admitted after all: it counts nowhere."""
    if reservation is not None:
        reservation.withdraw(at_us=clock.read_us())


def standing_headers(reservation: Reservation) -> Headers:
    """How the limits stand that a request has passed."""
    return limit_headers(reservation.list_standings(clock.read_us()), clock.now())
