//! Is everything set up so that a payment can be trusted?

use std::ffi::c_char;

use ptp::message::SigningMode;
use ptp::transport::Validity;
use ptp::{Diagnosis, Probe};

use crate::argument::{Buffer, Out, OutStruct, Sized32, place};
use crate::client::{ClientBody, ovo_client};
use crate::code::Failure;
use crate::guard::outside;
use crate::vocabulary::ovo_signing;

/// How the host answered an inquiry that was signed in one way.
#[allow(clippy::upper_case_acronyms)]
#[repr(i32)]
pub enum ovo_probe {
    /// No readable answer.
    OVO_PROBE_NO_ANSWER = 0,
    /// The signature was accepted.
    OVO_PROBE_ACCEPTED = 1,
    /// The host refused the set-up; the response code tells why.
    OVO_PROBE_REFUSED = 2,
}

/// What the doctor found. Begin with `OVO_DIAGNOSIS_INIT`.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct ovo_diagnosis {
    /// Size of this struct in bytes, set by `OVO_DIAGNOSIS_INIT`.
    pub size: u32,
    /// How many things must be mended; 0 if all is well.
    pub problems: u32,
    /// The `ovo_signing` that the client uses.
    pub signing: i32,
    /// The `ovo_probe` of an inquiry signed without the body.
    pub without_body: i32,
    /// The `ovo_probe` of an inquiry signed with the body.
    pub with_body: i32,
    /// 1 if the host told its time over TLS.
    pub clock_known: i32,
    /// How many seconds this machine's clock is ahead of the host's; below 0: behind.
    pub clock_ahead_seconds: i64,
    /// Payments in the journal.
    pub payments: u64,
    /// Payments that are not settled.
    pub unsettled: u64,
    /// The host's code to the inquiry signed without the body, or empty.
    pub without_body_code: [c_char; 8],
    /// The host's code to the inquiry signed with the body, or empty.
    pub with_body_code: [c_char; 8],
    /// 1 if it is known how long the host's certificate is good.
    pub host_certificate_known: i32,
    /// How many whole days it still is; below 0: it has ended. Fewer than 14 are a problem.
    pub host_certificate_days: i32,
    /// 1 if this client has a certificate of its own.
    pub client_certificate_known: i32,
    /// How many whole days it is still good.
    pub client_certificate_days: i32,
}

// SAFETY: repr(C), its size in front, numbers and characters only.
unsafe impl Sized32 for ovo_diagnosis {
    const SIZES: &'static [usize] = &[80];
}

impl ovo_diagnosis {
    fn of(found: &Diagnosis) -> ovo_diagnosis {
        let probe = |probe: &Probe, code: &mut [c_char; 8]| match probe {
            Probe::Accepted(answer) => {
                place(code, answer.as_str());
                ovo_probe::OVO_PROBE_ACCEPTED as i32
            }
            Probe::Refused(answer) => {
                place(code, answer.as_str());
                ovo_probe::OVO_PROBE_REFUSED as i32
            }
            Probe::NoAnswer(_) => ovo_probe::OVO_PROBE_NO_ANSWER as i32,
        };
        let (mut without_body_code, mut with_body_code) = ([0; 8], [0; 8]);
        let health = found.journal.as_ref().ok();
        let route = found.route.as_ref();
        let host = route.and_then(|route| route.host_certificate);
        let ours = route.and_then(|route| route.client_certificate);
        let days = |validity: Option<Validity>| {
            let days = validity.map_or(0, |validity| validity.days_left);
            days.clamp(i32::MIN.into(), i32::MAX.into()) as i32
        };
        ovo_diagnosis {
            size: size_of::<ovo_diagnosis>() as u32,
            problems: u32::try_from(found.problems().len()).unwrap_or(u32::MAX),
            signing: match found.signing {
                SigningMode::WithoutBody => ovo_signing::OVO_SIGN_WITHOUT_BODY as i32,
                SigningMode::WithBody => ovo_signing::OVO_SIGN_WITH_BODY as i32,
            },
            without_body: probe(&found.without_body, &mut without_body_code),
            with_body: probe(&found.with_body, &mut with_body_code),
            clock_known: found.clock_ahead_seconds.is_some().into(),
            clock_ahead_seconds: found.clock_ahead_seconds.unwrap_or(0),
            payments: health.map_or(0, |health| health.payments),
            unsettled: health.map_or(0, |health| health.unsettled),
            without_body_code,
            with_body_code,
            host_certificate_known: host.is_some().into(),
            host_certificate_days: days(host),
            client_certificate_known: ours.is_some().into(),
            client_certificate_days: days(ours),
        }
    }
}

