"""Audit: who changed what that touches money."""

from jeton.identity.audit.entries import SYSTEM, Actor, AuditEntry, list_audit, record_audit

__all__ = ["SYSTEM", "Actor", "AuditEntry", "list_audit", "record_audit"]
