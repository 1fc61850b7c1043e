"""Amounts: what a part of an amount in minor units is worth in the ledger. Pure."""

from jeton.money import divide_half_even


def part_nano(part_minor: int, *, of_minor: int, worth_nano: int) -> int:
    """What ``part_minor`` of ``of_minor`` is worth, where the whole is worth ``worth_nano``; half-even.

    Taken part by part of what is left, the last part is worth exactly what is left: 1 of 3 yen worth 10 nano
    is 3, then 1 of 2 worth 7 is 4, then 1 of 1 worth 3 is 3. Raises ValueError for more than the whole.
    """
    if not 0 <= part_minor <= of_minor:
        raise ValueError(f"{part_minor} is no part of {of_minor}")
    if part_minor == of_minor:
        return worth_nano
    return divide_half_even(part_minor * worth_nano, of_minor)
