//! The rules, for readers: what is known of OVO, what is done with a payment and why, what can go
//! wrong, and how to run it.
//!
//! | Page | Reader |
//! |---|---|
//! | [`protocol`] | who writes or reviews code that sends or reads a request |
//! | [`policy`] | who reviews what is done with a payment, or changes it |
//! | [`faults`] | who writes a test, or looks for one |
//! | [`operations`] | who is called at 2 a.m. |
//! | [`fleet`] | who runs several nodes on one journal in PostgreSQL |
//! | [`response_codes`] | who shows an answer to a cashier |
//! | [`ovo_questions`], [`pertanyaan_ovo`] | who goes live with a merchant: OVO's own questions, in English and Indonesian |
//! | [`design`] | who would have built it otherwise |
//!
//! Comments cite these pages by section, as `policy 2.5` or `protocol 3.2`; rules, orders and
//! invariants by their own names, as `rule 14b`, `P5`, `I3`, `VI2`; faults by their ids, as `OV5`.
//! "FAQ", "tech doc" and "guidance" are OVO's pages. A test finds citations that lead nowhere.

#[doc = include_str!("protocol.md")]
pub mod protocol {}

#[doc = include_str!("policy.md")]
pub mod policy {}

#[doc = include_str!("faults.md")]
pub mod faults {}

#[doc = include_str!("operations.md")]
pub mod operations {}

#[doc = include_str!("fleet.md")]
pub mod fleet {}

#[doc = include_str!("response_codes.md")]
pub mod response_codes {}

#[doc = include_str!("ovo_questions.md")]
pub mod ovo_questions {}

#[doc = include_str!("pertanyaan_ovo.md")]
pub mod pertanyaan_ovo {}

#[doc = include_str!("design.md")]
pub mod design {}
