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
    enum err_kind kind = code == ENOENT || code == ENOTDIR ? ERR_MISSING
                         : code == EACCES                  ? ERR_DENIED
                                                           : ERR_INTERNAL;
    char text[128];
    return err_set(err, kind, "cannot read %s: %s", path, strerror_r(code, text, sizeof text));
}

/* One read(2) into the room that is left; 0 at the end of the file and -1 with errno. One byte more
 * than fits is asked for, so that a file of exactly the ceiling's size is told from a larger one.
 */
static ssize_t read_step(int fd, struct buf *ret, bool *too_big)
{
    size_t before = ret->len;
    size_t room = ret->ceiling - before;
    char probe = 0;
    char *at = &probe;
    size_t want = 1;
    if (room > 0) {
        want = room < STEP_BYTES ? room : STEP_BYTES;
        at = buf_extend(ret, want);
    }
    ssize_t got = 0;
    do {
        got = read(fd, at, want);
    } while (got < 0 && errno == EINTR);
    *too_big = room == 0 && got > 0;
    int code = errno;
    buf_truncate(ret, before + (room > 0 && got > 0 ? (size_t)got : 0));
    explicit_bzero(&probe, sizeof probe);
    errno = code;
    return got;
}

bool file_read(const char *path, struct buf *ret, struct err *err)
{
    CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        return failed(path, errno, err);
    }
    if (!buf_check(ret, path, err)) {
        return false;
    }
    size_t start = ret->len;
    bool too_big = false;
    ssize_t got = 0;
    do {
        got = read_step(fd, ret, &too_big);
    } while (got > 0 && !too_big);
    if (got == 0) {
        return true;
    }
    int code = errno;
    buf_truncate(ret, start);
    return too_big ? err_set(err, ERR_TOO_BIG, "%s is larger than %zu bytes", path, ret->ceiling)
                   : failed(path, code, err);
}

bool file_read_secret(const char *path, struct secret_buf *ret, struct err *err)
{
    return file_read(path, &ret->bytes, err);
}
