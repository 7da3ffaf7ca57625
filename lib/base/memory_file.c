/* SPDX-License-Identifier: Apache-2.0 */
#include "base/memory_file.h"

#include <errno.h>
#include <sys/mman.h>

void memory_file_init(struct memory_file *file)
{
    *file = (struct memory_file){.fd = -1};
}

static bool write_all(int fd, struct str_view bytes)
{
    while (bytes.len) {
        ssize_t written = write(fd, bytes.data, bytes.len);
        if (written < 0 && errno != EINTR) {
            return false;
        }
        bytes = sv_from(bytes, written > 0 ? (size_t)written : 0);
    }
    return true;
}

bool memory_file_write(struct memory_file *file, struct str_view bytes, struct err *err)
{
    if (file->fd < 0) {
        file->fd = memfd_create("keyturn", MFD_CLOEXEC);
        (void)snprintf(file->path, sizeof file->path, "/proc/self/fd/%d", file->fd);
    }
    if (file->fd < 0 || ftruncate(file->fd, 0) != 0 || lseek(file->fd, 0, SEEK_SET) != 0 ||
        !write_all(file->fd, bytes)) {
        char text[128];
        return err_set(err, ERR_INTERNAL, "cannot write a file in memory: %s",
                       strerror_r(errno, text, sizeof text));
    }
    return true;
}

const char *memory_file_path(const struct memory_file *file)
{
    return file->fd < 0 ? NULL : file->path;
}

void memory_file_done(struct memory_file *file)
{
    if (file->fd >= 0) {
        close(file->fd);
    }
    memory_file_init(file);
}
