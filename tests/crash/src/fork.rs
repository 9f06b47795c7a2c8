//! A process that forks with an open client (MP11), as servers that load their
//! application before they fork do.

use std::error::Error;

use ovo_ptp::payment::Ruling;
use ovo_ptp::{Charge, Client, ErrorKind, MerchantInvoice, PhoneNumber, Rupiah};

use crate::shop::Shop;
use crate::told::ToldLog;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// Forks while a customer decides. In the child every call must be an error; the parent's payment
/// must not notice. Says what went wrong.
///
/// # Errors
/// What went wrong.
pub fn fork_while_paying(shop: &Shop, invoice: &str, phone: &str) -> Result<()> {
    let log = ToldLog::open(&shop.told("parent"))?;
    let client = shop.open()?;
    let charge = Charge::new(invoice, Rupiah::new(10_000)?, phone.parse()?)?;
    let handle = client.start(&charge)?;
    println!("begun");
    // The parent waits to be told to go on: its customer is looking at the prompt then.
    std::io::stdin().read_line(&mut String::new())?;
    // SAFETY: the child calls only what this test is about, and ends with _exit; the C library
    // keeps its own allocator usable in a child of a process with threads.
    let pid = unsafe { libc::fork() };
    match pid {
        -1 => return Err(std::io::Error::last_os_error().into()),
        0 => {
            let verdict = in_the_child(shop, client, &charge, invoice);
            if let Err(error) = &verdict {
                eprintln!("in the child: {error}");
            }
            // SAFETY: ends the child at once, without the parent's exit handlers.
            unsafe { libc::_exit(i32::from(verdict.is_err())) }
        }
        _ => {}
    }
    let mut status = 0;
    // SAFETY: waits for the child just made and writes to one integer.
    if unsafe { libc::waitpid(pid, &raw mut status, 0) } != pid || status != 0 {
        return Err(format!("the child ended with {status}").into());
    }
    // The parent is unaffected: the old payment ends, and a new one begins.
    let outcome = handle.outcome();
    log.outcome(&outcome)?;
    println!("told {}", outcome.name());
    let next = format!("{invoice}-NEXT");
    let outcome =
        client.pay(&Charge::new(&next, Rupiah::new(10_000)?, "081300000007".parse()?)?)?;
    log.outcome(&outcome)?;
    println!("then {}", outcome.name());
    Ok(())
}

fn in_the_child(shop: &Shop, client: Client, charge: &Charge, invoice: &str) -> Result<()> {
    let invoice: MerchantInvoice = invoice.parse()?;
    let phone: PhoneNumber = "081300000001".parse()?;
    let calls = [
        ("pay", client.pay(charge).err()),
        ("start", client.start(charge).err()),
        ("inquire", client.inquire(&phone).err()),
        ("check", client.check(&invoice).err()),
        ("check with phone", client.check_with_phone(&invoice, &phone).err()),
        ("void", client.void(&invoice).err()),
        ("check void", client.check_void(&invoice).err()),
        ("settle", client.settle().err()),
        ("next settlement", client.next_settlement().err()),
        ("unacknowledged", client.unacknowledged().err()),
        ("acknowledge", client.acknowledge(&invoice).err()),
        ("payments", client.payments(&ovo_ptp::journal::Filter::default()).err()),
        ("payment", client.payment(&invoice).err()),
        ("rule", client.rule(&invoice, Ruling::Close, "reviewed").err()),
        ("report paid", client.report_paid(&invoice).err()),
        ("doctor", client.doctor().err()),
    ];
    for (name, error) in calls {
        match error.map(|error| error.kind()) {
            Some(ErrorKind::Forked) => {}
            other => return Err(format!("{name}: {other:?}").into()),
        }
    }
    // Nor can it open the parent's journal, which it would corrupt by closing it. One in a database it can.
    match shop.open().map_err(|error| error.kind()) {
        Ok(_) if shop.database.is_some() => {}
        Err(ErrorKind::Forked | ErrorKind::JournalLocked) => {}
        other => return Err(format!("opening again: {other:?}").into()),
    }
    client.close();
    drop(client);
    Ok(())
}
