//! The browser that shows the page: the user's own choice (`BROWSER`), else the desktop's.

use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Whoever still runs behind this is a browser, and none that could not start.
const STARTS: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(20);

/// Has the page shown, beside whatever goes on.
pub(super) fn show(url: String) {
    thread::spawn(move || {
        if !open(&url) {
            eprintln!("ovo-sandbox: no browser was found: open {url} yourself");
        }
    });
}

/// `false` if nothing here can show it.
fn open(url: &str) -> bool {
    let chosen = std::env::var("BROWSER").unwrap_or_default();
    chosen.split(SEPARATOR).filter_map(|one| command(one, url)).chain([desktop(url)]).any(shows)
}

const SEPARATOR: char = if cfg!(windows) { ';' } else { ':' };

/// One of the browsers in `BROWSER`: a program and its arguments, with the address in the place of
/// `%s` or behind them.
fn command(one: &str, url: &str) -> Option<Command> {
    let mut words = one.split_whitespace().filter(|word| *word != "&");
    let mut command = Command::new(words.next()?);
    let mut has_place = false;
    for word in words {
        has_place |= word.contains("%s");
        command.arg(word.replace("%s", url));
    }
    if !has_place {
        command.arg(url);
    }
    Some(command)
}

fn desktop(url: &str) -> Command {
    let mut opener = if cfg!(target_os = "macos") {
        Command::new("open")
    } else if cfg!(windows) {
        let mut shell = Command::new("rundll32");
        shell.arg("url.dll,FileProtocolHandler");
        shell
    } else {
        Command::new("xdg-open")
    };
    opener.arg(url);
    opener
}

/// An opener ends as soon as it has told a browser; a browser only when its window is closed.
fn shows(mut command: Command) -> bool {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let Ok(mut child) = command.spawn() else { return false };
    let end = Instant::now() + STARTS;
    while Instant::now() < end {
        match child.try_wait() {
            Ok(Some(status)) => return status.success(),
            Ok(None) => thread::sleep(PAUSE),
            Err(_) => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_takes_its_place_or_stands_last() {
        for (chosen, told) in [
            ("firefox", &["firefox", "http://x/"][..]),
            ("chromium --app=%s --incognito", &["chromium", "--app=http://x/", "--incognito"]),
            ("  lynx  -accept_all_cookies &", &["lynx", "-accept_all_cookies", "http://x/"]),
        ] {
            let command = command(chosen, "http://x/").unwrap();
            let words: Vec<_> =
                [command.get_program()].into_iter().chain(command.get_args()).collect();
            assert_eq!(words, told);
        }
        assert!(command("  ", "http://x/").is_none());
    }

    #[test]
    fn what_fails_or_is_not_there_shows_nothing() {
        assert!(!shows(Command::new("false")));
        assert!(!shows(Command::new("there-is-no-such-browser")));
        assert!(shows(Command::new("true")));
    }
}
