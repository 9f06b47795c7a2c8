//! What a seed means: how the shop is set up, what goes wrong in it, and how often.
//!
//! Swarm testing: every history has a random subset of the faults, so that rare pairs of them meet
//! and no fault hides another for ever.

use ovo_mutants::{DriverFault, Mutant, World};
use ovo_ptp::payment::LateSuccess;
use ovo_sandbox::{AnswerTo, CheckDate, Echo, Expiry, HostConfig, How, MatchBy, Sloppiness};

use crate::fleet::{Troubles, WrongFleet};
use crate::random::Chance;

/// How likely, in percent and per request, something is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Odds {
    /// Unreachable, or a slow connect.
    pub unreachable: u64,
    /// The request or its answer is lost.
    pub loss: u64,
    /// The process stands still behind its Intent.
    pub still: u64,
    /// The push waits in some queue; the answer comes late.
    pub delay: u64,
    /// The request arrives twice.
    pub duplication: u64,
    /// The process stands still before it writes.
    pub pause: u64,
    /// The push waits in some queue for longer than the bound D allows.
    pub beyond_bound: u64,
    /// The host acts on nothing and says it did, tells old news, or says nonsense.
    pub lies: u64,
}

/// The decision at 65 s, and a minute. It takes 99 s at most: the first reversal of the machine that is cut
/// off, which may try to connect for 25 s, a pause, and what the others take to find the payment overdue.
const REFUNDED_WITHIN: u64 = 65_000 + 60_000;

/// One history, as it was drawn.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Its seed.
    pub seed: u64,
    /// Processes that share the journal.
    pub processes: usize,
    /// Payments in the first phase.
    pub payments: u64,
    /// How long the first phase is, in milliseconds.
    pub length: u64,
    /// Per request.
    pub odds: Odds,
    /// Links that go down for a while.
    pub outages: u64,
    /// Processes that are killed: at a time, or at one of their moments.
    pub kills: u64,
    /// Power cuts.
    pub power_cuts: u64,
    /// Suspended machines.
    pub suspends: u64,
    /// Wall clocks that jump.
    pub jumps: u64,
    /// Operations of the disk that fail, once or from then on.
    pub disk_errors: u64,
    /// Disks that fill up.
    pub full_disks: u64,
    /// What an operator does.
    pub operations: u64,
    /// Sales of others under numbers that will be ours.
    pub foreign: u64,
    /// Payments that OVO reverses by itself.
    pub reversed_by_ovo: u64,
    /// OVO's answers to status checks leave out invoice and phone: whose payment it is stays in
    /// doubt.
    pub nameless_checks: bool,
    /// The longest that a push may wait beyond the bound, in milliseconds.
    pub longest_queue: u64,
    /// Whether the oracle looks behind every reversal and every Paid for what is durable (I1, I3).
    /// It opens the journal each time, so not in all histories.
    pub looks_behind: bool,
    /// The journal's writes take time.
    pub slow_disk: bool,
    /// Customers who decline although they are debited, or whose answers are lost.
    pub strange_customers: bool,
    /// What to do with a late success.
    pub late_success: LateSuccess,
    /// Whether the journal is made in this history, from an empty disk.
    pub fresh_journal: bool,
    /// Payments that somebody gives up who does not wait for them. If there are any, tills give
    /// up theirs, too.
    pub cancels: u64,
    /// Processes that end in order.
    pub closes: u64,
    /// Reversals that OVO acknowledges and does not carry out.
    pub hollow: u64,
    /// Voids of which nobody hears anything, whatever is asked, until an operator closes the payment.
    pub void_closes: u64,
    /// OVO.
    pub host: HostConfig,
    /// The processes are machines of their own, on one database.
    pub fleet: Option<Troubles>,
    /// Machines that are cut from OVO, and not from the database, from the middle of a payment until the
    /// faults stop.
    pub cut_off: u64,
    /// Whoever is debited and not told Paid has it back so many milliseconds behind the push.
    pub refunded_within: Option<u64>,
    /// Nothing keeps a live machine from what a dead one has left: a payment has an outcome within its
    /// window and a minute.
    pub is_bounded: bool,
}

