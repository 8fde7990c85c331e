"""WHAT may flow: one frozen type per event, the topic catalogue, the codecs and the errors.

Nothing here knows Kafka, ClickHouse or statistics; everything else may import it.
"""
