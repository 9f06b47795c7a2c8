//! The explanation as one page that can be sent to OVO's support or to a colleague.
//!
//! Self-contained: no script, no picture, nothing is loaded from anywhere.

use std::fmt::{self, Write as _};

use super::Explanation;
use super::story::Happened;
use super::text::{Words, clock, outcome, took};
use crate::message::Language;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;\
color:#1a1a1a;background:#fff}h1{font-size:1.4rem}dl{display:grid;grid-template-columns:max-content 1fr;\
gap:.4rem 1.2rem}dt{color:#555}dd{margin:0}table{border-collapse:collapse;width:100%}td,th{text-align:left;\
vertical-align:top;padding:.3rem .8rem .3rem 0;border-bottom:1px solid #ddd}td:nth-child(-n+2){white-space:nowrap;\
font-variant-numeric:tabular-nums}.decides{font-weight:600}.alert{color:#a30000}\
@media print{body{margin:0}}";

/// Text in a page: what an operator wrote, or an invoice, is never markup.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}

impl Explanation {
    /// As one HTML page: self-contained, escaped, without scripts; for support and for printing.
    pub fn html(&self, language: Language) -> String {
        let words = Words(language);
        let tag = words.pick("id", "en");
        let mut page = String::new();
        let title = format!("{} {}", words.pick("Pembayaran OVO", "OVO payment"), self.invoice);
        let title = Escaped(&title);
        let _ = write!(
            page,
            "<!doctype html>\n<html lang=\"{tag}\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
             <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n\
             <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n<dl>\n"
        );
        let mut fact = |label: &str, says: &str| {
            let _ = writeln!(page, "<dt>{}</dt><dd>{}</dd>", Escaped(label), Escaped(says));
        };
        fact(words.pick("Jumlah", "Amount"), &self.amount.to_string());
        fact("Batch / reference", &self.numbers.to_string());
        fact(words.pick("Dimulai", "Begun"), &format!("{} WIB", self.begun));
        fact(words.pick("Hasil", "Outcome"), outcome(self.outcome.as_ref(), words));
        fact(words.pick("Uang", "Money"), self.money_text(language));
        fact(words.pick("Sebab", "Why"), self.why(language));
        fact(words.pick("Berikutnya", "Next"), &self.next_text(language));
        fact(words.pick("Kasir", "Cashier"), self.cashier(language));
        fact("Operator", self.operator(language));
        fact(words.pick("Dibuat", "Made"), &format!("{} WIB", self.asked));
        let _ = write!(
            page,
            "</dl>\n<table>\n<thead><tr><th>WIB</th><th>+</th><th>{}</th></tr></thead>\n<tbody>\n",
            words.pick("Yang terjadi", "What happened")
        );
        for moment in &self.story {
            let class = match &moment.what {
                Happened::Step(entry) if entry.alert.is_some() => " class=\"alert\"",
                Happened::Step(entry) if entry.is_decisive() => " class=\"decides\"",
                _ => "",
            };
            let (at, since) = (clock(moment.at, self.begun), took(moment.since, words));
            let text = moment.text(language);
            let _ = writeln!(
                page,
                "<tr{class}><td>{}</td><td>{}</td><td>{}</td></tr>",
                Escaped(&at),
                Escaped(&since),
                Escaped(&text)
            );
        }
        let rest = match (self.story.len(), self.left_out) {
            (0 | 1, _) => Some(self.no_history(language).to_owned()),
            (_, 0) => None,
            _ => Some(self.left_out_text(language)),
        };
        if let Some(rest) = rest {
            let _ = writeln!(page, "<tr><td></td><td></td><td>{}</td></tr>", Escaped(&rest));
        }
        page.push_str("</tbody>\n</table>\n</body>\n</html>\n");
        page
    }
}
