/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/options.h"

#include "base/duration.h"

enum {
    VARIABLE_BYTES = 64,
    HELP_COLUMN = 34,
};

static void *field_of(const struct option_row *row, void *target)
{
    return (char *)target + row->offset;
}

static void variable_name(const struct option_row *row, char out[VARIABLE_BYTES])
{
    (void)snprintf(out, VARIABLE_BYTES, "KEYTURN_%s", row->name);
    for (char *at = out; *at; at++) {
        if (*at == '-') {
            *at = '_';
        } else if (*at >= 'a' && *at <= 'z') {
            *at = (char)(*at - 'a' + 'A');
        }
    }
}

static bool set_text(const struct option_row *row, void *field, struct str_view value,
                     struct err *err)
{
    if (value.len == 0) {
        return err_set(err, ERR_INVALID, "empty: leave the option out or give it a value");
    }
    if (row->check && !row->check(value, err)) {
        return false;
    }
    char *text = sv_dup(value);
    char *old = NULL;
    memcpy(&old, field, sizeof old);
    free(old);
    memcpy(field, &text, sizeof text);
    return true;
}

/* Whole units only, as a person would write the bounds of a range. */
static void duration_text(int64_t ms, char out[32])
{
    static const struct {
        int64_t ms;
        const char *unit;
    } units[] = {{3600 * 1000, "h"}, {60 * 1000, "m"}, {1000, "s"}, {1, "ms"}};
    size_t i = 0;
    while (ms != 0 && ms % units[i].ms != 0) {
        i++;
    }
    if (ms == 0) {
        i = 2;
    }
    (void)snprintf(out, 32, "%lld%s", (long long)(ms / units[i].ms), units[i].unit);
}

static bool set_duration(const struct option_row *row, void *field, struct str_view value,
                         struct err *err)
{
    int64_t ms = 0;
    struct err ignored;
    if (!duration_parse(value, &ms, &ignored)) {
        return err_set(err, ERR_INVALID, "no duration: write it like 5s, 250ms or 1m30s");
    }
    if (ms < row->min || ms > row->max) {
        char min[32];
        char max[32];
        duration_text(row->min, min);
        duration_text(row->max, max);
        return err_set(err, ERR_INVALID, "out of range: choose %s to %s", min, max);
    }
    memcpy(field, &ms, sizeof ms);
    return true;
}

static bool set_number(const struct option_row *row, void *field, struct str_view value,
                       struct err *err)
{
    int64_t number = 0;
    if (!sv_to_i64(value, &number) || number < row->min || number > row->max) {
        return err_set(err, ERR_INVALID, "no number from %lld to %lld", (long long)row->min,
                       (long long)row->max);
    }
    unsigned stored = (unsigned)number;
    memcpy(field, &stored, sizeof stored);
    return true;
}

static bool set_choice(const struct option_row *row, void *field, struct str_view value,
                       struct err *err)
{
    CLEANUP(buf_done) struct buf known;
    buf_init(&known, 256);
    for (int i = 0; row->choices[i]; i++) {
        if (sv_is(value, row->choices[i])) {
            memcpy(field, &i, sizeof i);
            return true;
        }
        buf_printf(&known, "%s%s", i ? ", " : "", row->choices[i]);
    }
    return err_set(err, ERR_INVALID, "not known: choose one of %.*s", SV_ARG(buf_view(&known)));
}

static bool set_flag(void *field, struct str_view value, struct err *err)
{
    bool on = sv_is(value, "true");
    if (!on && !sv_is(value, "false")) {
        return err_set(err, ERR_INVALID, "neither true nor false");
    }
    memcpy(field, &on, sizeof on);
    return true;
}

static bool set_typed(const struct option_row *row, void *target, struct str_view value,
                      struct err *err)
{
    void *field = field_of(row, target);
    switch (row->type) {
    case OPTION_TEXT:
        return set_text(row, field, value, err);
    case OPTION_DURATION:
        return set_duration(row, field, value, err);
    case OPTION_NUMBER:
        return set_number(row, field, value, err);
    case OPTION_CHOICE:
        return set_choice(row, field, value, err);
    case OPTION_FLAG:
        return set_flag(field, value, err);
    }
    return err_set(err, ERR_INTERNAL, "has no type");
}

static bool set_value(const struct option_row *row, void *target, struct str_view value,
                      const char *origin, struct err *err)
{
    return set_typed(row, target, value, err) ||
           err_wrap(err, "%s \"%.*s\"", origin, SV_ARG(sv_first(value, 80)));
}

