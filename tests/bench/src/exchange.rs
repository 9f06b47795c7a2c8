//! The exchange alone: encode, sign, a fresh TLS connection, send, receive, read. No journal.

use std::sync::Arc;
use std::time::Duration;

use ovo_ptp::message::{Identity, Operation, PaymentRef, Response, Signer, SigningMode};
use ovo_ptp::transport::{
    Exchange, HttpRequest, HttpsOptions, HttpsTransport, Transport, Trust, Unwatched, Watch,
};
use ovo_ptp::{MerchantInvoice, Numbers, Rupiah, WallTime};

use crate::{Failed, merchant};

pub(crate) fn many(url: &str, ca: &str, batch: u32, count: u32) -> Result<(), Failed> {
    let transport = HttpsTransport::new(url, HttpsOptions::with_trust(Trust::PemFile(ca.into())))?;
    let signer = Signer::new(merchant::APP_ID, &merchant::app_key()?, SigningMode::WithoutBody);
    let terminal = merchant::terminal()?;
    let phone = merchant::QUICK_PHONE.parse()?;
    let watch: Arc<dyn Watch> = Arc::new(Unwatched);
    for number in 1..=count {
        let invoice: MerchantInvoice = format!("EXCHANGE-{batch:06}-{number:06}").parse()?;
        let payment = PaymentRef {
            merchant_id: merchant::MERCHANT_ID,
            terminal: &terminal,
            numbers: Numbers::new(batch, number)?,
            invoice: &invoice,
            amount: Rupiah::new(merchant::AMOUNT)?,
            phone: Some(&phone),
        };
        let now = WallTime::now();
        let body = payment.push_to_pay(&now.wib_text());
        let exchange = transport.exchange(
            &HttpRequest {
                operation: body.operation(),
                body: body.bytes(),
                app_id: signer.app_id(),
                sign: &|| signer.sign(body.bytes(), now),
                send_budget: Duration::from_secs(15),
                total_budget: Duration::from_secs(70),
            },
            &watch,
        );
        let Exchange::Answered(answer) = exchange else { return Err("no answer".into()) };
        let response = Response::read(&answer.body).map_err(|_| "not a readable answer")?;
        let identity = Identity::of(&response, Operation::PushToPay, &payment, &|_| false);
        if response.code.as_str() != "00" || identity.differences() > 0 || !identity.names(true) {
            return Err(format!("not approved: {}", response.code).into());
        }
    }
    Ok(())
}
