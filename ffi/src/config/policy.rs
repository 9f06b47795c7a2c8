//! How a client works: threads, contract, batches, signing, pace.

use super::{ovo_config, set};
use crate::argument::flag;
use crate::code::Failure;
use crate::guard::outside;
use crate::vocabulary;

/// Lets payments have threads of their own (`ovo_start`), and host names be looked up on one.
/// Default: the library starts no thread. Without threads a look-up takes as long as the system's
/// resolver takes; an address instead of a name needs none.
///
/// Parameters:
/// - `config`: a configuration; stays the caller's.
/// - `threads`: 1 or 0.
///
/// Returns: `OVO_OK`; `OVO_ERR_INVALID_INPUT`: neither 1 nor 0; or a common code.
///
/// Memory: nothing.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_config_set_threads(config: *mut ovo_config, threads: i32) -> i32 {
    outside(config.addr(), &[], || {
        set(config, "threads", |body| {
            body.threads = flag("threads", threads)?;
            Ok(())
        })
    })
}

/// Lets the client settle by itself, on one thread of its own; implies `ovo_config_set_threads`.
/// Default: it does not, and refunds wait for `ovo_settle` from the idle loop.
///
/// Parameters:
/// - `config`: a configuration; stays the caller's.
/// - `background`: 1 or 0.
///
/// Returns: `OVO_OK`; `OVO_ERR_INVALID_INPUT`: neither 1 nor 0; or a common code.
///
/// Memory: nothing.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_config_set_background(config: *mut ovo_config, background: i32) -> i32 {
    outside(config.addr(), &[], || {
        set(config, "background", |body| {
            body.background = flag("background", background)?;
            Ok(())
        })
    })
}

/// Chooses what becomes of a success that only the status check reported.
///
/// Parameters:
/// - `config`: a configuration; stays the caller's.
/// - `late_success`: an `ovo_late_success`; default `OVO_LATE_ACCEPT`.
///
/// Returns: `OVO_OK`; `OVO_ERR_INVALID_INPUT`: no such value; or a common code.
///
/// Memory: nothing.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_config_set_late_success(config: *mut ovo_config, late_success: i32) -> i32 {
    outside(config.addr(), &[], || {
        set(config, "late success", |body| {
            body.late_success = vocabulary::late_success(late_success)?;
            Ok(())
        })
    })
}

/// Says whether the contract with OVO has Check Payment. Default: it has.
///
/// Parameters:
/// - `config`: a configuration; stays the caller's.
/// - `contracted`: 1 or 0. Without it doubtful payments need an operator.
///
/// Returns: `OVO_OK`; `OVO_ERR_INVALID_INPUT`: neither 1 nor 0; or a common code.
///
/// Memory: nothing.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_config_set_check_payment(config: *mut ovo_config, contracted: i32) -> i32 {
    outside(config.addr(), &[], || {
        set(config, "check payment", |body| {
            body.no_check_payment = !flag("contracted", contracted)?;
            Ok(())
        })
    })
}

/// Says whether every decline is verified by a late check. Default: it is; a decline can hide a
/// debit.
///
/// Parameters:
/// - `config`: a configuration; stays the caller's.
/// - `verify`: 1 or 0.
///
/// Returns: `OVO_OK`; `OVO_ERR_INVALID_INPUT`: neither 1 nor 0; or a common code.
///
/// Memory: nothing.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_config_set_verify_declines(config: *mut ovo_config, verify: i32) -> i32 {
    outside(config.addr(), &[], || {
        set(config, "verify declines", |body| {
            body.trust_declines = !flag("verify", verify)?;
            Ok(())
        })
    })
}

/// Chooses when a new batch begins.
///
/// Parameters:
/// - `config`: a configuration; stays the caller's.
/// - `method`: an `ovo_batch_method`; default `OVO_BATCH_CONTINUOUS`.
///
/// Returns: `OVO_OK`; `OVO_ERR_INVALID_INPUT`: no such value; or a common code.
///
/// Memory: nothing.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_config_set_batch_method(config: *mut ovo_config, method: i32) -> i32 {
    outside(config.addr(), &[], || {
        set(config, "batch method", |body| {
            body.batch_method = vocabulary::batch_method(method)?;
            Ok(())
        })
    })
}

/// Chooses what the signature covers. `ovo_doctor` tells which one the host accepts.
///
/// Parameters:
/// - `config`: a configuration; stays the caller's.
/// - `signing`: an `ovo_signing`; default `OVO_SIGN_WITHOUT_BODY`.
///
/// Returns: `OVO_OK`; `OVO_ERR_INVALID_INPUT`: no such value; or a common code.
///
/// Memory: nothing.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_config_set_signing(config: *mut ovo_config, signing: i32) -> i32 {
    outside(config.addr(), &[], || {
        set(config, "signing", |body| {
            body.signing = vocabulary::signing(signing)?;
            Ok(())
        })
    })
}

/// Says whether reversals carry the phone. Default: they do not, as in OVO's newer documents.
///
/// Parameters:
/// - `config`: a configuration; stays the caller's.
/// - `carry`: 1 or 0.
///
/// Returns: `OVO_OK`; `OVO_ERR_INVALID_INPUT`: neither 1 nor 0; or a common code.
///
/// Memory: nothing.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_config_set_phone_in_reversal(config: *mut ovo_config, carry: i32) -> i32 {
    outside(config.addr(), &[], || {
        set(config, "phone in reversal", |body| {
            body.phone_in_reversal = flag("carry", carry)?;
            Ok(())
        })
    })
}

/// Bounds the requests of settlement, so that a backlog does not crowd out new payments.
///
/// Parameters:
/// - `config`: a configuration; stays the caller's.
/// - `per_second`: at least 1; default 10.
///
/// Returns: `OVO_OK`; `OVO_ERR_INVALID_INPUT`: 0; or a common code.
///
/// Memory: nothing.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_config_set_settle_rate(config: *mut ovo_config, per_second: u32) -> i32 {
    outside(config.addr(), &[], || {
        set(config, "settle rate", |body| {
            if per_second == 0 {
                return Err(Failure::unknown("per_second"));
            }
            body.settle_rate = Some(per_second);
            Ok(())
        })
    })
}

/// Scales all of OVO's waiting times, for a sandbox on this machine whose clock runs faster by the
/// same factor. Towards any other host `ovo_client_open` refuses it.
///
/// Parameters:
/// - `config`: a configuration; stays the caller's.
/// - `factor`: above 0 and at most 1, for example 0.02.
///
/// Returns: `OVO_OK`; `OVO_ERR_INVALID_INPUT`: no such factor; or a common code.
///
/// Memory: nothing.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_config_set_time_scale(config: *mut ovo_config, factor: f64) -> i32 {
    outside(config.addr(), &[], || {
        set(config, "time scale", |body| {
            if !(factor > 0.0 && factor <= 1.0) {
                return Err(Failure::unknown("factor"));
            }
            body.time_scale = Some(factor);
            Ok(())
        })
    })
}
