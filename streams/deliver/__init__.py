"""Carries alerts to people: at least once, each channel for itself."""
