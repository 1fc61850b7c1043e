"""Passkeys: signing in with an authenticator's key, which is typed nowhere and works at this site only."""
