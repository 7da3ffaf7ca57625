/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>

enum {
    STEP_BYTES = 4096,
};

static void close_fd(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
    }
}

static bool failed(const char *path, int code, struct err *err)
{
    enum err_kind kind = code == ENOENT   ? ERR_MISSING
                         : code == EACCES ? ERR_DENIED
                                          : ERR_INTERNAL;
    char text[128];
    return err_set(err, kind, "cannot read %s: %s", path,
                   strerror_r(code, text, sizeof text));
}

/* A file of exactly the ceiling's size is still fine. */
static bool at_end(int fd, const char *path, size_t ceiling, struct err *err)
{
    char probe = 0;
    if (read(fd, &probe, 1) != 0) {
        return err_set(err, ERR_TOO_BIG, "%s is larger than %zu bytes", path, ceiling);
    }
    return true;
}

bool file_read(const char *path, struct buf *ret, struct err *err)
{
    CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        return failed(path, errno, err);
    }
    for (;;) {
        size_t before = ret->len;
        size_t room = ret->ceiling - before;
        if (room == 0) {
            return at_end(fd, path, ret->ceiling, err);
        }
        char *at = buf_extend(ret, room < STEP_BYTES ? room : STEP_BYTES);
        if (!at) {
            return buf_check(ret, path, err);
        }
        ssize_t got = read(fd, at, ret->len - before);
        if (got < 0 && errno != EINTR) {
            int code = errno;
            buf_truncate(ret, before);
            return failed(path, code, err);
        }
        buf_truncate(ret, before + (got > 0 ? (size_t)got : 0));
        if (got == 0) {
            return true;
        }
    }
}

bool file_read_secret(const char *path, struct secret_buf *ret, struct err *err)
{
    return file_read(path, &ret->bytes, err);
}
