"""All settings of a process, from one TOML file and the environment, checked at start."""

from __future__ import annotations
