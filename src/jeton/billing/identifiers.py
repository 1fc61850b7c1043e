"""Identifiers: whether a VAT number, an IBAN or a BIC can be one, by its form and check digits.

Nobody is asked: whether a number that can be one was given to anybody is known to its authority alone (in the
EU through VIES). Numbers of countries whose form python-stdnum does not know are taken as they are.
"""

import re

from stdnum import bic, get_cc_module, iban
from stdnum.eu import vat
from stdnum.exceptions import ValidationError

from jeton.errors import InvalidInputError

# Greece's numbers begin with EL, those of Northern Ireland with XI, though the countries are GR and GB.
_PREFIXES = {"GR": "EL"}
_EU = frozenset({*(code.upper() for code in vat.MEMBER_STATES), "EL", "XI"})
_SEPARATORS = re.compile(r"[\s.\-/]")
_PREFIX_LETTERS = 2


class InvalidIdentifierError(InvalidInputError):
    """A number that cannot be what it is given as."""

    code = "invalid_identifier"

    def __init__(self, kind: str, number: str, *, problem: object) -> None:
        """Name the number and what is wrong with it."""
        sentence = str(problem).rstrip(".")
        super().__init__(f"{number!r} is no {kind}: {sentence[:1].lower()}{sentence[1:]}.")


def check_vat_number(number: str, country: str = "") -> str:
    """A VAT number in its compact form; ``country`` (ISO 3166-1) says whose it is where no prefix does.

    DE136695976 passes, DE136695977 fails its check digit. Raises InvalidIdentifierError.
    """
    compact = _SEPARATORS.sub("", number).upper()
    prefix = compact[:_PREFIX_LETTERS]
    expected = _PREFIXES.get(country, country)
    if prefix in _EU:
        is_other = expected and prefix != expected and {prefix, expected} != {"XI", "GB"}
        if is_other:
            raise InvalidIdentifierError(
                "VAT number", number, problem=f"one of {country} begins with {expected}"
            )
        validate = vat.validate
    elif country.upper() in _EU:
        raise InvalidIdentifierError("VAT number", number, problem=f"one of {country} begins with {expected}")
    else:
        module = get_cc_module(country.lower() or prefix.lower(), "vat")
        if module is None:
            return compact
        validate = module.validate
    try:
        validate(compact)
    except ValidationError as error:
        raise InvalidIdentifierError("VAT number", number, problem=error) from error
    return compact


def check_iban(number: str) -> str:
    """An IBAN (ISO 13616) in its compact form; InvalidIdentifierError."""
    try:
        return iban.validate(number)
    except ValidationError as error:
        raise InvalidIdentifierError("IBAN", number, problem=error) from error


def check_bic(number: str) -> str:
    """A BIC (ISO 9362) in its compact form; InvalidIdentifierError."""
    try:
        return bic.validate(number)
    except ValidationError as error:
        raise InvalidIdentifierError("BIC", number, problem=error) from error
