//! Why it is so, and what to do: for the cashier, and for the operator.

use super::money::{Money, was_debited_behind_ruling, was_reversed_in_vain};
use super::story;
use super::text::Words;
use crate::message::{Language, Operation, ResponseCode};
use crate::payment::history::{Ended, Entry, What};
use crate::payment::{DeclineReason, Payment, Ruling, Source, State, Verdict, Void};

/// Why the payment stands as it does.
pub(super) fn why(payment: &Payment, words: Words) -> String {
    let state = &payment.state;
    match state.verdict {
        None => words.pick(
            "OVO belum menjawab, dan waktu pelanggan belum habis.",
            "OVO has not answered yet, and the customer's time is not over.",
        ),
        Some(Verdict::Accepted(Source::Push)) => words.pick(
            "OVO menjawab 00 (berhasil), dan jawabannya milik pembayaran ini.",
            "OVO answered 00 (approved), and the answer is this payment's.",
        ),
        Some(Verdict::Accepted(Source::Status)) => words.pick(
            "Jawaban OVO hilang; cek status setelah 60 detik menunjukkan lunas.",
            "OVO's answer was lost; a status check behind 60 seconds found the payment paid.",
        ),
        Some(Verdict::Accepted(Source::Operator)) => {
            words.pick("Operator memutuskan lunas.", "An operator ruled that it is paid.")
        }
        Some(Verdict::Declined(DeclineReason::Code(code))) => return declined(code, words),
        Some(Verdict::Declined(DeclineReason::ForeignSale)) => words.pick(
            "Nomor pembayaran ini ternyata milik penjualan lain; permintaan ini tidak dijalankan.",
            "The numbers turned out to belong to another sale; this push was not executed.",
        ),
        Some(Verdict::Abandoned) if state.doubted => words.pick(
            "Jurnal ini tidak bisa dipercaya sepenuhnya; OVO ditanya, dan tidak ada uang yang digerakkan otomatis.",
            "This journal cannot vouch for itself; OVO was asked, and no money is moved automatically.",
        ),
        Some(Verdict::Abandoned)
            if state.cancelled && matches!(Money::of(state), Money::Unclear | Money::ByHand) =>
        {
            words.pick(
                "Kasir membatalkan sebelum ada jawaban.",
                "The shop cancelled before there was an answer.",
            )
        }
        Some(Verdict::Abandoned) if state.cancelled => words.pick(
            "Kasir membatalkan sebelum ada jawaban. Apa pun yang terpotong dikembalikan.",
            "The shop cancelled before there was an answer. Whatever is debited goes back.",
        ),
        Some(Verdict::Abandoned) => return abandoned(payment, words),
        Some(Verdict::NotSent) => return not_sent(payment, words),
        Some(Verdict::Quarantined) => words.pick(
            "Bukti dari OVO saling bertentangan, atau jurnal ini tidak bisa dipercaya sepenuhnya. Tidak ada uang yang digerakkan otomatis.",
            "OVO's evidence contradicts itself, or this journal cannot vouch for itself. No money is moved automatically.",
        ),
    }
    .to_owned()
}

fn declined(code: ResponseCode, words: Words) -> String {
    let meaning = code.entry().map_or("?", |entry| entry.meaning);
    match words.0 {
        Language::Indonesian => format!("OVO menolak dengan kode {code} ({meaning})."),
        Language::English => format!("OVO declined with code {code} ({meaning})."),
    }
}

/// How the push ended, as far as its history says.
fn push_ended(payment: &Payment) -> Option<Ended> {
    let entries = payment.history.entries();
    entries.iter().rev().find_map(|entry| match entry.what {
        What::Exchange { operation: Operation::PushToPay, ended, .. } => Some(ended),
        _ => None,
    })
}