static const struct option_row *row_find(const struct option_table *table, struct str_view name)
{
    for (size_t i = 0; i < table->count; i++) {
        if (sv_is(name, table->rows[i].name)) {
            return &table->rows[i];
        }
    }
    return NULL;
}

static bool read_standards(const struct option_table *table, void *target, struct err *err)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct option_row *row = &table->rows[i];
        if (row->standard && !set_value(row, target, sv_of(row->standard), "default", err)) {
            return false;
        }
    }
    return true;
}

static bool read_environment(const struct option_table *table, option_environment environment,
                             void *target, struct err *err)
{
    for (size_t i = 0; i < table->count; i++) {
        char name[VARIABLE_BYTES];
        variable_name(&table->rows[i], name);
        struct str_view value = sv_of(environment(name));
        if (value.len > 0 && !set_value(&table->rows[i], target, value, name, err)) {
            return false;
        }
    }
    return true;
}

/* One option at argv[*position]; leaves *position at its last word. */
static bool read_argument(const struct option_table *table, int argc, char *const *argv,
                          int *position, void *target, struct err *err)
{
    struct str_view word = sv_of(argv[*position]);
    struct str_view name = sv_from(sv_first(word, sv_find(word, '=')), 2);
    const struct option_row *row = sv_starts_with(word, SV("--")) ? row_find(table, name) : NULL;
    if (!row) {
        return err_set(err, ERR_INVALID, "\"%.*s\" is not understood: %s --help lists the options",
                       SV_ARG(sv_first(word, 80)), table->command);
    }
    char origin[VARIABLE_BYTES];
    (void)snprintf(origin, sizeof origin, "--%s", row->name);
    if (name.len + 2 < word.len) {
        return set_value(row, target, sv_from(word, name.len + 3), origin, err);
    }
    if (row->type == OPTION_FLAG) {
        return set_value(row, target, SV("true"), origin, err);
    }
    if (*position + 1 >= argc) {
        return err_set(err, ERR_INVALID, "--%s needs a value: --%s %s", row->name, row->name,
                       row->value_name);
    }
    ++*position;
    return set_value(row, target, sv_of(argv[*position]), origin, err);
}

static bool asks_for_help(int argc, char *const *argv)
{
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            return true;
        }
    }
    return false;
}

bool options_parse(const struct option_table *table, int argc, char *const *argv,
                   option_environment environment, void *target, bool *ret_help, struct err *err)
{
    if (asks_for_help(argc, argv)) {
        *ret_help = true;
        return true;
    }
    if (!read_standards(table, target, err) || !read_environment(table, environment, target, err)) {
        return false;
    }
    for (int i = 0; i < argc; i++) {
        if (!read_argument(table, argc, argv, &i, target, err)) {
            return false;
        }
    }
    *ret_help = false;
    return true;
}

static void help_row(const struct option_row *row, struct buf *out)
{
    size_t start = out->len;
    buf_printf(out, "  --%s", row->name);
    if (row->type != OPTION_FLAG) {
        buf_printf(out, " %s", row->value_name);
    }
    size_t width = out->len - start;
    if (width + 2 > HELP_COLUMN) {
        buf_printf(out, "\n%*s", HELP_COLUMN, "");
    } else {
        buf_printf(out, "%*s", (int)(HELP_COLUMN - width), "");
    }
    buf_add_str(out, row->help);
    if (row->choices) {
        buf_add_str(out, ": ");
        for (int i = 0; row->choices[i]; i++) {
            buf_printf(out, "%s%s", i ? ", " : "", row->choices[i]);
        }
    }
    if (row->standard) {
        buf_printf(out, " (default %s)", row->standard);
    }
    buf_add_byte(out, '\n');
}

void options_help(const struct option_table *table, struct buf *out)
{
    buf_printf(out, "%s: %s\n\nUsage: %s [options]\n\nOptions:\n", table->command, table->summary,
               table->command);
    for (size_t i = 0; i < table->count; i++) {
        help_row(&table->rows[i], out);
    }
    const struct option_row *last = &table->rows[table->count - 1];
    char example[VARIABLE_BYTES];
    variable_name(last, example);
    buf_printf(out,
               "\nEach option may also stand in the environment: --%s is %s. The command line "
               "wins.\nDurations are written as 5s, 250ms, 1m30s.\n",
               last->name, example);
}

void options_done(const struct option_table *table, void *target)
{
    for (size_t i = 0; i < table->count; i++) {
        if (table->rows[i].type == OPTION_TEXT) {
            void *field = field_of(&table->rows[i], target);
            mem_free_ptr(field);
            memset(field, 0, sizeof(char *));
        }
    }
}
