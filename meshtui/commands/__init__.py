"""Without a screen: text and JSON, with exit codes."""