fn abandoned(payment: &Payment, words: Words) -> String {
    let is_ruled = |entry: &Entry| {
        let refund = matches!(entry.what, What::Ruled { ruling: Ruling::Refund, .. });
        refund && entry.verdict == Some(Verdict::Abandoned)
    };
    if payment.history.entries().iter().any(is_ruled) {
        return words
            .pick(
                "Bukti dari OVO saling bertentangan; operator memutuskan bahwa uangnya dikembalikan.",
                "OVO's evidence contradicted itself; an operator ruled that the money goes back.",
            )
            .to_owned();
    }
    let mut why = words
        .pick(
            "Dalam 65 detik tidak ada jawaban OVO yang bisa dipakai.",
            "No usable answer came from OVO within 65 seconds.",
        )
        .to_owned();
    if let Some(Ended::Answered { status, code: None }) = push_ended(payment) {
        why.push_str(&match words.0 {
            Language::Indonesian => format!(" Jawabannya hanya HTTP {status} tanpa kode."),
            Language::English => format!(" All it sent was HTTP {status} without a code."),
        });
    }
    why
}

fn not_sent(payment: &Payment, words: Words) -> String {
    let mut why = words
        .pick(
            "Tidak satu byte pun dari permintaan sampai ke OVO",
            "Not one byte of the push left for OVO",
        )
        .to_owned();
    if let Some(Ended::NotSent(trouble)) = push_ended(payment) {
        why.push_str(&format!(" ({})", story::trouble(trouble, words)));
    }
    why.push('.');
    why
}

/// Where the money is, in a sentence.
pub(super) fn money(payment: &Payment, money: Money, words: Words) -> &'static str {
    let state = &payment.state;
    let declined = matches!(state.verdict, Some(Verdict::Declined(_)));
    let abandoned = state.verdict == Some(Verdict::Abandoned);
    match money {
        Money::Waiting => words.pick(
            "Belum diketahui: pelanggan mungkin sedang membayar.",
            "Not known yet: the customer may be paying at this moment.",
        ),
        // Of two copies of a void the first may have been carried out and the second refused.
        Money::Merchant if is_unconfirmed_refusal(state) => words.pick(
            "Saldo pelanggan terpotong. OVO menolak void-nya, dan tidak ada pemeriksaan status yang memastikan bahwa void itu tidak dijalankan; bandingkan dengan laporan settlement OVO.",
            "The customer was debited. OVO refused its void, and no status check has confirmed that it was not carried out; compare OVO's settlement file.",
        ),
        Money::Merchant if is_refused_void(state) => words.pick(
            "Saldo pelanggan terpotong; uangnya milik toko. Void yang diminta ditolak OVO.",
            "The customer is debited; the money is the shop's. OVO refused the void that was asked for.",
        ),
        Money::Merchant => words.pick(
            "Saldo pelanggan terpotong; uangnya milik toko.",
            "The customer is debited; the money is the shop's.",
        ),
        // A decline can hide a debit; where there are no checks nobody has looked.
        // OVO's answer to a reversal proves nothing (policy 1.2).
        Money::NotDebited if abandoned && !state.is_confirmed() => words.pick(
            "Ini sudah berakhir, tetapi tidak ada pemeriksaan status yang memastikan bahwa saldo pelanggan tidak terpotong; bandingkan dengan laporan settlement OVO.",
            "It is over, but no status check has confirmed that the customer is not debited; compare OVO's settlement file.",
        ),
        Money::NotDebited if declined && !state.is_confirmed() => words.pick(
            "Menurut OVO saldo pelanggan tidak terpotong; tidak ada pemeriksaan status yang memastikannya.",
            "OVO declined it, so the customer is not debited; no status check has confirmed that.",
        ),
        Money::NotDebited => words
            .pick("Saldo pelanggan tidak terpotong.", "The customer is not debited."),
        // The same of one that was seen debited.
        Money::Returned if state.check_unavailable && !state.is_confirmed() => words.pick(
            "Saldo pelanggan sempat terpotong, dan OVO menjawab pembatalannya; tidak ada pemeriksaan status yang memastikan bahwa uangnya sudah kembali: bandingkan dengan laporan settlement OVO.",
            "The customer was debited, and OVO answered its reversal; no status check has confirmed that the money went back: compare OVO's settlement file.",
        ),
        Money::Returned => words.pick(
            "Saldo pelanggan sempat terpotong dan sudah dikembalikan.",
            "The customer was debited and has the money back.",
        ),
        Money::SaidNotDebited => words.pick(
            "Menurut OVO saldo pelanggan tidak terpotong; ini masih diperiksa sekali lagi.",
            "OVO says that the customer was not debited; that is checked once more.",
        ),
        Money::Unsettled => words.pick(
            "Belum diketahui apakah saldo pelanggan terpotong. Jika ya, dana dikembalikan otomatis.",
            "It is not known whether the customer was debited. If so, the money goes back by itself.",
        ),
        Money::BeingReturned => words.pick(
            "Saldo pelanggan terpotong; dana sedang dikembalikan.",
            "The customer was debited; the money is on its way back.",
        ),
        Money::Voiding => words.pick(
            "Pembayaran lunas; void sedang berjalan dan hasilnya belum diketahui.",
            "It was paid; a void is under way, and its end is not known yet.",
        ),
        Money::Voided => words.pick(
            "Pembayaran lunas lalu di-void: uangnya kembali ke pelanggan.",
            "It was paid, then voided: the customer has the money back.",
        ),
        Money::Unclear if state.is_void_doubted() => words.pick(
            "Tidak jelas: pembayaran lunas dan menurut OVO sudah di-void, tetapi catatan OVO tetap menunjukkan lunas.",
            "Unclear: it was paid, and OVO said that it was voided; yet OVO's record shows it as paid.",
        ),
        Money::Unclear if void_is_unknown(payment) => words.pick(
            "Tidak jelas: pembayaran lunas, dan tidak diketahui apakah void-nya dijalankan.",
            "Unclear: it was paid, and nobody knows whether its void was carried out.",
        ),
        Money::Unclear if is_still_asked(payment) => words.pick(
            "Belum jelas: jurnal ini tidak bisa dipercaya sepenuhnya; OVO ditanya lebih dulu.",
            "Not clear yet: this journal cannot vouch for itself, and OVO is asked first.",
        ),
        Money::Unclear if state.doubted => words.pick(
            "Tidak jelas: jurnal ini tidak bisa dipercaya sepenuhnya, dan jawaban OVO belum menyelesaikannya. Operator harus memeriksa.",
            "Unclear: this journal cannot vouch for itself, and what OVO says does not settle it. An operator must find out.",
        ),
        Money::Unclear => words.pick(
            "Tidak jelas: bukti dari OVO saling bertentangan. Operator harus memeriksa.",
            "Unclear: what OVO says contradicts itself. An operator must find out.",
        ),
        Money::ByHand => words.pick(
            "Operator menutupnya: diselesaikan dengan tangan, di luar sistem ini.",
            "An operator closed it: it was dealt with by hand, outside this system.",
        ),
    }
}

