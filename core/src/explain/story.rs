//! What happened, as a list of moments that can be told.

use std::time::Duration;

use super::text::{Words, took};
use crate::message::{Language, Operation, ResponseCode};
use crate::payment::history::{Ended, Entry, Meaning, Trouble, What};
use crate::payment::{
    Alert, Closer, DeclineReason, Payment, Request, Reversal, Ruling, Settlement, Source, Verdict,
    Void,
};
use crate::wib::WallTime;

/// One moment of a payment.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Moment {
    /// When, by the wall clock of that moment.
    pub at: WallTime,
    /// How long after the payment was begun.
    pub since: Duration,
    /// What happened.
    pub what: Happened,
}

/// What happened at a moment.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Happened {
    /// The payment was begun: its numbers are durable, and the push may leave.
    Begun,
    /// Another process took the payment up.
    TakenUp,
    /// A step of its history.
    Step(Box<Entry>),
}

pub(super) fn story(payment: &Payment) -> Vec<Moment> {
    let wall = payment.intent.wall;
    let mut story = vec![Moment { at: wall, since: Duration::ZERO, what: Happened::Begun }];
    let mut client = None;
    for entry in payment.history.entries() {
        let (at, since) = (entry.wall, entry.since);
        // A restart and a doubt are the journal's; who wrote them says nothing more.
        let another = client.is_some_and(|client| client != entry.client);
        if another && !matches!(entry.what, What::Restarted | What::Doubted) {
            story.push(Moment { at, since, what: Happened::TakenUp });
        }
        client = Some(entry.client);
        story.push(Moment { at, since, what: Happened::Step(Box::new(entry)) });
    }
    story
}

impl Moment {
    /// In one line, without the time.
    pub fn text(&self, language: Language) -> String {
        let words = Words(language);
        match &self.what {
            Happened::Begun => words
                .pick(
                    "pembayaran dicatat dan mendapat nomornya",
                    "the payment is recorded and has its numbers",
                )
                .to_owned(),
            Happened::TakenUp => words
                .pick(
                    "proses lain melanjutkan pembayaran ini",
                    "another process takes the payment up",
                )
                .to_owned(),
            Happened::Step(entry) => step(entry, words),
        }
    }
}

fn step(entry: &Entry, words: Words) -> String {
    let mut line = what(&entry.what, words);
    let mut follows = |text: &str| {
        line.push_str(" -> ");
        line.push_str(text);
    };
    if let Some(verdict) = entry.verdict {
        follows(&self::verdict(verdict, words));
    }
    if let Some(settlement) = entry.settlement {
        // What a verdict says by itself is not told twice.
        let told = matches!(entry.verdict, Some(Verdict::Accepted(_) | Verdict::NotSent));
        if !told {
            follows(self::settlement(settlement, words));
        }
    }
    if let Some(void) = entry.void {
        follows(&self::void(void, words));
    }
    if let Some(asks) = entry.asks {
        follows(request(asks, words));
    }
    if let Some(alert) = entry.alert {
        let level = match alert.is_critical() {
            true => words.pick("PERINGATAN KRITIS", "CRITICAL"),
            false => words.pick("peringatan", "alert"),
        };
        follows(&format!("{level}: {}", self::alert(alert, words)));
    }
    if let Some(rule) = entry.rule {
        let citation = rule.citation();
        line.push_str(&match citation.contains('.') {
            true => format!(" [{} {citation}]", words.pick("kebijakan", "policy")),
            false => format!(" [{} {citation}]", words.pick("aturan", "rule")),
        });
    }
    if let (true, Some((last, _))) = (entry.count > 1, entry.last) {
        let times = entry.count;
        line.push_str(&match words.0 {
            Language::Indonesian => format!(" ({times} kali, terakhir +{})", took(last, words)),
            Language::English => format!(" ({times} times, last at +{})", took(last, words)),
        });
    }
    line
}

