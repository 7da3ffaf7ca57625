/* SPDX-License-Identifier: Apache-2.0 */
/* Command-line options and their environment variables, from a table: one row says how an option is
 * named, read, checked, defaulted and explained. An option "drain-delay" is --drain-delay VALUE or
 * --drain-delay=VALUE, or KEYTURN_DRAIN_DELAY; the command line wins. An empty variable counts as
 * none, and variables no row knows are left alone (Kubernetes sets KEYTURN_SERVICE_HOST and the
 * like for a Service of that name). Main's thread. */
#ifndef WEBHOOK_OPTIONS_H
#define WEBHOOK_OPTIONS_H

#include <stdint.h>

#include "base/buf.h"

enum option_type {
    OPTION_TEXT,     /* char *, owned */
    OPTION_DURATION, /* int64_t, milliseconds; a Go duration */
    OPTION_NUMBER,   /* unsigned */
    OPTION_CHOICE,   /* int: index into `choices` */
    OPTION_FLAG,     /* bool; takes no value on the command line, "true" or "false" elsewhere */
};

struct option_row {
    const char *name;
    enum option_type type;
    size_t offset;          /* of the field in the struct that is filled */
    const char *standard;   /* as a user would write it; NULL: stays NULL, 0, false */
    const char *value_name; /* in the help text */
    int64_t min;            /* DURATION (ms), NUMBER */
    int64_t max;
    const char *const *choices;                            /* CHOICE; ends with NULL */
    bool (*check)(struct str_view value, struct err *err); /* TEXT; may be NULL */
    const char *help;
};

struct option_table {
    const char *command; /* "keyturn serve" */
    const char *summary;
    const struct option_row *rows;
    size_t count;
};

/* As getenv(). */
typedef const char *(*option_environment)(const char *name);

/* Fills `target`, whose fields are zeroed before. `argv` starts behind the subcommand. With --help
 * or -h `*ret_help` is set and nothing else read. ERR_INVALID with one line: which option, from
 * where, what is wrong and what to write instead. */
MUST_CHECK bool options_parse(const struct option_table *table, int argc, char *const *argv,
                              option_environment environment, void *target, bool *ret_help,
                              struct err *err);
/* The text of --help. */
void options_help(const struct option_table *table, struct buf *out);
/* Releases the texts and zeroes their fields; accepts a zeroed target. */
void options_done(const struct option_table *table, void *target);

#endif
