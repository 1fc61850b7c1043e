"""Permissions: what each role of a member allows. Everybody sees usage and cost; nobody sees prompts."""

from collections.abc import Mapping
from enum import Enum

from jeton.identity.members import Role


class Permission(Enum):
    """Something that not every member may do."""

    MANAGE_KEYS = "create and revoke API keys"
    MANAGE_ADMIN_KEYS = "create and revoke admin keys"
    MANAGE_MEMBERS = "invite and remove members, and change their roles"
    MANAGE_WORKSPACES = "create, change and archive workspaces"
    MANAGE_BATCHES = "cancel batches and download their results"
    MANAGE_BUDGETS = "set and end budgets, limits and alerts"
    MANAGE_WEBHOOKS = "add and remove webhook endpoints"
    SEE_BILLING = "see credit lots, the contract and invoices"
    MANAGE_BILLING = "buy credit, change payment and billing details"
    SEE_AUDIT = "see who changed what"
    SHARE_CHARTS = "save charts for the whole organization, rename, take back and delete those"


PERMISSIONS: Mapping[Role, frozenset[Permission]] = {
    "developer": frozenset({Permission.MANAGE_KEYS, Permission.MANAGE_BATCHES, Permission.SHARE_CHARTS}),
    "billing": frozenset(
        {
            Permission.MANAGE_BUDGETS,
            Permission.SEE_BILLING,
            Permission.MANAGE_BILLING,
            Permission.SHARE_CHARTS,
        }
    ),
    "admin": frozenset(Permission),
    "auditor": frozenset({Permission.SEE_BILLING, Permission.SEE_AUDIT}),
}
