//! A counterexample.
