//! Kills, by the hundred: several tills on one journal, each killed at a random moment and started
//! again, with an OVO that has bad moments of its own.

use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use ovo_ptp::message::Operation;
use ovo_sandbox::{
    AnswerOf, ConnectionFault, ConnectionStep, Delivery, Sandbox, SandboxConfig, Script, Step,
};
use tempfile::TempDir;

use crate::books::{self, Mix};
use crate::dice::Dice;
use crate::process::send;
use crate::shop::Shop;
use crate::told;

/// Real time over OVO's time: a customer's 55 seconds take half a second.
const SCALE: f64 = 0.01;

/// What the tills of a round keep their journal in, and what goes wrong there.
pub trait Place {
    /// The address of the journal as a desk sees it; `None` for a file in the shop's folder.
    fn database(&self, desk: u64) -> Option<String>;

    /// Something happens to it, or not.
    ///
    /// # Errors
    /// What cannot be made to happen: the round is over then.
    fn has_a_bad_moment(&mut self, dice: &mut Dice) -> Result<(), String>;

    /// Nothing happens any more: the shop closes.
    ///
    /// # Errors
    /// What is left broken.
    fn recovers(&mut self) -> Result<(), String>;
}

/// A file, which has no troubles of its own.
struct File;

impl Place for File {
    fn database(&self, _: u64) -> Option<String> {
        None
    }

    fn has_a_bad_moment(&mut self, _: &mut Dice) -> Result<(), String> {
        Ok(())
    }

    fn recovers(&mut self) -> Result<(), String> {
        Ok(())
    }
}

/// What to do.
#[derive(Clone, Debug)]
pub struct Campaign {
    /// The program that sells (this crate's).
    pub program: PathBuf,
    /// How many kills.
    pub kills: u64,
    /// Out of four blows, so many do not kill: the till is stopped for 0 to 8 s, and goes on.
    pub pauses: u64,
    /// Kills before the shop closes and the books are compared.
    pub per_round: u64,
    /// Tills at a time.
    pub desks: u64,
    /// How many times as long as usual a till lives: one that opens a journal slowly has to sell, too.
    pub lives: u64,
    /// Chooses the moments and what goes wrong. The machine's own timing is not repeated by it.
    pub seed: u64,
}

/// How far a campaign is.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    /// Kills so far.
    pub kills: u64,
    /// Tills that were stopped and continued so far.
    pub pauses: u64,
    /// Comparisons of the books so far, all without a difference.
    pub rounds: u64,
    /// How the payments of those rounds ended.
    pub mix: Mix,
}

/// One desk's process.
struct Till {
    process: Child,
    shop: Shop,
    name: String,
    life: u64,
    dies: Instant,
    /// Stopped until then.
    wakes: Option<Instant>,
}

impl Campaign {
    /// Kills until there were enough, and compares the books after each round.
    ///
    /// # Errors
    /// Every difference, or whatever kept a till from selling.
    pub fn run(&self, progressed: impl FnMut(&Progress)) -> Result<Progress, String> {
        self.run_at(|_| Ok(Box::new(File)), progressed)
    }

    /// The same with journals somewhere else: `opens` makes one for the round with this number.
    ///
    /// # Errors
    /// As [`Campaign::run`].
    pub fn run_at(
        &self,
        mut opens: impl FnMut(u64) -> Result<Box<dyn Place>, String>,
        mut progressed: impl FnMut(&Progress),
    ) -> Result<Progress, String> {
        let mut progress = Progress::default();
        let mut dice = Dice::new(self.seed);
        while progress.kills < self.kills {
            let kills = self.per_round.min(self.kills - progress.kills);
            let mut place = opens(progress.rounds)?;
            let (mix, pauses) = self.round(kills, &mut *place, &mut dice, &mut |kills| {
                progressed(&Progress { kills: progress.kills + kills, ..progress.clone() });
            })?;
            progress.kills += kills;
            progress.pauses += pauses;
            progress.rounds += 1;
            progress.mix.merge(&mix);
            progressed(&progress);
        }
        Ok(progress)
    }

