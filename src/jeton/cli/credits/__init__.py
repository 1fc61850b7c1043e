"""Commands about credit: lots, reversals, the operator's inbox, the audit log."""
