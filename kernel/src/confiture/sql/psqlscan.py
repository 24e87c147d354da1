"""The tokens of psql's own lexer (``psqlscan.l``, ``psqlscanslash.l``), as patterns."""

from __future__ import annotations

import re

__all__ = ["ARGUMENTS", "BLANK", "COMMAND_NAME", "COMMENT_EDGE", "TOKEN", "WHOLE_LINE", "WORD"]

# psqlscan.l: every byte above 127 belongs to identifiers, whatever Unicode says of the character; "\s" and "\w"
# would take a no-break space for a space.
_SPACE = r"[ \t\n\r\f\v]"
# Written by what they leave out: a range up to U+10FFFF costs 60 ms to compile, once a process.
_START = r"[^\x00-@\[-\^`{-\x7f]"  # A-Z a-z _ and all that is not ASCII
_CONT = r"[^\x00-#%-/:-@\[-\^`{-\x7f]"  # and digits and $
_TAG = r"[^\x00-/:-@\[-\^`{-\x7f]"  # and digits: what a dollar quote's tag goes on with
_PLAIN = r"[\x00-!#%&*+,.0-:<-@\[\]\^`{-\x7f]"  # ASCII that begins nothing
_E_BODY = r"(?:[^'\\]++|\\[\s\S]|'')*'"
# A string goes on in its next part after white space with a line end in it, and keeps its kind: \' still escapes.
_NEXT_LINE = r"(?:[ \t\f\v]|--[^\n\r]*)*[\n\r](?:[ \t\n\r\f\v]|--[^\n\r]*[\n\r])*'"

# First everything that needs no look, whole words at a time, then the one thing that does.
TOKEN = re.compile(
    rf"""
    (?:
      {_PLAIN}++
    | (?![eE]'|(?:begin|case|end)(?!{_CONT})){_START}{_CONT}*+
    | -(?!-)
    | /(?!\*)
    )*
    (?:
      (?P<string>'[^']*')                               # 'it''s' is two of these in a row
    | (?P<name>"[^"]*")
    | (?P<open>\()
    | (?P<close>\))
    | (?P<semicolon>;)
    | (?P<line_comment>--[^\n\r]*)
    | (?P<comment>/\*)
    | (?P<dollar>\$(?:{_START}{_TAG}*)?\$)
    | (?P<escaped>[eE]'{_E_BODY}(?:{_NEXT_LINE}{_E_BODY})*)
    | (?P<block>(?:begin|case|end)(?!{_CONT}))
    | (?P<backslash>\\)
    | [eE]?(?P<unterminated>['"])
    | (?P<parameter>\$)
    | \Z
    )
    """,
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
COMMENT_EDGE = re.compile(r"/\*|\*/")
BLANK = re.compile(rf"(?:{_SPACE}+|--[^\n\r]*)*")
WORD = re.compile(rf"{_START}{_CONT}*")
COMMAND_NAME = re.compile(r"\\([^ \t\n\r\f\v\\]*)")
# Arguments end with the line or at an unquoted backslash (psqlscanslash.l); an open quote ends with the line.
ARGUMENTS = re.compile(
    r"""(?:'(?:[^'\\\n]++|\\[^\n]|'')*(?:'|$)|"[^"\n]*(?:"|$)|`[^`\n]*(?:`|$)|[^\\\n'"`]++)*""", re.MULTILINE
)
#: psql reads these commands' argument to the end of the line, backslashes and all.
WHOLE_LINE = frozenset({"!", "copy", "ef", "ev", "sf", "sf+", "sv", "sv+", "h", "help"})