impl Plan {
    /// The plan of a seed.
    pub fn of(seed: u64) -> Plan {
        let mut chance = Chance::of(seed);
        let chance = &mut chance;
        let some = |chance: &mut Chance, one_in: u64, most: u64| {
            if chance.once_in(one_in) { chance.between(1, most) } else { 0 }
        };
        let odds = Odds {
            unreachable: some(chance, 3, 30),
            loss: some(chance, 2, 40),
            delay: some(chance, 3, 40),
            duplication: some(chance, 3, 30),
            pause: some(chance, 4, 20),
            still: some(chance, 8, 50),
            beyond_bound: some(chance, 12, 20),
            lies: some(chance, 3, 30),
        };
        let processes = if chance.once_in(4) { usize::from(chance.once_in(3)) + 2 } else { 1 };
        let mut host = HostConfig { tombstones: chance.once_in(4), ..HostConfig::default() };
        if chance.once_in(3) {
            host.expiry = Expiry::Silence;
        }
        host.choices.duplicate = (*chance.one_of(&["94", "40"])).to_owned();
        let foreign = some(chance, 6, 2);
        host.match_by =
            *chance.one_of(&[MatchBy::Everything, MatchBy::Everything, MatchBy::Numbers]);
        let mut plan = Plan {
            seed,
            processes,
            payments: chance.between(1, 4),
            length: chance.between(60_000, 420_000),
            odds,
            outages: some(chance, 4, 3),
            kills: some(chance, 2, 3),
            power_cuts: some(chance, 4, 2),
            suspends: some(chance, 6, 2),
            jumps: some(chance, 6, 2),
            disk_errors: some(chance, 5, 2),
            full_disks: some(chance, 8, 1),
            operations: some(chance, 3, 5),
            foreign,
            reversed_by_ovo: some(chance, 12, 2),
            longest_queue: 600_000,
            looks_behind: chance.once_in(8),
            slow_disk: chance.once_in(6),
            strange_customers: chance.once_in(2),
            late_success: *chance.one_of(&[
                LateSuccess::Accept,
                LateSuccess::Accept,
                LateSuccess::Reverse,
            ]),
            fresh_journal: chance.once_in(16),
            nameless_checks: chance.once_in(16),
            hollow: 0,
            void_closes: 0,
            cancels: 0,
            closes: 0,
            host,
            fleet: None,
            cut_off: 0,
            refunded_within: None,
            is_bounded: false,
        };
        if plan.jumps > 0 {
            // How wrong a clock OVO tolerates is not published; here it shall not matter.
            (plan.host.clock_window_s, plan.host.date_window_s) = (0, 0);
        }
        if chance.once_in(12) && plan.foreign == 0 {
            plan.has_no_checks();
        }
        if plan.foreign > 0 && plan.host.match_by == MatchBy::Numbers {
            // Numbers that the journal attests and another sale has all the same: only the check
            // before the first reversal tells, so no two answers to it may be lost (rule 14b's
            // escape). Sleep and a network that is down must not matter.
            let hears_all = plan.odds.delay == 0
                && plan.odds.unreachable == 0
                && plan.outages == 0
                && plan.kills + plan.power_cuts + plan.suspends == 0
                && plan.disk_errors + plan.full_disks == 0
                && processes == 1;
            if !hears_all {
                // Whoever does not know of the duplicate can only ask, and must be told of the sale
                // that the reversal would hit: found by its numbers, not by its date.
                plan.host.check_date = CheckDate::Any;
                // And it must be told by its name: of a nameless sale of the same amount under numbers
                // that the journal vouches for, whose 94 was lost, nobody can tell whose it is.
                plan.nameless_checks = false;
            }
            let Odds { delay, unreachable, .. } = plan.odds;
            plan.odds = Odds { delay, unreachable, ..Odds::default() };
        }
        if plan.foreign == 0 && plan.host.check_contracted {
            plan.hollow = some(chance, 12, 10);
        }
        if plan.foreign == 0 && chance.once_in(4) {
            plan.is_sloppy(chance);
        }
        plan.cancels = some(chance, 3, 3);
        plan.closes = some(chance, 6, 2);
        // A network that is mute for minutes is nothing for a host that names other sales' numbers, above.
        if chance.once_in(24) && plan.foreign == 0 {
            plan.has_closed_voids();
        }
        plan
    }

