//! pgbouncer in transaction mode.

use std::fs;
use std::io::Read;
use std::net::TcpStream;
use std::process::{Child, Stdio};

use crate::folder::Folder;
use crate::programs::{self, Programs};
use crate::server::{APPLICATION, OWNER, PASSWORD, Server, free_port};
use crate::until;

/// A pooler before a server, killed at the latest when this is dropped.
#[derive(Debug)]
pub struct Pooler {
    process: Child,
    port: u16,
    folder: Folder,
}

impl Pooler {
    /// Starts one with few connections of its own, so that transactions of different clients meet on each.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start(server: &Server) -> Pooler {
        for _ in 0..8 {
            if let Some(pooler) = Pooler::start_on(server, free_port()) {
                return pooler;
            }
        }
        panic!("pgbouncer does not start");
    }

    fn start_on(server: &Server, port: u16) -> Option<Pooler> {
        let programs = Programs::here();
        let folder = Folder::make(&programs);
        let users = folder.join("users");
        let settings = folder.join("pgbouncer.ini");
        let lines = [OWNER, APPLICATION].map(|role| format!("\"{role}\" \"{PASSWORD}\"\n"));
        fs::write(&users, lines.concat()).expect("own file");
        let (certificate, key) = server.certificate_and_key();
        let text = format!(
            "[databases]\n* = host=127.0.0.1 port={}\n\
             [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
             pool_mode = transaction\ndefault_pool_size = 2\nmax_client_conn = 200\n\
             auth_type = scram-sha-256\nauth_file = {}\n\
             client_tls_sslmode = allow\nclient_tls_cert_file = {}\nclient_tls_key_file = {}\n\
             server_tls_sslmode = verify-full\nserver_tls_ca_file = {}\n",
            server.port(),
            users.display(),
            certificate.display(),
            key.display(),
            server.authority().display(),
        );
        fs::write(&settings, text).expect("own file");
        // Another server's directory is closed to whoever does not run it: the same user does.
        for path in [&users, &settings] {
            programs.gives(path);
        }
        let program = Programs::pooler().expect("pgbouncer is installed");
        let mut command = programs.kept(&program, "KILL");
        command.arg(&settings).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut process = programs::spawn(command).expect("pgbouncer can be run");
        let mut lives = true;
        until("pgbouncer listens", || {
            lives = process.try_wait().expect("a child can be waited for").is_none();
            !lives || TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        let mut pooler = Pooler { process, port, folder };
        if !lives {
            let mut said = String::new();
            if let Some(mut stderr) = pooler.process.stderr.take() {
                let _ = stderr.read_to_string(&mut said);
            }
            eprintln!("pgbouncer in {}: {said}", pooler.folder.path().display());
            return None;
        }
        // Its log must not fill the pipe.
        let mut stderr = pooler.process.stderr.take()?;
        std::thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::sink()));
        Some(pooler)
    }

    /// Its port on 127.0.0.1, with TLS (the server's certificate) and without.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
