"""Audit: who changed what that touches money."""

from jeton.identity.audit.entries import (
    SYSTEM,
    Actor,
    AuditEntry,
    Change,
    list_audit,
    record_audit,
    record_changes,
)

__all__ = ["SYSTEM", "Actor", "AuditEntry", "Change", "list_audit", "record_audit", "record_changes"]
