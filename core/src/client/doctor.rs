//! `doctor`: is everything set up so that a payment can be trusted?

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::client::{Client, Inner};
use crate::error::{Error, ErrorKind};
use crate::journal::{Health, JournalError};
use crate::message::{Class, Operation, ResponseCode, Signature, SigningMode, inquiry};
use crate::transport::{Exchange, HttpRequest, Route, Validity};
use crate::wib::WallTime;

/// A number that is well formed and belongs to nobody, for a harmless inquiry.
const NOBODY: &str = "081100000000";

/// How the host answered an inquiry signed in one way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Probe {
    /// The signature was accepted; the code is whatever the inquiry itself got.
    Accepted(ResponseCode),
    /// The host refused the set-up with this code (63: app id, key or signature; EB: tid or mid;
    /// BR: the request's form; 58: inquiry not in the contract).
    Refused(ResponseCode),
    /// No readable answer; the text says how it ended.
    NoAnswer(String),
}

/// What [`Client::doctor`] found.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Diagnosis {
    /// The signing mode that the client uses.
    pub signing: SigningMode,
    /// Signed without the body.
    pub without_body: Probe,
    /// Signed with the body.
    pub with_body: Probe,
    /// How far this machine's clock is ahead of the host's (negative: behind), if the host told
    /// its time over TLS. Whole seconds; the exchange itself takes part of one.
    pub clock_ahead_seconds: Option<i64>,
    /// The way to the host: proxy, protocol, certificates; `None` if the transport is one's own and
    /// does not tell.
    pub route: Option<Route>,
    /// How an inquiry with a wrong signature was answered; `None` if none was sent: nobody asked for
    /// it ([`Client::probe_signature`]), or the right one was not accepted.
    pub wrong_signature: Option<Probe>,
    /// The journal's health, or what is wrong with it.
    pub journal: Result<Health, String>,
}

