"""`ovo-ptp credentials`: OVO's procedure for handing over credentials, from key pair to file.

OVO encrypts a random pass phrase for a public key of yours (`key.bin.enc`), and the credentials
with that pass phrase (`cred_file.enc`). Its page describes both as commands of the program
`openssl`, so that program does them here: what was tried on OVO's side is what runs, the package
keeps no dependency for a thing done once a year, and the private key never enters this process.
Nothing that was decrypted is on the disk before the file that is asked for, which only its owner
can read.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ovo_ptp
from ovo_ptp.cli import output
from ovo_ptp.cli.options import path

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

#: The six values, in the order of the file, and what they are called elsewhere, letters only.
NAMES = {
    "merchant_id": ("merchantid", "merchantnumber", "merchantno"),
    "store_code": ("storecode", "storeid", "store"),
    "tid": ("tid", "terminalid"),
    "mid": ("mid", "acquirermid"),
    "app_id": ("appid", "applicationid"),
    "app_key": ("appkey", "applicationkey", "secretkey", "key"),
}


def run(options: argparse.Namespace) -> int:
    """`ovo-ptp credentials ACTION`."""
    return ACTIONS[options.action](options)


def _new(options: argparse.Namespace) -> int:
    """A key pair: 2048 bits, as OVO's page asks for."""
    private, public = path(options.private), path(options.public)
    with _only_mine(private), _only_mine(public):
        shut = [] if options.no_passphrase else ["-aes256", *_passphrase("-passout", options)]
        _openssl("genrsa", *shut, "-out", str(private), "2048")
        opened = [] if options.no_passphrase else _passphrase("-passin", options)
        _openssl("rsa", "-in", str(private), *opened, "-pubout", "-out", str(public))
    public.chmod(0o644)
    output.say(f"{public}: send this one to OVO")
    output.say(f"{private}: keep it, and show it to nobody")
    return 0


def _open(options: argparse.Namespace) -> int:
    """What OVO sent back, decrypted into a credentials file."""
    target = path(options.out)
    if target.exists():
        raise _refused(f"{target} exists already; nothing is overwritten")
    key = _openssl(
        "pkeyutl",
        "-decrypt",
        "-inkey",
        str(path(options.private)),
        *_passphrase("-passin", options),
        "-in",
        str(path(options.key)),
    )
    # The program itself reads the pass phrase out of the key file, which may be any bytes.
    cipher = ("-aes-256-cbc", "-md", "sha256")
    given = ("-in", str(path(options.file)), "-pass", "stdin")
    text = _openssl("enc", "-d", *cipher, *given, given=key).decode("utf-8", "replace")
    found = read(text)
    missing = [name for name in NAMES if name not in found]
    # Two tills, or production and staging: the first of each would be a mixture of both.
    several = [name for name, values in found.items() if len(values) > 1]
    if missing or several:
        aside = target.with_name(target.name + ".txt")
        _write(aside, text)
        wrong = [f"no {', '.join(missing)}"] if missing else []
        wrong += [f"more than one {', '.join(several)}"] if several else []
        raise _refused(
            f"decrypted, but {' and '.join(wrong)} found in it; it is in {aside}, for you to "
            f"copy the values of this till into {target} by hand"
        )
    # A JSON text is a TOML text: both quote in the same way what can stand in these values.
    _write(target, "".join(f"{name} = {json.dumps(found[name][0])}\n" for name in NAMES))
    try:
        credentials = ovo_ptp.Credentials.from_file(target)
    except ovo_ptp.OvoError as error:
        raise _refused(
            f"{target} was written, and has a value that breaks a rule: {error}"
        ) from None
    output.say(
        f"{target}: merchant {credentials.merchant_id}, store {credentials.store_code}, "
        f"tid {credentials.tid}, mid {credentials.mid}, app id {credentials.app_id}"
    )
    output.say(f"now: ovo-ptp doctor --credentials {target}")
    return 0


def read(text: str) -> dict[str, list[str]]:
    """The values in a decrypted file, whose layout OVO does not publish: JSON, or a line each.

    Each value of a name that differs from those before it, in the order of `NAMES`.
    """
    with contextlib.suppress(ValueError):
        # Objects as tuples of their pairs: a dictionary would keep the last of a name alone.
        return _named(_pairs(json.loads(text, object_pairs_hook=tuple)))
    lines = (
        re.split(r"\s*[:=,;\t|]\s*|\s{2,}", line.strip(), maxsplit=1) for line in text.splitlines()
    )
    return _named((pair[0], pair[1]) for pair in lines if len(pair) == 2)


def _pairs(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, tuple):
        for name, it in value:
            if isinstance(it, (tuple, list)):
                yield from _pairs(it)
            else:
                yield name, str(it)
    elif isinstance(value, list):
        for it in value:
            yield from _pairs(it)


def _named(pairs: Iterator[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {name: [] for name in NAMES}
    for name, given in pairs:
        letters = re.sub(r"[^a-z]", "", name.lower())
        value = given.strip(" \t\"',")
        for known, others in NAMES.items():
            if letters in others and value and value not in found[known]:
                found[known].append(value)
    return {name: values for name, values in found.items() if values}


def _passphrase(option: str, options: argparse.Namespace) -> list[str]:
    """Without a file `openssl` asks on the terminal, where nobody else can read it."""
    file = options.passphrase_file
    return [] if file is None else [option, f"file:{path(file)}"]


def _openssl(*arguments: str, given: bytes | None = None) -> bytes:
    program = shutil.which("openssl")
    if program is None:
        raise _refused("the program openssl (1.1.0 or newer) is not installed")
    done = subprocess.run(  # noqa: S603 - a program of the system's, with arguments of ours
        [program, *arguments],
        input=given,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        why = next(
            (line for line in said if "rror" in line), said[-1] if said else "no reason given"
        )
        raise _refused(f"openssl {arguments[0]} failed: {why}")
    return done.stdout


@contextlib.contextmanager
def _only_mine(file: Path) -> Iterator[None]:
    """A new file that only its owner can read; gone again if it does not come to be whole."""
    _write(file, "")
    try:
        yield
    except BaseException:
        file.unlink(missing_ok=True)
        raise


def _write(file: Path, text: str) -> None:
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise _refused(f"{file} exists already; nothing is overwritten") from None
    except OSError as error:
        raise _refused(f"{file} cannot be made: {error.strerror}") from None
    with os.fdopen(handle, "w", encoding="utf-8") as opened:
        opened.write(text)


def _refused(why: str) -> ovo_ptp.ConfigurationError:
    return ovo_ptp.ConfigurationError(f"credentials: {why}")


ACTIONS: dict[str, Callable[[argparse.Namespace], int]] = {"new": _new, "open": _open}
