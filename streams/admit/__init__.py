"""Admits raw events: validated, redacted, counted once."""
