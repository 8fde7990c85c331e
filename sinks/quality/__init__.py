"""Data quality: Great Expectations on what landed."""
