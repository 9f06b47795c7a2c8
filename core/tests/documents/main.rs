//! What the project's documents say is held against the code, and what the code cites against the
//! documents. `UPDATE_DOCUMENTS=1` writes what is generated.

#![allow(clippy::unwrap_used)] // A test that cannot go on shall say where.

mod citations;
mod commands;
mod examples;
mod facts;
mod links;
mod ovo_questions;
mod pages;
