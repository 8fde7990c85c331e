"""Arithmetic only: expectation, spikes, localisation, attribution.

No Kafka, no store, no clock, no logger, no global randomness: time, seeds and thresholds are arguments.
"""
