//! A transport of the caller's: a terminal with its own modem or TLS stack.

use std::cell::UnsafeCell;
use std::ffi::{CString, c_char, c_void};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

use ptp::message::{MAX_RESPONSE_BODY, Signature};
use ptp::transport::{self, Exchange, FailureKind, HttpAnswer, HttpRequest, Transport, Watch};

use zeroize::Zeroizing;

use crate::argument::{Bytes, Out, Text};
use crate::callback::Userdata;
use crate::code::{Failure, ovo_code};
use crate::guard::{FloorBoundary, anywhere, inside};
use crate::handle;
use crate::vocabulary::{operation, ovo_exchange_end};

/// Longest explanation that is kept of a failed exchange.
const EXPLANATION: usize = 200;

/// One request to carry. The library's, all of it good until the transport function returns.
///
/// Send it as `POST` to `url` with the headers `app-id`, `random` and `hmac` from the fields of
/// these names and `Content-Type: application/json`, once, over TLS with a verified certificate, on
/// a connection that serves nothing else. Never resend, never follow a redirect.
///
/// **Read `random` and `hmac` behind `ovo_exchange_begin`**, which signs with the connection ready:
/// connecting may take long, and OVO may refuse a `random` that is old. What stands there before is
/// a pair made at the call, for transports that write the head before they connect; both pairs stay
/// good until the function returns.
#[repr(C)]
pub struct ovo_request {
    /// Size of this struct in bytes: a newer library may have more fields at the end.
    pub size: u32,
    /// An `ovo_operation`.
    pub operation: i32,
    /// Longest time for dialling, connecting, TLS and writing together, in milliseconds.
    pub send_budget_ms: u32,
    /// Longest time from the call to the end of the answer, in milliseconds.
    pub total_budget_ms: u32,
    /// The address, for example `https://apigw.ovo.id/pos`.
    pub url: *const c_char,
    /// The `app-id` header.
    pub app_id: *const c_char,
    /// The `random` header: the time of the signature.
    pub random: *const c_char,
    /// The `hmac` header.
    pub hmac: *const c_char,
    /// The JSON body, to be sent byte for byte. It ends with a NUL that is not part of it.
    pub body: *const u8,
    /// Length of the body in bytes.
    pub body_length: usize,
}

/// One exchange under way: valid until the transport function returns, on its thread alone.
pub struct ovo_exchange {
    _opaque: [u8; 0],
}

/// Carries one request and its answer.
///
/// The order of calls:
/// - connect, with TLS to its end; nothing of the request is needed for that but its `url`. Meanwhile ask
///   `ovo_exchange_connecting` about five times a second; if it is not `OVO_OK`, hang up and return
///   `OVO_EXCHANGE_NOT_SENT`;
/// - `ovo_exchange_begin`, immediately before the first byte; if it is not `OVO_OK`, write nothing
///   and return `OVO_EXCHANGE_NOT_SENT`; from `OVO_OK` on that cannot be said any more;
/// - write the request; `ovo_exchange_sent` when its last byte is out;
/// - `ovo_exchange_wait` again and again while waiting for the answer; if it is not `OVO_OK`, stop
///   and return `OVO_EXCHANGE_NO_ANSWER`;
/// - `ovo_exchange_answer` with the whole answer; return `OVO_EXCHANGE_ANSWERED`.
///
/// Called on the thread of the call that needs it, in a client with threads on several threads at
/// once; and **`ovo_exchange_wait` may call it again** from inside, for the status check at 60
/// seconds, while the first request is still open. A modem with one connection at a time must
/// answer that second call with `OVO_EXCHANGE_NOT_SENT`. Must not throw or `longjmp`.
///
/// Parameters:
/// - `userdata`: what was given with the function.
/// - `request`: what to send.
/// - `exchange`: for the functions above.
///
/// Returns an `ovo_exchange_end`; 0 and any number that is none count as `OVO_EXCHANGE_NO_ANSWER`.
/// When in doubt whether a byte left, say `OVO_EXCHANGE_NO_ANSWER`: a wrong `OVO_EXCHANGE_NOT_SENT`
/// can cost a customer money. What contradicts the calls made (not sent, although
/// `ovo_exchange_begin` was `OVO_OK` or an answer was handed over; answered without a begin or an
/// answer) counts as `OVO_EXCHANGE_NO_ANSWER`, too.
pub type ovo_transport_fn = Option<
    unsafe extern "C-unwind" fn(
        userdata: *mut c_void,
        request: *const ovo_request,
        exchange: *mut ovo_exchange,
    ) -> i32,
>;

