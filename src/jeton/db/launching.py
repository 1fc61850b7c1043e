"""Run a program as a child that dies with its parent and, when told so, as another user.

A script (``python -I -S launching.py PARENT UID GID CAPABILITIES PROGRAM …``), not a module to
import: everything here happens between fork and exec, where threads and locks of the parent must
not be touched. PostgreSQL refuses to run as root, so root hands it to an ordinary user. That user
cannot reach a clone under a home of mode 700; instead of opening the home to everybody, the
program keeps the one capability to pass through (``CAPABILITIES``, a bit mask; 0 for none).
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
_PR_SET_SECUREBITS = 28
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_SECBIT_NO_SETUID_FIXUP = 1 << 2
_CAPABILITY_VERSION_3 = 0x20080522
_CAPABILITIES_MAX = 32
_PRIVATE_UMASK = 0o077


def main(arguments: list[str]) -> None:
    """Become what the arguments say and turn into the program."""
    parent, uid, gid, capabilities = (int(argument) for argument in arguments[:4])
    libc = ctypes.CDLL(None, use_errno=True)
    if uid:
        become(libc, uid=uid, gid=gid, capabilities=capabilities)
    if sys.platform == "linux":
        # After the change of user, which clears it. SIGINT is PostgreSQL's fast, clean shutdown.
        prctl(libc, _PR_SET_PDEATHSIG, signal.SIGINT)
    if os.getppid() != parent:
        sys.exit("The parent ended before the start.")
    os.umask(_PRIVATE_UMASK)
    os.chdir("/")
    os.execv(arguments[4], arguments[4:])  # noqa: S606 - the caller gives an absolute path, no shell


def become(libc: ctypes.CDLL, *, uid: int, gid: int, capabilities: int) -> None:
    """Change user for good, keeping only ``capabilities``, across exec too (capabilities(7))."""
    if capabilities:
        # Without this bit access(2) would ignore the capabilities of a user other than root.
        prctl(libc, _PR_SET_SECUREBITS, _SECBIT_NO_SETUID_FIXUP)
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    if not capabilities:
        return
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    sets = (ctypes.c_uint32 * 6)(capabilities, capabilities, capabilities, 0, 0, 0)
    check(libc.capset(header, sets))
    for number in range(_CAPABILITIES_MAX):
        if capabilities >> number & 1:
            prctl(libc, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, number)


def prctl(libc: ctypes.CDLL, *arguments: int) -> None:
    """The system call, with its unused arguments as 0."""
    padded = [*arguments, 0, 0, 0, 0][:5]
    check(libc.prctl(*(ctypes.c_ulong(argument) for argument in padded)))


def check(result: int) -> None:
    """Turn a failed call into OSError."""
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


if __name__ == "__main__":
    main(sys.argv[1:])