    /// One shop, from its opening to the comparison of its books.
    fn round(
        &self,
        kills: u64,
        place: &mut dyn Place,
        dice: &mut Dice,
        progressed: &mut dyn FnMut(u64),
    ) -> Result<(Mix, u64), String> {
        let text = |error: std::io::Error| error.to_string();
        let ovo = Sandbox::start(SandboxConfig::https().time_scale(SCALE)).map_err(text)?;
        let folder = TempDir::new().map_err(text)?;
        let shop = Shop {
            address: ovo.base_url(),
            authority: ovo.ca_pem_path().to_owned(),
            folder: folder.path().to_owned(),
            database: place.database(0),
            scale: SCALE,
            shared: true,
            forgets: false,
            room: Duration::ZERO,
        };
        let mut tills = (0..self.desks)
            .map(|desk| {
                let shop = Shop { database: place.database(desk), ..shop.clone() };
                self.opens(&shop, format!("D{desk}"), 0, dice)
            })
            .collect::<Result<Vec<_>, String>>()?;
        let (mut killed, mut paused, mut trouble) = (0, 0, Instant::now());
        // However slow the machine is, the kills hit tills that sell.
        while killed < kills || told_so_far(&shop)? < kills / 4 {
            let mut rested = true;
            for till in &mut tills {
                if till.process.try_wait().map_err(text)?.is_some() {
                    return Err(self.keeps(folder, &ovo, &ended_by_itself(till)));
                }
                if till.wakes.is_some_and(|wakes| Instant::now() >= wakes) {
                    till.wakes = None;
                    signal(&till.process, libc::SIGCONT)?;
                }
                // Enough were killed, and sold too little: a fleet that judges a failover stands for ten seconds,
                // and no node that lives for two ever ends that.
                if till.wakes.is_some() || Instant::now() < till.dies || killed >= kills {
                    continue;
                }
                if dice.below(4) < self.pauses {
                    signal(&till.process, libc::SIGSTOP)?;
                    let pause = Duration::from_millis(dice.below(8_000));
                    till.wakes = Some(Instant::now() + pause);
                    till.dies = Instant::now() + pause + Duration::from_millis(dice.below(2_000));
                    paused += 1;
                    continue;
                }
                till.process.kill().map_err(text)?;
                till.process.wait().map_err(text)?;
                killed += 1;
                *till = self.opens(&till.shop, till.name.clone(), till.life + 1, dice)?;
                rested = false;
                progressed(killed.min(kills));
            }
            if trouble.elapsed() > Duration::from_millis(60) {
                trouble = Instant::now();
                has_a_bad_moment(&ovo, dice);
                if let Err(error) = place.has_a_bad_moment(dice) {
                    return Err(self.keeps(folder, &ovo, &error));
                }
            }
            if rested {
                std::thread::sleep(Duration::from_millis(2));
            }
        }
        for till in &mut tills {
            till.process.kill().map_err(text)?;
            till.process.wait().map_err(text)?;
        }
        ovo.with_host(|host| *host.script_mut() = Script::default());
        place.recovers()?;
        // A pause can hold a push back for longer than D: then the sweep is what refunds it.
        let mix = if self.pauses > 0 {
            books::close_after_the_sweep(&shop, &ovo)
        } else {
            books::close(&shop, &ovo)
        };
        Ok((mix.map_err(|faults| self.keeps(folder, &ovo, &faults))?, paused))
    }

    fn opens(&self, shop: &Shop, name: String, life: u64, dice: &mut Dice) -> Result<Till, String> {
        let process = shop
            .command(&self.program)
            .args(["sell", &name, &life.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("a till does not start: {error}"))?;
        // Some die while they open, some in the rush of the beginning, some in the middle of a day.
        let span = match dice.below(4) {
            0 => dice.below(60),
            1 => 40 + dice.below(200),
            2 => 100 + dice.below(600),
            _ => 300 + dice.below(1_500),
        };
        Ok(Till {
            process,
            shop: shop.clone(),
            name,
            life,
            dies: Instant::now() + Duration::from_millis(span * self.lives),
            wakes: None,
        })
    }

    /// Leaves journal and logs on the disk, OVO's too, for whoever has to find the reason.
    fn keeps(&self, folder: TempDir, ovo: &Sandbox, faults: &str) -> String {
        let ledger: Vec<String> = ovo.ledger().iter().map(|entry| format!("{entry:?}")).collect();
        let heard: Vec<String> = ovo.requests().iter().map(|it| format!("{it:?}")).collect();
        for (name, lines) in [("ovo-ledger", ledger), ("ovo-requests", heard)] {
            // The difference is told even if these cannot be kept.
            let _ = std::fs::write(folder.path().join(name), lines.join("\n"));
        }
        format!("seed {}, files in {}:\n{faults}", self.seed, folder.keep().display())
    }
}

fn signal(process: &Child, signal: libc::c_int) -> Result<(), String> {
    let pid = libc::pid_t::try_from(process.id()).map_err(|error| error.to_string())?;
    send(pid, signal).map_err(|error| error.to_string())
}

fn told_so_far(shop: &Shop) -> Result<u64, String> {
    let lines = told::read_all(&shop.folder).map_err(|error| error.to_string())?;
    Ok(lines.iter().filter(|line| line.word != "error").count() as u64)
}

fn ended_by_itself(till: &mut Till) -> String {
    let mut said = String::new();
    if let Some(mut stderr) = till.process.stderr.take() {
        // Whatever can be read of it.
        let _ = stderr.read_to_string(&mut said);
    }
    format!("{} ended by itself in life {}: {said}", till.name, till.life)
}

/// The network and OVO have troubles of their own, which a kill may meet.
fn has_a_bad_moment(ovo: &Sandbox, dice: &mut Dice) {
    let connection = |fault| {
        let step = ConnectionStep { fault, skip: 0, times: 1 };
        Script { connections: [step].into(), ..Script::default() }
    };
    let push = || Step::on(Operation::PushToPay);
    match dice.below(24) {
        0 => ovo.script(connection(ConnectionFault::ResetAfterRequest)),
        1 => ovo.script(connection(ConnectionFault::ResetAtAccept)),
        2 => ovo.script(connection(ConnectionFault::ResetAfterHead)),
        3 => ovo.script(push().deliver(Delivery::Reset)),
        4 => ovo.script(push().deliver(Delivery::HalfBody { then: ovo_sandbox::Then::Hang })),
        5 => ovo.script(push().deliver(Delivery::CutMs(dice.below(20_000)))),
        6 => ovo.script(push().queue_ms(dice.below(100_000))),
        7 => ovo.script(push().duplicate(dice.below(2_000), AnswerOf::Second)),
        8 => ovo.script(Step::on(Operation::CheckPayment).unheard()),
        // Not a 25 for what is debited: no client could be safe from an OVO that denies a debit.
        9 => ovo.script(Step::on(Operation::CheckPayment).code("ER")),
        10 => ovo.script(Step::on(Operation::Reversal).unheard()),
        11 => ovo.script(Step::on(Operation::Reversal).pretend()),
        12 => ovo.script(Step::on(Operation::Reversal).deliver(Delivery::Drop)),
        13 => ovo.script(Step::on(Operation::Void).deliver(Delivery::Reset)),
        14 => ovo.cut_all(),
        _ => {}
    }
}
