"""Talking to a cluster: asyncio, never Textual."""
