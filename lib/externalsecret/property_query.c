/* SPDX-License-Identifier: Apache-2.0 */
#include "externalsecret/property_query.h"

#include "base/utf8.h"
#include "externalsecret/number.h"

enum match {
    MATCH_NO,
    MATCH_YES,
    MATCH_GIVEN_UP,
};

enum {
    TRIES_PER_BYTE = 10000,
};

struct matching {
    struct property_run *run;
    size_t tries;
    size_t most_tries;
};

/* Takes off both ends what stands behind the last free star of `pattern`, which starts with one;
 * false when they differ there. */
static bool trim_suffix(struct str_view *text, struct str_view *pattern)
{
    while (text->len && pattern->len > 1) {
        size_t pattern_bytes = 0;
        size_t text_bytes = 0;
        uint32_t want = utf8_last(*pattern, &pattern_bytes);
        size_t before = pattern->len - pattern_bytes;
        size_t backslashes = 0;
        while (pattern->data[before - 1 - backslashes] == '\\') {
            backslashes++;
        }
        bool escaped = backslashes % 2 == 1;
        if (want == '*' && !escaped) {
            return true;
        }
        uint32_t have = utf8_last(*text, &text_bytes);
        if (want != have && (want != '?' || escaped)) {
            return false;
        }
        text->len -= text_bytes;
        pattern->len -= pattern_bytes + (escaped ? 1 : 0);
    }
    return true;
}

static enum match match(struct matching *matching, struct str_view text, struct str_view pattern);

/* At a star. `*ret_done` unless the text is to lose one rune and the star to be tried again. */
static enum match match_star(struct matching *matching, struct str_view *text,
                             struct str_view *pattern, bool *ret_done)
{
    *ret_done = true;
    while (pattern->len > 1 && pattern->data[1] == '*') {
        *pattern = sv_from(*pattern, 1);
    }
    if (pattern->len == 1) {
        return MATCH_YES;
    }
    if (!property_run_spend(matching->run, pattern->len) || !trim_suffix(text, pattern)) {
        return MATCH_NO;
    }
    if (pattern->len == 1) {
        return MATCH_YES;
    }
    enum match rest = match(matching, *text, sv_from(*pattern, 1));
    *ret_done = rest != MATCH_NO || text->len == 0;
    return rest;
}

/* A rune of the pattern that is no star; takes it off. */
static bool match_rune(struct str_view text, struct str_view *pattern)
{
    size_t have_bytes = 0;
    size_t want_bytes = 0;
    uint32_t have = utf8_first(text, &have_bytes);
    uint32_t want = utf8_first(*pattern, &want_bytes);
    if (have_bytes == 0) {
        return false;
    }
    bool any = want == '?';
    if (want == '\\') {
        *pattern = sv_from(*pattern, 1);
        want = utf8_first(*pattern, &want_bytes);
        if (want_bytes == 0) {
            return false;
        }
    }
    *pattern = sv_from(*pattern, want_bytes);
    return any || want == have;
}

static enum match match(struct matching *matching, struct str_view text, struct str_view pattern)
{
    if (matching->tries > matching->most_tries) {
        return MATCH_GIVEN_UP;
    }
    matching->tries++;
    while (pattern.len) {
        size_t bytes = 0;
        if (!property_run_spend(matching->run, 1)) {
            return MATCH_GIVEN_UP;
        }
        /* A star's suffix may take runes from the end, but none that is the first. */
        (void)utf8_first(text, &bytes);
        if (pattern.data[0] == '*') {
            bool done = false;
            enum match found = match_star(matching, &text, &pattern, &done);
            if (done) {
                return found;
            }
        } else if (!match_rune(text, &pattern)) {
            return MATCH_NO;
        }
        text = sv_from(text, bytes);
    }
    return text.len == 0 ? MATCH_YES : MATCH_NO;
}

