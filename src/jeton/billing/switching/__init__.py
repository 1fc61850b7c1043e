"""Switching: an organization goes from paying ahead (standard) to being invoiced (enterprise), or back."""
