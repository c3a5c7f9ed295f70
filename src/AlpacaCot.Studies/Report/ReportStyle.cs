namespace AlpacaCot.Studies.Report;

/// <summary>
/// Report style sheet: one column on narrow screens, two for figures on wide ones, dark where the reader's system is, black on
/// white on paper.
/// </summary>
internal static class ReportStyle
{
    public const string Css = """
        :root { --ink: #1f2933; --quiet: #616e7c; --line: #e4e7eb; --pale: #f5f7fa; --accent: #d9822b; --blue: #2f6fb0;
          --good: #1e7b4f; --bad: #b3372f; --card: #fff; --page: #eef1f4; --mark: #fbe3c5; --faint: #9aa5b1;
          color-scheme: light dark; }
        @media screen and (prefers-color-scheme: dark) {
          :root { --ink: #e4e7eb; --quiet: #a3b0bd; --line: #3a4552; --pale: #26303b; --accent: #f0a04b; --blue: #7db4e8;
            --good: #5cc795; --bad: #f08a80; --card: #1b232c; --page: #11171d; --mark: #6b4a1f; --faint: #7b8794; }
          figure svg { filter: invert(0.9) hue-rotate(180deg); mix-blend-mode: lighten; }
        }
        * { box-sizing: border-box; }
        body { margin: 0; background: var(--page); color: var(--ink); line-height: 1.55; overflow-wrap: break-word;
          font-family: system-ui, -apple-system, "Segoe UI", "Noto Sans", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC",
            "WenQuanYi Micro Hei", sans-serif; }
        header, main { max-width: 66rem; margin: 0 auto; padding: 0 1.25rem; }
        header { padding-top: 2.5rem; padding-bottom: 1rem; }
        .kicker { margin: 0; color: var(--accent); font-weight: 600; letter-spacing: 0.04em; font-size: 0.9rem; }
        h1, h3, .question, .arms p { overflow-wrap: anywhere; }
        h1 { margin: 0.3rem 0 0.6rem; font-size: clamp(1.5rem, 4.5vw, 2.3rem); line-height: 1.2; text-wrap: balance; }
        .lead { margin: 0; color: var(--quiet); max-width: 46rem; }
        section { background: var(--card); min-width: 0; border-radius: 0.75rem; padding: 1.25rem 1.5rem 1.4rem; margin: 1.1rem 0;
          box-shadow: 0 1px 2px rgb(31 41 51 / 8%); }
        h2 { margin: 0 0 0.8rem; font-size: 1.15rem; }
        .findings { margin: 0; padding: 0; list-style: none; font-size: 1.06rem; }
        .findings li { border-left: 4px solid var(--accent); padding: 0.15rem 0 0.15rem 0.9rem; margin: 0.7rem 0; }
        .warning { color: var(--bad); }
        .note { color: var(--quiet); font-size: 0.86rem; margin: 0.8rem 0 0; max-width: 52rem; }
        .wide { overflow-x: auto; }
        table { border-collapse: separate; border-spacing: 0; width: 100%; font-variant-numeric: tabular-nums; font-size: 0.95rem; }
        th, td { padding: 0.45rem 0.7rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
        thead th { color: var(--quiet); font-weight: 600; font-size: 0.84rem; border-bottom: 2px solid var(--line); }
        th:first-child { text-align: left; position: sticky; left: 0; background: var(--card); }
        tbody th { font-weight: 600; }
        td b { font-weight: 400; } #scores td b { font-weight: 600; }
        td small { display: block; color: var(--quiet); font-size: 0.78rem; }
        .change { font-size: 0.84rem; }
        .up { color: var(--good); } .down { color: var(--bad); } .muted { color: var(--faint); }
        .change.up, .change.down { font-weight: 600; }
        .figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); gap: 1.2rem;
          align-items: start; }
        figure { margin: 0; } figcaption { font-weight: 600; font-size: 0.95rem; margin-bottom: 0.3rem; color: var(--quiet); }
        figure svg { width: 100%; height: auto; max-width: 34rem; display: block; }
        article { border-top: 1px solid var(--line); padding: 0.9rem 0 1rem; }
        .question { margin: 0 0 0.3rem; font-weight: 600; }
        .input { font-weight: 400; color: var(--quiet); }
        .tag { background: var(--pale); color: var(--quiet); font-weight: 600; font-size: 0.78rem; border-radius: 1rem;
          padding: 0.1rem 0.6rem; margin-right: 0.3rem; }
        .right { margin: 0 0 0.6rem; font-size: 0.93rem; color: var(--quiet); }
        .right span { font-size: 0.78rem; text-transform: uppercase; letter-spacing: 0.03em; margin-right: 0.3rem; }
        .arms { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 15rem), 1fr)); gap: 0.7rem; }
        .arms > div { background: var(--pale); border-radius: 0.5rem; padding: 0.55rem 0.8rem 0.7rem;
          border-top: 3px solid var(--line); }
        .arms > .good { border-color: var(--good); } .arms > .bad { border-color: var(--bad); }
        .arms h3 { margin: 0 0 0.2rem; font-size: 0.82rem; color: var(--quiet); }
        .arms h3 i { float: right; font-style: normal; } .good i { color: var(--good); } .bad i { color: var(--bad); }
        .arms p { margin: 0; font-size: 0.95rem; white-space: pre-wrap; }
        mark { background: var(--mark); color: inherit; border-radius: 0.2rem; padding: 0 0.1em; }
        dl { display: grid; grid-template-columns: minmax(6rem, max-content) 1fr; gap: 0.35rem 1.1rem; margin: 0;
          font-size: 0.9rem; }
        dt { color: var(--quiet); } dd { margin: 0; overflow-wrap: anywhere; }
        details { margin-top: 0.7rem; font-size: 0.9rem; }
        summary { cursor: pointer; color: var(--blue); overflow-wrap: anywhere; }
        pre { background: var(--pale); padding: 0.8rem; border-radius: 0.5rem; overflow-x: auto; font-size: 0.82rem; }
        @media (max-width: 40rem) {
          header, main { padding-left: 0.7rem; padding-right: 0.7rem; } header { padding-top: 1.5rem; }
          section { padding: 1rem 0.9rem 1.1rem; border-radius: 0.6rem; }
          th, td { padding: 0.4rem 0.5rem; } table { font-size: 0.88rem; }
          th:first-child { white-space: normal; min-width: 6rem; max-width: 8rem; overflow-wrap: anywhere; }
          dl { grid-template-columns: 1fr; } dd { margin-bottom: 0.4rem; }
        }
        @media print {
          body { background: #fff; font-size: 10pt; } section { box-shadow: none; padding: 0.4rem 0; }
          article, figure, tr, .findings li { break-inside: avoid; } .wide { overflow: visible; } details { display: none; }
          h2, figcaption { break-after: avoid; } table { font-size: 8pt; }
          th, td { padding: 0.2rem 0.35rem; white-space: normal; } th:first-child { position: static; }
        }
        """;
}
