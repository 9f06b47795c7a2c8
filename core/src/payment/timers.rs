//! Timer values and the few switches of the policy: plain values, no clock.

use std::time::Duration;

use crate::error::{Error, ErrorKind};

/// Every duration of the policy ([policy 2.5]). All run on a clock that counts suspend time.
///
/// [policy 2.5]: crate::manual::policy#25-timers
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Timers {
    /// A push may be written only this long after its Intent, time for a slow connection: a paused
    /// process must not send late.
    pub send_check: Duration,
    /// And only this long after its connection was ready: what then still delays it is a pause.
    pub connected_check: Duration,
    /// Connecting, the TLS handshake and writing together (a push gets
    /// [`send_check`](Self::send_check), counted from its Intent, if that is shorter); also what is
    /// assumed to have passed between Intent and last byte when a crash hides the truth.
    pub send_budget: Duration,
    /// OVO's session: 55 s for the customer and 5 s for the backend (FAQ).
    pub session: Duration,
    /// The status check, counted from the push's last byte. The FAQ asks for "above 60 s".
    pub check: Duration,
    /// How long that check may take.
    pub check_budget: Duration,
    /// The decision, counted from the push's last byte; the reversal may follow (FAQ: 65 s).
    pub decide: Duration,
    /// How long a reversal, void or later check may take.
    pub exchange_budget: Duration,
    /// D: how long a written push may sit in some queue and still be executed. **The one network
    /// assumption** of the whole policy ([policy 2.1]).
    ///
    /// [policy 2.1]: crate::manual::policy#21-words
    pub delay_bound: Duration,
    /// Between attempts, as long as there were few: OVO's 15 s.
    pub retry: Duration,
    /// Without a status answer for this long, nor to one more check behind it, a reversal goes out
    /// unchecked, if the numbers are beyond doubt (rule 14b).
    pub gate_escape: Duration,
    /// First look behind a closed payment (rule 16).
    pub first_sweep: Duration,
    /// Second and last look.
    pub second_sweep: Duration,
    /// After this OVO no longer knows a payment's status (FAQ: 7 days; half a day of margin).
    pub status_window: Duration,
    /// The phone is overwritten this long after the last thing that could need it.
    pub keep_phone: Duration,
}

const MINUTE: u64 = 60;
/// No timer is longer: the sum of all of them is still a time.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 60 * MINUTE);

impl Timers {
    /// OVO's times, and the defaults where OVO gives none.
    pub const OVO: Timers = Timers {
        send_check: Duration::from_secs(20),
        connected_check: Duration::from_secs(5),
        send_budget: Duration::from_secs(25),
        session: Duration::from_secs(60),
        check: Duration::from_millis(60_500),
        check_budget: Duration::from_secs(3),
        decide: Duration::from_secs(65),
        exchange_budget: Duration::from_secs(15),
        delay_bound: Duration::from_secs(120),
        retry: Duration::from_secs(15),
        gate_escape: Duration::from_secs(5 * MINUTE),
        first_sweep: Duration::from_secs(15 * MINUTE),
        second_sweep: Duration::from_secs(24 * 60 * MINUTE),
        status_window: Duration::from_secs(6 * 24 * 60 * MINUTE + 12 * 60 * MINUTE),
        keep_phone: Duration::from_secs(2 * 24 * 60 * MINUTE),
    };

    /// All of OVO's times multiplied by `factor`, for a sandbox on this machine whose clock runs
    /// faster by the same factor. A client refuses them towards any other host.
    ///
    /// ```
    /// use ovo_ptp::payment::Timers;
    ///
    /// let fast = Timers::scaled(0.02);
    /// assert_eq!(fast.decide.as_millis(), 1_300);
    /// assert!(fast.validate_for_ovo().is_err());
    /// ```
    pub fn scaled(factor: f64) -> Timers {
        let factor = if factor.is_finite() { factor.clamp(0.000_1, 1.0) } else { 1.0 };
        Timers::OVO.map(|duration| duration.mul_f64(factor))
    }

    fn map(self, f: impl Fn(Duration) -> Duration) -> Timers {
        Timers {
            send_check: f(self.send_check),
            connected_check: f(self.connected_check),
            send_budget: f(self.send_budget),
            session: f(self.session),
            check: f(self.check),
            check_budget: f(self.check_budget),
            decide: f(self.decide),
            exchange_budget: f(self.exchange_budget),
            delay_bound: f(self.delay_bound),
            retry: f(self.retry),
            gate_escape: f(self.gate_escape),
            first_sweep: f(self.first_sweep),
            second_sweep: f(self.second_sweep),
            status_window: f(self.status_window),
            keep_phone: f(self.keep_phone),
        }
    }

