//! The engines under test.

mod engines;
