"""Commands about credit: lots, reversals, organizations, the operator's inbox, the audit log."""