fn what(what: &What, words: Words) -> String {
    match what {
        What::Sent => words
            .pick("permintaan terkirim seluruhnya ke OVO", "the push has left for OVO, whole")
            .to_owned(),
        What::HeldBack => words
            .pick("tidak ada yang dikirim: ditahan", "nothing was sent: it was held back")
            .to_owned(),
        What::Exchange { operation, ended, meaning, took } => {
            exchange(*operation, *ended, *meaning, *took, words)
        }
        What::Time => words.pick("waktunya tiba", "its time has come").to_owned(),
        What::Cancelled { .. } => words.pick("kasir membatalkan", "the shop cancelled").to_owned(),
        What::Acknowledged => {
            words.pick("toko sudah mencatat hasilnya", "the shop has stored the outcome").to_owned()
        }
        What::Ruled { ruling, reason } => {
            let ruling = match ruling {
                Ruling::Paid => words.pick("lunas", "paid"),
                Ruling::Refund => words.pick("kembalikan", "refund"),
                Ruling::Close => words.pick("tutup", "close"),
            };
            match words.0 {
                Language::Indonesian => format!("operator memutuskan {ruling}: \"{reason}\""),
                Language::English => format!("an operator ruled {ruling}: \"{reason}\""),
            }
        }
        What::ReportedPaid => words
            .pick(
                "laporan OVO menunjukkan pembayaran ini lunas",
                "OVO's settlement file shows it as paid",
            )
            .to_owned(),
        What::VoidAsked => words.pick("toko meminta void", "the shop asked for a void").to_owned(),
        What::Restarted => words
            .pick(
                "mesin dinyalakan ulang; semua waktu tunggu mulai lagi",
                "the machine was restarted; all waits begin again",
            )
            .to_owned(),
        What::Doubted => words
            .pick(
                "jurnal ini salinan atau kehilangan sebagian isinya",
                "the journal is a copy, or lost a part of itself",
            )
            .to_owned(),
    }
}

pub(super) fn operation(operation: Operation, words: Words) -> &'static str {
    match operation {
        Operation::PushToPay => words.pick("permintaan bayar (push to pay)", "push to pay"),
        Operation::Reversal => words.pick("pembalikan (reversal)", "reversal"),
        Operation::Void => "void",
        Operation::CheckPayment => words.pick("cek status pembayaran", "check payment"),
        Operation::CheckVoid => words.pick("cek status void", "check void"),
        Operation::Inquiry => words.pick("cek nomor", "inquiry"),
    }
}

pub(super) fn trouble(trouble: Trouble, words: Words) -> &'static str {
    match trouble {
        Trouble::Resolve => words.pick("nama host tidak dikenal", "unknown host"),
        Trouble::Connect => words.pick("tidak ada koneksi", "no connection"),
        Trouble::Tls => words.pick(
            "identitas host tidak terbukti (TLS)",
            "the host could not prove who it is (TLS)",
        ),
        Trouble::Stopped => words.pick("dihentikan", "stopped"),
        Trouble::Timeout => words.pick("waktu habis", "time ran out"),
        Trouble::Broken => words.pick("koneksi terputus", "the connection broke"),
        Trouble::Malformed => words.pick("jawaban tidak terbaca", "the answer is not readable"),
    }
}

fn exchange(
    asked: Operation,
    ended: Ended,
    meaning: Meaning,
    time: Duration,
    words: Words,
) -> String {
    let asked = operation(asked, words);
    let time = took(time, words);
    match ended {
        Ended::NotSent(why) => match words.0 {
            Language::Indonesian => {
                format!("{asked}: tidak satu byte pun terkirim ({})", trouble(why, words))
            }
            Language::English => format!("{asked}: not one byte left ({})", trouble(why, words)),
        },
        Ended::NoAnswer(why) => match words.0 {
            Language::Indonesian => {
                format!("{asked}: tidak ada jawaban dalam {time} ({})", trouble(why, words))
            }
            Language::English => format!("{asked}: no answer in {time} ({})", trouble(why, words)),
        },
        Ended::Answered { status, code } => {
            let code = match code {
                Some(code) => match words.0 {
                    Language::Indonesian => format!("kode {code}"),
                    Language::English => format!("code {code}"),
                },
                None => words.pick("tanpa kode", "no code").to_owned(),
            };
            let means = self::meaning(meaning, words);
            match words.0 {
                Language::Indonesian => {
                    format!("{asked}: jawaban setelah {time}: HTTP {status}, {code}, {means}")
                }
                Language::English => {
                    format!("{asked}: answered after {time}: HTTP {status}, {code}, {means}")
                }
            }
        }
    }
}