    /// The plan of a seed for two to four machines on one database.
    pub fn fleet(seed: u64) -> Plan {
        let mut plan = Plan::of(seed);
        let chance = &mut Chance::of(seed ^ 0x00f1_ee70);
        let some = |chance: &mut Chance, one_in: u64, most: u64| {
            if chance.once_in(one_in) { chance.between(1, most) } else { 0 }
        };
        plan.processes = usize::try_from(chance.between(2, 4)).unwrap_or(2);
        // What these strike is a disk of the machine's own.
        (plan.power_cuts, plan.disk_errors, plan.full_disks) = (0, 0, 0);
        (plan.slow_disk, plan.odds.still, plan.fresh_journal) = (false, 0, true);
        // Whose other sales' numbers these are nobody can tell behind two unheard answers.
        plan.foreign = 0;
        plan.kills = plan.kills.max(chance.below(4));
        plan.looks_behind = true;
        let troubles = Troubles {
            cuts: some(chance, 2, 15),
            slow: some(chance, 2, 40),
            outages: some(chance, 3, 2),
            separations: some(chance, 3, 2),
            failovers: some(chance, 3, 2),
            loses: plan.host.check_contracted && chance.once_in(4),
            wrong: WrongFleet::Nothing,
        };
        plan.cut_off = some(chance, 4, 1);
        plan.fleet = Some(troubles);
        plan
    }

    /// The plan of a seed in which one of several machines dies, and nothing else goes wrong between
    /// them, the database and OVO.
    pub fn dead_machine(seed: u64) -> Plan {
        let mut plan = Plan::fleet(seed);
        (plan.odds, plan.fleet) = (Odds::default(), Some(Troubles::default()));
        (plan.kills, plan.outages, plan.suspends, plan.closes) = (1, 0, 0, 0);
        (plan.void_closes, plan.payments, plan.is_bounded) = (0, 4, true);
        plan
    }

    /// The plan of a seed in which one of several machines is cut from OVO for minutes, reaches the
    /// database all the while, and nothing else goes wrong.
    pub fn cut_machine(seed: u64) -> Plan {
        let mut plan = Plan::dead_machine(seed);
        (plan.kills, plan.cut_off, plan.cancels, plan.operations) = (0, 1, 0, 0);
        (plan.reversed_by_ovo, plan.hollow) = (0, 0);
        // Who confirms behind the minute is debited behind the first reversal; and whose payment it is that a
        // careless answer speaks of is an operator's to say.
        (plan.strange_customers, plan.nameless_checks) = (false, false);
        plan.host.sloppy.clear();
        plan.length = 600_000;
        plan.refunded_within = Some(REFUNDED_WITHIN);
        plan
    }

    /// The same in a world where a wrong engine can do harm.
    pub fn wrong_fleet(seed: u64, wrong: WrongFleet) -> Plan {
        let mut plan = match wrong {
            WrongFleet::LooksAfterItsOwn => Plan::dead_machine(seed),
            WrongFleet::LeavesNothing => Plan::cut_machine(seed),
            _ => Plan::fleet(seed),
        };
        plan.payments = plan.payments.max(3);
        let Some(troubles) = &mut plan.fleet else { return plan };
        troubles.wrong = wrong;
        match wrong {
            WrongFleet::Nothing | WrongFleet::LooksAfterItsOwn | WrongFleet::LeavesNothing => {}
            WrongFleet::BelievesTheUnknown => troubles.cuts = troubles.cuts.max(15),
            WrongFleet::TakesOverEarly => {
                // Someone must die within a window, and waits must count.
                (plan.kills, plan.suspends, plan.odds.pause) = (4, 0, 0);
                plan.strange_customers = true;
            }
            WrongFleet::NoticesNoFailover => troubles.loses = true,
        }
        plan
    }