/// What an exchange's handle stands for.
pub(crate) struct ExchangeBody {
    watch: Arc<dyn Watch>,
    thread: ThreadId,
    state: Mutex<State>,
    headers: Headers,
}

/// The request as the C function sees it, and how its headers are made anew.
///
/// Used by one thread alone, the one that [`ExchangeBody::get`] lets through, and only while the
/// transport function runs.
struct Headers {
    shown: UnsafeCell<ovo_request>,
    /// Every signature that was shown: whoever read its pointers may still use them.
    signed: UnsafeCell<Vec<[Zeroizing<Vec<u8>>; 2]>>,
    /// The request's own, borrowed for the length of the call.
    sign: *const (dyn Fn() -> Signature + 'static),
}

// SAFETY: what is behind the cell and the pointers is touched on the exchange's own thread only.
unsafe impl Send for Headers {}
// SAFETY: as above.
unsafe impl Sync for Headers {}

impl Headers {
    /// Signs, and shows that.
    ///
    /// # Safety
    /// On the exchange's own thread, while its transport function runs.
    unsafe fn renew(&self) {
        // SAFETY: `sign` lives as long as the transport function runs; nobody else has a reference
        // into the cells, C only pointers.
        unsafe {
            let signature = (*self.sign)();
            let pair = [&signature.random, &signature.hmac].map(|text| terminated(text.as_bytes()));
            (*self.shown.get()).random = pair[0].as_ptr().cast();
            (*self.shown.get()).hmac = pair[1].as_ptr().cast();
            (*self.signed.get()).push(pair);
        }
    }
}

/// A copy for C that is wiped: it ends with a NUL.
fn terminated(bytes: &[u8]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new([bytes, &[0]].concat())
}

#[derive(Default)]
struct State {
    /// The library said that it is too late to write.
    stopped: bool,
    begun: bool,
    sent: bool,
    answer: Option<HttpAnswer>,
    server_date: Option<i64>,
    retry_after: Option<u32>,
    explanation: String,
}

impl ExchangeBody {
    /// The exchange, on its own thread.
    fn get(exchange: *mut ovo_exchange) -> Result<Arc<ExchangeBody>, Failure> {
        let body = handle::get::<ExchangeBody, _>(exchange)?;
        if body.thread != thread::current().id() {
            return Err(Failure::new(
                ovo_code::OVO_ERR_WRONG_THREAD,
                "exchange: belongs to the thread that the transport was called on",
            ));
        }
        Ok(body)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How it ended: what the function says, held against what it did.
    fn ended(&self, end: i32) -> Exchange {
        let mut state = self.state();
        let explanation = std::mem::take(&mut state.explanation);
        let failed = |kind, otherwise: &str| transport::Failure {
            kind,
            message: if explanation.is_empty() {
                otherwise.to_owned()
            } else {
                explanation.clone()
            },
        };
        let not_sent = ovo_exchange_end::OVO_EXCHANGE_NOT_SENT as i32;
        let answered = ovo_exchange_end::OVO_EXCHANGE_ANSWERED as i32;
        // The proof that nothing left: it was never told to write, and says nothing of having written.
        let untouched = !state.begun && !state.sent && state.answer.is_none();
        if end == not_sent && untouched {
            return Exchange::NotSent(if state.stopped {
                failed(FailureKind::Stopped, "too late to write the request")
            } else {
                failed(FailureKind::Connect, "the terminal's transport")
            });
        }
        if end == answered && state.begun {
            if let Some(answer) = state.answer.take() {
                return Exchange::Answered(HttpAnswer {
                    server_date: state.server_date,
                    retry_after: state.retry_after,
                    ..answer
                });
            }
        }
        if end == answered {
            let broken = "the transport says answered without having begun or answered";
            return Exchange::NoAnswer(failed(FailureKind::Malformed, broken));
        }
        Exchange::NoAnswer(failed(FailureKind::Broken, "the terminal's transport"))
    }
}

/// The caller's function as a transport of the core's.
#[derive(Clone)]
pub(crate) struct OwnTransport {
    pub(crate) function:
        unsafe extern "C-unwind" fn(*mut c_void, *const ovo_request, *mut ovo_exchange) -> i32,
    pub(crate) userdata: Userdata,
    pub(crate) url: CString,
}

impl Transport for OwnTransport {
    fn exchange(&self, request: &HttpRequest<'_>, watch: &Arc<dyn Watch>) -> Exchange {
        /// Ends the handle, whatever happens.
        struct Closed(*mut ovo_exchange);
        impl Drop for Closed {
            fn drop(&mut self) {
                let _ = handle::close::<ExchangeBody, _>(self.0);
            }
        }
        let (app_id, bytes) =
            (CString::new(request.app_id).unwrap_or_default(), terminated(request.body));
        let millis =
            |duration: std::time::Duration| u32::try_from(duration.as_millis()).unwrap_or(u32::MAX);
        let shown = ovo_request {
            size: size_of::<ovo_request>() as u32,
            operation: operation(request.operation),
            send_budget_ms: millis(request.send_budget),
            total_budget_ms: millis(request.total_budget),
            url: self.url.as_ptr(),
            app_id: app_id.as_ptr(),
            random: std::ptr::null(),
            hmac: std::ptr::null(),
            body: bytes.as_ptr(),
            body_length: request.body.len(),
        };
        let sign: *const (dyn Fn() -> Signature + '_) = request.sign;
        // SAFETY: only the lifetime is another; `Headers` is used while `request` is borrowed.
        let sign: *const (dyn Fn() -> Signature + 'static) = unsafe { std::mem::transmute(sign) };
        let headers =
            Headers { shown: UnsafeCell::new(shown), signed: UnsafeCell::default(), sign };
        // SAFETY: this is the exchange's thread, and nobody else has it yet.
        unsafe { headers.renew() };
        let body = Arc::new(ExchangeBody {
            watch: Arc::clone(watch),
            thread: thread::current().id(),
            state: Mutex::default(),
            headers,
        });
        let exchange = match handle::open(Arc::clone(&body)) {
            Ok(exchange) => Closed(exchange),
            Err(failure) => {
                let message = failure.detail.into_owned();
                return Exchange::NotSent(transport::Failure {
                    kind: FailureKind::Connect,
                    message,
                });
            }
        };
        let shown = body.headers.shown.get().cast_const();
        // SAFETY: the header's duties of `ovo_transport_fn`; everything shown lives until it returns.
        let end = inside(|| unsafe { (self.function)(self.userdata.0, shown, exchange.0) });
        drop(exchange);
        body.ended(end)
    }
}

/// Asks, while there is no connection yet, whether the request is still wanted: the cashier cancels or
/// the client closes, and nobody shall wait until a modem has dialled. To be asked again and again,
/// about five times a second, until the connection is ready; costs a look at the journal once a second
/// and runs the countdown. A transport that never asks waits until it connects or gives up by itself.
///
/// Parameters:
/// - `exchange`: the transport's; stays the library's.
///
/// Returns: `OVO_OK`: go on; `OVO_ERR_STOPPED`: nobody wants it any more, hang up, write nothing and
/// return `OVO_EXCHANGE_NOT_SENT`; `OVO_ERR_WRONG_THREAD`; or a common code. Behind
/// `ovo_exchange_begin` it is always `OVO_OK`.
///
/// Memory: nothing.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_exchange_connecting(exchange: *mut ovo_exchange) -> i32 {
    anywhere(exchange.addr(), &[], || {
        let body = ExchangeBody::get(exchange)?;
        if body.state().begun || body.watch.connecting() {
            return Ok(());
        }
        body.state().stopped = true;
        Err(Failure::new(ovo_code::OVO_ERR_STOPPED, "the request is not wanted any more"))
    })
}

/// Asks, with the connection ready, whether the request may be written now, and signs it: `random` and
/// `hmac` of the request point to these headers from here on.
///
/// Parameters:
/// - `exchange`: the transport's; stays the library's.
///
/// Returns: `OVO_OK`: write it; `OVO_ERR_STOPPED`: it is too late for it, write nothing and return
/// `OVO_EXCHANGE_NOT_SENT`; `OVO_ERR_WRONG_THREAD`; or a common code.
///
/// Memory: nothing.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_exchange_begin(exchange: *mut ovo_exchange) -> i32 {
    anywhere(exchange.addr(), &[], || {
        let body = ExchangeBody::get(exchange)?;
        // The header asks for this call with the connection ready, immediately before the write.
        body.watch.connected();
        if !body.state().begun {
            // SAFETY: `get` let the exchange's own thread through, and its function runs.
            unsafe { body.headers.renew() };
        }
        if !body.watch.may_send() {
            body.state().stopped = true;
            return Err(Failure::new(ovo_code::OVO_ERR_STOPPED, "too late to write the request"));
        }
        body.state().begun = true;
        // It has no way to say that bytes have come: that there are none is never taken from its silence.
        body.watch.answering();
        Ok(())
    })
}

/// Tells that the last byte of the request is out.
///
/// Parameters:
/// - `exchange`: the transport's; stays the library's.
///
/// Returns: `OVO_OK`, `OVO_ERR_WRONG_THREAD` or a common code.
///
/// Memory: nothing.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_exchange_sent(exchange: *mut ovo_exchange) -> i32 {
    anywhere(exchange.addr(), &[], || {
        let body = ExchangeBody::get(exchange)?;
        body.state().sent = true;
        body.watch.sent();
        Ok(())
    })
}

/// Asks how long to wait for the answer before asking again. Runs the countdown and, when its time
/// has come, the status check, for which it calls the transport function again.
///
/// Parameters:
/// - `exchange`: the transport's; stays the library's.
/// - `milliseconds`: gets the time to wait at most, at least 1.
///
/// Returns: `OVO_OK`: wait; `OVO_ERR_STOPPED`: the answer is not wanted any more, return
/// `OVO_EXCHANGE_NO_ANSWER`; `OVO_ERR_WRONG_THREAD`; or a common code.
///
/// Memory: nothing.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_exchange_wait(exchange: *mut ovo_exchange, milliseconds: Out<u32>) -> i32 {
    anywhere(exchange.addr(), &[&milliseconds.required("milliseconds")], || {
        let wait = ExchangeBody::get(exchange)?.watch.wait().ok_or_else(|| {
            Failure::new(ovo_code::OVO_ERR_STOPPED, "the answer is not wanted any more")
        })?;
        milliseconds.write(u32::try_from(wait.as_millis()).unwrap_or(u32::MAX).max(1));
        Ok(())
    })
}

