"""Attributes spikes to causes."""
