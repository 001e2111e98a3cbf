"""What to do about an error of the disk: the advice that fits it, for the end of a message."""

import errno

_ADVICE = {
    errno.EACCES: "check its permissions",
    errno.EPERM: "check its permissions",
    errno.EROFS: "that disk can only be read; name another place",
    errno.ENOSPC: "make room, or name another place",
    errno.EDQUOT: "make room, or name another place",
    errno.EFBIG: "the disk or a limit allows no file as large; name another place",
    errno.ENOENT: "check the path",
    errno.ENOTDIR: "check the path",
    errno.EISDIR: "name a file",
    errno.EEXIST: "name another",
    errno.ENAMETOOLONG: "name a shorter one",
    errno.ELOOP: "check the path",
    errno.EMFILE: "close other files, or allow more of them (ulimit -n)",
    errno.EADDRINUSE: "name another port",
    errno.EADDRNOTAVAIL: "name an address of this machine",
}


def advise(error: OSError) -> str:
    """Return what to do about an error of the disk or the network."""
    return _ADVICE.get(error.errno or 0, "check the path and the disk")
