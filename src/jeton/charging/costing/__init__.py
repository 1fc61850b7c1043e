"""Costing: what requests cost the operator, beside what they cost the organization."""