    /// OVO repeats some fields carelessly, in one way or in several at once, for as long as the
    /// history is. At most one of them names another sale: with two nobody can tell an answer about
    /// our own payment from one about somebody else's.
    fn is_sloppy(&mut self, chance: &mut Chance) {
        let answers = [AnswerTo::EACH, &[AnswerTo::Any, AnswerTo::Failure]].concat();
        for _ in 0..chance.between(1, 3) {
            let how = *chance.one_of(&[How::ABSENT, How::LOOSE]);
            let how = chance.one_of(how).clone();
            let broad = [Echo::RequestData, Echo::Everything];
            let fields = if chance.once_in(3) { &broad } else { Echo::IDENTITY };
            // Zeros before an invoice make another invoice of it.
            let how = if how == How::WithZeros { How::WithoutZeros } else { how };
            let habit = Sloppiness::new(*chance.one_of(&answers), *chance.one_of(fields), how);
            self.host.sloppy.push(habit);
        }
        if chance.once_in(4) {
            let length = usize::try_from(chance.between(1, 24)).unwrap_or(1);
            let how = chance.one_of(&[How::OtherSale, How::Cut(length)]).clone();
            let answer = *chance.one_of(&answers);
            self.host.sloppy.push(Sloppiness::new(answer, *chance.one_of(Echo::IDENTITY), how));
            self.odds.lies = 0;
        }
        if chance.once_in(6) {
            self.host.sloppy.push(Sloppiness::bare_failures());
        }
    }

    /// An operator may close a void that takes longer than five minutes: that takes time.
    fn has_closed_voids(&mut self) {
        self.void_closes = 1;
        self.length += 900_000;
    }

    /// The contract has no status check: what nobody can see, no client can mend, so the host does
    /// not lie about reversals and no push outlives the bound.
    fn has_no_checks(&mut self) {
        self.host.check_contracted = false;
        (self.odds.lies, self.odds.beyond_bound, self.odds.pause) = (0, 0, 0);
        (self.suspends, self.reversed_by_ovo, self.hollow) = (0, 0, 0);
    }

    /// The plan of a seed in a world where a mutant can do harm.
    pub fn for_mutant(seed: u64, mutant: Mutant) -> Plan {
        let mut plan = Plan::of(seed);
        let chance = &mut Chance::of(seed ^ 0xca9a_7e5e);
        if mutant.driver().is_some_and(|fault| {
            matches!(
                fault,
                DriverFault::SendBeforePersist
                    | DriverFault::TellBeforePersist
                    | DriverFault::ReverseBeforeDurable
            )
        }) {
            // A write that is held back is nobody's: other processes must not see it.
            plan.processes = 1;
            plan.kills = plan.kills.max(1);
        }
        match mutant.driver() {
            Some(DriverFault::DelayWithoutBound) => {
                plan.odds.beyond_bound = 30;
                plan.longest_queue = 40 * 3_600_000;
                // An OVO that refuses old requests bounds the delay by itself.
                (plan.host.clock_window_s, plan.host.date_window_s) = (0, 0);
            }
            Some(DriverFault::VerdictOverwritten | DriverFault::LoserIgnoresWinner) => {
                plan.processes = plan.processes.max(2);
            }
            Some(DriverFault::CommitNotSynced) => plan.power_cuts = plan.power_cuts.max(1),
            Some(DriverFault::NoSendDeadline) => {
                plan.processes = plan.processes.max(2);
                plan.odds.still = 50;
            }
            _ => {}
        }
        plan.looks_behind = true;
        if mutant == Mutant::DoubtfulIsOurs {
            // Whoever hears nothing accepts nothing.
            (plan.odds, plan.late_success) = (Odds::default(), LateSuccess::Accept);
            plan.nameless_checks = true;
        }
        if mutant == Mutant::M12 {
            // Somebody must decide while somebody else's answer is on its way.
            (plan.processes, plan.suspends) = (2, 2);
        }
        match mutant.world() {
            World::LyingDeclines | World::ManualChecks => {
                plan.strange_customers = true;
                plan.operations = plan.operations.max(2);
            }
            World::ForeignSale
            | World::ForeignSaleUnderAttestedNumbers
            | World::ForeignSaleWithoutChecks => {
                plan.foreign = plan.foreign.max(1);
                plan.host.match_by = MatchBy::Numbers;
                plan.host.check_date = CheckDate::Any;
                if mutant.world() == World::ForeignSaleWithoutChecks {
                    plan.has_no_checks();
                }
            }
            World::NoCheckPayment => plan.has_no_checks(),
            World::ReversedByOvo => {
                plan.reversed_by_ovo = plan.reversed_by_ovo.max(1);
                plan.strange_customers = true;
                plan.odds.lies = 0;
            }
            World::DelayBeyondBound => {
                plan.odds.beyond_bound = chance.between(10, 40);
                plan.longest_queue = 600_000;
            }
            World::Reboots => plan.power_cuts = plan.power_cuts.max(1),
            World::Voids | World::RefusedVoids => {
                plan.operations = plan.operations.max(4);
                plan.odds.loss = plan.odds.loss.max(20);
                if mutant == Mutant::VoidedTwiceAtOnce {
                    plan.processes = 2;
                }
                let has_closed = plan.void_closes > 0 || plan.foreign > 0;
                if mutant == Mutant::VoidedAfterAllDropped && !has_closed {
                    plan.has_closed_voids();
                }
            }
            World::Cancels => plan.cancels = 3,
            World::OverdueRulings => plan.operations = plan.operations.max(4),
            World::Undelivered => {
                plan.has_no_checks();
                plan.strange_customers = true;
            }
            World::ForeignSaleOfAnotherDay | World::CancelledForeignSale => {
                plan.foreign = plan.foreign.max(1);
                plan.host.match_by = MatchBy::Numbers;
                plan.operations = plan.operations.max(4);
                if mutant.world() == World::CancelledForeignSale {
                    plan.cancels = 3;
                }
            }
            World::TwoPayments => plan.payments = plan.payments.max(2),
            World::Operators => {
                plan.has_no_checks();
                plan.odds.duplication = plan.odds.duplication.max(30);
                plan.operations = plan.operations.max(4);
                plan.strange_customers = true;
            }
            // Its record never contradicts what it approved or voided: the model's does. And people copy
            // journals in histories of their own.
            World::SloppyOvo
            | World::AskedBehindVoids
            | World::HollowVoids
            | World::Copies
            | World::Ordinary => {}
        }
        plan
    }

