"""OIDC: signing in by the word of the operator's identity provider. See provider.py and admitting.py."""
