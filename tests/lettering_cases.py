"""The languages that figures are drawn in here: in Chinese where a font has its letters."""

from __future__ import annotations

import pytest

from experiments.figures import chinese_font

NEEDS_CHINESE_FONT = pytest.mark.skipif(chinese_font() is None, reason="no font with Chinese letters is installed")
DRAWN = ["en", pytest.param("zh", marks=NEEDS_CHINESE_FONT)]
