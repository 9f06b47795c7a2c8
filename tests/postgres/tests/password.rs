//! A password that is asked for at every connection, as it changes while a client runs.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ovo_postgres::{APPLICATION, PASSWORD, Server, Street, charge, until};
use ovo_ptp::journal::postgres::{Dsn, Login, NoPassword, PostgresJournal, PostgresOptions};
use ovo_ptp::{Client, ErrorKind, Outcome};

type Token = Arc<Mutex<Result<String, NoPassword>>>;

fn token(text: &str) -> Token {
    Arc::new(Mutex::new(Ok(text.to_owned())))
}

fn changes(token: &Token, to: Result<&str, &'static str>) {
    *token.lock().unwrap_or_else(PoisonError::into_inner) =
        to.map(str::to_owned).map_err(NoPassword::from);
}

/// The address without a password.
fn address(server: &Server) -> String {
    server.dsn(APPLICATION).replace(&format!(":{PASSWORD}@"), "@")
}

/// The server takes another password from now on, and every node must come again.
fn rolls(server: &Server, password: &str) {
    server.sql(&format!("ALTER ROLE {APPLICATION} PASSWORD '{password}'"));
    server.sql(&format!(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = '{APPLICATION}'"
    ));
}

fn pays(node: &Client, invoice: &str) {
    until("the journal is reached", || match node.pay(&charge(invoice)) {
        Ok(outcome) => {
            assert!(matches!(outcome, Outcome::Paid(_)), "{invoice}: {outcome:?}");
            true
        }
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Journal, "{invoice}: {error}");
            false
        }
    });
}

#[test]
fn a_password_that_expires_is_asked_for_again_and_the_payments_go_on() {
    let Some(server) = Server::migrated() else { return };
    let street = Street::open();
    let current = token(PASSWORD);
    let calls = Arc::new(AtomicUsize::new(0));
    let (asked, counted) = (Arc::clone(&current), Arc::clone(&calls));
    let port = server.port();
    let builder = street.shop(&address(&server)).builder().expect("a set-up");
    let node = builder.journal_password(move |login| {
        assert_eq!((login.host.as_str(), login.port), ("localhost", port));
        assert_eq!(login.user, APPLICATION);
        counted.fetch_add(1, Ordering::SeqCst);
        asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    });
    let node = node.open().expect("a node");
    pays(&node, "FIRST");
    let before = calls.load(Ordering::SeqCst);
    assert!(before > 0);
    pays(&node, "BESIDE");

    rolls(&server, "hunter2-of-the-next-hour");
    changes(&current, Ok("hunter2-of-the-next-hour"));
    pays(&node, "SECOND");
    assert!(calls.load(Ordering::SeqCst) > before, "a connection asks anew");

    // One that nobody renewed is an error as of a server that is away, and shows no secret.
    rolls(&server, "hunter2-of-a-third-hour");
    let refused = node.pay(&charge("REFUSED")).expect_err("an old password").to_string();
    assert!(refused.contains("password authentication failed"), "{refused}");
    changes(&current, Err("the token service is away"));
    let none = node.pay(&charge("REFUSED")).expect_err("no password").to_string();
    assert!(none.contains("password callback has none: the token service is away"), "{none}");
    assert!(!format!("{refused} {none}").contains("hunter2"), "{refused} {none}");
    assert_eq!(street.pushes("REFUSED"), 0);

    changes(&current, Ok("hunter2-of-a-third-hour"));
    pays(&node, "THIRD");
    for invoice in ["FIRST", "BESIDE", "SECOND", "THIRD"] {
        assert_eq!((street.pushes(invoice), street.debited(invoice)), (1, 12_500), "{invoice}");
    }
}

