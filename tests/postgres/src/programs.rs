//! The machine's PostgreSQL: where its programs are, who runs them, and that they end.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, OnceLock, PoisonError};

/// Where they are, and the user and group to run them as, if the test runs as root.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    directory: PathBuf,
    pub(crate) user: Option<(u32, u32)>,
}

/// Whether PostgreSQL and pgbouncer are here. Says SKIPPED if not.
pub fn are_installed() -> bool {
    let all = Programs::find().is_some() && Programs::pooler().is_some();
    if !all {
        eprintln!(
            "SKIPPED: postgresql or pgbouncer is not installed (make test-tools installs it)"
        );
    }
    all
}

fn path_entries() -> Vec<PathBuf> {
    std::env::var_os("PATH").map(|it| std::env::split_paths(&it).collect()).unwrap_or_default()
}

/// The newest version's directory, as Debian has them, or what is on the path.
fn directory() -> Option<PathBuf> {
    let version =
        |path: &Path| path.parent()?.file_name()?.to_str()?.split('.').next()?.parse::<u32>().ok();
    let debian = fs::read_dir("/usr/lib/postgresql").ok();
    let mut found: Vec<PathBuf> = debian
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().join("bin"))
        .filter(|path| path.join("initdb").exists() && path.join("postgres").exists())
        .collect();
    found.sort_by_key(|path| version(path));
    found.pop().or_else(|| path_entries().into_iter().find(|path| path.join("initdb").exists()))
}

impl Programs {
    pub(crate) fn find() -> Option<Programs> {
        let is_root = fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
        let user = if is_root { Some(nobody_special()?) } else { None };
        Some(Programs { directory: directory()?, user })
    }

    /// Panics: who asks has looked whether they are installed.
    pub(crate) fn here() -> Programs {
        Programs::find().expect("PostgreSQL is installed")
    }

    pub(crate) fn pooler() -> Option<PathBuf> {
        let mut places = path_entries();
        places.push("/usr/sbin".into());
        places.into_iter().map(|place| place.join("pgbouncer")).find(|path| path.exists())
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// One of PostgreSQL's programs, as this user.
    pub(crate) fn own(&self, name: &str) -> Command {
        let mut command = Command::new(self.directory.join(name));
        // What the person who runs the tests set for servers of their own.
        for (variable, _) in std::env::vars_os() {
            if variable.to_str().is_some_and(|name| name.starts_with("PG")) {
                command.env_remove(variable);
            }
        }
        command.current_dir("/");
        command
    }

    /// One of PostgreSQL's programs, as the user who runs servers. Gets `signal` when the test is gone.
    pub(crate) fn server(&self, name: &str, signal: &str) -> Command {
        self.kept(&self.directory.join(name), signal)
    }

    pub(crate) fn kept(&self, program: &Path, signal: &str) -> Command {
        let mut command = Command::new("setpriv");
        if let Some((user, group)) = self.user {
            command.arg(format!("--reuid={user}")).arg(format!("--regid={group}"));
            command.arg("--clear-groups");
        }
        command.args(["--pdeathsig", signal, "--"]).arg(program).current_dir("/");
        for (variable, _) in std::env::vars_os() {
            if variable.to_str().is_some_and(|name| name.starts_with("PG")) {
                command.env_remove(variable);
            }
        }
        command
    }
}

/// PostgreSQL's own user, or one without rights.
fn nobody_special() -> Option<(u32, u32)> {
    let text = fs::read_to_string("/etc/passwd").ok()?;
    let ids = |name: &str| {
        let line = text.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    ids("postgres").or_else(|| ids("nobody"))
}

/// Runs a program to its end.
pub(crate) fn run(command: &mut Command) -> Result<String, String> {
    let done = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if done.status.success() { Ok(text(&done.stdout)) } else { Err(text(&done.stderr)) }
}

type Order = (Command, Sender<io::Result<Child>>);

/// Starts a process that is to end with this one. The kernel ends it with the *thread* that started it, so that
/// is one which never ends before the process does.
pub(crate) fn spawn(command: Command) -> io::Result<Child> {
    static STARTER: OnceLock<Mutex<Sender<Order>>> = OnceLock::new();
    let starter = STARTER.get_or_init(|| {
        let (orders, received) = channel::<Order>();
        std::thread::spawn(move || {
            for (mut command, answer) in received {
                // Who asked waits for it.
                let _ = answer.send(command.spawn());
            }
        });
        Mutex::new(orders)
    });
    let (answer, child) = channel();
    let gone = || io::Error::other("the thread that starts servers is gone");
    starter
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .send((command, answer))
        .map_err(|_| gone())?;
    child.recv().map_err(|_| gone())?
}
