//! Servers that die, come back, go back in time or live beside each other, with whole clients on them.

use ovo_postgres::{APPLICATION, Proxy, Server, Street, charge, until};
use ovo_ptp::{Client, ErrorKind, Outcome};

fn order(number: u32) -> String {
    format!("ORDER-{number}")
}

/// Pays as soon as the journal lets it.
fn pays(node: &Client, number: u32) {
    until("the journal is judged", || match node.pay(&charge(&order(number))) {
        Ok(outcome) => {
            assert!(matches!(outcome, Outcome::Paid(_)), "{number}: {outcome:?}");
            true
        }
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Journal, "{number}: {error}");
            false
        }
    });
}

fn numbers(server: &Server, number: u32) -> String {
    server
        .sql(&format!("SELECT batch, reference FROM ovo.payment WHERE invoice = 'ORDER-{number}'"))
}

#[test]
fn mp16_an_intent_whose_wait_for_the_standby_was_cancelled_is_not_sent() {
    let Some(primary) = Server::migrated() else { return };
    let street = Street::open();
    let replica = primary.replica(true);
    let proxy = Proxy::start(primary.port());
    let node = street.node(&primary.plain_dsn(APPLICATION, proxy.port()));
    pays(&node, 1);
    replica.stands_still(true);
    std::thread::scope(|scope| {
        let paying = scope.spawn(|| node.pay(&charge("ORDER-2")));
        // What a time-out of a driver, or an impatient person, does: the server answers success, with a warning.
        until("the call ends", || {
            primary.sql(
                "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity \
                 WHERE wait_event = 'SyncRep' AND usename = 'shop_till'",
            );
            paying.is_finished()
        });
        let told = paying.join().expect("no panic");
        assert!(!matches!(told, Ok(Outcome::Paid(_))), "{told:?}");
        assert_eq!(street.pushes("ORDER-2"), 0, "its Intent is on one server only");
    });
    assert_eq!(proxy.cancel_requests(), 0);
    // The primary is lost, with what only it had.
    primary.kill();
    replica.stands_still(false);
    replica.promote();
    proxy.leads_to(replica.port());
    pays(&node, 3);
    assert_ne!(numbers(&replica, 1), numbers(&replica, 3));
    assert_eq!((street.pushes("ORDER-2"), street.pushes("ORDER-3")), (0, 1));
}

#[test]
fn mp17_storage_that_went_back_in_time_gives_out_no_number_twice() {
    let Some(server) = Server::migrated() else { return };
    let street = Street::open();
    let node = street.node(&server.dsn(APPLICATION));
    pays(&node, 1);
    server.remembers();
    pays(&node, 2);
    let lost = numbers(&server, 2);
    server.goes_back();
    assert_eq!(numbers(&server, 2), "", "the storage is as it was before");
    // The same timeline and the same system: only who had an answer can know.
    pays(&node, 3);
    assert_ne!(numbers(&server, 3), lost);
    // OVO took the money of what the journal forgot; it is told by its settlement file alone.
    assert_eq!((street.pushes("ORDER-1"), street.pushes("ORDER-3")), (1, 1));
}

#[test]
fn mp17_the_old_primary_alive_beside_the_new_one_shares_no_number_with_it() {
    let Some(old) = Server::migrated() else { return };
    let street = Street::open();
    let replica = old.replica(false);
    let first = street.node(&old.dsn(APPLICATION));
    pays(&first, 1);
    old.is_followed();
    replica.follows_nobody();
    replica.promote();
    // Neither server knows that there are two.
    let proxy = Proxy::start(replica.port());
    let second = std::cell::OnceCell::new();
    until("the promoted server is judged", || {
        match street.shop(&old.plain_dsn(APPLICATION, proxy.port())).open() {
            Ok(node) => second.set(node).is_ok(),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Journal, "{error}");
                false
            }
        }
    });
    let second = second.get().expect("it opened");
    pays(second, 2);
    pays(&first, 3);
    let (there, here) = (numbers(&replica, 2), numbers(&old, 3));
    assert!(!there.is_empty() && !here.is_empty() && there != here, "{there} and {here}");
    assert_eq!((street.pushes("ORDER-2"), street.pushes("ORDER-3")), (1, 1));
}
