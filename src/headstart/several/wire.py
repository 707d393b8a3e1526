"""An outside witness for what was sent: the kernel's own count on this process's TCP sockets."""

import os
import socket
import struct
from pathlib import Path

COUNTERS = 200  # where `tcpi_bytes_sent` and `tcpi_bytes_retrans` stand in Linux's struct tcp_info (4.19 and later)


def sent_over_tcp():
    """Add up the bytes that this process's open TCP sockets have sent, repeats aside; None where nobody counts."""
    total = 0
    for entry in Path("/proc/self/fd").glob("*"):
        try:
            if os.readlink(entry).startswith("socket:"):
                with socket.socket(fileno=os.dup(int(entry.name))) as copy:
                    info = copy.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, COUNTERS + 16)
                sent, repeated = struct.unpack_from("=QQ", info, COUNTERS)
                total += sent - repeated
        except (OSError, AttributeError, struct.error):  # closed meanwhile, no TCP, or an older system
            continue
    return total or None  # whoever is in a group has sent something: a zero means that nobody counts
