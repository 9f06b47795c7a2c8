//! What the other tests stand on: servers that follow, die and end; a pooler; a proxy that cuts where it says.

use std::path::Path;
use std::process::Command;

use ovo_crash::process::Process;
use ovo_postgres::{APPLICATION, Cut, Pooler, Proxy, Server, are_installed, until};

const TABLE: &str = "CREATE TABLE public.t (i int); GRANT ALL ON public.t TO PUBLIC";

fn rows(server: &Server) -> String {
    server.sql("SELECT coalesce(string_agg(i::text, ',' ORDER BY i), '') FROM public.t")
}

#[test]
fn a_proxy_cuts_before_inside_and_behind_a_statement() {
    let Some(server) = Server::if_installed() else { return };
    server.sql(TABLE);
    let proxy = Proxy::start(server.port());
    let insert = |i: u32| {
        let text = format!("INSERT INTO public.t VALUES ({i})");
        server.sql_through(proxy.port(), APPLICATION, &text)
    };
    assert_eq!(insert(0), Ok(String::new()));
    for (i, cut) in [(1, Cut::Before), (2, Cut::Inside), (3, Cut::Behind)] {
        proxy.cuts(cut, "INSERT", 0);
        assert!(insert(i).is_err(), "{cut:?}");
    }
    assert_eq!(rows(&server), "0,3");
    proxy.cuts(Cut::Behind, "INSERT", 1);
    assert_eq!(insert(4), Ok(String::new()));
    assert!(insert(5).is_err());
    assert_eq!((rows(&server).as_str(), proxy.hits()), ("0,3,4,5", 4));
    // A silent connection: psql would wait for ever, and its row is there.
    proxy.cuts(Cut::Silent, "INSERT", 0);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| insert(6));
        until("the row is written", || rows(&server) == "0,3,4,5,6");
        assert!(!waiting.is_finished());
        proxy.breaks_all();
        assert!(waiting.join().expect("no panic").is_err());
    });
}

#[test]
fn a_replica_that_fell_behind_loses_what_an_asynchronous_primary_promised() {
    let Some(primary) = Server::if_installed() else { return };
    primary.sql(TABLE);
    let replica = primary.replica(false);
    primary.sql("INSERT INTO public.t VALUES (1)");
    primary.is_followed();
    replica.follows_nobody();
    primary.sql("INSERT INTO public.t VALUES (2)");
    primary.kill();
    replica.promote();
    assert_eq!(rows(&replica), "1");
    assert_eq!(
        replica.sql("SELECT substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)"),
        "00000002"
    );
    // The old primary comes back and knows nothing of it.
    primary.restart();
    assert_eq!(rows(&primary), "1,2");
}

#[test]
fn a_synchronous_replica_loses_nothing() {
    let Some(primary) = Server::if_installed() else { return };
    primary.sql(TABLE);
    let replica = primary.replica(true);
    primary.sql("INSERT INTO public.t VALUES (1)");
    replica.stands_still(true);
    std::thread::scope(|scope| {
        let writes = scope.spawn(|| primary.sql("INSERT INTO public.t VALUES (2)"));
        until("the primary waits", || {
            primary.sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'") == "1"
        });
        assert!(!writes.is_finished());
        replica.stands_still(false);
        writes.join().expect("the server refuses nothing");
    });
    primary.kill();
    replica.promote();
    assert_eq!(rows(&replica), "1,2");
}

#[test]
fn a_pooler_in_transaction_mode_keeps_no_session() {
    let Some(server) = Server::if_installed() else { return };
    let pooler = Pooler::start(&server);
    let through = |text: &str| server.sql_through(pooler.port(), APPLICATION, text);
    assert_eq!(through("SELECT current_user"), Ok(APPLICATION.to_owned()));
    assert_eq!(server.sql("SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE ssl AND usename = 'shop_till'"), "1");
}

#[test]
fn a_server_ends_with_the_process_that_started_it() {
    if !are_installed() {
        return;
    }
    let mut starter = Process::start(Command::new(env!("CARGO_BIN_EXE_ovo-postgres")).arg("serve"));
    let server: u32 = starter.says("process").parse().expect("a process id");
    let process = format!("/proc/{server}");
    assert!(Path::new(&process).exists());
    starter.kill();
    until("the server has ended", || !Path::new(&process).exists());
}
