"""The comments of a script, as PostgreSQL's own scanner finds them."""

from __future__ import annotations

__all__ = ["comments_of"]


def comments_of(sql: str) -> list[str]:
    """The text of each comment, without its marks and the blanks around it; none for text that cannot be scanned."""
    import postgast

    if "--" not in sql and "/*" not in sql:
        return []
    encoded = sql.encode()
    try:
        tokens = postgast.scan(sql).tokens
    except postgast.PgQueryError:
        return []  # whoever parses it says what is wrong
    found = []
    for token in tokens:
        text = encoded[token.start : token.end].decode()
        if text.startswith("--"):
            found.append(text[2:].strip())
        elif text.startswith("/*"):
            found.append(text[2:-2].strip())
    return found