/// Hands the whole answer over.
///
/// Parameters:
/// - `exchange`: the transport's; stays the library's.
/// - `status`: the HTTP status, 100 to 599. An answer of any status counts.
/// - `body`: the body, at most 65536 bytes; stays the caller's. NULL for an empty one.
/// - `length`: length of the body in bytes.
///
/// Returns: `OVO_OK`; `OVO_ERR_INVALID_INPUT`: no such status; `OVO_ERR_TOO_LONG`: return
/// `OVO_EXCHANGE_NO_ANSWER`; `OVO_ERR_WRONG_THREAD`; or a common code.
///
/// Memory: the body is copied.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_exchange_answer(
    exchange: *mut ovo_exchange,
    status: i32,
    body: Bytes,
    length: usize,
) -> i32 {
    anywhere(exchange.addr(), &[], || {
        let known = ExchangeBody::get(exchange)?;
        let status = u16::try_from(status)
            .ok()
            .filter(|status| (100..600).contains(status))
            .ok_or_else(|| Failure::unknown("status"))?;
        let body = body.read("body", length, MAX_RESPONSE_BODY)?.to_vec();
        known.state().answer =
            Some(HttpAnswer { status, body, server_date: None, retry_after: None });
        Ok(())
    })
}

/// Tells two headers of the answer: the server's clock decides whether a void is still in time, and
/// a pause that the server asks for is kept.
///
/// Parameters:
/// - `exchange`: the transport's; stays the library's.
/// - `date`: the `Date` header in seconds since 1970 UTC; 0 if there was none. One before 1970 or behind
///   the year 9999 counts as none.
/// - `retry_after`: the `Retry-After` header in seconds; 0 if there was none.
///
/// Returns: `OVO_OK`, `OVO_ERR_WRONG_THREAD` or a common code.
///
/// Memory: nothing.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_exchange_headers(
    exchange: *mut ovo_exchange,
    date: i64,
    retry_after: u32,
) -> i32 {
    anywhere(exchange.addr(), &[], || {
        let body = ExchangeBody::get(exchange)?;
        let mut state = body.state();
        state.server_date = (date != 0).then_some(date);
        state.retry_after = (retry_after != 0).then_some(retry_after);
        Ok(())
    })
}

/// Explains a failed exchange, for the log.
///
/// Parameters:
/// - `exchange`: the transport's; stays the library's.
/// - `message`: one line in UTF-8, at most 1024 bytes of which 200 are kept; stays the caller's.
///   Must not hold bytes of a header or a body.
///
/// Returns: `OVO_OK`, `OVO_ERR_WRONG_THREAD`, `OVO_ERR_TOO_LONG`, `OVO_ERR_NOT_UTF8` or a common
/// code.
///
/// Memory: the message is copied.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_exchange_explain(exchange: *mut ovo_exchange, message: Text) -> i32 {
    anywhere(exchange.addr(), &[], || {
        let body = ExchangeBody::get(exchange)?;
        let message = message.read("message", 1024)?;
        let message = &message[..message.floor_boundary(EXPLANATION)];
        let line = message.chars().map(|c| if c.is_control() { '?' } else { c });
        body.state().explanation = line.collect();
        Ok(())
    })
}
