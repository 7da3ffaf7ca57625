/* SPDX-License-Identifier: Apache-2.0 */
/* One JSON object a line, with typed fields and no field for secrets.
 *
 * Library code does not log; it returns an err. A line is built in the caller's frame and written
 * with one write(2) of at most LIMIT_LOG_LINE_BYTES, which is what a pipe takes whole (PIPE_BUF),
 * so lines of several threads do not mix. What does not fit is dropped field by field, the line
 * stays valid JSON. Any thread. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/buf.h"
#include "base/clock.h"

enum log_level {
    LOG_DEBUG,
    LOG_INFO,
    LOG_WARN,
    LOG_ERROR,
};

struct log {
    int fd;
    enum log_level level; /* lines below it are not written */
    const struct clock *clock;
};

struct log_line {
    const struct log *log;
    struct buf text;
    bool wanted;
};

/* Starts {"ts":..,"level":..,"msg":..}. Every log_begin() has its log_end(). */
struct log_line log_begin(const struct log *log, enum log_level level, const char *message);
void log_str(struct log_line *line, const char *name, struct str_view value);
void log_int(struct log_line *line, const char *name, int64_t value);
void log_bool(struct log_line *line, const char *name, bool value);
/* "error" and "error_kind". */
void log_err(struct log_line *line, const struct err *err);
void log_end(struct log_line *line);

#endif
