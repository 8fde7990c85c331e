"""Turns impacts into messages to people."""
