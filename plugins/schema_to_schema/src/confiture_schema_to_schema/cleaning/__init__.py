"""What the tool made on both sides is removed."""

from __future__ import annotations

from confiture_schema_to_schema.cleaning.orphans import note_capture, remove_orphans

__all__ = ["note_capture", "remove_orphans"]
