"""Limits: how fast an organization or a workspace may go, per group of models; pure, in integers."""
