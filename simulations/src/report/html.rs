//! The page: one file that needs nothing else.

use std::fmt::Write as _;

/// Text that stands in HTML.
pub(super) fn escape(text: &str) -> String {
    let mut found = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => found.push_str("&amp;"),
            '<' => found.push_str("&lt;"),
            '>' => found.push_str("&gt;"),
            '"' => found.push_str("&quot;"),
            '\'' => found.push_str("&#39;"),
            other => found.push(other),
        }
    }
    found
}

/// The style sheet. Colours of series are Okabe and Ito's, which colour-blind people can tell apart, a little lighter in
/// the dark.
pub(super) const STYLE: &str = "\
:root{color-scheme:light dark;--back:#fff;--card:#f6f7f9;--ink:#1c2126;--dim:#5b6570;--faint:#dde1e6;--good:#00734f;\
--bad:#b3410e;--s0:#0072b2;--s1:#d55e00;--s2:#009e73;--s3:#aa4499;--s4:#e69f00;--s5:#56b4e9;--s6:#8c6d46;--s7:#888}\
@media (prefers-color-scheme:dark){:root{--back:#14171a;--card:#1e2328;--ink:#e8eaed;--dim:#9aa4ae;--faint:#363d45;\
--good:#4cc9a0;--bad:#ff9457;--s0:#4aa3e0;--s1:#ff8b4a;--s2:#35c79a;--s3:#d17fc4;--s4:#f0bb45;--s5:#8fd0f5;--s6:#b99a70;\
--s7:#aaa}}\
*{box-sizing:border-box}body{margin:0;background:var(--back);color:var(--ink);font:15px/1.5 system-ui,sans-serif}\
main{max-width:1000px;margin:0 auto;padding:20px 16px 60px}h1{font-size:1.6rem;margin:.2em 0}h2{font-size:1.15rem;\
margin:2em 0 .4em}p{margin:.4em 0}.dim,figcaption,th{color:var(--dim)}.tiles{display:grid;gap:10px;margin:16px 0;\
grid-template-columns:repeat(auto-fit,minmax(150px,1fr))}.tile{background:var(--card);border-radius:8px;padding:10px 12px}\
.tile b{display:block;font-size:1.25rem;font-weight:600}.tile span{color:var(--dim);font-size:.85rem}figure{margin:0}\
svg{width:100%;height:auto;display:block}svg.narrow{display:none}@media (max-width:640px){svg.wide{display:none}\
svg.narrow{display:block}}.key{display:flex;flex-wrap:wrap;gap:4px 16px;font-size:.85rem;margin:4px 0}.key i{display:\
inline-block;width:12px;height:12px;border-radius:3px;margin-right:5px;vertical-align:-1px}.scroll{overflow-x:auto}table{\
border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}th,td{padding:5px 8px;text-align:right;\
border-bottom:1px solid var(--faint);white-space:nowrap}th{font-weight:500}th:first-child,td:first-child{text-align:left}\
td.text{white-space:normal;text-align:left}tr.own td{font-weight:600}code{font-size:.85em;word-break:break-all}.good{color:\
var(--good)}.bad{color:var(--bad)}ul{padding-left:1.2em;margin:.4em 0}";

/// A page being written.
pub(super) struct Page {
    body: String,
}

impl Page {
    pub(super) fn new() -> Self {
        Self { body: String::new() }
    }

    /// Adds HTML as it is.
    pub(super) fn raw(&mut self, html: &str) {
        self.body.push_str(html);
        self.body.push('\n');
    }

    pub(super) fn heading(&mut self, text: &str) {
        self.raw(&format!("<h2>{}</h2>", escape(text)));
    }

    pub(super) fn paragraph(&mut self, text: &str) {
        self.raw(&format!("<p>{}</p>", escape(text)));
    }

    pub(super) fn tiles(&mut self, tiles: &[(&str, String)]) {
        let each = |(name, value): &(&str, String)| {
            format!("<div class=\"tile\"><span>{}</span><b>{}</b></div>", escape(name), escape(value))
        };
        self.raw(&format!("<div class=\"tiles\">{}</div>", tiles.iter().map(each).collect::<String>()));
    }

    /// A chart with the names of its series above it.
    pub(super) fn figure(&mut self, svg: &str, names: &[&str], caption: &str) {
        let key = |(index, name): (usize, &&str)| {
            format!("<span><i style=\"background:var(--s{index})\"></i>{}</span>", escape(name))
        };
        let keys: String = names.iter().enumerate().map(key).collect();
        let caption = escape(caption);
        self.raw(&format!("<figure><div class=\"key\">{keys}</div>{svg}<figcaption>{caption}</figcaption></figure>"));
    }

    /// A table; the row numbered `own` stands out.
    pub(super) fn table(&mut self, head: &[&str], rows: &[Vec<String>], own: Option<usize>) {
        let mut text = String::from("<div class=\"scroll\"><table><thead><tr>");
        for name in head {
            let _ = write!(text, "<th>{}</th>", escape(name));
        }
        text.push_str("</tr></thead><tbody>");
        for (index, row) in rows.iter().enumerate() {
            text.push_str(if own == Some(index) { "<tr class=\"own\">" } else { "<tr>" });
            for cell in row {
                let _ = write!(text, "<td>{}</td>", escape(cell));
            }
            text.push_str("</tr>");
        }
        text.push_str("</tbody></table></div>");
        self.raw(&text);
    }

    pub(super) fn list(&mut self, items: &[String]) {
        let each = |item: &String| format!("<li>{}</li>", escape(item));
        self.raw(&format!("<ul>{}</ul>", items.iter().map(each).collect::<String>()));
    }

    /// The whole file.
    pub(super) fn end(self, title: &str) -> String {
        let title = escape(title);
        format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
             content=\"width=device-width,initial-scale=1\"><title>{title}</title><style>{STYLE}</style></head>\n\
             <body><main>\n{}</main></body></html>\n",
            self.body
        )
    }
}