#[test]
fn two_passwords_are_refused_and_so_is_one_for_a_file() {
    let Some(server) = Server::migrated() else { return };
    let street = Street::open();
    let ask = |_: &_| Ok("hunter2".to_owned());
    let both = street.shop(&server.dsn(APPLICATION)).builder().expect("a set-up");
    let both = both.journal_password(ask).open().expect_err("two passwords");
    assert!(both.to_string().contains("password: stands in the address"), "{both}");
    assert_eq!(both.kind(), ErrorKind::Configuration);
    let folder = tempfile::tempdir().expect("a directory");
    let file = folder.path().join("ovo.db");
    let builder = street.shop(&server.dsn(APPLICATION)).builder().expect("a set-up");
    let error = builder.journal(&file).journal_password(ask).open().expect_err("a file");
    assert!(error.to_string().contains("journal password: is for a journal in PostgreSQL"));
    assert!(!file.exists());
}

/// What is told where nobody listens: whoever is asked comes before the connection.
fn told(ask: impl Fn(&Login) -> Result<String, NoPassword> + Send + Sync + 'static) -> String {
    let dsn = Dsn::parse("postgresql://till@127.0.0.1:1/shop?sslmode=disable").expect("an address");
    let dsn = dsn.with_password_from(ask).expect("one password");
    PostgresJournal::open(&dsn, &PostgresOptions::default())
        .expect_err("nobody listens")
        .to_string()
}

#[test]
fn what_is_no_password_is_named_and_never_shown() {
    for (is, said) in [
        (Err("the token service is away".into()), "has none: the token service is away"),
        (Ok(String::new()), "returned nothing"),
        (Ok("hunter2\0".to_owned()), "returned a text with a zero in it"),
        (Ok("hunter2".repeat(2_000)), "returned more than 8,191 bytes"),
    ] {
        let error = told(move |_| is.clone());
        assert!(error.contains(&format!("127.0.0.1: the password callback {said}")), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
    let error = told(|_| panic!("a planted defect"));
    assert!(error.contains("the password callback panicked, or"), "{error}");
    let error = told(|_| Ok("hunter2".to_owned()));
    assert!(error.contains("refused") && !error.contains("hunter2"), "{error}");
}

#[test]
fn one_that_does_not_return_holds_nobody_and_is_not_asked_again_meanwhile() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counts = Arc::clone(&calls);
    let text = "postgresql://till@127.0.0.1:1,127.0.0.1:2/shop?sslmode=disable";
    let dsn = Dsn::parse(text).expect("an address").with_password_from(move |_| {
        counts.fetch_add(1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_secs(60));
        Ok("late".to_owned())
    });
    let begun = Instant::now();
    let opened = PostgresJournal::open(&dsn.expect("one"), &PostgresOptions::default());
    let error = opened.expect_err("nobody listens").to_string();
    assert!(error.contains("did not return within 3 s"), "{error}");
    // Of two hosts, which have their time at once.
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

/// The hosts of an address wait for each other: the last one's turn comes when its time is over.
#[test]
fn a_slow_one_serves_a_primary_that_is_not_the_first_host() {
    let Some(server) = Server::migrated() else { return };
    let two = address(&server).replace("@localhost", "@localhost:1,localhost");
    let dsn = Dsn::parse(&two).expect("an address").with_password_from(|_| {
        std::thread::sleep(Duration::from_millis(1_700));
        Ok(PASSWORD.to_owned())
    });
    let dsn = dsn.expect("one password");
    until("the server answers", || {
        PostgresJournal::open(&dsn, &PostgresOptions::default()).is_ok()
    });
}

#[test]
fn an_address_without_a_client_asks_too() {
    let Some(server) = Server::migrated() else { return };
    let dsn = Dsn::parse(&address(&server)).expect("an address");
    let opened = |password: &'static str| {
        let dsn = dsn.clone().with_password_from(move |_| Ok(password.to_owned()));
        PostgresJournal::open(&dsn.expect("one password"), &PostgresOptions::default())
    };
    until("the server answers", || opened(PASSWORD).is_ok());
    let error = opened("hunter2").expect_err("another password").to_string();
    assert!(
        error.contains("password authentication failed") && !error.contains("hunter2"),
        "{error}"
    );
}
