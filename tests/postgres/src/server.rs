//! A server of PostgreSQL, from `initdb` to its end.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ovo_crash::process::send;

use crate::certificates::Certificates;
use crate::fleet::migrates;
use crate::folder::Folder;
use crate::programs::{self, Programs, are_installed, run};
use crate::{PATIENCE, until};

/// The database of every server here.
pub const DATABASE: &str = "shop";
/// The role that owns the database and migrates.
pub const OWNER: &str = "shop_owner";
/// The role that the nodes connect as.
pub const APPLICATION: &str = "shop_till";
/// The password of both.
pub const PASSWORD: &str = "a-secret-of-the-shop";

/// Who made the cluster: through the socket only.
const SUPERUSER: &str = "postgres";

/// A server, killed at the latest when this is dropped.
#[derive(Debug)]
pub struct Server {
    programs: Programs,
    folder: Folder,
    certificates: Certificates,
    port: u16,
    process: Mutex<Option<Child>>,
}

/// A port that nobody listens on at this moment.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its number").port()
}

impl Server {
    /// An empty server, or `None` and a word on the standard error where PostgreSQL is not installed.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn if_installed() -> Option<Server> {
        are_installed().then(Server::start)
    }

    /// The same with the schema of a journal.
    ///
    /// # Panics
    /// If it does not start, or is not migrated.
    #[must_use]
    pub fn migrated() -> Option<Server> {
        let server = Server::if_installed()?;
        migrates(&server).expect("a schema");
        Some(server)
    }

    /// An empty server with the roles [`OWNER`] and [`APPLICATION`] and the database [`DATABASE`].
    ///
    /// # Panics
    /// If it does not start, with the end of its log.
    pub fn start() -> Server {
        Server::start_with(&[])
    }

    /// The same with lines of `postgresql.conf`.
    ///
    /// # Panics
    /// As [`Server::start`].
    pub fn start_with(settings: &[(&str, &str)]) -> Server {
        let programs = Programs::here();
        let folder = Folder::make(&programs);
        programs.makes_a_cluster(&folder.join("data"));
        let certificates = Certificates::make(folder.path());
        let server = Server { programs, folder, certificates, port: 0, process: Mutex::new(None) };
        let server = server.configured(settings).started_on_a_free_port();
        server.sql_in(
            "postgres",
            &format!(
                "CREATE ROLE {OWNER} LOGIN PASSWORD '{PASSWORD}';
                 CREATE ROLE {APPLICATION} LOGIN PASSWORD '{PASSWORD}'"
            ),
        );
        server.sql_in("postgres", &format!("CREATE DATABASE {DATABASE} OWNER {OWNER}"));
        server
    }

    fn configured(self, settings: &[(&str, &str)]) -> Server {
        for path in [&self.certificates.certificate, &self.certificates.key] {
            self.programs.gives(path);
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
            fs::set_permissions(path, mode).expect("own file");
        }
        let socket = self.folder.path().display();
        let mut lines = format!(
            "listen_addresses = '127.0.0.1'\nunix_socket_directories = '{socket}'\n\
             max_connections = 60\nmax_wal_senders = 4\nshared_buffers = 16MB\n\
             password_encryption = 'scram-sha-256'\n\
             ssl = on\nssl_cert_file = '{}'\nssl_key_file = '{}'\n",
            self.certificates.certificate.display(),
            self.certificates.key.display(),
        );
        for (name, value) in settings {
            lines.push_str(&format!("{name} = '{value}'\n"));
        }
        append(&self.data().join("postgresql.conf"), &lines);
        let access = "local all all trust\nlocal replication all trust\n\
                      host all all 127.0.0.1/32 scram-sha-256\n";
        fs::write(self.data().join("pg_hba.conf"), access).expect("own file");
        self
    }

    fn started_on_a_free_port(mut self) -> Server {
        for _ in 0..8 {
            self.port = free_port();
            if self.starts_within(PATIENCE).is_ok() {
                return self;
            }
        }
        panic!("the server does not start: {}", self.log_end());
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn process(&self) -> MutexGuard<'_, Option<Child>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts it and waits until it answers.
    fn starts_within(&self, patience: Duration) -> Result<(), String> {
        let mut command = self.programs.server("postgres", "QUIT");
        let log = fs::OpenOptions::new().create(true).append(true).open(self.folder.join("log"));
        command
            .arg("-D")
            .arg(self.data())
            .args(["-p", &self.port.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log.map_err(|error| error.to_string())?);
        let mut child = programs::spawn(command).map_err(|error| error.to_string())?;
        let begun = Instant::now();
        while !self.is_ready(child.id()) {
            if child.try_wait().map_err(|error| error.to_string())?.is_some() {
                return Err(self.log_end());
            }
            if begun.elapsed() > patience {
                let _ = child.kill();
                return Err(format!("not ready: {}", self.log_end()));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        *self.process() = Some(child);
        Ok(())
    }

    /// What the server itself says in its file.
    fn is_ready(&self, process: u32) -> bool {
        let text = fs::read_to_string(self.data().join("postmaster.pid")).unwrap_or_default();
        let mut lines = text.lines();
        lines.next() == Some(&process.to_string())
            && lines.nth(6).is_some_and(|state| matches!(state.trim(), "ready" | "standby"))
    }

    /// The last lines of its log.
    pub fn log_end(&self) -> String {
        let text = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The directory of its socket.
    pub fn socket(&self) -> &Path {
        self.folder.path()
    }

    /// The authority that vouches for it.
    pub fn authority(&self) -> &Path {
        &self.certificates.authority
    }

    pub(crate) fn certificate_and_key(&self) -> (&Path, &Path) {
        (&self.certificates.certificate, &self.certificates.key)
    }

    /// The address of a journal here over TLS, for a role.
    pub fn dsn(&self, role: &str) -> String {
        let authority = self.certificates.authority.display();
        format!(
            "postgresql://{role}:{PASSWORD}@localhost:{}/{DATABASE}?sslmode=verify-full&sslrootcert={authority}",
            self.port
        )
    }

    /// The address of a journal behind `port` of this machine, unencrypted, for a role.
    pub fn plain_dsn(&self, role: &str, port: u16) -> String {
        format!("postgresql://{role}:{PASSWORD}@127.0.0.1:{port}/{DATABASE}?sslmode=disable")
    }

    /// Runs statements in [`DATABASE`] as the superuser; the last one's rows, fields apart by `|`.
    ///
    /// # Panics
    /// With what the server says, if it refuses.
    pub fn sql(&self, text: &str) -> String {
        self.sql_in(DATABASE, text)
    }

    fn sql_in(&self, database: &str, text: &str) -> String {
        run(&mut self.psql(SUPERUSER, database, text))
            .unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    /// Runs statements in [`DATABASE`] as a role.
    ///
    /// # Errors
    /// What the server says.
    pub fn sql_as(&self, role: &str, text: &str) -> Result<String, String> {
        run(&mut self.psql(role, DATABASE, text))
    }

    /// The same through a port of this machine, with a password and without encryption: through a proxy or a pooler.
    ///
    /// # Errors
    /// What the server says, or what became of the connection.
    pub fn sql_through(&self, port: u16, role: &str, text: &str) -> Result<String, String> {
        let mut psql = self.programs.own("psql");
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p"])
            .args([&port.to_string(), "-U", role, "-d", DATABASE, "-c", text])
            .env("PGPASSWORD", PASSWORD)
            .env("PGSSLMODE", "disable");
        run(&mut psql)
    }

    fn psql(&self, role: &str, database: &str, text: &str) -> Command {
        let mut psql = self.programs.own("psql");
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h"])
            .arg(self.socket())
            .args(["-p", &self.port.to_string(), "-U", role, "-d", database, "-c", text]);
        psql
    }

    /// Runs a file of statements as a role, as a person does by hand who was told `ON_ERROR_STOP`.
    ///
    /// # Errors
    /// What the server says.
    ///
    /// # Panics
    /// If the file cannot be written.
    pub fn runs_a_file(&self, role: &str, text: &str) -> Result<String, String> {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(text.as_bytes()).expect("a file");
        let mut psql = self.programs.own("psql");
        psql.args(["-v", "ON_ERROR_STOP=1", "-h"])
            .arg(self.socket())
            .args(["-p", &self.port.to_string(), "-U", role, "-d", DATABASE, "-f"])
            .arg(file.path());
        run(&mut psql)
    }

    /// A session of the superuser that reads its statements from the standard input.
    #[must_use]
    pub fn session(&self) -> Command {
        let mut psql = self.programs.own("psql");
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h"])
            .arg(self.socket())
            .args(["-p", &self.port.to_string(), "-U", SUPERUSER, "-d", DATABASE]);
        psql
    }

    /// The process of the whole server.
    pub fn process_id(&self) -> Option<u32> {
        self.process().as_ref().map(Child::id)
    }

    /// SIGKILL: as a machine that loses its power, apart from its disk's cache.
    ///
    /// # Panics
    /// If even that fails.
    pub fn kill(&self) {
        let Some(mut child) = self.process().take() else { return };
        let id = child.id();
        let workers = children_of(id);
        child.kill().and_then(|()| child.wait()).expect("a process can be killed");
        for worker in workers {
            if let Ok(worker) = libc::pid_t::try_from(worker) {
                // It may have ended by itself.
                let _ = send(worker, libc::SIGKILL);
            }
        }
    }

    /// Ends in order: whoever is connected is not any more, and everything is on the disk.
    fn ends(&self) {
        let Some(mut child) = self.process().take() else { return };
        let id = libc::pid_t::try_from(child.id()).expect("a process id");
        send(id, libc::SIGINT).expect("it runs");
        child.wait().expect("it is a child");
    }

    /// Starts it again where it was, on the same port.
    ///
    /// # Panics
    /// If it does not start.
    pub fn restart(&self) {
        self.kill();
        let mut said = String::new();
        // What is left of its last life may still hold the memory.
        until("the server starts again", || match self.starts_within(PATIENCE) {
            Ok(()) => true,
            Err(error) => {
                said = error;
                false
            }
        });
    }

    /// Stops every process of it, as a machine that stands still.
    ///
    /// # Panics
    /// If it is not running.
    pub fn freeze(&self) {
        self.signals(libc::SIGSTOP);
    }

    /// Goes on behind [`Server::freeze`].
    ///
    /// # Panics
    /// If it is not running.
    pub fn thaw(&self) {
        self.signals(libc::SIGCONT);
    }

    fn signals(&self, signal: libc::c_int) {
        let id = self.process_id().expect("it runs");
        // The server first: then it starts no more workers.
        let _ = send(libc::pid_t::try_from(id).expect("a process id"), signal);
        for worker in children_of(id) {
            let _ = send(libc::pid_t::try_from(worker).expect("a process id"), signal);
        }
    }

    /// A copy of this server that follows it; the primary waits for it if `synchronous`.
    ///
    /// # Panics
    /// If it cannot be made.
    pub fn replica(&self, synchronous: bool) -> Server {
        let folder = Folder::make(&self.programs);
        let mut copy = self.programs.server("pg_basebackup", "KILL");
        let port = self.port.to_string();
        copy.arg("-h")
            .arg(self.socket())
            .args([
                "-p",
                &port,
                "-U",
                SUPERUSER,
                "-R",
                "-X",
                "stream",
                "-c",
                "fast",
                "--no-sync",
                "-D",
            ])
            .arg(folder.join("data"));
        run(&mut copy).unwrap_or_else(|error| panic!("pg_basebackup: {error}"));
        let certificates = Certificates::make(folder.path());
        let replica = Server {
            programs: self.programs.clone(),
            folder,
            certificates,
            port: 0,
            process: Mutex::new(None),
        };
        let connection = format!(
            "host={} port={port} user={SUPERUSER} application_name=replica",
            self.socket().display()
        );
        // It refuses to follow one that takes more.
        let most = self.sql("SHOW max_connections");
        let replica = replica.configured(&[
            ("primary_conninfo", &connection),
            ("synchronous_standby_names", ""),
            ("max_connections", &most),
        ]);
        // pg_basebackup -R wrote another, which would win.
        fs::write(replica.data().join("postgresql.auto.conf"), "").expect("own file");
        let replica = replica.started_on_a_free_port();
        if synchronous {
            self.sql("ALTER SYSTEM SET synchronous_standby_names = 'FIRST 1 (replica)'");
            self.sql("SELECT pg_reload_conf()");
        }
        let wanted = if synchronous { "sync" } else { "async" };
        until("the replica follows", || {
            self.sql("SELECT state || ' ' || sync_state FROM pg_stat_replication")
                == format!("streaming {wanted}")
        });
        replica
    }

    /// Waits until a replica of this server has applied all that is written by now.
    ///
    /// # Panics
    /// If it never has.
    pub fn is_followed(&self) {
        let now = self.sql("SELECT pg_current_wal_lsn()");
        until("the replica has everything", || {
            self.sql(&format!("SELECT bool_and(replay_lsn >= '{now}') FROM pg_stat_replication"))
                == "t"
        });
    }

    /// A replica follows nobody any more: what the primary commits from now on is lost when it is promoted.
    ///
    /// # Panics
    /// If the server refuses.
    pub fn follows_nobody(&self) {
        self.sql_in("postgres", "ALTER SYSTEM SET primary_conninfo = ''");
        self.sql_in("postgres", "SELECT pg_reload_conf()");
        until("the replica is alone", || {
            self.sql_in("postgres", "SELECT count(*) FROM pg_stat_wal_receiver") == "0"
        });
    }

    /// Stops (or lets go on) what receives the primary's log. A synchronous primary waits for it meanwhile. What
    /// was sent to it is not lost.
    ///
    /// # Panics
    /// If this is no replica.
    pub fn stands_still(&self, still: bool) {
        let receiver = self.sql_in("postgres", "SELECT pid FROM pg_stat_wal_receiver");
        let receiver =
            receiver.parse().unwrap_or_else(|_| panic!("no receiver: {}", self.log_end()));
        send(receiver, if still { libc::SIGSTOP } else { libc::SIGCONT }).expect("it is ours");
    }

    /// Keeps a copy of its storage as it is, as a snapshot of a disk does.
    ///
    /// # Panics
    /// If it cannot be copied.
    pub fn remembers(&self) {
        self.kill();
        copies(&self.data(), &self.folder.join("before"));
        self.restart();
    }

    /// Is what it was at [`Server::remembers`].
    ///
    /// # Panics
    /// If it was never remembered.
    pub fn goes_back(&self) {
        self.kill();
        fs::remove_dir_all(self.data()).expect("own directory");
        copies(&self.folder.join("before"), &self.data());
        self.restart();
    }

    /// An empty server that archives its log, as [`Server::backs_up`] wants it.
    ///
    /// # Panics
    /// As [`Server::start`].
    #[must_use]
    pub fn archiving() -> Server {
        // Commands run in the directory of its data.
        let archive = "mkdir -p ../archive && cp %p ../archive/%f";
        Server::start_with(&[("archive_mode", "on"), ("archive_command", archive)])
    }

    /// Takes a backup of the running server.
    ///
    /// # Panics
    /// If it cannot be made.
    pub fn backs_up(&self) {
        let mut copy = self.programs.server("pg_basebackup", "KILL");
        copy.arg("-h")
            .arg(self.socket())
            .args(["-p", &self.port.to_string(), "-U", SUPERUSER])
            .args(["-X", "stream", "-c", "fast", "--no-sync", "-D"])
            .arg(self.folder.join("backup"));
        run(&mut copy).unwrap_or_else(|error| panic!("pg_basebackup: {error}"));
    }

    /// A point that it can be restored to.
    ///
    /// # Panics
    /// If the server refuses.
    pub fn marks(&self, point: &str) {
        self.sql(&format!("SELECT pg_create_restore_point('{point}')"));
    }

    /// Restores it from [`Server::backs_up`] and the archive of its log, up to a point in time, as a person
    /// does.
    ///
    /// # Panics
    /// If it does not start again.
    pub fn is_restored_to(&self, point: &str) {
        let last = self.sql("SELECT pg_walfile_name(pg_switch_wal())");
        until("its log is archived", || {
            self.sql("SELECT coalesce(max(last_archived_wal), '') FROM pg_stat_archiver") >= last
        });
        self.kill();
        fs::remove_dir_all(self.data()).expect("own directory");
        copies(&self.folder.join("backup"), &self.data());
        let recovery = format!(
            "restore_command = 'cp ../archive/%f %p'\nrecovery_target_name = '{point}'\n\
             recovery_target_action = 'promote'\n"
        );
        append(&self.data().join("postgresql.conf"), &recovery);
        let signal = self.data().join("recovery.signal");
        fs::write(&signal, "").expect("own file");
        self.programs.gives(&signal);
        self.restart();
        until("it is restored", || self.sql("SELECT pg_is_in_recovery()") == "f");
    }

    /// A dump of a schema, taken now.
    ///
    /// # Panics
    /// If it cannot be made.
    #[must_use]
    pub fn dump(&self, schema: &str) -> PathBuf {
        let to = self.folder.join(&format!("{schema}.dump"));
        let mut dump = self.at_home("pg_dump");
        run(dump.args(["-Fc", "-n", schema, "-f"]).arg(&to).arg(DATABASE))
            .unwrap_or_else(|error| panic!("pg_dump: {error}"));
        to
    }

    /// A dump of the rows of a schema alone, taken now.
    ///
    /// # Panics
    /// If it cannot be made.
    #[must_use]
    pub fn dump_of_rows(&self, schema: &str) -> PathBuf {
        let to = self.folder.join(&format!("{schema}.rows"));
        let mut dump = self.at_home("pg_dump");
        dump.args(["-Fc", "-a", "--disable-triggers", "-n", schema, "-f"]).arg(&to).arg(DATABASE);
        run(&mut dump).unwrap_or_else(|error| panic!("pg_dump: {error}"));
        to
    }

    /// Puts such rows back into the same tables, in place of those that are there, past their triggers.
    ///
    /// # Panics
    /// If they cannot be.
    pub fn puts_rows_back(&self, schema: &str, rows: &Path) {
        let tables = self.sql(&format!(
            "SELECT string_agg(oid::regclass::text, ', ') FROM pg_class \
             WHERE relnamespace = '{schema}'::regnamespace AND relkind = 'r'"
        ));
        self.sql(&format!("SET session_replication_role = replica; TRUNCATE {tables}"));
        let mut restore = self.at_home("pg_restore");
        restore.args(["-a", "--disable-triggers", "-d", DATABASE]).arg(rows);
        run(&mut restore).unwrap_or_else(|error| panic!("pg_restore: {error}"));
    }

    /// Makes another database out of [`DATABASE`], which nobody uses meanwhile.
    ///
    /// # Panics
    /// If somebody stays connected.
    pub fn clones(&self, to: &str) {
        let text = format!("CREATE DATABASE {to} TEMPLATE {DATABASE}");
        self.alone_does(&text);
    }

    /// Gives [`DATABASE`]'s name to another one, and `old` to it.
    ///
    /// # Panics
    /// If somebody stays connected.
    pub fn puts_in_its_place(&self, other: &str, old: &str) {
        self.alone_does(&format!("ALTER DATABASE {DATABASE} RENAME TO {old}"));
        self.alone_does(&format!("ALTER DATABASE {other} RENAME TO {DATABASE}"));
    }

    /// What the server refuses while somebody is connected.
    fn alone_does(&self, text: &str) {
        until(text, || run(&mut self.psql(SUPERUSER, "postgres", text)).is_ok());
    }

    /// Puts a dump back, in place of what is there.
    ///
    /// # Panics
    /// If it cannot be.
    pub fn puts_back(&self, dump: &Path) {
        let mut restore = self.at_home("pg_restore");
        run(restore.args(["--clean", "--single-transaction", "-d", DATABASE]).arg(dump))
            .unwrap_or_else(|error| panic!("pg_restore: {error}"));
    }

    /// Moves its databases into a new cluster with `pg_upgrade`, as a person does for a newer PostgreSQL. The
    /// programs are the same; what becomes of the cluster does not depend on that.
    ///
    /// # Panics
    /// With what `pg_upgrade` says, if it refuses.
    pub fn is_upgraded(&self) {
        self.ends();
        let (old, new) = (self.folder.join("old"), self.folder.join("new"));
        self.programs.makes_a_cluster(&new);
        let mut upgrade = self.programs.server("pg_upgrade", "KILL");
        let programs = self.programs.directory();
        upgrade.arg("-b").arg(programs).arg("-B").arg(programs);
        upgrade.arg("-d").arg(self.data()).arg("-D").arg(&new);
        upgrade.args(["-U", SUPERUSER, "-s"]).arg(self.socket()).current_dir(self.folder.path());
        run(&mut upgrade).unwrap_or_else(|error| panic!("pg_upgrade: {error}"));
        fs::rename(self.data(), &old).expect("own directory");
        fs::rename(&new, self.data()).expect("own directory");
        for name in ["postgresql.conf", "pg_hba.conf"] {
            copies(&old.join(name), &self.data().join(name));
        }
        self.restart();
    }

    /// One of PostgreSQL's programs, as the superuser of this server.
    fn at_home(&self, program: &str) -> Command {
        let mut command = self.programs.own(program);
        command.arg("-h").arg(self.socket()).args(["-p", &self.port.to_string(), "-U", SUPERUSER]);
        command
    }

    /// Makes a replica the primary, and waits until it writes.
    ///
    /// # Panics
    /// If it does not.
    pub fn promote(&self) {
        assert_eq!(
            self.sql_in("postgres", "SELECT pg_promote(true, 60)"),
            "t",
            "{}",
            self.log_end()
        );
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

fn append(path: &Path, text: &str) {
    let file = fs::OpenOptions::new().append(true).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes())).expect("own file");
}

/// With owners and modes.
fn copies(from: &Path, to: &Path) {
    run(Command::new("cp").arg("-a").arg(from).arg(to))
        .unwrap_or_else(|error| panic!("cp: {error}"));
}

impl Programs {
    fn makes_a_cluster(&self, data: &Path) {
        let mut initdb = self.server("initdb", "KILL");
        initdb
            .args(["--auth=trust", "--no-sync", "--no-locale", "--encoding=UTF8"])
            .args(["--username", SUPERUSER, "--pgdata"])
            .arg(data);
        run(&mut initdb).unwrap_or_else(|error| panic!("initdb: {error}"));
    }
}

/// The processes that a process started.
fn children_of(process: u32) -> Vec<u32> {
    let path = format!("/proc/{process}/task/{process}/children");
    let text = fs::read_to_string(path).unwrap_or_default();
    text.split_whitespace().filter_map(|id| id.parse().ok()).collect()
}
