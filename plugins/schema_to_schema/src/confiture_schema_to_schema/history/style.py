"""How the page looks: on a screen, light or dark as the reader's, and on paper."""

from __future__ import annotations

from typing import Final

__all__ = ["CSS"]

CSS: Final = """
:root { color-scheme: light dark; --page: #fcfcfb; --ink: #16181d; --soft: #5b616e; --line: #dfe1e6; --tile: #f3f4f6;
  --blue: #2a6fd6; --teal: #11857a; --violet: #7a4fd0; --amber: #b86e00; --red: #c8362f; --green: #1f7a3d; }
@media screen and (prefers-color-scheme: dark) { :root { --page: #15171b; --ink: #eceef2; --soft: #a2a9b6;
  --line: #343943; --tile: #1e2127; --blue: #6ea8ff; --teal: #45c4b5; --violet: #b196ff; --amber: #f0ac4b;
  --red: #ff7d75; --green: #62cd87; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 60rem; padding: 2rem 1.25rem 4rem; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .25rem; }
h2 { font-size: 1.1rem; margin: 2.5rem 0 .5rem; }
h1, td, dd { overflow-wrap: anywhere; }
p { margin: .25rem 0 .75rem; } .soft { color: var(--soft); }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: .75rem; margin: 1.5rem 0 0; }
dl div { background: var(--tile); border-radius: .5rem; padding: .7rem .9rem; }
dt { color: var(--soft); font-size: .85rem; } dd { margin: 0; font-size: 1.25rem; font-weight: 600; }
dd small { display: block; font-size: .8rem; font-weight: 400; color: var(--soft); }
figure { margin: 0; overflow-x: auto; } svg { display: block; width: 100%; min-width: 34rem; height: auto; }
svg text { fill: var(--soft); font-size: 12px; } svg .name { text-anchor: end; fill: var(--ink); }
svg .tick { text-anchor: middle; } svg .value { fill: var(--ink); font-variant-numeric: tabular-nums; }
.grid { stroke: var(--line); stroke-width: 1; } .axis { stroke: var(--soft); stroke-width: 1; }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; } .under { opacity: .15; } .hit { fill: transparent; }
.copy, .free { --it: var(--blue); } .index { --it: var(--violet); } .follow { --it: var(--teal); }
.validate { --it: var(--green); } .cutover { --it: var(--red); } .rollback, .locked { --it: var(--amber); }
.bar, .under { fill: var(--it); } .line { stroke: var(--it); } .key { color: var(--it); }
.wide { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 600; font-size: .85rem; color: var(--soft); }
th, td { padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
.n { text-align: right; white-space: nowrap; } .bad { color: var(--red); font-weight: 600; }
@media print { body { max-width: none; padding: 0; font-size: 11pt; } section, tr, figure { break-inside: avoid; }
  dl div { border: 1px solid var(--line); } svg { min-width: 0; } figure, .wide { overflow: visible; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } @page { margin: 15mm; } }
"""
