//! Where a wrong policy or driver is put in place of the real one.

use std::sync::Arc;

use ovo_ptp::ClientBuilder;
use ovo_ptp::journal::Journal;
use ovo_ptp::transport::Transport;

use crate::disk::SimDisk;

/// Nothing, or one mutant.
#[derive(Clone, Copy, Debug, Default)]
pub struct Canary;

impl Canary {
    pub(crate) fn journal(self, journal: Arc<dyn Journal>, _: &Arc<SimDisk>) -> Arc<dyn Journal> {
        journal
    }

    pub(crate) fn transport(self, transport: Arc<dyn Transport>) -> Arc<dyn Transport> {
        transport
    }

    pub(crate) fn policy(self, builder: ClientBuilder) -> ClientBuilder {
        builder
    }
}
