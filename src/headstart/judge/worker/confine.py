"""Walls around a learner's process, built by itself before it runs learner code, without root: limits and Landlock.

On Linux the calls go through ctypes. A worker loads this file by path; the judge asks it what this machine offers.
"""

import contextlib
import ctypes
import functools
import os
import struct
import sys

try:
    import resource
except ImportError:  # Windows
    resource = None

ABI_OF_RIGHT = {13: 2, 14: 3, 15: 5}  # file rights that younger kernels added: refer, truncate, ioctl
READ_FILE, READ_DIR, WRITE_FILE, TRUNCATE = 1 << 2, 1 << 3, 1 << 1, 1 << 14
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # the same numbers on every architecture
NO_NEW_PRIVS, DEATH_SIGNAL, SUBREAPER, SECCOMP_STATE, KILL = 38, 1, 36, 21, 9
DEVICES = {"/dev/null": READ_FILE | WRITE_FILE | TRUNCATE, "/dev/zero": READ_FILE, "/dev/urandom": READ_FILE}


def landlock_version():
    """The kernel's version of Landlock; 0 where there is none."""
    return max(libc().syscall(CREATE_RULESET, None, ctypes.c_size_t(0), 1), 0) if sys.platform == "linux" else 0


def has_seccomp():
    """Can this kernel filter system calls?"""
    return sys.platform == "linux" and libc().prctl(SECCOMP_STATE, 0, 0, 0, 0) >= 0


def limit(limits, processes):
    """Set limits that cannot be raised again; without `processes` none can be started, nor threads, except by root."""
    if resource is None:
        return
    wanted = {"CPU": int(limits["seconds"]) + 2, "AS": limits["memory"], "FSIZE": limits["file_size"]}
    wanted |= {"CORE": 0, "NOFILE": limits["files"]} | ({} if processes else {"NPROC": 0})
    for name, most in wanted.items():
        with contextlib.suppress(ValueError, OSError):  # macOS knows RLIMIT_AS and refuses it
            resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (most, most))


def size():
    """Bytes of address space in use; 0 where the system does not tell."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def tie_to_parent():
    """On Linux: gain no rights from programs ever, and die with the process that forked this one."""
    if sys.platform == "linux":
        _demand(libc().prctl(NO_NEW_PRIVS, 1, 0, 0, 0))
        _demand(libc().prctl(DEATH_SIGNAL, KILL, 0, 0, 0))


def adopt_orphans():
    """On Linux: become the parent of whatever a child leaves behind, to be able to end it."""
    if sys.platform == "linux":
        _demand(libc().prctl(SUBREAPER, 1, 0, 0, 0))


def landlock(readable):
    """Let this process and all it starts read the given files and folders and three devices; nothing else, ever.

    No file can be written, made or removed; there are no TCP ports, no signals and no abstract sockets to outside.
    """
    version = landlock_version()
    rights = sum(1 << right for right in range(16) if version >= ABI_OF_RIGHT.get(right, 1))
    network, scopes = (3 if version >= 4 else 0), (3 if version >= 6 else 0)
    ruleset = _syscall(CREATE_RULESET, struct.pack("=QQQ", rights, network, scopes), ctypes.c_size_t(24), 0)
    for path in readable:
        _allow(ruleset, path, READ_FILE | READ_DIR if os.path.isdir(path) else READ_FILE)
    for path, wanted in DEVICES.items():
        _allow(ruleset, path, wanted & rights)
    _demand(libc().prctl(NO_NEW_PRIVS, 1, 0, 0, 0))
    _syscall(RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)


def _allow(ruleset, path, rights):
    """Add one rule; a path that does not exist needs none."""
    with contextlib.suppress(FileNotFoundError):
        file = os.open(path, os.O_PATH | os.O_CLOEXEC)
        _syscall(ADD_RULE, ruleset, 1, struct.pack("=Qi", rights, file), 0)
        os.close(file)


def library_files():
    """The standard library as paths, without the packages that are installed within it."""
    found = []
    for folder in sys.path:
        if os.path.isdir(folder):
            names = set(os.listdir(folder)) - {"site-packages", "dist-packages"}
            found += [os.path.join(folder, name) for name in names]
        else:
            found.append(folder)  # zipped
    return found


@functools.cache
def libc():
    """The C library."""
    return ctypes.CDLL(None, use_errno=True)


def _syscall(*args):
    longs = [ctypes.c_long(arg) if isinstance(arg, int) else arg for arg in args]
    return _demand(libc().syscall(*longs))


def _demand(result):
    """Raise OSError if a call of the C library has failed."""
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
