/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include "base/encode.h"
#include "base/limits.h"
#include "base/timestamp.h"

static const char *level_name(enum log_level level)
{
    switch (level) {
    case LOG_DEBUG:
        return "debug";
    case LOG_INFO:
        return "info";
    case LOG_WARN:
        return "warn";
    case LOG_ERROR:
        return "error";
    }
    return "error";
}

enum {
    END_BYTES = 2,       /* "}\n", for which room is kept */
    MESSAGE_BYTES = 256, /* fits also when every byte of it is escaped */
};

/* Undoes a field that went over the ceiling. */
static void keep_valid(struct buf *text, size_t before)
{
    if (text->failed) {
        buf_truncate(text, before);
        text->failed = false;
    }
}

struct log_line log_begin(const struct log *log, enum log_level level, const char *message)
{
    struct log_line line = {.log = log, .wanted = level >= log->level};
    buf_init(&line.text, LIMIT_LOG_LINE_BYTES - END_BYTES);
    if (line.wanted) {
        char now[TIMESTAMP_BYTES];
        timestamp_format_ms(clock_wall_ms(log->clock), now);
        buf_add_str(&line.text, "{\"ts\":\"");
        buf_add_str(&line.text, now);
        buf_add_str(&line.text, "\",\"level\":\"");
        buf_add_str(&line.text, level_name(level));
        buf_add_str(&line.text, "\",\"msg\":");
        encode_json_string(&line.text, sv_first(sv_of(message), MESSAGE_BYTES));
    }
    return line;
}

static bool begin_field(struct log_line *line, const char *name)
{
    if (!line->wanted) {
        return false;
    }
    buf_append(&line->text, ",\"", 2);
    buf_add_str(&line->text, name);
    buf_append(&line->text, "\":", 2);
    return true;
}

void log_str(struct log_line *line, const char *name, struct str_view value)
{
    size_t before = line->text.len;
    if (begin_field(line, name)) {
        encode_json_string(&line->text, value);
        keep_valid(&line->text, before);
    }
}

void log_int(struct log_line *line, const char *name, int64_t value)
{
    size_t before = line->text.len;
    if (begin_field(line, name)) {
        buf_add_int(&line->text, value);
        keep_valid(&line->text, before);
    }
}

void log_bool(struct log_line *line, const char *name, bool value)
{
    size_t before = line->text.len;
    if (begin_field(line, name)) {
        buf_add_str(&line->text, value ? "true" : "false");
        keep_valid(&line->text, before);
    }
}

void log_err(struct log_line *line, const struct err *err)
{
    log_str(line, "error", sv_of(err->message));
    log_str(line, "error_kind", sv_of(err_kind_name(err->kind)));
}

void log_end(struct log_line *line)
{
    if (line->wanted) {
        line->text.ceiling += END_BYTES;
        buf_add_str(&line->text, "}\n");
        /* A full or closed pipe must not stop the process, and there is nobody to tell. */
        ssize_t ignored = write(line->log->fd, line->text.data, line->text.len);
        (void)ignored;
    }
    buf_done(&line->text);
}
