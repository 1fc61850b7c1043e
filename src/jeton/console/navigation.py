"""Navigation: the Console's pages in their groups, and who sees which."""

from dataclasses import dataclass
from typing import Protocol

from jeton.identity.roles.permissions import Permission


@dataclass(frozen=True, slots=True)
class Entry:
    """A page; ``needs`` None is for every member, ``is_operators`` for the operator only."""

    href: str
    name: str
    needs: Permission | None = None
    is_operators: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """Pages that belong together."""

    name: str
    entries: tuple[Entry, ...]

    def has(self, href: str) -> bool:
        """Whether one of its entries leads there."""
        return any(entry.href == href for entry in self.entries)


class Member(Protocol):
    """Whoever looks."""

    @property
    def is_operator(self) -> bool:
        """Whether the member runs this installation."""
        ...

    def may(self, permission: Permission) -> bool:
        """Whether the member's role allows it."""
        ...


HOME = "/console"
GROUPS = (
    Group(
        "Usage",
        (
            Entry("/console", "Overview"),
            Entry("/console/usage", "Usage"),
            Entry("/console/cost", "Cost"),
            Entry("/console/charts", "Saved charts"),
            Entry("/console/requests", "Requests"),
        ),
    ),
    Group(
        "Spending",
        (
            Entry("/console/caching", "Caching"),
            Entry("/console/batches", "Batches"),
            Entry("/console/budgets", "Budgets"),
            Entry("/console/limits", "Rate limits"),
        ),
    ),
    Group(
        "Access",
        (
            Entry("/console/keys", "Keys"),
            Entry("/console/workspaces", "Workspaces"),
            Entry("/console/members", "Members"),
            Entry("/console/directory", "Directory", Permission.MANAGE_MEMBERS),
            Entry("/console/sessions", "Sessions"),
            Entry("/console/passkeys", "Passkeys"),
            Entry("/console/webhooks", "Webhooks", Permission.MANAGE_WEBHOOKS),
            Entry("/console/changes", "Changes", Permission.SEE_AUDIT),
        ),
    ),
    Group(
        "Billing",
        (
            Entry("/console/billing", "Credit", Permission.SEE_BILLING),
            Entry("/console/billing/buy", "Buy credit", Permission.SEE_BILLING),
            Entry("/console/billing/auto-reload", "Auto-reload", Permission.SEE_BILLING),
            Entry("/console/billing/cards", "Cards", Permission.SEE_BILLING),
            Entry("/console/billing/payments", "Payments", Permission.SEE_BILLING),
            Entry("/console/invoices", "Invoices", Permission.SEE_BILLING),
            Entry("/console/prices", "Prices", Permission.SEE_BILLING),
        ),
    ),
    Group(
        "Operator",
        (
            Entry("/console/organizations", "Organizations", is_operators=True),
            Entry("/console/receivables", "Receivables", is_operators=True),
            Entry("/console/close", "Finance close", is_operators=True),
            Entry("/console/price-book", "Price book", is_operators=True),
            Entry("/console/inbox", "Inbox", is_operators=True),
            Entry("/console/operator-webhooks", "Operator’s webhooks", is_operators=True),
            Entry("/console/health", "Health", is_operators=True),
            Entry("/console/audit", "Audit log", is_operators=True),
            Entry("/console/accuracy", "Accuracy", is_operators=True),
            Entry("/console/docs-feedback", "Docs feedback", is_operators=True),
        ),
    ),
)


def list_groups(member: Member) -> tuple[Group, ...]:
    """The groups with the entries that this member may open; a group without any is left out."""
    groups = (
        Group(group.name, tuple(entry for entry in group.entries if _is_for(entry, member)))
        for group in GROUPS
    )
    return tuple(group for group in groups if group.entries)


def find_current(groups: tuple[Group, ...], path: str) -> str:
    """The address of the entry that a page belongs to: the longest that its path begins with, or ""."""
    hrefs = (entry.href for group in groups for entry in group.entries)
    # Every page is below the first one, which therefore has only itself.
    matching = (href for href in hrefs if path == href or (href != HOME and path.startswith(f"{href}/")))
    return max(matching, key=len, default="")


def _is_for(entry: Entry, member: Member) -> bool:
    if entry.is_operators and not member.is_operator:
        return False
    return entry.needs is None or member.may(entry.needs)
