//! The payment policy, model checked.
//!
//! A test tries some orders of events, a simulation many. This crate tries all, within limits that
//! it states: every order in which two processes may die and come back, the network may lose, delay
//! and repeat, the customer may pay, decline and ignore, and time may pass, around the
//! **production** [`step`](ovo_ptp::payment::step). The driver is modelled after
//! `core/src/client`, cut at every point where a process can die: between hearing, committing,
//! sending and telling.
//!
//! Where to look: [`world`] is what a moment consists of, [`clock`] and [`row`] say how time and
//! the durable row are made finite and why that loses nothing, `driver` is the client, `ovo`
//! everybody else, [`audit`] the invariants.

pub mod action;
pub mod audit;
pub mod canary;
pub mod clock;
mod driver;
pub mod explore;
pub mod model;
mod ovo;
pub mod row;
pub mod runs;
pub mod setting;
pub mod story;
pub mod world;

pub use explore::{Found, explore};
pub use model::PushToPay;
pub use setting::{Checks, Delay, Setting};
