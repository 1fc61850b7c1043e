"""Inbox: what people write to the operator, what nobody could answer, and the operator's answers."""
