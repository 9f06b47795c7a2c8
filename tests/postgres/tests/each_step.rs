//! One of four nodes dies, or stands still, at every step of a payment: before and behind every write of it, at
//! every moment of every request, before and behind the word to the cashier; and of the sale's void behind it. The
//! others finish it.
//!
//! Complete by construction: a flow is run with the node gone at step 1, 2, 3 and so on, until it ends without
//! having had so many steps. With `SMALL_DOSES` in the environment two flows of four.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

use ovo_crash::books;
use ovo_crash::process::Process;
use ovo_crash::shop::Shop;
use ovo_crash::till::AMOUNT;
use ovo_crash::told::ToldLog;
use ovo_postgres::{APPLICATION, Hold, Proxy, Server, Street, are_installed, migrates, until};
use ovo_ptp::journal::Filter;
use ovo_ptp::{Charge, JournalReader, Rupiah};
use ovo_sandbox::RequestRecord;

/// What the customer does, and by whose phone. Those who are debited and reversed are so behind the decision.
const FLOWS: [(&str, &str); 4] = [
    // And the sale is given back at once.
    ("VOIDED", "081300000001"),
    // The reversal finds a debit.
    ("DEBITED-LATE", "081200009525"),
    // The check finds it.
    ("ANSWER-LOST", "081200009205"),
    ("IGNORED", "081200009100"),
];
/// So many steps of a flow are under way at once.
const AT_ONCE: u64 = 8;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    /// SIGKILL.
    Dies,
    /// SIGSTOP, for longer than the payment's window, and SIGCONT.
    StandsStill,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    /// The n-th moment of its requests and of its word to the cashier, from 1.
    Moment(u64),
    /// The n-th write of its payment, from 0.
    Write(Hold, u64),
}

/// A node that is gone at a step.
struct Gone {
    name: String,
    invoice: String,
    phone: &'static str,
    /// If it stands still.
    node: Option<(Process, Option<Proxy>)>,
}

enum Run {
    /// The journal did not answer in time: nothing was begun, or nobody knows.
    Failed,
    /// It ended by itself.
    IsOver,
    Gone(Gone),
}

struct Nodes {
    server: Server,
    street: Street,
    /// They settle what others left.
    _three: Mutex<Vec<Process>>,
}

impl Nodes {
    fn open() -> Nodes {
        // A dozen nodes have payments at a time, and the stopped ones keep their connections.
        let server = Server::start_with(&[("max_connections", "600")]);
        migrates(&server).expect("a schema");
        let mut street = Street::at(0.05);
        // OVO's machine is this one, and hears of a push when it finds the time.
        street.room = Duration::from_secs(1);
        let shop = street.shop(&server.dsn(APPLICATION));
        let three = (0..3).map(|_| {
            let mut node = Process::start(shop.command(PROGRAM).arg("settle"));
            node.says("open");
            node
        });
        Nodes { _three: Mutex::new(three.collect()), server, street }
    }

    fn shop(&self) -> Shop {
        self.street.shop(&self.server.dsn(APPLICATION))
    }

