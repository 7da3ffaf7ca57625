/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/process.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>

#include "webhook/wipe.h"

enum {
    /* Fixed, because glibc would raise it to the size of the first big block that is freed: request
     * bodies then came from the heap and stayed there. */
    MMAP_THRESHOLD = 128 * 1024,
};

static const char *read_variable(void *context, const char *name)
{
    (void)context;
    return getenv(name);
}

const struct environment process_environment = {.get = read_variable};

static bool refuse_dumps(struct err *err)
{
    static const struct rlimit none = {0, 0};
    if (setrlimit(RLIMIT_CORE, &none) != 0) {
        return err_set(err, ERR_INTERNAL, "core files cannot be refused: %s", strerror(errno));
    }
    if (wipe_built_in() && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
        return err_set(err, ERR_INTERNAL, "PR_SET_DUMPABLE is refused: %s", strerror(errno));
    }
    return true;
}

bool process_harden(struct err *err)
{
    if (!refuse_dumps(err)) {
        return false;
    }
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return err_set(err, ERR_INTERNAL, "PR_SET_NO_NEW_PRIVS is refused: %s", strerror(errno));
    }
    if (wipe_built_in()) {
        if (!wipe_proven()) {
            return err_set(err, ERR_INTERNAL,
                           "freed memory is not overwritten: this build took free() out of the "
                           "executable's dynamic table");
        }
        (void)mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD);
    }
    return true;
}

void process_raise_file_limit(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
}

bool process_signals(int *ret_fd, struct err *err)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGHUP);
    (void)signal(SIGPIPE, SIG_IGN);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0) {
        return err_set(err, ERR_INTERNAL, "signals cannot be blocked: %s", strerror(errno));
    }
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0) {
        return err_set(err, ERR_INTERNAL, "signals cannot be read: %s", strerror(errno));
    }
    *ret_fd = fd;
    return true;
}

int process_signal_wait(int fd, int timeout_ms)
{
    struct pollfd source = {.fd = fd, .events = POLLIN};
    struct signalfd_siginfo info;
    if (poll(&source, 1, timeout_ms) > 0 && read(fd, &info, sizeof info) == (ssize_t)sizeof info) {
        return (int)info.ssi_signo;
    }
    return 0;
}
