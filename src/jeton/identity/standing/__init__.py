"""Standing: what the operator lets an organization do, and the operator's look at its Console."""