    /// Runs a payment in a node of its own and ends that at the step; `None` if the payment has none such.
    fn ends_at(&self, end: End, flow: (&str, &'static str), step: Step) -> Option<Gone> {
        // On a machine that does a lot beside, a server may answer later than a node waits.
        let told = (0..20).find_map(|run| match self.ends_once(end, flow, step, run) {
            Run::Failed => None,
            Run::IsOver => Some(None),
            Run::Gone(gone) => Some(Some(gone)),
        });
        told.unwrap_or_else(|| panic!("{flow:?}, {step:?}: the journal never answers"))
    }

    fn ends_once(
        &self,
        end: End,
        (flow, phone): (&str, &'static str),
        step: Step,
        run: u32,
    ) -> Run {
        let (step_name, option, held) = match step {
            Step::Moment(n) => (format!("{n}"), Some(format!("stops-at-step={n}")), None),
            Step::Write(hold, n) => (format!("{hold:?}-{n}").to_uppercase(), None, Some((hold, n))),
        };
        let invoice = format!("{flow}-{step_name}-{run}");
        let mut shop = self.shop();
        let proxy = held.map(|(hold, n)| {
            let proxy = Proxy::start(self.server.port());
            proxy.holds(hold, &[".write(", &invoice], n);
            shop.database = Some(self.server.plain_dsn(APPLICATION, proxy.port()));
            proxy
        });
        let mut command = shop.command(PROGRAM);
        command.args(["pay", &invoice, &invoice, phone, "second-push", "stays"]).args(option);
        command.args((flow == "VOIDED").then_some("voids"));
        let mut node = Process::start(&mut command);
        if let Some(proxy) = &proxy {
            until("the write, or the end", || proxy.has_held() || node.has_ended());
        }
        let name = if proxy.as_ref().is_some_and(Proxy::has_held) {
            node.signal(libc::SIGSTOP);
            format!("write {step_name}")
        } else {
            match node.may_say(&["stopping ", "error "]) {
                None => return Run::IsOver,
                Some(kind) if kind == "Journal" => return Run::Failed,
                Some(name) => name,
            }
        };
        node.stands_still();
        let node = match end {
            End::StandsStill => Some((node, proxy)),
            End::Dies => {
                node.kill();
                // Its machine is gone, too: what was on its way is.
                proxy.iter().for_each(Proxy::breaks_all);
                None
            }
        };
        Run::Gone(Gone { name, invoice, phone, node })
    }

    /// Every step of a flow.
    fn all(
        &self,
        end: End,
        flow: (&str, &'static str),
        steps: impl Fn(u64) -> Step + Sync,
    ) -> Vec<Gone> {
        let mut all = Vec::new();
        for wave in 0.. {
            let numbers = wave * AT_ONCE..(wave + 1) * AT_ONCE;
            let gone: Vec<Option<Gone>> = std::thread::scope(|scope| {
                let run: Vec<_> = numbers
                    .map(|n| {
                        scope.spawn({
                            let steps = &steps;
                            move || self.ends_at(end, flow, steps(n))
                        })
                    })
                    .collect();
                run.into_iter().map(|run| run.join().expect("no panic")).collect()
            });
            // On a busy machine the others may be first with what a node does behind its word.
            let is_over = gone.last().is_none_or(Option::is_none);
            all.extend(gone.into_iter().flatten());
            if is_over {
                return all;
            }
        }
        all
    }

    /// Every step of the flows, with the node gone.
    fn sweep(&self, end: End) -> Vec<Gone> {
        let flows = if std::env::var_os("SMALL_DOSES").is_some() { &FLOWS[..2] } else { &FLOWS };
        let steps: [&(dyn Fn(u64) -> Step + Sync); 3] =
            [&|n| Step::Moment(n + 1), &|n| Step::Write(Hold::Before, n), &|n| {
                Step::Write(Hold::Behind, n)
            }];
        let each = |flow: &(&'static str, &'static str)| -> Vec<Gone> {
            steps.iter().flat_map(|steps| self.all(end, *flow, steps)).collect()
        };
        std::thread::scope(|scope| {
            let all: Vec<_> = flows.iter().map(|flow| scope.spawn(|| each(flow))).collect();
            all.into_iter().flat_map(|flow| flow.join().expect("no panic")).collect()
        })
    }

    /// Waits until nothing is left to do, and does nothing itself.
    fn others_finish(&self) {
        let all = Filter { limit: usize::MAX, ..Filter::default() };
        until("the others have finished", || {
            JournalReader::open(self.server.dsn(APPLICATION))
                .and_then(|reader| reader.payments(&all))
                .is_ok_and(|all| all.iter().all(|payment| payment.settled))
        });
    }

    /// OVO's ledger, the journal and what was told; and nobody was early.
    fn close(&self, gone: &[Gone]) {
        let mix = books::close(&self.shop(), &self.street.ovo).unwrap_or_else(|faults| {
            let names: Vec<_> = gone.iter().map(|it| (&it.invoice, &it.name)).collect();
            panic!("{faults}\n{names:?}")
        });
        println!("{} nodes gone: {mix}", gone.len());
        for it in gone {
            nobody_was_early(&self.street, &it.invoice);
        }
        // The others may be first with what comes behind the word.
        let names: BTreeSet<&str> = gone.iter().map(|it| &*it.name).collect();
        let was_at = |name: &str| names.iter().any(|it| it.starts_with(name));
        for name in [
            "push to pay before the look",
            "push to pay before the write",
            "push to pay behind the write",
            "push to pay with its answer",
            "push to pay is over",
            "before telling",
            "behind telling",
            "void before the look",
            "void behind the write",
            "void with its answer",
            "void is over",
            "behind the word of its void",
            "write BEFORE-0",
            "write BEHIND-0",
            "write BEFORE-1",
            "write BEHIND-1",
        ] {
            assert!(was_at(name), "{name}: {names:?}");
        }
        assert!(mix.of("voided") > 0 && mix.of("refunded") > 0, "{mix}");
    }
}

const PROGRAM: &str = env!("CARGO_BIN_EXE_ovo-postgres");

/// I8: nothing is checked before 60 s, and nothing reversed before 65 s, behind a push.
fn nobody_was_early(street: &Street, invoice: &str) {
    let requests: Vec<RequestRecord> = street.ovo.requests();
    let of = |operation: &str| -> Vec<u64> {
        let wanted = |it: &&RequestRecord| {
            it.operation == Some(operation) && it.invoice.as_deref() == Some(invoice)
        };
        requests.iter().filter(wanted).map(|it| it.at_ms).collect()
    };
    let pushes = of("push_to_pay");
    assert!(pushes.len() <= 1, "{invoice}: pushed at {pushes:?}");
    for (operation, earliest) in [("check_payment", 60_000), ("reversal", 65_000)] {
        for at in of(operation) {
            let pushed = pushes.first().copied().unwrap_or(at);
            assert!(
                at - pushed >= earliest || pushes.is_empty(),
                "{invoice}: {operation} at {at}, pushed at {pushed}"
            );
        }
    }
}

#[test]
fn c2_c4_j13_mp2_a_node_that_is_killed_at_any_step_of_a_payment_leaves_it_to_the_others() {
    if !are_installed() {
        return;
    }
    let nodes = Nodes::open();
    let gone = nodes.sweep(End::Dies);
    nodes.others_finish();
    nodes.close(&gone);
}

#[test]
fn c15_mp3_a_node_that_stands_still_at_any_step_of_a_payment_tells_what_the_others_told() {
    if !are_installed() {
        return;
    }
    let nodes = Nodes::open();
    let mut gone = nodes.sweep(End::StandsStill);
    let other = nodes.street.node(&nodes.server.dsn(APPLICATION));
    // The cashier goes to another till, and asks again.
    let log = ToldLog::open(&nodes.shop().told("OTHER")).expect("a log");
    std::thread::scope(|scope| {
        for it in &gone {
            let (log, other, invoice, phone) = (&log, &other, &it.invoice, it.phone);
            scope.spawn(move || {
                let amount = Rupiah::new(AMOUNT).expect("an amount");
                let phone = phone.parse().expect("a phone");
                let charge = Charge::new(invoice, amount, phone).expect("an invoice");
                let charge = charge.allow_second_push();
                until(invoice, || match other.pay(&charge) {
                    Ok(outcome) => log.outcome(&outcome).is_ok(),
                    Err(_) => false,
                });
            });
        }
    });
    nodes.others_finish();
    let mut told = 0;
    for it in &mut gone {
        let Some((mut node, proxy)) = it.node.take() else { continue };
        proxy.iter().for_each(Proxy::lets_go);
        node.signal(libc::SIGCONT);
        // Behind its word it says nothing more, and a call that lasted this long may have ended without one.
        told += u32::from(node.may_say(&["told"]).is_some());
        assert!(node.ends().success(), "{}: {}", it.invoice, it.name);
    }
    assert!(told > 20, "{told} of {} told", gone.len());
    nodes.others_finish();
    drop(other);
    nodes.close(&gone);
}
