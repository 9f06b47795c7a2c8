//! Which HTTP status goes with which response code. Only two things are known: 00 comes with 200,
//! and failures come with some other status and a body (protocol 3.1). The numbers below are
//! invented; a client must read the code whatever the status.

/// The sandbox's choice of status by code; every other code has [`OTHER_FAILURES`].
pub const STATUSES: &[(&str, u16)] = &[
    ("00", 200),
    ("13", 400),
    ("BR", 400),
    ("96", 400),
    ("63", 401),
    ("58", 403),
    ("EB", 403),
    // On purpose the status of an ignored prompt as well: the body makes the difference.
    ("14", 404),
    ("25", 404),
    ("94", 409),
    ("54", 410),
    ("73", 410),
    ("ER", 500),
    ("68", 504),
];

/// The status of the codes that have no row.
pub const OTHER_FAILURES: u16 = 422;

/// The HTTP status of a code.
pub(crate) fn status_of(code: &str) -> u16 {
    STATUSES.iter().find(|(known, _)| *known == code).map_or(OTHER_FAILURES, |(_, status)| *status)
}

/// The words after the status number.
pub(crate) fn reason(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        103 => "Early Hints",
        200 => "OK",
        301 => "Moved Permanently",
        302 => "Found",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        413 => "Content Too Large",
        422 => "Unprocessable Content",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Status",
    }
}
