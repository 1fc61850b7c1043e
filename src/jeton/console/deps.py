"""Deps: what the Console is given by the composition root."""

from dataclasses import dataclass

from jeton.db.pool import Pool
from jeton.identity.sign_in import SignIn


@dataclass(frozen=True, slots=True)
class ConsoleDeps:
    """A pool to ask, the way in, and what the pages say about this installation.

    ``base_url`` is the address that people use; "" takes it from each request. With https the
    session's cookie is sent over https only. Members with one of ``operator_emails`` (in lower case)
    see the operator's pages.
    """

    pool: Pool
    sign_in: SignIn
    brand_name: str
    base_url: str = ""
    support_email: str = ""
    is_rehearsal: bool = False
    operator_emails: frozenset[str] = frozenset()
