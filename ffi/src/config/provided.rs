//! What a client takes from the caller: log, countdown, transport, clock.

use std::ffi::{CString, c_void};

use super::{PATH, ovo_config, set};
use crate::argument::{In, Text};
use crate::callback::{Userdata, ovo_log_fn, ovo_progress_fn};
use crate::clock::{OwnClock, ovo_clock};
use crate::code::Failure;
#[cfg(not(feature = "postgres"))]
use crate::code::ovo_code;
use crate::guard::outside;
use crate::password::ovo_journal_password_fn;
use crate::transport::{OwnTransport, ovo_transport_fn};

/// Gives the client a log. Default: none; the library never writes anywhere else.
///
/// Parameters:
/// - `config`: a configuration; stays the caller's.
/// - `log`: the function; NULL for none.
/// - `userdata`: handed back to it, may be NULL; must live until `ovo_client_close` has returned.
///
/// Returns: `OVO_OK` or a common code.
///
/// Memory: nothing behind `userdata` is looked at.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_config_set_log(
    config: *mut ovo_config,
    log: ovo_log_fn,
    userdata: *mut c_void,
) -> i32 {
    outside(config.addr(), &[], || {
        set(config, "log", |body| {
            body.callbacks.log = (log, Userdata(userdata));
            Ok(())
        })
    })
}

/// Appends every request and its answer to a file, a line of JSON each: the evidence that OVO asks for
/// before production. Bodies only, with phone, name, OVO id and balances masked; no header, so no
/// signature and no key. For staging and for a sandbox on this machine: towards anything else
/// `ovo_client_open` refuses it. A line that finds no room is left out (the next one says how many were),
/// and stops nothing. Default: none.
///
/// Parameters:
/// - `config`: a configuration; stays the caller's.
/// - `path`: the file, made for its owner alone if it is not there; stays the caller's. NULL for none.
///
/// Returns: `OVO_OK` or a common code; that it cannot be written, or not towards this environment, is
/// told by `ovo_client_open` (`OVO_ERR_CONFIGURATION`).
///
/// Memory: the text is copied.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_config_set_record(config: *mut ovo_config, path: Text) -> i32 {
    outside(config.addr(), &[], || {
        set(config, "record", |body| {
            body.record = path.read_if_any("record", PATH)?.map(str::to_owned);
            Ok(())
        })
    })
}

/// Gives the client a countdown.
///
/// Parameters:
/// - `config`: a configuration; stays the caller's.
/// - `progress`: the function; NULL for none.
/// - `userdata`: handed back to it, may be NULL; must live until `ovo_client_close` has returned.
///
/// Returns: `OVO_OK` or a common code.
///
/// Memory: nothing behind `userdata` is looked at.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_config_set_progress(
    config: *mut ovo_config,
    progress: ovo_progress_fn,
    userdata: *mut c_void,
) -> i32 {
    outside(config.addr(), &[], || {
        set(config, "progress", |body| {
            body.callbacks.progress = (progress, Userdata(userdata));
            Ok(())
        })
    })
}

/// Has the password of a journal in PostgreSQL asked of a function before every connection to it: a token
/// that expires. Default: the address's, `PGPASSWORD`, or a password file. An address with a password
/// beside the function, or a journal in a file, is refused by `ovo_client_open`.
///
/// Parameters:
/// - `config`: a configuration; stays the caller's.
/// - `password`: the function; NULL for none.
/// - `userdata`: handed back to it, may be NULL; must live until `ovo_client_open` has failed or
///   `ovo_client_close` has returned.
///
/// Returns: `OVO_OK`; `OVO_ERR_UNSUPPORTED`: this build has no PostgreSQL; or a common code.
///
/// Memory: nothing behind `userdata` is looked at.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_config_set_journal_password(
    config: *mut ovo_config,
    password: ovo_journal_password_fn,
    userdata: *mut c_void,
) -> i32 {
    outside(config.addr(), &[], || {
        set(config, "journal password", |body| body.journal_password(password, Userdata(userdata)))
    })
}

/// Gives the client a transport of the caller's: a modem, another TLS stack. Trust is then that
/// transport's business.
///
/// Parameters:
/// - `config`: a configuration; stays the caller's.
/// - `transport`: the function; NULL for the library's own.
/// - `userdata`: handed back to it, may be NULL; must live until `ovo_client_close` has returned.
///
/// Returns: `OVO_OK` or a common code.
///
/// Memory: nothing behind `userdata` is looked at.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_config_set_transport(
    config: *mut ovo_config,
    transport: ovo_transport_fn,
    userdata: *mut c_void,
) -> i32 {
    outside(config.addr(), &[], || {
        set(config, "transport", |body| {
            body.transport = transport.map(|function| OwnTransport {
                function,
                userdata: Userdata(userdata),
                url: CString::default(),
            });
            Ok(())
        })
    })
}

/// Gives the client a clock of the caller's.
///
/// Parameters:
/// - `config`: a configuration; stays the caller's.
/// - `clock`: the clock, all of its functions set; stays the caller's. NULL for the system's.
///
/// Returns: `OVO_OK`; `OVO_ERR_NULL`: a function or the boot id is missing; or a common code.
///
/// Memory: the struct and its boot id are copied; its `userdata` must live until
/// `ovo_client_close` has returned.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_config_set_clock(config: *mut ovo_config, clock: In<ovo_clock>) -> i32 {
    outside(config.addr(), &[], || {
        set(config, "clock", |body| {
            body.clock = match clock.is_null() {
                true => None,
                false => Some(OwnClock::of(&clock.read("clock")?)?),
            };
            Ok(())
        })
    })
}

impl super::ConfigBody {
    #[cfg(feature = "postgres")]
    fn journal_password(
        &mut self,
        password: ovo_journal_password_fn,
        userdata: Userdata,
    ) -> Result<(), Failure> {
        self.journal_password = password.map(|function| (function, userdata));
        Ok(())
    }

    #[cfg(not(feature = "postgres"))]
    fn journal_password(
        &mut self,
        password: ovo_journal_password_fn,
        _userdata: Userdata,
    ) -> Result<(), Failure> {
        match password {
            None => Ok(()),
            Some(_) => Err(Failure::new(
                ovo_code::OVO_ERR_UNSUPPORTED,
                "config: this build has no PostgreSQL, whose password this would be",
            )),
        }
    }
}
