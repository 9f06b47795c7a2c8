//! A shop for tests: the production client over simulated time, with the sandbox's engine as OVO.
//!
//! Nothing of the client is replaced but its clock and its wire: policy, driver, settlement,
//! messages and journal are the production ones. Time moves only when the client waits, so an hour
//! of retries takes milliseconds and every run is the same.
#![forbid(unsafe_code)]

mod audit;
mod clock;
mod mortal;
mod shop;
mod wire;

pub use audit::Books;
pub use clock::{SimClock, Turns};
pub use mortal::{Disk, Life, MortalJournal};
pub use shop::{Outside, Shop, charge, days, hours, invoice, minutes, seconds, settled};
pub use wire::{Fault, Link, SimWire, lock};
