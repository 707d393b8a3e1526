"""The system calls that a learner's process may make, as a seccomp filter; every other call fails with EPERM.

What computing needs is on the list: memory, time, reading, threads. Not on it: sockets, new processes, programs,
signals to others, other processes' memory, shared memory, changes to files, mounts, namespaces, io_uring, keys.
A worker loads this file by path.
"""

import ctypes
import functools
import platform
import struct

# name: number on x86-64, number on aarch64 (- where it does not exist)
CALLS = """
read 0 63, write 1 64, readv 19 65, writev 20 66, pread64 17 67, pwrite64 18 68, close 3 57, close_range 436 436,
stat 4 -, fstat 5 80, lstat 6 -, newfstatat 262 79, statx 332 291, lseek 8 62, access 21 -, faccessat 269 48,
faccessat2 439 439, getdents64 217 61, readlink 89 -, readlinkat 267 78, getcwd 79 17, chdir 80 49, dup 32 23,
dup2 33 -, dup3 292 24, pipe 22 -, pipe2 293 59, eventfd2 290 19, poll 7 -, ppoll 271 73, select 23 -, pselect6 270 72,
epoll_create1 291 20, epoll_ctl 233 21, epoll_wait 232 -, epoll_pwait 281 22, recvfrom 45 207, sendto 44 206,
brk 12 214, mmap 9 222, mprotect 10 226, munmap 11 215, mremap 25 216, madvise 28 233, futex 202 98, membarrier 324 283,
set_robust_list 273 99, rseq 334 293, set_tid_address 218 96, sched_yield 24 124, sched_getaffinity 204 123,
getcpu 309 168, exit 60 93, exit_group 231 94, restart_syscall 219 128, rt_sigaction 13 134, rt_sigprocmask 14 135,
rt_sigreturn 15 139, sigaltstack 131 132, pause 34 -, setitimer 38 103, getitimer 36 102, alarm 37 -,
clock_gettime 228 113, clock_getres 229 114, clock_nanosleep 230 115, nanosleep 35 101, gettimeofday 96 169, time 201 -,
times 100 153, getrusage 98 165, sysinfo 99 179, uname 63 160, umask 95 166, getpid 39 172, getppid 110 173,
gettid 186 178, getuid 102 174, geteuid 107 175, getgid 104 176, getegid 108 177, getpgrp 111 -, getpgid 121 155,
getrlimit 97 163, getrandom 318 278
"""
# name: number, number, argument that is looked at, its bits that count, the values that are allowed
THREAD, WHOLE, TRUNCATE = 0x10000, 0xFFFFFFFF, 0o1000
CONDITIONS = [
    ("clone", 56, 220, 0, THREAD, [THREAD]),  # a thread, not a process
    ("fcntl", 72, 25, 1, WHOLE, [0, 1, 2, 3, 4, 1030]),  # duplicate, flags; no owner for signals
    ("ioctl", 16, 29, 1, WHOLE, [0x5401, 0x5451, 0x5450, 0x541B, 0x5421]),  # is it a terminal; flags of one's own
    ("prctl", 157, 167, 0, WHOLE, [15, 16, 0x53564D41]),  # names of threads and of memory
    ("prlimit64", 302, 261, 2, WHOLE, [0]),  # read limits, set none
    ("open", 2, None, 1, 0, [0]),
    ("openat", 257, 56, 2, 0, [0]),  # Landlock judges the path
]
CLONE3 = 435  # its flags lie in memory, out of a filter's sight: glibc falls back to clone

LOAD, EQUAL, AND, RETURN = 0x20, 0x15, 0x54, 0x06
ALLOW, KILL, ERRNO, EPERM, ENOSYS = 0x7FFF0000, 0x80000000, 0x00050000, 1, 38
ARCHITECTURES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
PR_SET_SECCOMP, MODE_FILTER = 22, 2


def known():
    """Is there a list of calls for this processor?"""
    return platform.machine() in ARCHITECTURES


def apply(libc, may_truncate):
    """Install the filter for this process and all it starts. Needs no_new_privs. Raises OSError."""
    program = assembled(may_truncate)
    buffer = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("=H6xQ", len(program) // 8, ctypes.addressof(buffer))
    if libc.prctl(PR_SET_SECCOMP, MODE_FILTER, ctypes.c_char_p(header), 0, 0):
        raise OSError(ctypes.get_errno(), "seccomp")


@functools.cache
def assembled(may_truncate):
    """The filter as the kernel reads it; `may_truncate` where Landlock judges truncation too."""
    return b"".join(struct.pack("=HBBI", *each) for each in _program(may_truncate))


def _program(may_truncate):
    """The filter as (code, jump if true, jump if false, operand) in the order of its steps."""
    audit, column = ARCHITECTURES[platform.machine()]
    steps = [(LOAD, 0, 0, 4), (EQUAL, 1, 0, audit), (RETURN, 0, 0, KILL), (LOAD, 0, 0, 0)]
    steps += [(EQUAL, 0, 1, CLONE3), (RETURN, 0, 0, ERRNO | ENOSYS)]
    for call in CALLS.split(","):
        number = call.split()[1 + column]
        if number != "-":
            steps += [(EQUAL, 0, 1, int(number)), (RETURN, 0, 0, ALLOW)]
    for name, *numbers, argument, bits, values in CONDITIONS:
        if name.startswith("open") and not may_truncate:
            bits = TRUNCATE
        if numbers[column] is not None:
            block = _condition(argument, bits, values)
            steps += [(EQUAL, 0, len(block), numbers[column]), *block]
    return [*steps, (RETURN, 0, 0, ERRNO | EPERM)]


def _condition(argument, bits, values):
    """Allow a call if the low half of an argument has an allowed value, and all of it where that is a whole value."""
    low, block = 16 + 8 * argument, []
    if bits == WHOLE:
        block += [(LOAD, 0, 0, low + 4), (EQUAL, 1, 0, 0), (RETURN, 0, 0, ERRNO | EPERM)]
    block += [(LOAD, 0, 0, low), (AND, 0, 0, bits)]
    for value in values:
        block += [(EQUAL, 0, 1, value), (RETURN, 0, 0, ALLOW)]
    return [*block, (RETURN, 0, 0, ERRNO | EPERM)]
