"""What of admit is compiled, where it is; ``native/quick.c`` says how."""

from typing import Any, final

import numpy.typing as npt

Buffer = npt.NDArray[Any]

VERSION: int
SCHEMA_VERSION: int

def find(slots: Buffer, keys: Buffer, wanted: Buffer, rows: Buffer, /) -> None:
    """The row of each key in a table of rows by key (open addressing, -1 in a free slot), -1 where there is none."""

def place(slots: Buffer, keys: Buffer, first: int, end: int, /) -> None:
    """Enter rows into the table; a row of the same key gives its slot to the new one."""

def weave(
    packed: bytes | bytearray, ranks: Buffer, leaves: Buffer, begins: Buffer, cuts: Buffer, ends: Buffer, /
) -> bytes:
    """At least one sample as they stand in a frame, from the bytes kept of each."""

@final
class Quick:
    """Reads and writes contacts of a kind by its fields.

    ``openings``: what stands before each field's value, ``,"name":"``. ``kinds``: a letter for each: ``i`` ids (the
    event's, then the contact's), ``w`` workspace, ``t`` moment, ``e`` opened or updated, ``c`` customer, ``d`` a watched
    dimension, ``o`` another value that is spelt one way, ``x`` words (subject, then text),
    ``v`` the schema's version. ``limits``: bytes allowed.
    ``required``: 1 where the field must be there. ``known``: of ``o`` what is known of its values: -1 for one that
    stays, else the place of its spelling among ``pieces``. ``books``: numbers of the workspaces. ``mark``: the key of
    messages that are left alone, as are those of more than ``max_bytes``.
    """

    def __init__(
        self,
        *,
        openings: tuple[bytes, ...],
        kinds: bytes,
        limits: tuple[int, ...],
        required: bytes,
        known: tuple[dict[bytes, int], ...],
        books: dict[bytes, int],
        mark: bytes,
        max_bytes: int,
    ) -> None: ...
    def scan(
        self,
        values: tuple[bytes | None, ...],
        keys: tuple[bytes | None, ...],
        stamps: tuple[int, ...],
        spans: Buffer,
        message: Buffer,
        book: Buffer,
        at_ms: Buffer,
        updated: Buffer,
        rank: Buffer,
        key: Buffer,
        /,
    ) -> tuple[
        int, list[bytes], list[bytes], list[bytes], list[bytes], list[bytes], list[int], list[tuple[int, bytes]]
    ]:
        """Take what is usual. Fills the buffers from their beginning, one entry for each contact taken: where its
        fields lie (two 32-bit numbers each), places among the messages, workspaces, milliseconds since 1970,
        whether it is an update, and the hashes of its two ids.

        Returns: how many were taken; their ids, contacts, customers and combinations of watched dimensions (a zero byte
        after each); words that may hold something personal, and of each contact times fields plus field; values
        of ``o`` fields that were not known.
        """

    def write(
        self,
        values: tuple[bytes | None, ...],
        message: Buffer,
        spans: Buffer,
        at_ms: Buffer,
        rows: Buffer,
        fragments: list[tuple[bytes, ...] | None],
        pieces: list[bytes],
        customers: list[str],
        endings: list[bytes],
        wanted: Buffer,
        sample_chars: int,
        begins: Buffer,
        cuts: Buffer,
        ends: Buffer,
        sizes: Buffer,
        content: Buffer,
        /,
    ) -> tuple[list[bytes], bytes]:
        """Write the contacts taken. ``rows``: of each the place of its dimensions among ``fragments``. A span that ends
        at ``-1 - n`` stands for ``pieces[n]``. ``endings`` replace the closing brace. Of those ``wanted`` a sample is
        written, and four buffers are filled. ``content``: the hash of each contact without its ending.

        Returns: records, and the samples' bytes.
        """
