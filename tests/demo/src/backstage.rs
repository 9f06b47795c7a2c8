//! What happens behind the cashier's back, kept until the story comes to the payment it belongs to.

use std::sync::{Mutex, PoisonError};

use ovo_ptp::{Event, Numbers};

/// Requests and alerts so far, each with its payment's numbers.
pub(crate) struct Backstage {
    verbose: bool,
    lines: Mutex<Vec<(Numbers, String)>>,
}

impl Backstage {
    /// With `verbose`, requests are kept too; alerts always are.
    pub(crate) fn new(verbose: bool) -> Backstage {
        Backstage { verbose, lines: Mutex::new(Vec::new()) }
    }

    pub(crate) fn is_verbose(&self) -> bool {
        self.verbose
    }

    pub(crate) fn hear(&self, event: &Event) {
        let (numbers, line) = match event {
            Event::Alert { numbers, alert, .. } => (*numbers, format!("! {alert}")),
            Event::Exchanged { numbers: Some(numbers), operation, result } if self.verbose => {
                (*numbers, format!("> {}: {result}", operation.name()))
            }
            _ => return,
        };
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).push((numbers, line));
    }

    /// What was heard of a payment since it was last asked for.
    pub(crate) fn take(&self, numbers: Numbers) -> Vec<String> {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let (its, others) = lines.drain(..).partition(|(whose, _)| *whose == numbers);
        *lines = others;
        let its: Vec<(Numbers, String)> = its;
        its.into_iter().map(|(_, line)| line).collect()
    }
}