    fn each(&self) -> [(&'static str, Duration); 15] {
        [
            ("send_check", self.send_check),
            ("connected_check", self.connected_check),
            ("send_budget", self.send_budget),
            ("session", self.session),
            ("check", self.check),
            ("check_budget", self.check_budget),
            ("decide", self.decide),
            ("exchange_budget", self.exchange_budget),
            ("delay_bound", self.delay_bound),
            ("retry", self.retry),
            ("gate_escape", self.gate_escape),
            ("first_sweep", self.first_sweep),
            ("second_sweep", self.second_sweep),
            ("status_window", self.status_window),
            ("keep_phone", self.keep_phone),
        ]
    }

    /// Refuses times that no clock can add up, or that would let a client run without a pause,
    /// whatever host it talks to: each must be more than nothing and at most a year.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`], naming the timer.
    pub fn validate(&self) -> Result<(), Error> {
        let absurd = |(_, timer): &(&str, Duration)| timer.is_zero() || *timer > LONGEST;
        match self.each().into_iter().find(absurd) {
            None => Ok(()),
            Some((name, _)) => Err(Error::new(
                ErrorKind::Configuration,
                format!("timers: {name} must be more than nothing and at most 366 days"),
            )
            .about_field(name)),
        }
    }

    /// Refuses times that would break OVO's rules on a real host: waits shorter than the
    /// defaults, or a send check or budget longer than them (both belong to the bound D).
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`], naming the timer.
    pub fn validate_for_ovo(&self) -> Result<(), Error> {
        let ovo = Timers::OVO;
        let too_short = [
            ("session", self.session < ovo.session),
            ("check", self.check < ovo.check),
            ("decide", self.decide < ovo.decide || self.decide < self.check + self.check_budget),
            ("delay_bound", self.delay_bound < ovo.delay_bound),
            ("retry", self.retry < ovo.retry),
            ("gate_escape", self.gate_escape < ovo.gate_escape),
            // Looks that come too soon find nothing and count all the same (rule 16).
            ("first_sweep", self.first_sweep < ovo.first_sweep),
            ("second_sweep", self.second_sweep < ovo.second_sweep),
            ("keep_phone", self.keep_phone < ovo.keep_phone),
            ("exchange_budget", self.exchange_budget < ovo.exchange_budget),
        ];
        if let Some((name, _)) = too_short.iter().find(|(_, broken)| *broken) {
            return Err(Error::new(
                ErrorKind::Configuration,
                format!(
                    "timers: {name} is shorter than OVO's rules allow; scaled times are for a sandbox on this machine"
                ),
            ));
        }
        let too_long = [
            ("send_check", self.send_check > ovo.send_check),
            ("connected_check", self.connected_check > ovo.connected_check),
            ("send_budget", self.send_budget > ovo.send_budget),
            ("check_budget", self.check_budget > ovo.check_budget),
            ("status_window", self.status_window > ovo.status_window),
        ];
        if let Some((name, _)) = too_long.iter().find(|(_, broken)| *broken) {
            return Err(Error::new(
                ErrorKind::Configuration,
                format!("timers: {name} is longer than the delay bound allows for"),
            ));
        }
        Ok(())
    }

    /// The least pause between two requests of one kind about one payment: 10 s, so that OVO's 15 s
    /// can be spread by 20 %, and a network that comes back is used within 15 s.
    pub(crate) fn pause(&self) -> Duration {
        self.retry * 2 / 3
    }

    /// A minute: how long OVO's record of a payment may lag behind what OVO answered. A check that is
    /// issued sooner behind an approval, a void or a reversal contradicts none. OVO names no such time; where
    /// it is wrong, an operator is asked in vain, or asks again.
    pub(crate) fn record_lag(&self) -> Duration {
        self.retry * 4
    }

    /// An hour, in the same scale as everything else.
    pub(crate) fn hour(&self) -> Duration {
        self.retry * 240
    }

    /// The wait after a try of which not one byte left: 10 to 15 s, so that a network that comes
    /// back is used within 15 s ([fault N13]), though not by all at once.
    ///
    /// [fault N13]: crate::manual::faults#n-network-and-transport
    pub(crate) fn early_retry(&self, seed: u16) -> Duration {
        self.backoff(1, seed) * 5 / 6
    }

    /// The wait after the `attempt`-th try: OVO's 15 s twice, then 1, 2, 5, 10 and for ever 15
    /// minutes, each 20 % up or down by `seed`, so that many terminals do not knock at once.
    pub(crate) fn backoff(&self, attempt: u16, seed: u16) -> Duration {
        // In units of `retry` (15 s), so that scaled timers scale the whole schedule.
        let retries: u32 = match attempt {
            0..=2 => 1,
            3 => 4,
            4 => 8,
            5 => 20,
            6 => 40,
            _ => 60,
        };
        let spread = u32::from(seed).wrapping_mul(31).wrapping_add(u32::from(attempt) * 17) % 401;
        (self.retry * retries) * (800 + spread) / 1000
    }
}

/// What to do with a success that only the status check reported, while the caller still waits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum LateSuccess {
    /// Tell Paid, marked `late`. The customer has paid and stands at the till.
    #[default]
    Accept,
    /// Tell NotCompleted and refund: for merchants whose order is gone after a minute (FAQ: "it
    /// depends on the merchant's policy").
    Reverse,
}

/// The policy's values for one client.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Policy {
    /// The durations.
    pub timers: Timers,
    /// Accept or reverse a late success.
    pub late_success: LateSuccess,
    /// Whether the contract has Check Payment. Without it no identity can be verified and no
    /// closing check made: one more reversal after 60 s + D closes the payment, and whatever is
    /// doubtful goes to the operator.
    pub check_payment: bool,
    /// Whether declines are verified by a late check ([policy 1.5]), where there are checks.
    ///
    /// [policy 1.5]: crate::manual::policy#15-a-decline-can-hide-a-debit
    pub verify_declines: bool,
    /// Whether code 26 (OVO could not reach the app) is trusted like any other decline. By default
    /// it is not: the customer can log in, find the prompt and confirm. It is then checked at 60 s +
    /// D, or where the contract has no checks reversed once, and keeps a second push from the phone
    /// until then.
    pub trust_undelivered: bool,
    /// A wrong policy in place of the real one: the canaries of the proofs.
    #[cfg(all(ovo_mutants, debug_assertions))]
    #[doc(hidden)]
    pub mutant: Option<super::Mutant>,
}

impl Default for Policy {
    fn default() -> Self {
        Policy {
            timers: Timers::OVO,
            late_success: LateSuccess::Accept,
            check_payment: true,
            verify_declines: true,
            trust_undelivered: false,
            #[cfg(all(ovo_mutants, debug_assertions))]
            mutant: None,
        }
    }
}