/// What the cashier does.
pub(super) fn cashier(payment: &Payment, money: Money, words: Words) -> &'static str {
    match (payment.state.verdict, money) {
        (None, _) => words.pick(
            "Tunggu hasilnya; panggil pay dengan invoice yang SAMA. Jangan minta pelanggan membayar lagi.",
            "Wait for the outcome; call pay with the SAME invoice. Do not ask the customer to pay again.",
        ),
        (Some(Verdict::Accepted(_)), Money::Voided) => words.pick(
            "Tidak ada lagi: uang sudah kembali ke pelanggan.",
            "Nothing more: the customer has the money back.",
        ),
        (Some(Verdict::Accepted(_)), Money::Voiding) => words.pick(
            "Tunggu hasil void sebelum mengembalikan uang dengan cara lain.",
            "Wait for the void's end before returning the money in another way.",
        ),
        // Whoever asked for a void took the goods back, or never gave them.
        (Some(Verdict::Accepted(_)), _) if void_is_unknown(payment) => words.pick(
            "Jangan serahkan barang untuk pembayaran ini: void sudah diminta. Operator mencari apakah uangnya sudah kembali.",
            "Hand over nothing for this payment: its void was asked for. An operator finds out whether the money went back.",
        ),
        // They closed it because they had dealt with it.
        (Some(Verdict::Accepted(_)), Money::ByHand) if payment.state.void_is_with_operator() => words.pick(
            "Jangan serahkan barang untuk pembayaran ini: void sudah diminta, dan operator menutupnya sesudah diselesaikan dengan tangan. Tidak ada lagi.",
            "Hand over nothing for this payment: its void was asked for, and an operator dealt with it by hand and closed it. Nothing more.",
        ),
        (Some(Verdict::Accepted(_)), Money::Merchant) if is_refused_void(&payment.state) => words.pick(
            "Void ditolak: uang tidak kembali ke pelanggan. Serahkan barangnya, atau kembalikan uangnya dengan cara lain.",
            "The void was refused: the customer has no money back. Give the goods, or return the money in another way.",
        ),
        (Some(Verdict::Accepted(_)), _) => words.pick(
            "Barang milik pelanggan: pembayaran ini sudah dinyatakan lunas.",
            "The goods are the customer's: this payment was told as paid.",
        ),
        (Some(Verdict::Declined(_)), Money::Unsettled | Money::BeingReturned | Money::SaidNotDebited) => {
            words.pick(
                "Jangan serahkan barang. Jika saldo terpotong, dana kembali otomatis.",
                "Hand over nothing. Should the customer be debited, the money goes back by itself.",
            )
        }
        (Some(Verdict::NotSent), Money::NotDebited) => words.pick(
            "Langsung coba lagi, dengan invoice baru.",
            "Try again at once, with a new invoice.",
        ),
        (Some(_), Money::Unclear) => words.pick(
            "Jangan serahkan barang dan jangan tagih lagi; hubungi support.",
            "Hand over nothing, and do not charge again; call support.",
        ),
        (Some(_), Money::NotDebited | Money::Returned | Money::ByHand) => words.pick(
            "Jangan serahkan barang untuk pembayaran ini; percobaan baru memakai invoice baru.",
            "Hand over nothing for this payment; a new attempt takes a new invoice.",
        ),
        (Some(_), _) => words.pick(
            "Jangan serahkan barang. Katakan kepada pelanggan: jika saldo terpotong, dana dikembalikan.",
            "Hand over nothing. Tell the customer that any deduction is returned.",
        ),
    }
}