impl Diagnosis {
    /// What must be mended, one line each; empty if all is well.
    ///
    /// ```
    /// # fn example(client: &ovo_ptp::Client) -> Result<(), ovo_ptp::Error> {
    /// assert!(client.doctor()?.problems().is_empty());
    /// # Ok(())
    /// # }
    /// ```
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let (ours, other, other_name) = match self.signing {
            SigningMode::WithoutBody => (&self.without_body, &self.with_body, "with the body"),
            SigningMode::WithBody => (&self.with_body, &self.without_body, "without the body"),
        };
        match ours {
            Probe::Accepted(_) => {}
            Probe::Refused(code) if matches!(other, Probe::Accepted(_)) => problems.push(format!(
                "the host refuses this client's signature (code {code}) but accepts one {other_name}: change the signing mode"
            )),
            Probe::Refused(code) => problems.push(format!(
                "the host refuses the set-up: code {code}, {}",
                code.entry().map_or("unknown", |entry| entry.meaning)
            )),
            Probe::NoAnswer(how) => problems.push(format!("the host gave no readable answer: {how}")),
        }
        if let Some(route) = &self.route {
            if let Some(validity) = route.host_certificate.filter(Validity::is_ending) {
                problems.push(format!(
                    "the host's certificate {validity}: tell those who run it, or no payment leaves then"
                ));
            }
            if let Some(validity) = route.proxy_certificate.filter(Validity::is_ending) {
                problems.push(format!(
                    "the proxy's certificate {validity}: have it renewed, or no payment leaves then"
                ));
            }
            match route.client_certificate {
                Some(validity) if !validity.has_begun() => problems.push(format!(
                    "this client's certificate {validity}: no payment leaves until then, if this machine's clock is right"
                )),
                Some(validity) if validity.is_ending() => problems.push(format!(
                    "this client's certificate {validity}: have it renewed, or no payment leaves then"
                )),
                _ => {}
            }
            // Told above already, if no request got through either.
            let told = |failure: &&String| !matches!(ours, Probe::NoAnswer(how) if how == *failure);
            if let Some(failure) = route.failure.as_ref().filter(told) {
                problems.push(format!("a new connection cannot be made: {failure}"));
            }
            let unanswered = matches!(ours, Probe::NoAnswer(_));
            if unanswered && route.asks_for_certificate && route.client_certificate.is_none() {
                problems.push(
                    "the host asks for a client's certificate, and none is set: client_certificate"
                        .to_owned(),
                );
            }
        }
        if let Some(Probe::Accepted(code)) = self.wrong_signature {
            problems.push(format!(
                "the host accepts a wrong signature (code {code}), so it checks none: that it accepts this client's says nothing about the app key"
            ));
        }
        if let Some(ahead) = self.clock_ahead_seconds.filter(|ahead| ahead.abs() > 30) {
            problems.push(format!(
                "this machine's clock is {} s {} the host's: set it, or signatures and dates may be refused",
                ahead.abs(),
                if ahead > 0 { "ahead of" } else { "behind" }
            ));
        }
        match &self.journal {
            Ok(health) => problems.extend(health.problems.iter().cloned()),
            Err(message) => problems.push(message.clone()),
        }
        problems
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let probe = |probe: &Probe| match probe {
            Probe::Accepted(code) => format!("accepted (code {code})"),
            Probe::Refused(code) => format!("refused (code {code})"),
            Probe::NoAnswer(how) => format!("no readable answer ({how})"),
        };
        writeln!(f, "signing without body: {}", probe(&self.without_body))?;
        writeln!(f, "signing with body:    {}", probe(&self.with_body))?;
        if let Some(wrong) = &self.wrong_signature {
            let means = match wrong {
                Probe::Accepted(_) => "the host checks no signature",
                Probe::Refused(code) if code.as_str() == "63" => "the host checks signatures",
                _ => "whether the host checks signatures is not known",
            };
            writeln!(f, "a wrong signature:    {}: {means}", probe(wrong))?;
        }
        match self.clock_ahead_seconds {
            Some(ahead) => writeln!(f, "clock:                {ahead:+} s against the host")?,
            None => writeln!(f, "clock:                the host told no time over TLS")?,
        }
        if let Some(route) = &self.route {
            let proxy = route.proxy.as_deref().unwrap_or("none");
            writeln!(f, "proxy:                {proxy}")?;
            if let Some(http) = route.http {
                let tls = route.tls.unwrap_or("no TLS");
                writeln!(f, "protocol:             {tls}, {http}")?;
            }
            if let Some(validity) = route.host_certificate {
                writeln!(f, "host's certificate:   {validity}")?;
            }
            if let Some(validity) = route.proxy_certificate {
                writeln!(f, "proxy's certificate:  {validity}")?;
            }
            if let Some(validity) = route.client_certificate {
                writeln!(f, "client's certificate: {validity}")?;
            }
        }
        match &self.journal {
            Ok(health) => writeln!(
                f,
                "journal:              {} payments, {} not settled",
                health.payments, health.unsettled
            )?,
            Err(message) => writeln!(f, "{message}")?,
        }
        for note in self.journal.iter().flat_map(|health| &health.notes) {
            writeln!(f, "note:                 {note}")?;
        }
        match self.problems().as_slice() {
            [] => write!(f, "all is well"),
            problems => write!(f, "to mend: {}", problems.join("; ")),
        }
    }
}

impl Client {
    /// Looks whether everything is set up right, with two harmless inquiries: which signing mode
    /// the host accepts, clock skew, the way to the host and how long the certificates on it are good,
    /// and journal health.
    ///
    /// ```
    /// # fn example(client: &ovo_ptp::Client) -> Result<(), ovo_ptp::Error> {
    /// let diagnosis = client.doctor()?;
    /// for problem in diagnosis.problems() {
    ///     eprintln!("{problem}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Closed`](crate::ErrorKind::Closed) or [`Forked`](crate::ErrorKind::Forked) only: what is
    /// wrong is in the diagnosis.
    pub fn doctor(&self) -> Result<Diagnosis, Error> {
        self.inner.ready()?;
        Ok(self.inner.diagnose())
    }

    /// Like [`doctor`](Self::doctor), and then signs one more harmless inquiry wrongly: a host that
    /// accepts that checks no signature (as OVO's staging once did, by all evidence), and its "accepted" says nothing about
    /// your app key. [`Diagnosis::wrong_signature`] has the answer.
    ///
    /// **A wrong signature may lock an app id out.** So none is sent unless this is called, at most
    /// one in 24 hours, which the journal remembers, and none if the right one is not accepted.
    ///
    /// ```
    /// # fn example(client: &ovo_ptp::Client) -> Result<(), ovo_ptp::Error> {
    /// use ovo_ptp::Probe;
    ///
    /// match client.probe_signature()?.wrong_signature {
    ///     Some(Probe::Accepted(_)) => println!("this host checks no signature"),
    ///     other => println!("{other:?}"),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Refused`](crate::ErrorKind::Refused) if one was sent within 24 hours;
    /// [`retry_after`](Error::retry_after) tells when it is allowed. As for [`doctor`](Self::doctor), and of the
    /// journal, if it cannot remember it.
    pub fn probe_signature(&self) -> Result<Diagnosis, Error> {
        self.inner.ready()?;
        let mut found = self.inner.diagnose();
        let ours = match found.signing {
            SigningMode::WithoutBody => &found.without_body,
            SigningMode::WithBody => &found.with_body,
        };
        if matches!(ours, Probe::Accepted(_)) {
            found.wrong_signature = Some(self.inner.sign_wrongly()?);
        }
        Ok(found)
    }
}

