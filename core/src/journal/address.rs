//! A journal's place: a file's path, or the address of a database.

use std::path::Path;

use super::{JournalError, JournalErrorKind};

/// Whether a journal's place is, or was meant to be, a database's address. Such a text may hold a password
/// and is never shown: not as a file that is missing either. Also with a mistake in it: another scheme, a
/// blank before it, capitals, a slash too few.
#[must_use]
pub fn is_address(place: &Path) -> bool {
    let place = place.to_string_lossy().trim_start().to_ascii_lowercase();
    let behind = place.strip_prefix("postgresql").or_else(|| place.strip_prefix("postgres"));
    place.contains("://")
        || behind.is_some_and(|rest| rest.starts_with([':', '+']) || rest.starts_with("//"))
        || behind.is_some_and(|rest| rest.contains('@'))
}

/// For whatever works on files alone.
pub(super) fn refuse(place: &Path) -> Result<(), JournalError> {
    if !is_address(place) {
        return Ok(());
    }
    Err(JournalError::new(
        JournalErrorKind::Misplaced,
        "a database's address stands where a file is needed; it begins with postgresql://, and nothing stands \
         before that",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_hold_a_password_is_no_path() {
        for address in [
            "postgresql://a:secret@h/d",
            "postgres://a:secret@h/d",
            "postgresql+psycopg2://a:secret@h/d",
            " postgresql://a:secret@h/d",
            "POSTGRESQL://a:secret@h/d",
            "postgres//a:secret@h/d",
            "postgresql:/a:secret@h/d",
            "postgresql:a:secret@h/d",
            "mysql://a:secret@h/d",
        ] {
            let told = refuse(Path::new(address)).expect_err(address);
            assert!(!told.to_string().contains("secret"), "{address}");
        }
        for path in
            ["/var/lib/shop/ovo.db", "postgres.db", "postgresql/ovo.db", "a@b.db", "c:/ovo.db"]
        {
            assert_eq!(refuse(Path::new(path)), Ok(()), "{path}");
        }
    }
}
