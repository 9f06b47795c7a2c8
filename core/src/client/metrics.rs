//! Metrics in Prometheus' text format ([operations 7]): what this process counted, and how the
//! journal stands.
//!
//! Every series that can come is there from the beginning with 0, or the first alert of its kind
//! would be no increase. Labels have few values, all of them named here or in the code's tables.
//!
//! [operations 7]: crate::manual::operations#7-metrics

use std::fmt::{Display, Write as _};
use std::sync::atomic::Ordering;

use crate::client::counters::{BOUNDS, COMMITS, Counts, OUTCOMES, RESULTS};
use crate::client::{Client, JournalReader};
use crate::error::Error;
use crate::journal::Figures;
use crate::message::Operation;
use crate::payment::Alert;
use crate::wib::WallTime;

impl Client {
    /// What a dashboard shows and an alarm watches, as text in Prometheus' format (0.0.4): payments by
    /// outcome, exchanges by operation and result with how long they took, alerts, what is open and
    /// how old it is, the journal's health. What each means and examples of alarms stand in
    /// [operations 7].
    ///
    /// Counters (`_total`) begin at 0 with each client; what the journal knows outlives it. No payment
    /// waits for it, it asks OVO nothing, and there is nothing of a person and no invoice in it. A
    /// journal that cannot be read is told by `ovo_ptp_journal_readable 0`, and is no error.
    ///
    /// ```
    /// # fn example(client: &ovo_ptp::Client) -> Result<(), ovo_ptp::Error> {
    /// // The body of an answer to GET /metrics, of the type `text/plain; version=0.0.4`.
    /// let body = client.metrics_text()?;
    /// assert!(body.contains("ovo_ptp_payments_decided_total{outcome=\"paid\"}"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// [operations 7]: crate::manual::operations#7-metrics
    ///
    /// # Errors
    /// [`Closed`](crate::ErrorKind::Closed) or [`Forked`](crate::ErrorKind::Forked).
    pub fn metrics_text(&self) -> Result<String, Error> {
        self.inner.ready()?;
        let mut text = Text::default();
        text.counted(&self.inner.counters.shown());
        let unknown_key = self.inner.unknown_key.load(Ordering::Relaxed);
        text.one("payments_under_way", Kind::Gauge, UNDER_WAY, self.under_way());
        text.one("app_key_unknown", Kind::Gauge, UNKNOWN_KEY, u8::from(unknown_key));
        #[cfg(feature = "postgres")]
        text.one("unanswered_in_a_row", Kind::Gauge, UNANSWERED, self.inner.reach.unanswered());
        let figures = self.inner.journal.figures();
        text.one("journal_readable", Kind::Gauge, READABLE, u8::from(figures.is_ok()));
        if let Ok(figures) = figures {
            text.journal(&figures, self.inner.clock.wall());
        }
        Ok(text.0)
    }
}

impl JournalReader {
    /// The part of [`Client::metrics_text`] that the journal knows, as it was when this was opened.
    ///
    /// # Errors
    /// [`ErrorKind::Journal`](crate::ErrorKind::Journal)
    pub fn metrics_text(&self) -> Result<String, Error> {
        let figures = self.figures()?;
        let mut text = Text::default();
        text.one("journal_readable", Kind::Gauge, READABLE, 1);
        text.journal(&figures, WallTime::now());
        Ok(text.0)
    }
}

const UNDER_WAY: &str = "Payments this process works on now.";
const UNKNOWN_KEY: &str = "1 while the app key is one that the journal does not know and OVO has not accepted: phones of open payments may be unreadable.";
#[cfg(feature = "postgres")]
const UNANSWERED: &str = "Requests in a row that OVO left unanswered; from 2 on a node of several leaves what is due to the others.";
const READABLE: &str = "0 if the journal cannot be read; its figures are missing then.";

#[derive(Clone, Copy)]
enum Kind {
    Counter,
    Gauge,
    Histogram,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        }
    }
}

/// The text while it is written.
#[derive(Default)]
struct Text(String);

impl Text {
    /// Begins a family.
    fn family(&mut self, name: &str, kind: Kind, help: &str) {
        let kind = kind.name();
        // Writing to a String never fails; so below.
        let _ = writeln!(self.0, "# HELP ovo_ptp_{name} {help}\n# TYPE ovo_ptp_{name} {kind}");
    }

