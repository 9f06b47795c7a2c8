//! Twenty thousand broken answers, and what has always been made of them.
//!
//! The verdicts were recorded from the reader that this library had before it read heads with ureq:
//! whatever reads answers next must be neither more lenient nor less.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::TcpListener;

use crate::host::transport;
use crate::*;

const CASES: usize = 20_000;
const A_LINE: usize = 100;
const RECORDED: &str = include_str!("../../../tests/vectors/mutated-answers.txt");

/// Whole answers of every framing, and of none.
const ANSWERS: [&str; 10] = [
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 22\r\n\r\n\
     {\"responseCode\": \"00\"}",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n\
     10\r\n{\"responseCode\":\r\n6;x=y\r\n \"00\"}\r\n0\r\nTrailer: 1\r\n\r\n",
    "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"responseCode\": \"00\"}",
    "HTTP/1.0 200 OK\r\nServer: old\r\n\r\n{\"responseCode\": \"00\"}",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\nX: y\r\n\r\n\
     HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 503 Busy\r\nRetry-After: 30\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\nbusy",
    "HTTP/1.1 204 No Content\r\nContent-Encoding: identity\r\n\r\n",
    "HTTP/1.1 200 OK\nContent-Length: 2\nX-Long: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n\n{}",
    "HTTP/1.1 302 Found\r\nLocation: https://elsewhere/\r\nContent-Length: 5\r\n\r\nmoved",
];

/// What mutations put in.
const PIECES: [&str; 32] = [
    "\r\n",
    "\n",
    "\r",
    "\r\n\r\n",
    "\n\n",
    " ",
    "\t",
    "\x0b",
    "\0",
    ":",
    ";",
    ",",
    "+",
    "-",
    "0",
    "5",
    "f",
    "\u{e4}",
    "HTTP/1.1 200 OK\r\n",
    "HTTP/1.1 100 Continue\r\n\r\n",
    "HTTP/1.1 101 Switching\r\n\r\n",
    "HTTP/2 200\r\n",
    "Content-Length: 2\r\n",
    "Content-Length: 22\r\n",
    "Content-Length: 99999999999999999999\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding: gzip\r\n",
    "Content-Encoding: gzip\r\n",
    "Retry-After: 9\r\n",
    " folded\r\n",
    "0\r\n\r\n",
    "65537",
];

/// A small generator that stays what it is: the vectors hang on it.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33).unwrap() % limit
    }
}

fn mutated(number: usize) -> Vec<u8> {
    let mut dice =
        Dice(0x9e37_79b9_7f4a_7c15 ^ (number as u64 + 1).wrapping_mul(0xd134_2543_de82_ef95));
    let mut answer = ANSWERS[dice.below(ANSWERS.len())].as_bytes().to_vec();
    for _ in 0..1 + dice.below(3) {
        let at = dice.below(answer.len() + 1);
        let until = (at + 1 + dice.below(12)).min(answer.len());
        match dice.below(6) {
            0 if at < answer.len() => answer[at] ^= 1 << dice.below(8),
            1 => drop(answer.drain(at..until)),
            2 => {
                let again = answer[at..until].to_vec();
                answer.splice(at..at, again);
            }
            3 if dice.below(4) == 0 => answer.truncate(at),
            _ => {
                let piece = PIECES[dice.below(PIECES.len())];
                answer.splice(at..at, piece.bytes());
            }
        }
    }
    answer
}

/// One letter: which end it was, and of which kind.
fn letter(exchange: &Exchange) -> char {
    match exchange {
        Exchange::Answered(_) => 'a',
        Exchange::NotSent(_) => 'N',
        Exchange::NoAnswer(failure) => match failure.kind {
            FailureKind::Malformed => 'm',
            FailureKind::Broken => 'b',
            FailureKind::Timeout => 't',
            _ => '?',
        },
    }
}

/// Adds what an answer says to a sum.
fn add(sum: &mut u64, exchange: &Exchange) {
    let Exchange::Answered(answer) = exchange else { return };
    let said = format!("{} {:?} {:?}", answer.status, answer.retry_after, answer.body);
    for byte in said.bytes() {
        *sum = (*sum ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
}

#[test]
fn n16_n23_twenty_thousand_mutated_answers_are_judged_as_ever() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/pos", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for number in 0..CASES {
            let (stream, _) = listener.accept().unwrap();
            let mut peer = crate::host::Peer::plain(stream);
            // The client may hang up in the middle of an answer that it does not believe.
            let _ = peer.read_request().and_then(|_| peer.write_all(&mutated(number)));
            peer.close();
        }
    });
    let transport = transport(&url);
    let mut judged = String::new();
    for line in 0..CASES / A_LINE {
        let mut sum = 0xcbf2_9ce4_8422_2325;
        for _ in 0..A_LINE {
            let exchange = exchange(&transport);
            judged.push(letter(&exchange));
            add(&mut sum, &exchange);
        }
        writeln!(judged, " {sum:016x}").unwrap();
        let (ours, recorded) = (judged.lines().nth(line), RECORDED.lines().nth(line));
        assert_eq!(ours, recorded, "cases {} to {}", line * A_LINE, (line + 1) * A_LINE - 1);
    }
    assert_eq!(judged, RECORDED);
}