/// Whether a void was refused, and so was the question about it.
fn is_unconfirmed_refusal(state: &State) -> bool {
    is_refused_void(state) && (state.check_unavailable || state.check_refused)
}

/// Whether a void was refused. Whoever asked for it took the goods back, or never gave them: these, or the money
/// in another way, are still owed.
fn is_refused_void(state: &State) -> bool {
    matches!(state.void, Void::Rejected(_))
}

/// Whether a void was asked for and nobody knows whether the money went back.
fn void_is_unknown(payment: &Payment) -> bool {
    let state = &payment.state;
    state.void_is_with_operator() && !state.is_closed_by_operator()
}

/// Whether a payment that nothing is known of is still looked up: nobody has to find out by hand yet.
fn is_still_asked(payment: &Payment) -> bool {
    let state = &payment.state;
    state.is_in_doubt() && !state.needs_operator()
}

fn is_undecided(state: &State) -> bool {
    state.verdict == Some(Verdict::Quarantined)
}

/// What an operator does.
pub(super) fn operator(payment: &Payment, money: Money, words: Words) -> &'static str {
    let state = &payment.state;
    let waits = state.needs_operator();
    match money {
        Money::ByHand if was_debited_behind_ruling(payment) => words.pick(
            "Menurut OVO saldo terpotong sesudah ditutup: kembalikan dengan tangan jika belum.",
            "OVO showed a debit behind the ruling: return it by hand unless that was done.",
        ),
        // It may have been told as paid, in what the journal has lost.
        Money::Unclear if is_still_asked(payment) && state.may_be_ruled() && is_undecided(state) => words.pick(
            "Terlalu lama: cari di OVO dan di buku toko. OVO terus ditanya; putuskan `paid`, `refund`, atau `close` jika sudah jelas.",
            "It takes long: look it up at OVO and in the shop's books. OVO goes on being asked; rule `paid`, `refund` or `close` once it is clear.",
        ),
        Money::Unclear if is_still_asked(payment) && state.may_be_ruled() => words.pick(
            "Terlalu lama: cari di OVO. OVO terus ditanya; putuskan `refund` atau `close` jika sudah jelas.",
            "It takes long: look it up at OVO. OVO goes on being asked; rule `refund` or `close` once it is clear.",
        ),
        Money::Unclear if is_still_asked(payment) => words.pick(
            "Belum perlu apa-apa: OVO ditanya lebih dulu.",
            "Nothing yet: OVO is asked first.",
        ),
        Money::BeingReturned if was_reversed_in_vain(payment) => words.pick(
            "OVO menjawab pembatalan dan tetap menunjukkan potongan: kirim batch, reference, dan waktunya ke OVO. Pengembalian terus dicoba.",
            "OVO acknowledges reversals and goes on showing the debit: send it batch, reference and times. The return goes on by itself.",
        ),
        Money::Merchant if is_refused_void(state) => words.pick(
            "Pastikan pelanggan mendapat barangnya, atau uangnya dengan cara lain; pada hari yang sama void boleh diminta lagi.",
            "See that the customer gets the goods, or the money in another way; on the same day a void may be asked for again.",
        ),
        // What the words about the money say is not known, somebody has to look up.
        Money::Returned if state.check_unavailable && !state.is_confirmed() && !waits => words.pick(
            "Bandingkan dengan laporan settlement OVO hari itu (`reconcile`).",
            "Compare OVO's settlement file of that day (`reconcile`).",
        ),
        Money::Voiding if state.may_be_ruled() && !waits => words.pick(
            "Void ini terlalu lama: cari di OVO. OVO terus ditanya; `close` mengakhirinya jika uangnya sudah dikembalikan dengan tangan.",
            "The void takes long: look it up at OVO. OVO goes on being asked; rule `close` once the money was returned by hand.",
        ),
        _ if !waits => words.pick("Tidak perlu apa-apa.", "Nothing."),
        Money::Unclear if state.void == Void::Expired => words.pick(
            "Tanyakan void ini ke OVO (`check-void`, atau cari di sana); kembalikan dengan tangan jika belum terjadi, lalu putuskan `close`.",
            "Ask OVO how the void ended (`check-void`, or look it up there); refund by hand if it did not happen, then rule `close`.",
        ),
        Money::Unclear if state.is_void_doubted() => words.pick(
            "Tanyakan ke OVO, dengan batch, reference, dan waktunya, apakah uangnya sudah kembali; kembalikan lewat OVO jika belum, lalu putuskan `close`.",
            "Ask OVO, with batch, reference and times, whether the money went back; have it returned if it did not, then rule `close`.",
        ),
        Money::Unclear if state.is_paid_doubted() => words.pick(
            "Cari di OVO apakah uangnya milik toko. Jika ya, tanyakan sekali lagi (`check`), atau putuskan `paid`; jika tidak, selesaikan dengan tangan, lalu putuskan `close` dengan alasan.",
            "Find out at OVO whether the money is the shop's. If it is, ask once more (`check`), or rule `paid`; if not, deal with it by hand, then rule `close`, with the reason.",
        ),
        // The goods were handed over: neither `paid` nor `refund` is left to rule.
        Money::Unclear if matches!(state.verdict, Some(Verdict::Accepted(_))) => words.pick(
            "Cari di OVO apakah uangnya masih milik toko; selesaikan dengan tangan, lalu putuskan `close` dengan alasan.",
            "Find out at OVO whether the money is still the shop's; deal with it by hand, then rule `close`, with the reason.",
        ),
        // Told as not paid, and nobody hands over goods any more.
        Money::Unclear if matches!(state.verdict, Some(Verdict::Declined(_) | Verdict::Abandoned)) => words.pick(
            "Cari di OVO menurut invoice, batch, reference, dan waktu; lalu putuskan `refund` atau `close` dengan alasan.",
            "Look it up at OVO by invoice, batch, reference and time; then rule `refund` or `close`, with the reason.",
        ),
        // Nothing of it can be reversed from here: not one byte left.
        Money::Unclear if state.verdict == Some(Verdict::NotSent) => words.pick(
            "Cari di OVO siapa yang mendebit dengan nomor ini; kembalikan dengan tangan lewat OVO, lalu putuskan `close` dengan alasan.",
            "Find out at OVO who debited under these numbers; have it returned by hand, through OVO, then rule `close`, with the reason.",
        ),
        Money::Unclear => words.pick(
            "Cari di OVO menurut invoice, batch, reference, dan waktu; lalu putuskan `paid`, `refund`, atau `close` dengan alasan.",
            "Look it up at OVO by invoice, batch, reference and time; then rule `paid`, `refund` or `close`, with the reason.",
        ),
        _ => words.pick(
            "Terlalu lama: cari di OVO. Pengembalian terus dicoba; `close` mengakhirinya jika sudah diselesaikan dengan tangan.",
            "It takes too long: look it up at OVO. The return goes on by itself; rule `close` once it was dealt with by hand.",
        ),
    }
}
