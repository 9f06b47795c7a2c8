//! What happened, for people: one line each, with the time and who did it.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use ovo_checkout::{SimClock, lock};

use crate::memory::outside;

/// The lines of one history. Only written down if somebody wants to read them.
pub(crate) struct Story {
    clock: Arc<SimClock>,
    began: u64,
    lines: Option<Mutex<String>>,
    /// Rules that were broken, one line each.
    broken: Mutex<Vec<String>>,
}

impl Story {
    pub(crate) fn new(clock: &Arc<SimClock>, written: bool) -> Story {
        Story {
            clock: Arc::clone(clock),
            began: clock.world().ms,
            lines: written.then(Mutex::default),
            broken: Mutex::default(),
        }
    }

    /// Tells what `who` does now.
    pub(crate) fn tell(&self, who: &str, what: impl FnOnce() -> String) {
        let Some(lines) = &self.lines else { return };
        outside(|| {
            let ms = self.clock.world().ms - self.began;
            let (hours, minutes) = (ms / 3_600_000, ms / 60_000 % 60);
            let (seconds, millis) = (ms / 1000 % 60, ms % 1000);
            let time = format!("{hours}:{minutes:02}:{seconds:02}.{millis:03}");
            // Writing to a String cannot fail.
            let _ = writeln!(lock(lines), "{time:>14}  {who:<12} {}", without_disk(&what()));
        });
    }

    /// A rule is broken.
    pub(crate) fn breaks(&self, rule: String) {
        outside(|| {
            self.tell("!", || rule.clone());
            lock(&self.broken).push(rule);
        });
    }

    pub(crate) fn broken(&self) -> Vec<String> {
        lock(&self.broken).clone()
    }

    pub(crate) fn text(&self) -> String {
        self.lines.as_ref().map(|lines| lock(lines).clone()).unwrap_or_default()
    }
}

/// The same words without the number of the simulated disk before a file's name: disks are numbered
/// over all histories of a run, and the same seed is to tell the same.
fn without_disk(words: &str) -> String {
    let parts: Vec<&str> = words.split('/').collect();
    let last = parts.len() - 1;
    let mut told = String::from(parts[0]);
    let mut is_behind_disk = false;
    for (place, part) in parts.iter().enumerate().skip(1) {
        let is_disk = place < last && part.parse::<u64>().is_ok();
        if !is_disk {
            told.push_str(if is_behind_disk { "" } else { "/" });
            told.push_str(part);
        }
        is_behind_disk = is_disk;
    }
    told
}

#[cfg(test)]
mod tests {
    use super::without_disk;

    #[test]
    fn a_story_names_files_and_no_disks() {
        let told = without_disk("000001/000001: journal: /297/ovo.db or its log was deleted");
        assert_eq!(told, "000001/000001: journal: ovo.db or its log was deleted");
        assert_eq!(without_disk("shop A  opens the journal"), "shop A  opens the journal");
    }
}
