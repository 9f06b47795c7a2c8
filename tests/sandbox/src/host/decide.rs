//! What OVO answers to each operation (protocol 2.2, 3.2, 4).

use ovo_ptp::message::Operation;

use super::{Host, Sale};
use crate::behaviour::Behaviour;
use crate::config::CheckDate;
use crate::ledger::{Entry, State};
use crate::now::Now;
use crate::reply::Reply;
use crate::request::{self, Refusal, Request, is_phone};
use crate::script::Act;
use crate::signature::{self, Signed, Signing};
use crate::wib;

/// The status window: seven days counted in units of 24 hours (protocol 4).
const SEVEN_DAYS_MS: i64 = 7 * 24 * 3600 * 1000;
/// The last second of a day is too late for a void (protocol 4; the zone is inferred).
const VOID_CUT_OFF_MS: i64 = 86_399_000;

enum Verdict {
    /// An answer with a code; the place is the payment that a success tells of.
    Code(String, Option<usize>),
    /// A status without a body.
    Empty(u16),
    /// A prompt is shown to the customer.
    Prompt(Behaviour),
}

fn code(text: &str) -> Verdict {
    Verdict::Code(text.to_owned(), None)
}

impl Host {
    /// OVO hears a request: from here on it has an effect.
    pub(super) fn hear(&mut self, id: u64, now: Now) {
        let Some(call) = self.calls.get(&id) else { return };
        let (seq, act, behave) = (call.seq, call.step.act.clone(), call.step.behave.clone());
        let read = request::read(call.value.as_ref(), self.config.lenient_types);
        let (signed, judged) = self.judge(id, read.as_ref(), now);
        let request = read.ok();
        if let Some(call) = self.calls.get_mut(&id) {
            call.request.clone_from(&request);
            call.queued = false;
        }
        if let Some(record) = self.log.get_mut(seq) {
            record.heard = true;
            record.signature = signed;
            record.refusal = judged.as_ref().err().map(|refusal| refusal.why.clone());
        }
        let verdict = match (&judged, &request) {
            (Err(refusal), _) if refusal.code.is_empty() => {
                Verdict::Empty(if refusal.why == WRONG_METHOD { 405 } else { 404 })
            }
            (Err(refusal), _) => code(refusal.code),
            (Ok(()), Some(request)) => match request.operation {
                Operation::PushToPay => self.push_to_pay(request, &act, behave),
                Operation::Reversal => self.reversal(request, &act, now),
                Operation::Void => self.void(request, &act, now),
                Operation::CheckPayment => self.check_payment(request, &act, now),
                Operation::CheckVoid => self.check_void(request, &act, now),
                Operation::Inquiry => self.inquiry(request, behave),
            },
            (Ok(()), None) => code("BR"),
        };
        match verdict {
            Verdict::Code(text, place) => {
                let (reply, text) = self.form(id, request.as_ref(), &text, place, now);
                self.finish(id, reply, Some(text), now);
            }
            Verdict::Empty(status) => self.finish(id, Reply::empty(status), None, now),
            Verdict::Prompt(behaviour) => {
                if let Some(request) = &request {
                    self.open_session(id, request, &behaviour, now);
                }
            }
        }
    }

    /// Everything that is checked before the operation is looked at. A refusal without a code is
    /// answered with a bare status.
    fn judge(
        &self,
        id: u64,
        read: Result<&Request, &Refusal>,
        now: Now,
    ) -> (Signed, Result<(), Refusal>) {
        let refuse = |code: &'static str, why: &str| Err(Refusal { code, why: why.to_owned() });
        let Some(call) = self.calls.get(&id) else { return (Signed::Unread, refuse("ER", "gone")) };
        let head = &call.head;
        if head.path != self.config.path {
            return (Signed::Unread, refuse("", "the path is not OVO's"));
        }
        if head.method != "POST" {
            return (Signed::Unread, refuse("", WRONG_METHOD));
        }
        let (Some(app_id), Some(random), Some(hmac)) = (&head.app_id, &head.random, &head.hmac)
        else {
            return (Signed::Unread, refuse("63", "app-id, random or hmac is missing"));
        };
        let merchant = self.config.merchants.iter().find(|merchant| merchant.app_id == *app_id);
        let Some(merchant) = merchant.filter(|merchant| !merchant.revoked) else {
            return (Signed::Unread, refuse("63", "app-id is not known"));
        };
        if !self.is_fresh(random, now) {
            return (Signed::Stale, refuse("63", "random is not ten digits near the clock"));
        }
        let signed = signature::check(
            self.config.signing,
            app_id,
            &merchant.app_key,
            random,
            hmac,
            &call.body,
        );
        if signed == Signed::Wrong && self.config.signing != Signing::Unchecked {
            return (signed, refuse("63", "hmac does not match"));
        }
        let json = head.content_type.as_deref().is_some_and(|kind| {
            kind.split(';').next().unwrap_or("").trim().eq_ignore_ascii_case("application/json")
        });
        if !json {
            return (signed, refuse("BR", "Content-Type is not application/json"));
        }
        let request = match read {
            Ok(request) => request,
            Err(refusal) => return (signed, Err(refusal.clone())),
        };
        let terminal = merchant.terminals.iter().find(|terminal| {
            terminal.tid == request.tid
                && terminal.mid == request.mid
                && terminal.store_code == request.store_code
        });
        let known = merchant.merchant_id == request.merchant_id;
        if !known || terminal.is_none_or(|terminal| terminal.blocked) {
            return (signed, refuse("EB", "merchant, terminal or store is unknown or blocked"));
        }
        let contracted = match request.operation {
            Operation::CheckPayment | Operation::CheckVoid => self.config.check_contracted,
            Operation::Void => self.config.void_contracted,
            Operation::Inquiry => self.config.inquiry_contracted,
            Operation::PushToPay | Operation::Reversal => true,
        };
        if !contracted {
            return (signed, refuse("58", "the operation is not in the contract"));
        }
        // Both checks may carry an old date (FAQ); all others are dated now (protocol 2.2).
        let dated_now =
            !matches!(request.operation, Operation::CheckPayment | Operation::CheckVoid);
        let window = i64::try_from(self.config.date_window_s).unwrap_or(0).saturating_mul(1000);
        if dated_now && window > 0 && (request.date_ms - now.wall).abs() > window {
            return (signed, refuse("BR", "date is far from the host's clock: is it in WIB?"));
        }
        (signed, Ok(()))
    }

