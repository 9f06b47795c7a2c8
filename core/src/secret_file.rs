//! A file that decides about secrets or holds one: read whole, within bounds, and only if it is one's own.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use zeroize::Zeroizing;

/// Longest file with a secret: credentials and certificate chains are a few KiB.
pub(crate) const MAX_FILE: usize = 64 * 1024;

/// The content of a file that other users of the machine can neither read nor write. The error is
/// the rule that it breaks, and never holds content.
pub(crate) fn read_own(path: &Path) -> Result<Zeroizing<Vec<u8>>, String> {
    read_if(path, MAX_FILE, refuse_if_public)
}

/// The content of a file that anybody may read, and that holds a secret all the same if somebody put
/// one there; of at most `longest` bytes.
#[cfg(feature = "https")]
pub(crate) fn read(path: &Path, longest: usize) -> Result<Zeroizing<Vec<u8>>, String> {
    read_if(path, longest, |_| Ok(()))
}

fn read_if(
    path: &Path,
    longest: usize,
    admit: impl FnOnce(&File) -> Result<(), &'static str>,
) -> Result<Zeroizing<Vec<u8>>, String> {
    let unopened = |error: std::io::Error| format!("cannot be opened ({})", error.kind());
    // A named pipe would block the opening for ever.
    if !std::fs::metadata(path).map_err(unopened)?.is_file() {
        return Err("is not a file".to_owned());
    }
    let mut file = File::open(path).map_err(unopened)?;
    admit(&file)?;
    // Bounded: a wrong path (a log, a device) must not fill memory. One byte more than the limit is
    // asked for, so that a longer file is refused and not read in part. All of it at once: a buffer
    // that grows leaves copies of the secret behind.
    let mut content = Zeroizing::new(Vec::with_capacity(longest + 1));
    let read = (&mut file).take(longest as u64 + 1).read_to_end(&mut content);
    if content.len() > longest {
        return Err(format!("is longer than {} KiB", longest / 1024));
    }
    read.map_err(|error| format!("cannot be read ({})", error.kind()))?;
    Ok(content)
}

#[cfg(unix)]
fn refuse_if_public(file: &File) -> Result<(), &'static str> {
    use std::os::unix::fs::PermissionsExt;
    let mode = file.metadata().map_err(|_| "its mode cannot be read")?.permissions().mode();
    if mode & 0o006 != 0 {
        return Err("other users of this machine can read or write it; run chmod 600 on it");
    }
    Ok(())
}

#[cfg(not(unix))]
fn refuse_if_public(_file: &File) -> Result<(), &'static str> {
    Ok(())
}
