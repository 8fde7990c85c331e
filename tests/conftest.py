"""What tests of several packages share."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def store_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The one folder of the embedded store in this process: its engine opens only one. Tests take a database each."""
    return tmp_path_factory.mktemp("store")
