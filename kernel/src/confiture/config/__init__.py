"""Configuration: the project, its environments, and how a database is addressed."""

from __future__ import annotations

from confiture.config.environment import Environment, choose_environment
from confiture.config.project import Project

__all__ = ["Environment", "Project", "choose_environment"]
