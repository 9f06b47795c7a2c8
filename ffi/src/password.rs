//! The caller's function that is asked for the password of a journal in PostgreSQL.

use std::ffi::{c_char, c_void};

#[cfg(feature = "postgres")]
pub(crate) use asked::{Asked, Function};

/// Tells the password for a connection to a journal in PostgreSQL, as of now: a token that expires. A
/// connection that is open goes on; the next one takes what this tells then.
///
/// Called before every connection and for each host of the address, on a thread of the library's also if
/// the client has none, never twice at once for one client. Should answer from memory: behind 3 s the
/// connection is given up, and tried again like one to a server that is away. Must not throw or
/// `longjmp`. Must return before `ovo_client_open` (if that fails) and `ovo_client_close` do, which wait
/// for it, and must not call the library except for functions without a handle.
///
/// Parameters:
/// - `userdata`: what was given with the function.
/// - `host`: the host's name or address, or the directory of its socket; the library's, good until the
///   return.
/// - `port`: its port.
/// - `user`: the role; the library's, good until the return.
/// - `password`: a place for the password, UTF-8 with its NUL; the library's, wiped behind the call.
/// - `capacity`: bytes at `password`, 8192 in this version.
///
/// Returns 0 if the password is there. Any other number: there is none; the number is told in the error
/// (`OVO_ERR_JOURNAL`), and nothing of what was written.
pub type ovo_journal_password_fn = Option<
    unsafe extern "C-unwind" fn(
        userdata: *mut c_void,
        host: *const c_char,
        port: u32,
        user: *const c_char,
        password: *mut c_char,
        capacity: usize,
    ) -> i32,
>;

#[cfg(feature = "postgres")]
mod asked {
    use std::ffi::{CString, c_char, c_void};
    use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

    use ptp::journal::postgres::{Login, MAX_PASSWORD, NoPassword};
    use zeroize::Zeroizing;

    use crate::callback::Userdata;
    use crate::guard::inside;

    pub(crate) type Function = unsafe extern "C-unwind" fn(
        *mut c_void,
        *const c_char,
        u32,
        *const c_char,
        *mut c_char,
        usize,
    ) -> i32;

    #[derive(Default)]
    struct State {
        running: bool,
        over: bool,
    }

    /// The function for one client, which is not called any more when that is closed.
    pub(crate) struct Asked {
        function: Function,
        userdata: Userdata,
        state: Mutex<State>,
        returned: Condvar,
    }

    impl Asked {
        pub(crate) fn new(function: Function, userdata: Userdata) -> Arc<Asked> {
            let (state, returned) = Default::default();
            Arc::new(Asked { function, userdata, state, returned })
        }

        fn state(&self) -> MutexGuard<'_, State> {
            self.state.lock().unwrap_or_else(PoisonError::into_inner)
        }

        pub(crate) fn password(&self, login: &Login) -> Result<String, NoPassword> {
            /// Says that it has returned, also if it did so by unwinding.
            struct Running<'a>(&'a Asked);
            impl Drop for Running<'_> {
                fn drop(&mut self) {
                    self.0.state().running = false;
                    self.0.returned.notify_all();
                }
            }
            {
                let mut state = self.state();
                if state.over {
                    return Err("the client is closed".into());
                }
                state.running = true;
            }
            let running = Running(self);
            let text = |text: &str| CString::new(text).unwrap_or_default();
            let (host, user) = (text(&login.host), text(&login.user));
            let mut place = Zeroizing::new(vec![0_u8; MAX_PASSWORD + 1]);
            let at = place.as_mut_ptr().cast::<c_char>();
            // SAFETY: the header's duties of `ovo_journal_password_fn`; everything shown lives until it
            // returns.
            let said = inside(|| unsafe {
                let port = login.port.into();
                (self.function)(
                    self.userdata.0,
                    host.as_ptr(),
                    port,
                    user.as_ptr(),
                    at,
                    place.len(),
                )
            });
            drop(running);
            if said != 0 {
                return Err(NoPassword::told(format!("its function returned {said}")));
            }
            let end = place.iter().position(|byte| *byte == 0);
            let told = end.map(|end| &place[..end]).ok_or("its text has no terminating NUL")?;
            let told = std::str::from_utf8(told).map_err(|_| "its text is not UTF-8")?;
            Ok(told.to_owned())
        }

        /// From here on it is not called, and does not run.
        pub(crate) fn end(&self) {
            let mut state = self.state();
            state.over = true;
            while state.running {
                state = self.returned.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }
}