    /// A sample of the family. Values of labels are names of the code: nothing in them is escaped.
    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        self.0.push_str("ovo_ptp_");
        self.0.push_str(name);
        for (place, (label, value)) in labels.iter().enumerate() {
            let before = if place == 0 { '{' } else { ',' };
            let _ = write!(self.0, "{before}{label}=\"{value}\"");
        }
        let end = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.0, "{end} {value}");
    }

    /// A family of one sample.
    fn one(&mut self, name: &str, kind: Kind, help: &str, value: impl Display) {
        self.family(name, kind, help);
        self.sample(name, &[], value);
    }

    /// A family of counters with one label.
    fn by<'a>(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        counts: impl IntoIterator<Item = (&'a str, u64)>,
    ) {
        self.family(name, Kind::Counter, help);
        for (value, count) in counts {
            self.sample(name, &[(label, &words(value))], count);
        }
    }

    /// What this process has counted.
    fn counted(&mut self, counts: &Counts) {
        self.family("info", Kind::Gauge, "The library's version; always 1.");
        self.sample("info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
        self.one(
            "payments_begun_total",
            Kind::Counter,
            "Payments begun by this process.",
            counts.begun,
        );
        self.by(
            "payments_decided_total",
            "Outcomes that this process decided, once for each.",
            "outcome",
            OUTCOMES.into_iter().zip(counts.decided),
        );
        self.one(
            "paid_rupiah_total",
            Kind::Counter,
            "Rupiah of the payments that this process decided to be paid.",
            counts.paid_rupiah,
        );
        self.one(
            "payments_settled_total",
            Kind::Counter,
            "Payments of which this process did the last that was left to do at OVO.",
            counts.settled,
        );
        self.by(
            "journal_commits_total",
            "Commits of this process; lost: another process had written first; failed: not known to be durable.",
            "result",
            COMMITS.into_iter().zip(counts.commits),
        );
        self.family(
            "alerts_total",
            Kind::Counter,
            "Alerts, as operations names them; a critical one should wake somebody.",
        );
        for ((name, critical), count) in Alert::KINDS.into_iter().zip(counts.alerts) {
            let critical = if critical { "true" } else { "false" };
            self.sample("alerts_total", &[("alert", name), ("critical", critical)], count);
        }
        for (critical, count) in ["false", "true"].into_iter().zip(counts.found) {
            let labels = [("alert", "JournalFound"), ("critical", critical)];
            self.sample("alerts_total", &labels, count);
        }
        self.exchanges(counts);
    }

    fn exchanges(&mut self, counts: &Counts) {
        self.family(
            "exchanges_total",
            Kind::Counter,
            "Requests to OVO that ended; not_sent: not one byte left; unreadable: an answer without a code.",
        );
        let operations = Operation::ALL.map(|operation| (operation, words(operation.name())));
        for (operation, name) in &operations {
            for (result, count) in RESULTS.into_iter().zip(counts.exchanges[*operation as usize]) {
                self.sample("exchanges_total", &[("operation", name), ("result", result)], count);
            }
        }
        self.family(
            "responses_total",
            Kind::Counter,
            "OVO's answers by response code; other: one that is not in OVO's table.",
        );
        for ((operation, code), count) in &counts.codes {
            let operation = words(operation.name());
            self.sample("responses_total", &[("operation", &operation), ("code", code)], count);
        }
        let histogram = "exchange_duration_seconds";
        self.family(
            histogram,
            Kind::Histogram,
            "How long a request took, connection and answer; of a push with the customer's time.",
        );
        for (operation, name) in &operations {
            let took = &counts.took[*operation as usize];
            let bucket = format!("{histogram}_bucket");
            let mut below = 0;
            for (bound, count) in BOUNDS.into_iter().zip(took.up_to) {
                below += count;
                let labels = [("operation", name.as_str()), ("le", &bound.to_string())];
                self.sample(&bucket, &labels, below);
            }
            self.sample(&bucket, &[("operation", name), ("le", "+Inf")], took.count);
            let labels = [("operation", name.as_str())];
            self.sample(&format!("{histogram}_sum"), &labels, took.sum.as_secs_f64());
            self.sample(&format!("{histogram}_count"), &labels, took.count);
        }
    }

    /// How the journal stands.
    fn journal(&mut self, figures: &Figures, now: WallTime) {
        if let Some(begun) = figures.begun {
            self.one(
                "journal_payments_total",
                Kind::Counter,
                "Payments begun in this journal since it was made.",
                begun,
            );
        }
        let lists = [
            ("undecided", figures.undecided),
            ("unsettled", figures.unsettled),
            ("needs_operator", figures.needs_operator),
            ("unacknowledged", figures.unacknowledged),
        ];
        let about = "undecided: no outcome yet; a payment may be on several lists.";
        self.family("listed_payments", Kind::Gauge, &format!("Payments on each list; {about}"));
        for (list, tally) in lists {
            self.sample("listed_payments", &[("list", list)], tally.payments);
        }
        self.family("listed_rupiah", Kind::Gauge, &format!("Their amounts together; {about}"));
        for (list, tally) in lists {
            self.sample("listed_rupiah", &[("list", list)], tally.rupiah);
        }
        self.family(
            "listed_oldest_age_seconds",
            Kind::Gauge,
            "Since when the oldest of each list was begun; 0 if the list is empty.",
        );
        for (list, tally) in lists {
            let age = tally.oldest.map_or(0, |oldest| now.unix_seconds() - oldest.unix_seconds());
            self.sample("listed_oldest_age_seconds", &[("list", list)], age.max(0));
        }
        self.one(
            "journal_doubted",
            Kind::Gauge,
            "1 while the journal cannot vouch for itself: it is a copy, or has lost something.",
            u8::from(figures.doubted),
        );
        if let Some(room) = figures.room {
            self.one(
                "journal_free_bytes",
                Kind::Gauge,
                "Room left on the journal's disk; a payment takes up to 60 KiB while it is under way.",
                room,
            );
        }
        if let Some(spent) = figures.reserve_spent {
            self.one(
                "journal_reserve_spent",
                Kind::Gauge,
                "1 if the disk is full and new payments are refused.",
                u8::from(spent),
            );
        }
    }
}

/// A name of the code as the value of a label.
fn words(name: &str) -> String {
    name.replace(' ', "_")
}
