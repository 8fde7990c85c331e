"""Finds spikes in frames."""
