"""Opening a notebook file, a folder or a zip that a stranger packed: caps on everything, no links, no extraction."""

import io
import os
import stat
import zipfile
from pathlib import Path

MB = 1 << 20
MAX_NOTEBOOK, MAX_ZIP, MAX_TOTAL = 10 * MB, 50 * MB, 100 * MB
MAX_NOTEBOOKS, MAX_ENTRIES, MAX_DEPTH, MAX_RATIO = 200, 20_000, 20, 100


class Unreadable(Exception):
    """What was handed in cannot be read; the message is one sentence that says why."""


def parts(path):
    """List (name, load) for every notebook at `path`; load() gives its bytes. Both raise Unreadable."""
    try:
        mode = path.lstat().st_mode
    except (OSError, ValueError) as error:
        raise Unreadable(_reason(error)) from None
    if stat.S_ISDIR(mode):
        return _capped(_in_folder(path))
    if path.suffix.lower() == ".zip":
        return _capped(_in_zip(_bytes(path, MAX_ZIP)))
    if path.suffix.lower() == ".ipynb":
        return [(path.name, lambda: _bytes(path, MAX_NOTEBOOK))]
    raise Unreadable("it is neither a notebook (.ipynb) nor a folder nor a zip")


def _capped(found):
    if len(found) > MAX_NOTEBOOKS:
        raise Unreadable(f"it holds {len(found)} notebooks, more than the {MAX_NOTEBOOKS} that the judge reads")
    return sorted(found, key=lambda part: part[0])


def _bytes(path, limit):
    """The bytes of a regular file that is no larger than `limit`; a link, a pipe or a device is never read."""
    try:
        if path.is_symlink():
            raise Unreadable("it is a link, and links are not followed: hand in the file itself")
        with open(path, "rb", opener=_open) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise Unreadable("it is not a regular file")
            data = file.read(limit + 1)
    except OSError as error:
        raise Unreadable(_reason(error)) from None
    if len(data) > limit:
        raise Unreadable(f"it is larger than {limit // MB} MB: clear its outputs and save it again")
    return data


def _open(path, flags):
    """Open without following a link put there meanwhile, and without waiting for the other end of a pipe."""
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))


def _reason(error):
    """An error of the operating system in words, without the path."""
    if isinstance(error, FileNotFoundError):
        return "there is nothing at this path"
    return f"it cannot be read ({getattr(error, 'strerror', None) or error})"


def _in_folder(folder):
    """Every notebook below the folder, whose hidden folders (checkpoints among them) and links are not entered."""
    found, seen, waiting = [], 0, [(folder, 0)]
    while waiting:
        here, depth = waiting.pop()
        for entry in _entries(here):
            seen += 1
            if seen > MAX_ENTRIES or depth > MAX_DEPTH:
                raise Unreadable(f"it holds more than {MAX_ENTRIES} files or {MAX_DEPTH} folders in one another")
            if _is_hidden(entry.name):
                continue
            if entry.is_dir(follow_symlinks=False):
                waiting.append((entry.path, depth + 1))
            elif entry.name.lower().endswith(".ipynb"):
                path = Path(entry.path)
                found.append((path.relative_to(folder).as_posix(), lambda path=path: _bytes(path, MAX_NOTEBOOK)))
    return found


def _entries(folder):
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except OSError as error:
        raise Unreadable(f"one of its folders cannot be read ({error.strerror})") from None


def _is_hidden(name):
    return (name.startswith(".") and name.strip(".")) or name == "__MACOSX"


def _in_zip(data):
    """Every notebook in the archive; its members are decompressed in memory, each up to its declared size."""
    if data.count(b"PK\x01\x02") > MAX_ENTRIES:
        raise Unreadable(f"it has more than {MAX_ENTRIES} members")
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except Exception:  # the module raises nearly anything for a hostile directory
        raise Unreadable("it is not a zip that can be read") from None
    members = [m for m in archive.infolist() if m.filename.lower().endswith(".ipynb")]
    members = [m for m in members if not any(map(_is_hidden, m.filename.replace("\\", "/").split("/")))]
    if sum(member.file_size for member in members) > MAX_TOTAL:
        raise Unreadable(f"its notebooks are larger than {MAX_TOTAL // MB} MB together")
    return [(member.filename, lambda member=member: _member(archive, member)) for member in members]


def _member(archive, member):
    """The bytes of one member; bombs, links, passwords and uncommon compressions are refused."""
    if stat.S_ISLNK(member.external_attr >> 16):
        raise Unreadable("it is a link, and links are not followed: hand in the file itself")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or member.flag_bits & 1:
        raise Unreadable("it is packed with a password or an uncommon compression: use an ordinary zip")
    if member.file_size > MAX_NOTEBOOK:
        raise Unreadable(f"it is larger than {MAX_NOTEBOOK // MB} MB: clear its outputs and save it again")
    if member.file_size > MB and member.file_size > MAX_RATIO * member.compress_size:
        raise Unreadable("it unpacks to more than a hundred times its size, as no notebook does")
    try:
        with archive.open(member) as file:
            return file.read(member.file_size)
    except Exception:  # as above: a broken member shows itself in many ways
        raise Unreadable("it cannot be unpacked: the zip is damaged") from None
