//! Temporary directories that belong to whoever runs the servers.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::programs::Programs;

const PREFIX: &str = "ovo-postgres-";

/// A directory, gone with this; that of a test that was killed is gone with the next test.
#[derive(Debug)]
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn make(programs: &Programs) -> Folder {
        sweep();
        // Short, as the path of a socket has at most 107 bytes.
        let folder = tempfile::Builder::new()
            .prefix(&format!("{PREFIX}{}-", std::process::id()))
            .tempdir()
            .expect("a temporary directory");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700))
            .expect("own directory");
        programs.gives(folder.path());
        Folder(folder)
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

/// Removes what processes that are gone left behind.
fn sweep() {
    let Ok(entries) = fs::read_dir(std::env::temp_dir()) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let process = name
            .to_str()
            .and_then(|name| name.strip_prefix(PREFIX))
            .and_then(|rest| rest.split('-').next())
            .and_then(|process| process.parse::<u32>().ok());
        if process.is_some_and(|process| !Path::new(&format!("/proc/{process}")).exists()) {
            // Another test may be doing the same.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

impl Programs {
    /// Gives a file or an empty directory to whoever runs the servers.
    pub(crate) fn gives(&self, path: &Path) {
        if let Some((user, group)) = self.user {
            chown(path, Some(user), Some(group)).expect("root gives away what it has");
        }
    }
}