    /// Whether a payment, once closed, can by this plan's means not be debited any more (I6).
    pub fn closed_is_closed(&self) -> bool {
        self.odds.beyond_bound == 0
            && self.odds.lies == 0
            && self.odds.pause == 0
            && self.suspends == 0
            && self.host.check_contracted
    }

    /// The switches in words.
    pub fn describe(&self) -> String {
        let odds = &self.odds;
        let counts = [
            ("unreachable %", odds.unreachable),
            ("loss %", odds.loss),
            ("delay %", odds.delay),
            ("duplication %", odds.duplication),
            ("pauses %", odds.pause),
            ("stands still %", odds.still),
            ("beyond the bound %", odds.beyond_bound),
            ("lies %", odds.lies),
            ("outages", self.outages),
            ("kills", self.kills),
            ("power cuts", self.power_cuts),
            ("suspends", self.suspends),
            ("clock jumps", self.jumps),
            ("disk errors", self.disk_errors),
            ("full disks", self.full_disks),
            ("operations", self.operations),
            ("foreign sales", self.foreign),
            ("reversed by OVO", self.reversed_by_ovo),
            ("cancels", self.cancels),
            ("closes", self.closes),
            ("hollow reversals", self.hollow),
            ("voids closed", self.void_closes),
            ("sloppy fields", self.host.sloppy.len() as u64),
            ("nameless checks", u64::from(self.nameless_checks)),
            ("slow disk", u64::from(self.slow_disk)),
            ("strange customers", u64::from(self.strange_customers)),
            ("fresh journal", u64::from(self.fresh_journal)),
        ];
        let of_fleet = self.fleet.unwrap_or_default();
        let of_fleet = [
            ("database cuts %", of_fleet.cuts),
            ("database slow %", of_fleet.slow),
            ("database outages", of_fleet.outages),
            ("machines without OVO", self.cut_off),
            ("machines without it", of_fleet.separations),
            ("failovers", of_fleet.failovers),
            ("loses commits", u64::from(of_fleet.loses)),
        ];
        let faults: Vec<String> = counts
            .iter()
            .chain(&of_fleet)
            .filter(|(_, count)| *count > 0)
            .map(|(name, count)| format!("{name} {count}"))
            .collect();
        format!(
            "seed {}: {} payments, {} process(es), late success: {:?}, matches {:?}{}; {}",
            self.seed,
            self.payments,
            self.processes,
            self.late_success,
            self.host.match_by,
            match (self.host.tombstones, self.host.check_contracted) {
                (true, true) => ", tombstones",
                (false, true) => "",
                (true, false) => ", tombstones, no check payment",
                (false, false) => ", no check payment",
            },
            if faults.is_empty() { "nothing goes wrong".to_owned() } else { faults.join(", ") },
        )
    }
}
