//! Sentences about payments at OVO, told in memory under a clock that the test moves.

mod conservation;
mod doors;
mod payments;
mod refunds;
mod scripts;
mod sloppy;

use serde_json::{Value, json};

use super::*;
use crate::config::*;
use crate::delivery::Delivery;
use crate::script::{AnswerOf, Step};
use crate::signature::{Signing, sign};
use crate::wib::{date_text, read_date};
use Operation::{CheckPayment, CheckVoid, Inquiry, PushToPay, Reversal, Void};
use ovo_ptp::message::Operation;

const PHONE: &str = "081234567890";
const APPROVES: &str = "081200000000";

/// A till with its own view of the time.
struct Till {
    host: Host,
    now: Now,
    phone: String,
    amount: i64,
    push_date: String,
}

impl Till {
    fn new(config: HostConfig) -> Till {
        let wall = read_date("2026-01-31 09:08:07.006").unwrap();
        Till {
            host: Host::new(config),
            now: Now { ms: 1_000, wall },
            phone: APPROVES.to_owned(),
            amount: 12_500,
            push_date: date_text(wall),
        }
    }

    fn open() -> Till {
        Till::new(HostConfig::default())
    }

    fn wait(&mut self, ms: u64) {
        self.now.ms += ms;
        self.now.wall += i64::try_from(ms).unwrap();
    }

    fn body(&self, operation: Operation, number: u32) -> Value {
        let date = match operation {
            Operation::CheckPayment => self.push_date.clone(),
            _ => date_text(self.now.wall),
        };
        json!({
            "type": operation.request_type(), "processingCode": operation.processing_code(),
            "amount": self.amount, "date": date, "referenceNumber": format!("{number:06}"),
            "tid": DEMO_TID, "mid": DEMO_MID, "merchantId": DEMO_MERCHANT_ID,
            "storeCode": DEMO_STORE_CODE, "appSource": "POS",
            "transactionRequestData": {
                "batchNo": "000004", "merchantInvoice": format!("INV-{number}"),
                "phone": self.phone,
            }
        })
    }

    fn send(&mut self, body: &Value) -> Ticket {
        let text = body.to_string();
        let random = self.now.wall.div_euclid(1000).to_string();
        let hmac = sign(DEMO_APP_ID, DEMO_APP_KEY, &random, None);
        self.host.receive(self.now, &Head::post(DEMO_APP_ID, &random, &hmac), text.as_bytes())
    }

    fn start(&mut self, operation: Operation, number: u32) -> Ticket {
        if operation == Operation::PushToPay {
            self.push_date = date_text(self.now.wall);
        }
        let body = self.body(operation, number);
        self.send(&body)
    }

    /// Waits for the answer, moving the clock.
    fn answer(&mut self, ticket: Ticket) -> Option<Reply> {
        loop {
            match self.host.progress(ticket, self.now) {
                Progress::Reply(reply) => return Some(reply),
                Progress::Silence => return None,
                Progress::WaitUntil(at) => self.wait(at - self.now.ms),
            }
        }
    }

    fn ask(&mut self, operation: Operation, number: u32) -> Value {
        let ticket = self.start(operation, number);
        let reply = self.answer(ticket).expect("an answer");
        serde_json::from_slice(&reply.body).expect("JSON")
    }

    fn code(&mut self, operation: Operation, number: u32) -> String {
        self.ask(operation, number)["responseCode"].as_str().unwrap().to_owned()
    }

    fn state(&mut self, number: u32) -> State {
        self.host.advance(self.now);
        let invoice = format!("INV-{number}");
        self.host.ledger().iter().find(|entry| entry.invoice == invoice).unwrap().state
    }

    fn net(&mut self, number: u32) -> i64 {
        self.host.advance(self.now);
        self.host.net(&format!("INV-{number}"))
    }
}
