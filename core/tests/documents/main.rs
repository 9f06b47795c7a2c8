//! What the project's documents say is held against the code, and what the code cites against the
//! documents. `UPDATE_DOCUMENTS=1` writes what is generated.

mod citations;
mod facts;
mod pages;
