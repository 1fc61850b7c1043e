"""Contract: the prices that an organization pays, what changes, and its usage under other prices."""