/// A signature that is none, in the form of one.
fn wrong(mut signature: Signature) -> Signature {
    let other = if signature.hmac.starts_with('0') { "1" } else { "0" };
    signature.hmac.replace_range(..1, other);
    signature
}

impl Inner {
    pub(super) fn diagnose(self: &Arc<Self>) -> Diagnosis {
        let budget = self.policy.timers.exchange_budget;
        let mut clock_ahead_seconds = None;
        let mut probe = |mode| {
            let signer = self.signer.with_mode(mode);
            self.probe(&|body, now| signer.sign(body, now), &mut clock_ahead_seconds)
        };
        let without_body = probe(SigningMode::WithoutBody);
        let with_body = probe(SigningMode::WithBody);
        Diagnosis {
            signing: self.signer.mode(),
            without_body,
            with_body,
            clock_ahead_seconds,
            route: self.transport.inspect(budget, &self.watch(budget)),
            wrong_signature: None,
            journal: self.journals_health().map_err(|error| error.to_string()),
        }
    }

    fn journals_health(&self) -> Result<Health, JournalError> {
        let mut health = self.journal.health()?;
        health.problems.extend(self.tell_of_unreadable()?);
        Ok(health)
    }

    /// Once a day, and the journal has it before it is sent.
    fn sign_wrongly(self: &Arc<Self>) -> Result<Probe, Error> {
        let now = self.clock.wall();
        if let Some(next) = self.journal.note_probe(now)? {
            let wait = next.unix_millis().saturating_sub(now.unix_millis());
            let refused = Error::new(
                ErrorKind::Refused,
                format!(
                    "client: a wrong signature was sent within 24 hours, and one may lock the app id out; the next may be sent from {} WIB on",
                    next.wib_text()
                ),
            );
            return Err(refused.retry_in(Duration::from_millis(wait.try_into().unwrap_or(0))));
        }
        Ok(self.probe(&|body, now| wrong(self.signer.sign(body, now)), &mut None))
    }

    fn probe(
        self: &Arc<Self>,
        sign: &(dyn Fn(&[u8], WallTime) -> Signature + Sync),
        clock_ahead: &mut Option<i64>,
    ) -> Probe {
        let Ok(phone) = NOBODY.parse() else {
            return Probe::NoAnswer("no number to ask for".to_owned());
        };
        let now = self.clock.wall();
        let body = inquiry(
            self.credentials.merchant_id(),
            self.credentials.terminal(),
            &phone,
            &now.wib_text(),
        );
        let budget: Duration = self.policy.timers.exchange_budget;
        let request = HttpRequest {
            operation: Operation::Inquiry,
            body: body.bytes(),
            app_id: self.signer.app_id(),
            sign: &|| sign(body.bytes(), self.clock.wall()),
            send_budget: budget,
            total_budget: budget,
        };
        match self.transport.exchange(&request, &self.watch(budget)) {
            Exchange::Answered(answer) => {
                if let Some(date) = answer.date() {
                    let now = self.clock.wall().unix_seconds();
                    *clock_ahead = Some(now - date.unix_seconds());
                }
                match answer.response() {
                    Some(response) if response.code.class() == Class::Misconfigured => {
                        Probe::Refused(response.code)
                    }
                    // A host that is out of order has looked at nothing.
                    Some(response) if response.code.is_outage() => {
                        Probe::NoAnswer(format!("code {}", response.code))
                    }
                    Some(response) => Probe::Accepted(response.code),
                    None => Probe::NoAnswer(format!("HTTP {}", answer.status)),
                }
            }
            Exchange::NotSent(failure) | Exchange::NoAnswer(failure) => {
                Probe::NoAnswer(failure.message)
            }
        }
    }
}
