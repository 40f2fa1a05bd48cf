"""Showing it: Textual, never the cluster."""
