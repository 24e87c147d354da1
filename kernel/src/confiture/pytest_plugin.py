"""The pytest plugin that comes with confiture. pytest loads it at every start, so it imports nothing heavy."""

from __future__ import annotations
