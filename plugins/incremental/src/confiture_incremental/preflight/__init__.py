"""``preflight``: what ``up`` would do and meet, found out beforehand."""
