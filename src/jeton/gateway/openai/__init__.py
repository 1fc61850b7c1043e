"""OpenAI's dialect at the edge: chat completions in and out, on the path that every request takes.

A chat completion becomes a Messages request before admission, and what the relay sends is turned
back on the wire; holds, prices, usage and receipts know nothing of it.
"""