    fn is_fresh(&self, random: &str, now: Now) -> bool {
        let digits = random.len() == 10 && random.bytes().all(|byte| byte.is_ascii_digit());
        let Some(seconds) = random.parse::<i64>().ok().filter(|_| digits) else { return false };
        let window = i64::try_from(self.config.clock_window_s).unwrap_or(0);
        window == 0 || (seconds - now.wall.div_euclid(1000)).abs() <= window
    }

    fn push_to_pay(&mut self, request: &Request, act: &Act, behave: Option<Behaviour>) -> Verdict {
        let per_terminal = self.config.numbers_per_terminal;
        if act.pretend {
            return code("00");
        }
        // The original answer is never replayed to a repeated push (protocol 3.2).
        if self.ledger.is_duplicate(request, per_terminal) {
            return code(&self.config.choices.duplicate);
        }
        if self.ledger.is_buried(request, per_terminal) {
            return code(&self.config.choices.push_after_tombstone);
        }
        let phone = request.phone.clone().unwrap_or_default();
        let immediate = if request.amount.is_none_or(|amount| amount <= 0) {
            Some("13")
        } else if !is_phone(&phone) {
            Some("14")
        } else {
            None
        };
        let behaviour = match immediate {
            Some(code) => Behaviour::decline(code),
            None => behave.unwrap_or_else(|| self.behaviour(&phone)),
        };
        Verdict::Prompt(behaviour)
    }

    /// Always 00 (FAQ), whether money moved or not.
    fn reversal(&mut self, request: &Request, act: &Act, now: Now) -> Verdict {
        if act.pretend {
            return code("00");
        }
        let per_terminal = self.config.numbers_per_terminal;
        let place = self.ledger.find(request, self.config.match_by, per_terminal);
        // Under Everything another amount names another payment, which does not exist.
        let place = place.filter(|place| self.amount_agrees(*place, request));
        match place {
            Some(place) if self.config.reversals_ignored => {
                self.ledger.entry_mut(place).reversals += 1;
            }
            Some(place) => self.reverse(place, now),
            None if self.config.tombstones => self.ledger.bury(request, per_terminal),
            None => {}
        }
        Verdict::Code("00".to_owned(), place)
    }

    fn reverse(&mut self, place: usize, now: Now) {
        let tombstones = self.config.tombstones;
        let entry = self.ledger.entry_mut(place);
        entry.reversals += 1;
        match entry.state {
            State::Debited => {
                entry.state = State::Reversed;
                entry.reversed_ms = Some(now.ms);
                self.refund(place);
            }
            State::Open | State::NotDebited if tombstones => {
                entry.state = State::Reversed;
                entry.reversed_ms = Some(now.ms);
                self.bar(place, now);
            }
            // Without tombstones a reversal finds nothing to do before the debit, and leaves no
            // trace: a confirmation that comes later debits the customer (policy 1.2).
            State::Open | State::NotDebited | State::Reversed | State::Voided => {}
        }
    }

    fn refund(&mut self, place: usize) {
        let entry = self.ledger.entry_mut(place);
        entry.refunds += 1;
        let (phone, taken) = (entry.phone.clone(), entry.taken());
        self.customers.account(&phone, self.config.default_balance).give_back(taken);
    }

