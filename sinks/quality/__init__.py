"""Data quality: Great Expectations on what landed."""

from sinks.quality.part import Quality, data_time
from sinks.quality.run import run_checks
from sinks.quality.settings import QualitySettings

__all__ = ["Quality", "QualitySettings", "data_time", "run_checks"]
