"""Errors of the Console: forms and addresses that cannot be acted upon.

NotPermittedError
├── StaleFormError           a form of another session, or from another site
├── RoleInsufficientError    a member whose role does not allow it
├── OperatorOnlyError        a page of the operator's
└── ViewingOnlyError         a form sent while looking at another organization's Console
InvalidInputError
├── InvalidFormError         a form that is too large or cannot be read
└── InvalidFilterError       a filter of the address that cannot be read
"""

from jeton.errors import InvalidInputError, NotPermittedError


class StaleFormError(NotPermittedError):
    """A form of another session, or one that came from another site."""

    code = "stale_form"

    def __init__(self) -> None:
        """Say what helps."""
        super().__init__("This form is too old or came from somewhere else. Load the page and try again.")


class RoleInsufficientError(NotPermittedError):
    """A member whose role does not allow it."""

    code = "role_insufficient"

    def __init__(self, role: str, needed: str) -> None:
        """Name both roles."""
        super().__init__(f"Your role is {role}; this needs the role {needed}.")


class OperatorOnlyError(NotPermittedError):
    """A page about the whole installation, asked for by somebody who does not run it."""

    code = "operator_only"

    def __init__(self) -> None:
        """Say who may."""
        super().__init__(
            "This page is for the operator of this installation: members whom JETON_OPERATOR_EMAILS names."
        )


class ViewingOnlyError(NotPermittedError):
    """A form that an operator sent while looking at another organization's Console."""

    code = "viewing_read_only"

    def __init__(self, organization_name: str) -> None:
        """Name the organization, and what to do first."""
        super().__init__(
            f"You see the Console of {organization_name} as its operator, to read only, so nothing was"
            " changed. Leave it first."
        )


class InvalidFormError(InvalidInputError):
    """A form that is too large or cannot be read."""

    code = "invalid_form"

    def __init__(self, problem: str) -> None:
        """Name the problem."""
        super().__init__(f"The form cannot be read: {problem}.")


class InvalidFilterError(InvalidInputError):
    """A filter of the address that cannot be read."""

    code = "invalid_filter"

    def __init__(self, name: str, problem: str) -> None:
        """Name the filter."""
        super().__init__(f"The filter {name} {problem}.")
