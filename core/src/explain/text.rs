//! The explanation as text, in Indonesian and in English.

use std::fmt::Write as _;
use std::time::Duration;

use super::Explanation;
use super::money::{Next, NextStep};
use crate::message::Language;
use crate::payment::Outcome;
use crate::wib::WallTime;

/// Chooses between the two.
#[derive(Clone, Copy)]
pub(super) struct Words(pub(super) Language);

impl Words {
    pub(super) fn pick(self, indonesian: &'static str, english: &'static str) -> &'static str {
        match self.0 {
            Language::Indonesian => indonesian,
            Language::English => english,
        }
    }
}

/// A duration for people.
pub(super) fn took(duration: Duration, words: Words) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..=9 => format!("{:.2} {}", duration.as_secs_f64(), words.pick("dtk", "s")),
        10..=119 => format!("{:.1} {}", duration.as_secs_f64(), words.pick("dtk", "s")),
        120..=7_199 => format!("{} {}", seconds / 60, words.pick("mnt", "min")),
        7_200..=172_799 => format!("{} {}", seconds / 3_600, words.pick("jam", "h")),
        _ => format!("{} {}", seconds / 86_400, words.pick("hari", "d")),
    }
}

/// A time of day in WIB, with the date where it is another day than `day`'s.
pub(super) fn clock(at: WallTime, day: WallTime) -> String {
    let text = at.wib_text();
    let (date, time) = text.split_once(' ').unwrap_or(("", &text));
    if at.wib_day() == day.wib_day() { time.to_owned() } else { format!("{date} {time}") }
}

/// Seconds are enough for a plan.
fn plan(at: WallTime) -> String {
    let text = at.wib_text();
    text.split('.').next().unwrap_or(&text).to_owned()
}

/// How the outcome is called.
pub(super) fn outcome(outcome: Option<&Outcome>, words: Words) -> &'static str {
    match outcome {
        None => words.pick("belum ada hasil", "no outcome yet"),
        Some(Outcome::Paid(_)) => words.pick("LUNAS", "PAID"),
        Some(Outcome::Declined(_)) => words.pick("DITOLAK", "DECLINED"),
        Some(Outcome::NotCompleted(_)) => words.pick("TIDAK SELESAI", "NOT COMPLETED"),
        Some(Outcome::NotSent(_)) => words.pick("TIDAK TERKIRIM", "NOT SENT"),
        Some(Outcome::NeedsOperator(_)) => words.pick("PERLU OPERATOR", "NEEDS OPERATOR"),
        Some(Outcome::Interrupted(_)) => words.pick("TERPUTUS", "INTERRUPTED"),
    }
}

impl Next {
    /// In one line.
    pub fn text(&self, language: Language) -> String {
        let words = Words(language);
        let what = match self.step {
            NextStep::Check => {
                words.pick("OVO ditanya tentang pembayaran ini", "OVO is asked about the payment")
            }
            NextStep::Decision => words.pick(
                "jika belum ada jawaban, pembayaran dinyatakan tidak selesai",
                "without an answer the payment is given up",
            ),
            NextStep::Reversal => {
                words.pick("pembalikan dikirim ke OVO", "a reversal is sent to OVO")
            }
            NextStep::ClosingCheck => words.pick("pemeriksaan penutup", "the closing check"),
            NextStep::Look => words.pick(
                "sekali lagi dilihat apakah tetap beres",
                "one more look whether it stays settled",
            ),
            NextStep::VoidCheck => {
                words.pick("OVO ditanya tentang void", "OVO is asked about the void")
            }
        };
        match language {
            Language::Indonesian => format!("{what}, paling lambat {} WIB", plan(self.at)),
            Language::English => format!("{what}, by {} WIB", plan(self.at)),
        }
    }
}

impl Explanation {
    /// What comes next by itself, in one line.
    pub(super) fn next_text(&self, language: Language) -> String {
        let words = Words(language);
        match &self.next {
            Some(next) if next.at <= self.asked => {
                let late = words.pick(
                    "sudah waktunya; berjalan begitu program toko terbuka dan jaringan ada",
                    "due already; it goes on as soon as the shop's program runs and has a network",
                );
                format!("{} ({late})", next.text(language))
            }
            Some(next) => next.text(language),
            None if self.needs_operator => words
                .pick("tidak ada, sampai operator memutuskan", "nothing, until an operator rules")
                .to_owned(),
            None => words
                .pick("tidak ada: pembayaran ini selesai", "nothing: the payment is over")
                .to_owned(),
        }
    }

    /// All of it as plain text, some ten lines and the timeline.
    ///
    /// ```
    /// # fn example(client: &ovo_ptp::Client) -> Result<(), ovo_ptp::Error> {
    /// use ovo_ptp::Language;
    ///
    /// if let Some(explanation) = client.explain(&"ORDER-77-1".parse()?)? {
    ///     print!("{}", explanation.text(Language::English));
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn text(&self, language: Language) -> String {
        let words = Words(language);
        let mut text = String::new();
        let mut line = |label: &str, says: &str| {
            let _ = writeln!(text, "{label:<10} {says}");
        };
        line("invoice", &format!("{}, {}, {}", self.invoice, self.amount, self.numbers));
        line(words.pick("hasil", "outcome"), outcome(self.outcome.as_ref(), words));
        line(words.pick("uang", "money"), self.money_text(language));
        line(words.pick("sebab", "why"), self.why(language));
        line(words.pick("berikut", "next"), &self.next_text(language));
        line(words.pick("kasir", "cashier"), self.cashier(language));
        line(words.pick("operator", "operator"), self.operator(language));
        let _ = writeln!(
            text,
            "\n{} {} WIB",
            words.pick("Riwayat sejak", "What happened, from"),
            self.begun
        );
        for moment in &self.story {
            let _ = writeln!(
                text,
                "  {}  {:>9}  {}",
                clock(moment.at, self.begun),
                format!("+{}", took(moment.since, words)),
                moment.text(language)
            );
        }
        if self.story.len() < 2 {
            let _ = writeln!(text, "  {}", self.no_history(language));
        }
        if self.left_out > 0 {
            let _ = writeln!(text, "  {}", self.left_out_text(language));
        }
        text
    }

    pub(super) fn no_history(&self, language: Language) -> &'static str {
        Words(language).pick(
            "tidak ada riwayat: dari rilis lama, atau belum ada langkah yang tercatat",
            "no history: of an earlier release, or no step was written yet",
        )
    }

    pub(super) fn left_out_text(&self, language: Language) -> String {
        match language {
            Language::Indonesian => {
                format!("dan {} langkah lagi yang tidak dicatat", self.left_out)
            }
            Language::English => format!("and {} more steps that found no room", self.left_out),
        }
    }
}
