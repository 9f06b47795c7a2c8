//! Faults that a test asks for. Built only with the feature `faults`, which no published wheel has.

/// Panics behind the work of a call, when everything has left, if the environment says so.
pub(crate) fn strike() {
    assert!(std::env::var_os("OVO_PTP_FAULT").is_none(), "a fault that a test asked for");
}
