//! A way to the server that takes its time: what arrives goes on so much later, in each direction, and nothing
//! waits for what is before it.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::Failed;

/// Passes on what comes to a port of this machine to `port`, each direction half of `round_trip` late, until the
/// program ends. The port.
pub(crate) fn start(port: u16, round_trip: Duration) -> Result<u16, Failed> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let here = listener.local_addr()?.port();
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else { continue };
            for stream in [&client, &server] {
                let _ = stream.set_nodelay(true);
            }
            let (Ok(back), Ok(forth)) = (server.try_clone(), client.try_clone()) else { continue };
            carry(client, server, round_trip / 2);
            carry(back, forth, round_trip / 2);
        }
    });
    Ok(here)
}

fn carry(mut from: TcpStream, mut to: TcpStream, delay: Duration) {
    let (under_way, arriving) = mpsc::channel::<(Instant, Vec<u8>)>();
    std::thread::spawn(move || {
        for (arrives, bytes) in arriving {
            std::thread::sleep(arrives.saturating_duration_since(Instant::now()));
            if to.write_all(&bytes).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    });
    std::thread::spawn(move || {
        let mut room = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = from.read(&mut room) {
            if under_way.send((Instant::now() + delay, room[..length].to_vec())).is_err() {
                break;
            }
        }
    });
}