fn meaning(meaning: Meaning, words: Words) -> &'static str {
    match meaning {
        Meaning::Success => words.pick("berhasil", "success"),
        Meaning::Refused => words.pick("ditolak", "refused"),
        Meaning::Duplicate => {
            words.pick("nomor sudah pernah dipakai", "the numbers were used before")
        }
        Meaning::WrongEcho => words.pick("isi jawaban tidak cocok", "it repeats other values"),
        Meaning::NotFound => words.pick("tidak ditemukan", "not found"),
        Meaning::Reversed => words.pick("sudah dibalikkan", "reversed"),
        Meaning::ForeignSale => words.pick("penjualan lain", "another sale"),
        Meaning::Doubtful => words.pick("tidak jelas milik siapa", "whose it is cannot be told"),
        Meaning::TooOld => words.pick("terlalu lama", "too old"),
        Meaning::Unavailable => {
            words.pick("cek status tidak tersedia", "no status checks in this contract")
        }
        Meaning::Misconfigured => words.pick("OVO menolak konfigurasi", "OVO refuses the set-up"),
        Meaning::Nothing => words.pick("tidak menentukan apa pun", "it decides nothing"),
    }
}

fn verdict(verdict: Verdict, words: Words) -> String {
    match verdict {
        Verdict::Accepted(Source::Push) => words.pick("LUNAS", "PAID").to_owned(),
        Verdict::Accepted(Source::Status) => {
            words.pick("LUNAS (terlambat)", "PAID (late)").to_owned()
        }
        Verdict::Accepted(Source::Operator) => {
            words.pick("LUNAS (menurut operator)", "PAID (by an operator)").to_owned()
        }
        Verdict::Declined(DeclineReason::Code(code)) => {
            format!("{} ({code})", words.pick("DITOLAK", "DECLINED"))
        }
        Verdict::Declined(DeclineReason::ForeignSale) => words
            .pick(
                "DITOLAK (nomor milik penjualan lain)",
                "DECLINED (the numbers are another sale's)",
            )
            .to_owned(),
        Verdict::Abandoned => words.pick("TIDAK SELESAI", "NOT COMPLETED").to_owned(),
        Verdict::NotSent => words.pick("TIDAK TERKIRIM", "NOT SENT").to_owned(),
        Verdict::Quarantined => words.pick("PERLU OPERATOR", "NEEDS OPERATOR").to_owned(),
    }
}

fn settlement(settlement: Settlement, words: Words) -> &'static str {
    match settlement {
        Settlement::Open(Reversal::NotNeeded) => words.pick("akan diperiksa", "to be verified"),
        Settlement::Open(Reversal::Needed) => words.pick("akan dibalikkan", "to be reversed"),
        Settlement::Open(Reversal::Acknowledged(_)) => words.pick(
            "pembalikan diterima OVO, akan diperiksa",
            "OVO acknowledged the reversal; to be verified",
        ),
        Settlement::WithOperator => words.pick("menunggu operator", "waits for an operator"),
        Settlement::Closed { by: Closer::Policy, .. } => {
            words.pick("beres di OVO", "settled at OVO")
        }
        Settlement::Closed { by: Closer::Operator, .. } => {
            words.pick("ditutup operator", "closed by an operator")
        }
    }
}

fn void(void: Void, words: Words) -> String {
    match void {
        Void::None => words.pick("void tidak terkirim", "the void did not leave").to_owned(),
        Void::Sent => words.pick("void berjalan", "the void is under way").to_owned(),
        Void::Unknown => {
            words.pick("hasil void belum diketahui", "the void's end is not known yet").to_owned()
        }
        Void::Voided => words.pick("VOID berhasil", "VOIDED").to_owned(),
        Void::Questioned(code) => match words.0 {
            Language::Indonesian => format!("void ditolak ({code}): OVO akan ditanya"),
            Language::English => format!("the void was refused ({code}): OVO will be asked"),
        },
        Void::Rejected(code) => match words.0 {
            Language::Indonesian => format!("void ditolak ({code})"),
            Language::English => format!("the void was refused ({code})"),
        },
        Void::Expired => words
            .pick("void harus diselesaikan operator", "an operator must end the void")
            .to_owned(),
    }
}

