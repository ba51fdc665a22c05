"""The command pseudonymize: events and people for others, without names."""

from __future__ import annotations

import codecs
import os
import string
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pandas as pd

import te_audit_frames as taf
from te_audit_frames.cli import options, reading, values
from te_audit_frames.cli.output import FILE_FORMATS, to_csv, write_events, write_people
from te_audit_frames.cli.places import expand
from te_audit_frames.errors import InvalidArgument
from te_audit_frames.safe_text import number_of, visible
from te_audit_frames.schema import COLUMNS
from te_audit_frames.storage.atomic import atomic_write

if TYPE_CHECKING:
    from te_audit_frames.cli.reading import Where

_KEY = "TE_PSEUDONYM_KEY"


@click.command(
    epilog="""\b
WHERE is an archive, a bucket such as s3://bucket/te-audit, a .parquet, .csv or .jsonl file
from fetch, or a glob such as 'months/*.parquet'. There may be several.
The key is read from TE_PSEUDONYM_KEY or from --key-file: one line of at least 32 bytes,
without the white space around it. It must never leave with the file. With the same key, a
person has the same pseudonym in every file.

\b
Examples:
  (umask 077; openssl rand -hex 32 > key)
  te-audit-frames pseudonymize te-audit --window 30d --key-file key -o safe.parquet
  te-audit-frames pseudonymize te-audit --key-file key -o safe.parquet \\
    --users users.parquet --users-output safe-users.parquet"""
)
@reading.where_options()
@options.target_option(*FILE_FORMATS, text="The file to write: .parquet, .csv or .jsonl. An existing file is replaced.")
@click.option(
    "--key-file",
    metavar="FILE",
    type=click.Path(dir_okay=False),
    help="The file that holds the key. It must be readable only by you (chmod 600).",
)
@click.option(
    "--keep",
    multiple=True,
    type=click.Choice(COLUMNS),
    metavar="COLUMN",
    help="A column to leave as it is, such as account_group_name, also in --users. It may be given several times.",
)
@click.option(
    "--network",
    default="/24",
    show_default=True,
    metavar="/BITS",
    help="How many leading bits of an IPv4 address make a network. An IPv6 network has twice as many.",
)
@reading.users_option(required=False)
@click.option(
    "--users-output",
    metavar="FILE",
    type=values.Target(*FILE_FORMATS),
    help="Where to write the people of --users with the same pseudonyms.",
)
@click.option(
    "--table",
    metavar="FILE",
    type=values.Target(".csv"),
    help="Also write a .csv with every name and its pseudonym. It is as secret as the key.",
)
def pseudonymize(
    *,
    where: Where,
    output: str,
    key_file: str | None,
    keep: tuple[str, ...],
    network: str,
    users: str | None,
    users_output: str | None,
    table: str | None,
) -> None:
    """Write the events in WHERE with pseudonyms in place of names.

    Dates, kinds of events and counts stay, and networks can be told apart.
    """
    if (users is None) != (users_output is None):
        raise click.UsageError("--users and --users-output need each other. Give both, or neither.")
    read = [("WHERE", place) for place in expand(where.places)] + [("--key-file", key_file), ("--users", users)]
    _check_different(read, [("--output", output), ("--users-output", users_output), ("--table", table)])
    key = _read_key(key_file)
    events = where.read()
    people = None if users is None else reading.read_people(users)
    with options.naming_options():
        safe = taf.pseudonymize(events, key=key, keep=keep, network=network)
    safe_people = None if people is None else taf.pseudonymize(people, key=key, keep=_kept_of_people(keep))
    if table is not None:
        originals = [taf.pseudonym_table(events, key=key, network=network)]
        originals += [] if people is None else [taf.pseudonym_table(people, key=key)]
        text = to_csv(pd.concat(originals).drop_duplicates(ignore_index=True))
        with atomic_write(table) as file:
            file.write(f"{text}\n".encode())
    write_events(safe, output)
    click.echo(
        f"{number_of(len(safe), 'event')} with pseudonyms {'is' if len(safe) == 1 else 'are'} in {visible(output)}.",
        err=True,
    )
    if safe_people is not None and users_output is not None:
        write_people(safe_people, users_output)
        click.echo(
            f"{number_of(len(safe_people), 'person', 'people')} with pseudonyms "
            f"{'is' if len(safe_people) == 1 else 'are'} in {visible(users_output)}.",
            err=True,
        )
    from te_audit_frames.exchange.keyed import Keyed  # no other command needs it, and each should start quickly

    click.echo(
        f"The fingerprint of the key is {Keyed(key).fingerprint}: the same key gives the same pseudonyms.", err=True
    )
    if table is not None:
        click.echo(f"The names and their pseudonyms are in {visible(table)}. Keep it as secret as the key.", err=True)


def _kept_of_people(keep: Sequence[str]) -> list[str]:
    """Return the columns of ``--users`` to leave as they are: those that match columns left as they are in events."""
    from te_audit_frames.exchange.pseudonym_columns import MEMBERSHIP_COLUMNS

    kept = [name for name in keep if name in ("uid", *MEMBERSHIP_COLUMNS)]
    return [*kept, "name", "email"] if "user" in keep else kept


def _read_key(path: str | None) -> bytes | str:
    """Return the key. Text is stripped of white space and a byte order mark; other bytes are left as they are."""
    if path is not None:
        option, key = "--key-file", values.read_secret(path, option="--key-file")
    elif _KEY in os.environ:
        option, key = _KEY, os.fsencode(os.environ[_KEY])
    else:
        raise click.UsageError(
            f"There is no key. Put it into the environment variable {_KEY}, or give --key-file FILE. To make one: "
            "(umask 077; openssl rand -hex 32 > key)"
        )
    if key.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) and b"\0" in key:
        raise InvalidArgument(f"{option}: the key is in UTF-16, as PowerShell writes files. Save it as UTF-8.")
    try:
        text = key.decode().strip("\ufeff" + string.whitespace)
    except UnicodeDecodeError:
        return key
    if len(text.splitlines()) > 1:
        raise InvalidArgument(
            f"{option}: the key has several lines, and not every computer ends lines the same way. Make it one line."
        )
    return text


def _check_different(read: Sequence[tuple[str, str | None]], written: Sequence[tuple[str, str | None]]) -> None:
    """Raise an error if a file to write is also read, or is written twice: its content would be lost."""
    seen = {_full(path): option for option, path in read if path is not None}
    for option, path in written:
        if path is None:
            continue
        if (other := seen.setdefault(_full(path), option)) != option:
            raise click.UsageError(f"{other} and {option} name the same file. Give two.")


def _full(path: str) -> str:
    return path if "://" in path else str(Path(path).expanduser().resolve())
