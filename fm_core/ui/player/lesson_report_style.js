// The style sheet of the report.

export const STYLE = `
:root { color-scheme: light dark; --ink: #1f2937; --soft: #5b6776; --line: #d5dce5; --paper: #fff; --good: #0f766e; --bad: #b91c1c; --c0: #2563eb; --c1: #c2410c; --c2: #0f766e; --c3: #a21caf; --c4: #854d0e; --c5: #64748b; }
@media screen and (prefers-color-scheme: dark) { :root { --ink: #e5e7eb; --soft: #a3adba; --line: #374151; --paper: #0b0f19; --good: #2dd4bf; --bad: #f87171; --c0: #60a5fa; --c1: #fb923c; --c2: #2dd4bf; --c3: #e879f9; --c4: #fbbf24; --c5: #94a3b8; } }
* { box-sizing: border-box; }
body { margin: 0; padding: 2rem 1.25rem 4rem; background: var(--paper); color: var(--ink); font: 1rem/1.55 system-ui, sans-serif; overflow-wrap: break-word; }
main { max-width: 46rem; margin: 0 auto; }
h1 { margin: 0 0 0.75rem; font-size: 1.75rem; line-height: 1.2; }
h2 { margin: 0 0 0.5rem; font-size: 1.3rem; line-height: 1.3; }
h3 { margin: 1.5rem 0 0.35rem; font-size: 1rem; }
p { margin: 0.5rem 0; }
a { color: inherit; }
math { font-size: 1.08em; }
.facts { display: flex; flex-wrap: wrap; gap: 0.5rem 2rem; margin: 0; }
.facts dt { font-size: 0.8rem; color: var(--soft); }
.facts dd { margin: 0; font-weight: 600; }
section { margin-top: 2.25rem; padding-top: 1.25rem; border-top: 1px solid var(--line); }
.number { margin-right: 0.35em; color: var(--soft); font-variant-numeric: tabular-nums; }
.prediction { margin: 1rem 0; padding: 0.25rem 1rem; border-left: 4px solid var(--bad); }
.prediction.right { border-color: var(--good); }
.ask { color: var(--soft); }
.verdict { color: var(--bad); }
.right .verdict { color: var(--good); }
.none, .left ol { color: var(--soft); }
.settings { margin: 0.25rem 0; padding: 0; list-style: none; font-size: 0.9rem; color: var(--soft); }
.conclusion b { font-variant-numeric: tabular-nums; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(20rem, 100%), 1fr)); gap: 1rem; margin: 0.75rem 0; align-items: start; }
figure { margin: 0; min-width: 0; }
figure img { display: block; width: 100%; border: 1px solid var(--line); border-radius: 6px; }
figcaption, .legend { font-size: 0.85rem; color: var(--soft); }
.chart { display: block; width: 100%; height: auto; overflow: visible; }
.chart text { fill: var(--soft); font: 12px system-ui, sans-serif; font-variant-numeric: tabular-nums; }
.grid { fill: none; stroke: var(--line); stroke-width: 1; }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; }
.c0 { stroke: var(--c0); } .c1 { stroke: var(--c1); } .c2 { stroke: var(--c2); } .c3 { stroke: var(--c3); } .c4 { stroke: var(--c4); } .c5 { stroke: var(--c5); }
.legend { display: flex; flex-wrap: wrap; gap: 0.1rem 1.25rem; margin: 0.25rem 0 0; padding: 0; list-style: none; }
.legend svg { vertical-align: 1px; }
.notes p { white-space: pre-wrap; }
.links { font-size: 0.85rem; }
footer { margin-top: 2.5rem; padding-top: 0.75rem; border-top: 1px solid var(--line); font-size: 0.85rem; color: var(--soft); }
@media (min-width: 40rem) { .curves:nth-child(odd) { grid-column: 1 / -1; max-width: 30rem; } }
@media print {
  @page { size: A4; margin: 18mm 16mm; }
  body { padding: 0; font-size: 10.5pt; print-color-adjust: exact; }
  main { max-width: none; }
  h1, h2, h3 { break-after: avoid; }
  figure, li, .prediction, .conclusion p { break-inside: avoid; }
  .figures { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  .curves:nth-child(odd) { grid-column: 1 / -1; max-width: 120mm; }
}
`;