fn request(request: Request, words: Words) -> &'static str {
    match request {
        Request::Reversal => words.pick("kirim pembalikan", "a reversal is sent"),
        Request::CheckPayment => words.pick("OVO ditanya", "OVO is asked"),
        Request::Void => words.pick("kirim void", "the void is sent"),
        Request::CheckVoid => words.pick("OVO ditanya tentang void", "OVO is asked about the void"),
    }
}

fn alert(alert: Alert, words: Words) -> String {
    if words.0 == Language::English {
        return alert.to_string();
    }
    let code = |what: &str, code: ResponseCode| format!("{what} (kode {code})");
    match alert {
        Alert::DuplicateNumbers(it) => code("OVO mengatakan nomor ini sudah pernah dipakai", it),
        Alert::Misconfigured(it) => code("OVO menolak konfigurasi toko", it),
        Alert::WrongEcho(field) => format!("jawaban mengulang {field} yang lain"),
        Alert::SloppyEcho(field) => format!("OVO menulis {field} dengan bentuk lain; diterima"),
        Alert::Overdue(late) => format!("belum beres selama {}", took(late, words)),
        Alert::ForeignSale => "nomor ini milik penjualan lain; dibiarkan".to_owned(),
        Alert::Doubtful => "tidak jelas milik siapa; operator memutuskan".to_owned(),
        Alert::ForeignReversal => "OVO membalikkan pembayaran tanpa kami minta".to_owned(),
        Alert::LateSuccess => {
            "jawaban berhasil datang setelah keputusan; dana dikembalikan".to_owned()
        }
        Alert::LyingDecline(_) => {
            "OVO menolak, tetapi saldo terpotong; dana dikembalikan".to_owned()
        }
        Alert::LateDebit => "saldo terpotong walau sudah dibalikkan; dibalikkan lagi".to_owned(),
        Alert::ReversalWithoutEffect => {
            "OVO menerima pembalikan tetapi tetap menunjukkan potongan; hubungi OVO".to_owned()
        }
        Alert::DelayBoundBroken => {
            "pembayaran yang sudah beres ternyata terpotong; dana dikembalikan".to_owned()
        }
        Alert::DebitAfterClose => {
            "pembayaran yang ditutup operator ternyata terpotong; tidak ada yang dikirim".to_owned()
        }
        Alert::CheckUnavailable => "OVO menolak cek status".to_owned(),
        Alert::TooOld => {
            "OVO tidak lagi mengenal pembayaran ini; cocokkan dengan tangan".to_owned()
        }
        Alert::PaidButReversed => {
            "sudah dinyatakan lunas, tetapi OVO mengatakan dibalikkan".to_owned()
        }
        Alert::PaidButNotSent => {
            "OVO mengatakan lunas untuk permintaan yang tidak pernah terkirim".to_owned()
        }
        Alert::OverdueForADay => "belum beres selama sehari; terus dicoba tiap jam".to_owned(),
        Alert::VoidUnresolved => "hasil void tidak diketahui; operator mengembalikan".to_owned(),
        Alert::VoidedAfterAll => {
            "void yang ditolak, atau diserahkan kepada operator, ternyata terjadi: yang sudah dikembalikan dengan tangan terbayar dua kali".to_owned()
        }
        Alert::VoidWithoutEffect => {
            "menurut OVO sudah di-void, tetapi OVO tetap menunjukkan potongan; tidak ada lagi yang dikirim: hubungi OVO".to_owned()
        }
        Alert::Unverified => {
            "ditutup, dan OVO menolak cek yang memastikan bahwa saldo tidak terpotong; bandingkan dengan laporan settlement OVO".to_owned()
        }
    }
}
