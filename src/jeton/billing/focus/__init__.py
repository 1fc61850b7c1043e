"""FOCUS: what was used, bought, taxed and corrected, in the FinOps Open Cost and Usage Specification 1.2."""