bool property_matches_pattern(struct property_run *run, struct str_view text,
                              struct str_view pattern)
{
    struct matching matching = {.run = run, .most_tries = text.len * TRIES_PER_BYTE};
    return sv_is(pattern, "*") || match(&matching, text, pattern) == MATCH_YES;
}

static bool is_zero(const struct property_value *value)
{
    double number = property_value_number(value);
    return number <= 0 && number >= 0;
}

static bool is_nearly_false(const struct property_value *value)
{
    bool truth = false;
    switch (value->type) {
    case PROPERTY_NULL:
    case PROPERTY_FALSE:
        return true;
    case PROPERTY_STRING:
        return property_text_to_bool(value->str, &truth) && !truth;
    case PROPERTY_NUMBER:
        return is_zero(value);
    case PROPERTY_TRUE:
    case PROPERTY_JSON:
        break;
    }
    return false;
}

/* "~true" and the like compare what a value nearly is with true. */
static bool matches_nearly(struct str_view kind, const struct property_value *value,
                           struct property_value *ret)
{
    bool is = false;
    if (sv_is(kind, "*")) {
        is = property_value_exists(value);
    } else if (sv_is(kind, "null")) {
        is = value->type == PROPERTY_NULL;
    } else if (sv_is(kind, "true")) {
        is = property_value_is_true(value);
    } else if (sv_is(kind, "false")) {
        is = is_nearly_false(value);
    } else {
        return false;
    }
    *ret = (struct property_value){.type = is ? PROPERTY_TRUE : PROPERTY_FALSE};
    return true;
}

/* `order` is of value and wanted value: <0, 0, >0. */
static bool holds(struct str_view op, int order)
{
    return (sv_is(op, "=") && order == 0) || (sv_is(op, "!=") && order != 0) ||
           (sv_is(op, "<") && order < 0) || (sv_is(op, "<=") && order <= 0) ||
           (sv_is(op, ">") && order > 0) || (sv_is(op, ">=") && order >= 0);
}

static bool matches_string(struct property_run *run, const struct property_query *query,
                           struct str_view wanted, struct str_view text)
{
    if (sv_is(query->op, "%") || sv_is(query->op, "!%")) {
        return property_matches_pattern(run, text, wanted) == (query->op.len == 1);
    }
    return holds(query->op, sv_compare(text, wanted));
}

/* NaN is unequal to all and in no order. */
static bool matches_number(struct str_view op, double wanted, double number)
{
    if (number < wanted || number > wanted || (number <= wanted && number >= wanted)) {
        return holds(op, (number > wanted) - (number < wanted));
    }
    return sv_is(op, "!=");
}

static bool matches_bool(struct str_view op, struct str_view wanted, bool value)
{
    if (sv_is(op, "=") || sv_is(op, "!=")) {
        return sv_is(wanted, value ? "true" : "false") == (op.len == 1);
    }
    if (sv_is(op, value ? ">" : "<")) {
        return sv_is(wanted, value ? "false" : "true");
    }
    return sv_is(op, value ? ">=" : "<=");
}

bool property_matches_query(struct property_run *run, const struct property_query *query,
                            const struct property_value *value)
{
    struct str_view wanted = query->value;
    struct property_value nearly = *value;
    if (sv_starts_with(wanted, SV("~"))) {
        if (!matches_nearly(sv_from(wanted, 1), value, &nearly)) {
            return false;
        }
        wanted = SV("true");
    }
    if (!property_value_exists(&nearly) || query->op.len == 0) {
        return property_value_exists(&nearly);
    }
    switch (nearly.type) {
    case PROPERTY_STRING:
        return matches_string(run, query, wanted, nearly.str);
    case PROPERTY_NUMBER:
        return matches_number(query->op, number_value(wanted), property_value_number(&nearly));
    case PROPERTY_TRUE:
    case PROPERTY_FALSE:
        return matches_bool(query->op, wanted, nearly.type == PROPERTY_TRUE);
    case PROPERTY_NULL:
    case PROPERTY_JSON:
        break;
    }
    return false;
}
