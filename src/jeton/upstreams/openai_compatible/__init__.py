"""OpenAI-compatible: servers that speak chat completions (vLLM, Ollama, llama.cpp, OpenAI).

Messages requests become chat completions, and their answers Messages again. Pure translation
(``request``, ``usage``, ``answer``, ``events``, ``problem``) under one sender (``upstream``).
"""
