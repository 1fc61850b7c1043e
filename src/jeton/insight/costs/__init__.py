"""Costs: what requests cost the operator. For operators only: an organization never sees these."""
