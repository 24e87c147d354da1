"""Cutover and rollback: one protocol, in either direction: locks, drain, fence and decision in one commit."""
