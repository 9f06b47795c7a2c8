//! `libovo_ptp`: the C face of [`ptp`]. Shapes only; every decision about money is the core's.
//!
//! Each exported function goes through a guard (`guard.rs`), takes its arguments through the types
//! of `argument.rs` and finds handles in the table of `handle.rs`. Unsafe code is in these three,
//! in the calls of the caller's own functions (`callback.rs`, `clock.rs`, `transport.rs`) and
//! nowhere else. Names are those of the header.
#![allow(non_camel_case_types)]
// cbindgen reads `pub`; nothing of it is a Rust interface.
#![allow(unreachable_pub)]

mod argument;
mod callback;
mod client;
mod clock;
mod code;
mod config;
#[cfg(test)]
mod defects;
mod doctor;
mod errors;
mod explain;
mod finding;
mod fork;
mod guard;
mod handle;
mod journal;
mod list;
mod lookup;
mod metrics;
mod operator;
mod outcome;
mod password;
mod payment;
mod reconcile;
mod record;
mod texts;
mod transport;
mod values;
mod version;
mod vocabulary;