    fn void(&mut self, request: &Request, act: &Act, now: Now) -> Verdict {
        let per_terminal = self.config.numbers_per_terminal;
        let choices = self.config.choices.clone();
        let Some(place) = self.ledger.find(request, self.config.match_by, per_terminal) else {
            return code(if act.pretend { "00" } else { &choices.void_not_found });
        };
        if act.pretend {
            return Verdict::Code("00".to_owned(), Some(place));
        }
        let entry = self.ledger.entry_mut(place);
        entry.voids += 1;
        match entry.state {
            State::Voided => return code(&choices.void_again),
            State::Debited => {}
            State::Open | State::NotDebited | State::Reversed => {
                return code(&choices.void_not_found);
            }
        }
        if request.amount != Some(entry.amount) {
            return code(&choices.void_amount);
        }
        // The same day, before 23:59:59 (FAQ); WIB is inferred.
        let paid_on = wib::day(entry.debited_wall.unwrap_or(entry.opened_wall));
        if paid_on != wib::day(now.wall) || wib::millis_of_day(now.wall) >= VOID_CUT_OFF_MS {
            return code(&choices.void_too_late);
        }
        entry.state = State::Voided;
        entry.voided_ms = Some(now.ms);
        self.refund(place);
        Verdict::Code("00".to_owned(), Some(place))
    }

    fn check_payment(&mut self, request: &Request, act: &Act, now: Now) -> Verdict {
        let place = self.find_for_check(request);
        let original =
            |entry: &Entry| self.config.check_date == CheckDate::Any || entry.date == request.date;
        let Some(place) = place.filter(|place| original(self.ledger.entry(*place))) else {
            return code("25");
        };
        let entry = self.ledger.entry(place);
        if now.wall - entry.opened_wall > SEVEN_DAYS_MS {
            return code("54");
        }
        match entry.state_at(now.ms.saturating_sub(act.lag_ms)) {
            Some(State::Debited) => Verdict::Code("00".to_owned(), Some(place)),
            Some(State::Reversed) => code("73"),
            Some(State::Open) => code(&self.config.choices.check_undecided),
            Some(State::Voided) => code(&self.config.choices.check_voided),
            Some(State::NotDebited) | None => {
                let own = entry.code.as_deref().filter(|_| self.config.check_repeats_decline);
                code(own.unwrap_or("25"))
            }
        }
    }

    fn check_void(&mut self, request: &Request, act: &Act, now: Now) -> Verdict {
        let Some(place) = self.find_for_check(request) else { return code("25") };
        let entry = self.ledger.entry(place);
        if now.wall - entry.opened_wall > SEVEN_DAYS_MS {
            return code("54");
        }
        match entry.state_at(now.ms.saturating_sub(act.lag_ms)) {
            Some(State::Voided) => Verdict::Code("00".to_owned(), Some(place)),
            _ => code("25"),
        }
    }

    fn find_for_check(&self, request: &Request) -> Option<usize> {
        self.ledger
            .find(request, self.config.match_by, self.config.numbers_per_terminal)
            .filter(|place| self.amount_agrees(*place, request))
    }

    fn amount_agrees(&self, place: usize, request: &Request) -> bool {
        self.config.match_by != crate::config::MatchBy::Everything
            || request.amount == Some(self.ledger.entry(place).amount)
    }

    fn inquiry(&mut self, request: &Request, behave: Option<Behaviour>) -> Verdict {
        let phone = request.phone.clone().unwrap_or_default();
        let behaviour = behave.or_else(|| self.customers.behaviour(&phone, false));
        let unregistered =
            !is_phone(&phone) || behaviour.is_some_and(|behaviour| behaviour.is_unregistered());
        code(if unregistered { "14" } else { "00" })
    }

    /// Puts a completed sale of somebody else into the books.
    pub fn book_sale(&mut self, now: Now, sale: &Sale) -> u64 {
        self.advance(now);
        let request = Request {
            operation: Operation::PushToPay,
            amount: Some(sale.amount),
            date: wib::date_text(now.wall),
            date_ms: now.wall,
            reference: Some(sale.reference),
            batch: Some(sale.batch),
            batch_text: Some(format!("{:06}", sale.batch)),
            invoice: Some(sale.invoice.clone()),
            phone: Some(sale.phone.clone()),
            tid: sale.tid.clone(),
            mid: sale.mid.clone(),
            merchant_id: sale.merchant_id.clone(),
            store_code: String::new(),
        };
        let place = self.ledger.open(&request, self.config.numbers_per_terminal, now);
        self.debit(place, now);
        self.ledger.entry(place).id
    }

    /// Reverses a payment on OVO's own account (OV9, OV10). `false` if no payment has
    /// that invoice or it is not debited.
    pub fn reverse_by_operator(&mut self, now: Now, invoice: &str) -> bool {
        self.advance(now);
        let Some(place) = self.ledger.of_invoice(invoice) else { return false };
        let debited = self.ledger.entry(place).state == State::Debited;
        if debited {
            self.reverse(place, now);
            // The count is of the merchant's requests.
            self.ledger.entry_mut(place).reversals -= 1;
        }
        debited
    }
}

const WRONG_METHOD: &str = "the method is not POST";
