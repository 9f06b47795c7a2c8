//! A set-up that is wrong is refused, or heard of.

use super::*;
use crate::client::VoidOutcome;
use crate::event::Event;
use crate::payment::{Alert, Timers};

#[test]
fn b13_absurd_timers_are_refused_at_opening_and_named() {
    let shop = Shop::new();
    let set: [fn(&mut Timers) -> &mut Duration; 6] = [
        |timers| &mut timers.delay_bound,
        |timers| &mut timers.session,
        |timers| &mut timers.check,
        |timers| &mut timers.retry,
        |timers| &mut timers.second_sweep,
        |timers| &mut timers.keep_phone,
    ];
    let names = ["delay_bound", "session", "check", "retry", "second_sweep", "keep_phone"];
    for (timer, name) in set.into_iter().zip(names) {
        for absurd in [Duration::MAX, Duration::from_secs(u64::MAX), Duration::ZERO] {
            for address in ["https://ovo.invalid", "http://127.0.0.1:9"] {
                let mut timers = Timers::OVO;
                *timer(&mut timers) = absurd;
                let opened = shop.open(Environment::custom(address), |it| it.timers(timers));
                let error = opened.expect_err("refused");
                assert_eq!(error.field(), Some(name), "{absurd:?} {address}: {error}");
            }
        }
    }
}

/// The test's host, with a `Date`.
struct Dated(Arc<TestHost>, i64);

impl Transport for Dated {
    fn exchange(&self, request: &HttpRequest<'_>, watch: &Arc<dyn Watch>) -> Exchange {
        let mut exchange = self.0.exchange(request, watch);
        if let Exchange::Answered(answer) = &mut exchange {
            answer.server_date = Some(self.1);
        }
        exchange
    }
}

#[test]
fn b13_a_host_s_clock_that_no_calendar_has_is_none() {
    let year_10000 = 253_402_300_800;
    for (index, date) in [i64::MIN, i64::MIN + 1, -1, year_10000, i64::MAX].into_iter().enumerate()
    {
        let shop = Shop::new();
        shop.host.answers(|_, _| Reply::Code("00"));
        let dated = Arc::new(Dated(shop.host.clone(), date));
        let till = shop.client(|builder| builder.transport(dated));
        assert_eq!(till.doctor().unwrap().clock_ahead_seconds, None, "{date}");
        // Judged by such a clock the day of the sale would be over.
        let sale = format!("INV-{index}");
        assert!(till.pay(&charge(&sale)).unwrap().is_paid(), "{date}");
        assert_eq!(till.void(&invoice(&sale)), Ok(VoidOutcome::Voided), "{date}");
    }
}

#[test]
fn a_push_that_is_refused_for_the_set_up_alerts_once_a_minute_at_most() {
    let shop = Shop::new();
    shop.host.answers(|_, _| Reply::Code("63"));
    let alerts = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&alerts);
    let till = shop.client(|builder| {
        builder.observer(move |event| {
            if let Event::Alert { alert, .. } = event {
                lock(&heard).push(*alert);
            }
        })
    });
    for (number, told) in [(1, 1), (2, 1), (3, 2), (4, 2)] {
        assert_eq!(till.pay(&charge(&format!("INV-{number}"))).unwrap().name(), "declined");
        let alerts = lock(&alerts);
        assert_eq!(alerts.len(), told, "{alerts:?}");
        let is_critical =
            |alert: &Alert| matches!(alert, Alert::Misconfigured(_)) && alert.is_critical();
        assert!(alerts.iter().all(is_critical));
        drop(alerts);
        shop.clock.sleep(Duration::from_secs(31));
    }
}