/// Examines the set-up with two harmless inquiries: which signing the host accepts, how far this
/// machine's clock is off, which way leads to the host and how long the certificates on it are good,
/// whether the journal is sound. For installers and service menus.
///
/// Parameters:
/// - `client`: an open client; stays the caller's.
/// - `diagnosis`: gets what was found.
/// - `report`: gets the same in English, several lines; NULL if it is not wanted. 2048 bytes are
///   enough for a sound installation.
/// - `capacity`: size of the report's buffer.
/// - `needed`: gets the size that the report needs, NUL included; NULL if it is not wanted.
///
/// Returns: `OVO_OK`, also if something must be mended (see `problems`);
/// `OVO_ERR_BUFFER_TOO_SMALL`: the diagnosis is there and the report is not; or a common code.
///
/// Memory: nothing is kept; the results are copies.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_doctor(
    client: *mut ovo_client,
    diagnosis: OutStruct<ovo_diagnosis>,
    report: Buffer,
    capacity: usize,
    needed: Out<usize>,
) -> i32 {
    outside(
        client.addr(),
        &[&diagnosis.required("diagnosis"), &report.room(capacity), &needed.optional("needed")],
        || {
            let found = ClientBody::get(client)?.client.doctor()?;
            diagnosis.write(&ovo_diagnosis::of(&found));
            told(&found, &report, capacity, &needed)
        },
    )
}

/// Examines the set-up like `ovo_doctor`, and then signs one more harmless inquiry wrongly: a host that
/// accepts that checks no signature, and its `OVO_PROBE_ACCEPTED` says nothing about the app key.
///
/// **A wrong signature may lock an app id out.** At most one is sent in 24 hours, which the journal
/// remembers, and none if the right one is not accepted.
///
/// Parameters:
/// - `client`: an open client; stays the caller's.
/// - `wrong_signature`: gets the `ovo_probe` of it; `OVO_PROBE_NO_ANSWER` also if none was sent, because
///   the right one is not accepted (the report says which).
/// - `report`, `capacity`, `needed`: as for `ovo_doctor`; NULL if they are not wanted.
///
/// Returns: as `ovo_doctor`; `OVO_ERR_REFUSED`: one was sent within 24 hours, and
/// `ovo_last_error_facts` has the time to wait; `OVO_ERR_JOURNAL`: it cannot be remembered.
///
/// Memory: nothing is kept; the results are copies.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_probe_signature(
    client: *mut ovo_client,
    wrong_signature: Out<i32>,
    report: Buffer,
    capacity: usize,
    needed: Out<usize>,
) -> i32 {
    outside(
        client.addr(),
        &[
            &wrong_signature.required("wrong_signature"),
            &report.room(capacity),
            &needed.optional("needed"),
        ],
        || {
            let found = ClientBody::get(client)?.client.probe_signature()?;
            wrong_signature.write(match &found.wrong_signature {
                Some(Probe::Accepted(_)) => ovo_probe::OVO_PROBE_ACCEPTED as i32,
                Some(Probe::Refused(_)) => ovo_probe::OVO_PROBE_REFUSED as i32,
                Some(Probe::NoAnswer(_)) | None => ovo_probe::OVO_PROBE_NO_ANSWER as i32,
            });
            told(&found, &report, capacity, &needed)
        },
    )
}

/// The whole of it for people, if the caller wants that.
fn told(
    found: &Diagnosis,
    report: &Buffer,
    capacity: usize,
    needed: &Out<usize>,
) -> Result<(), Failure> {
    if report.is_null() {
        needed.write(found.to_string().len() + 1);
        return Ok(());
    }
    report.write(capacity, needed, &found.to_string())
}
