/* SPDX-License-Identifier: Apache-2.0 */
/* Classes of characters, written for PCRE2.
 *
 * Go folds case first and negates then, for each part by itself: (?i)\W is everything that is not
 * the same letter as one of \w in either case. So a negated part becomes a bracket of its own, and
 * a class of several brackets an alternation of them, of which each matches one character. */
#include "base/regex_syntax.h"

enum {
    CLASS_BYTES = 32 * 1024, /* a pattern of 4 KiB, every byte of it as \x{..} */
    WIDE_RANGE = 256,        /* from which a range is worth being taken apart */
};

struct charset {
    struct buf positive;
    struct buf brackets; /* of negated and of caseless parts, each followed by '|' */
    bool ignore_case;
};

struct group_name {
    const char *name;
    const char *ranges; /* in PCRE2's notation */
};

static const struct group_name posix_groups[] = {
    {"alnum", "0-9A-Za-z"},
    {"alpha", "A-Za-z"},
    {"ascii", "\\x{0}-\\x{7f}"},
    {"blank", "\\t\\x{20}"},
    {"cntrl", "\\x{0}-\\x{1f}\\x{7f}"},
    {"digit", "0-9"},
    {"graph", "\\x{21}-\\x{7e}"},
    {"lower", "a-z"},
    {"print", "\\x{20}-\\x{7e}"},
    {"punct", "\\x{21}-\\x{2f}\\x{3a}-\\x{40}\\x{5b}-\\x{60}\\x{7b}-\\x{7e}"},
    {"space", "\\t\\n\\x{b}\\f\\r\\x{20}"},
    {"upper", "A-Z"},
    {"word", "0-9A-Za-z_"},
    {"xdigit", "0-9A-Fa-f"},
};

/* Without the vertical tab, unlike PCRE2's \s. */
static const struct group_name escaped_groups[] = {
    {"d", "0-9"},
    {"s", "\\t\\n\\f\\r\\x{20}"},
    {"w", "0-9A-Za-z_"},
};

/* Under (?i) Go adds to a category or script whatever folds into it (unicode.FoldCategory and
 * FoldScript of Unicode 15); PCRE2 adds nothing. */
static const struct group_name folded_properties[] = {
    {"L", "\\x{345}"},
    {"M", "\\x{399}\\x{3b9}\\x{1fbe}"},
    {"Mn", "\\x{399}\\x{3b9}\\x{1fbe}"},
    {"Common", "\\x{39c}\\x{3bc}"},
    {"Greek", "\\x{b5}\\x{345}"},
    {"Inherited", "\\x{399}\\x{3b9}\\x{1fbe}"},
};

/* Where no character has another case (Unicode 17), which PCRE2 would look for all the same, in
 * milliseconds for all of Unicode. */
static const struct {
    uint32_t low;
    uint32_t high;
} caseless[] = {
    {0x3000, 0xa63f}, {0xac00, 0xfaff}, {0x12000, 0x16dff}, {0x17000, 0x1dfff}, {0x1f000, 0x10ffff},
};

static void charset_done(struct charset *set)
{
    buf_done(&set->positive);
    buf_done(&set->brackets);
}

static void charset_init(struct charset *set, bool ignore_case)
{
    buf_init(&set->positive, CLASS_BYTES);
    buf_init(&set->brackets, CLASS_BYTES);
    set->ignore_case = ignore_case;
}

static void add_part(struct charset *set, const char *ranges, bool negated)
{
    if (negated) {
        buf_printf(&set->brackets, "[^%s]|", ranges);
    } else {
        buf_add_str(&set->positive, ranges);
    }
}

static const char *ranges_of(const struct group_name *groups, size_t count, struct str_view name)
{
    for (size_t i = 0; i < count; i++) {
        if (sv_is(name, groups[i].name)) {
            return groups[i].ranges;
        }
    }
    return NULL;
}

/* Puts the parts together into one item. */
static bool charset_close(struct regex_reader *reader, struct charset *set, bool negated,
                          struct regex_node **ret)
{
    CLEANUP(buf_done) struct buf text = {0};
    buf_init(&text, CLASS_BYTES);
    const char *not = negated ? "^" : "";
    if (set->brackets.len == 0) {
        buf_printf(&text, "[%s%s]", not, set->positive.data);
    } else {
        if (set->positive.len) {
            buf_printf(&set->brackets, "[%s]|", set->positive.data);
        }
        buf_truncate(&set->brackets, set->brackets.len ? set->brackets.len - 1 : 0);
        buf_printf(&text, negated ? "(?:(?!%s).)" : "(?:%s)", set->brackets.data);
    }
    if (set->positive.failed || !buf_check(&set->brackets, "a class of characters", reader->err) ||
        !buf_check(&text, "a class of characters", reader->err)) {
        return set->positive.failed ? regex_fail(reader, reader->at, "a class too large") : false;
    }
    *ret = regex_node_new(reader->tree, REGEX_CLASS);
    (*ret)->ignore_case = set->ignore_case;
    (*ret)->text = buf_take(&text);
    return true;
}

/* The name behind \p: one character, or what stands in braces. */
static bool take_property_name(struct regex_reader *reader, size_t start, struct str_view *ret)
{
    size_t from = reader->at;
    if (regex_at_end(reader)) {
        return regex_fail(reader, start, "\\p without a name");
    }
    if (reader->pattern.data[reader->at] != '{') {
        (void)regex_take_rune(reader);
        *ret = sv_make(reader->pattern.data + from, reader->at - from);
        return true;
    }
    size_t end = sv_find(regex_rest(reader), '}');
    if (end == regex_rest(reader).len) {
        return regex_fail(reader, start, "\\p{ without its }");
    }
    *ret = sv_make(reader->pattern.data + from + 1, end - 1);
    reader->at += end + 1;
    return true;
}

/* The ranges of a category or script as a bracket holds them. */
static bool add_property(struct regex_reader *reader, size_t start, struct str_view name,
                         bool negated, struct charset *set)
{
    CLEANUP(buf_done) struct buf ranges = {0};
    buf_init(&ranges, CLASS_BYTES);
    const char *folded =
        set->ignore_case ? ranges_of(folded_properties, ARRAY_LEN(folded_properties), name) : NULL;
    if (sv_is(name, "Any")) {
        buf_add_str(&ranges, "\\p{Any}");
    } else if (sv_is(name, "C")) {
        /* PCRE2 counts what is not assigned in. */
        buf_add_str(&ranges, "\\p{Cc}\\p{Cf}\\p{Co}\\p{Cs}");
    } else if (regex_is_category(name)) {
        bool cased = sv_is(name, "Lu") || sv_is(name, "Ll") || sv_is(name, "Lt");
        if (cased && set->ignore_case) {
            (void)regex_fail(reader, start,
                             "upper, lower or title case under (?i), which Keyturn does not have");
            reader->err->kind = ERR_TOO_BIG; /* Go takes it */
            return false;
        }
        buf_printf(&ranges, "\\p{%.*s}", SV_ARG(name));
    } else if (regex_is_script(name)) {
        buf_printf(&ranges, "\\p{sc:%.*s}", SV_ARG(name));
    } else {
        return regex_fail(reader, start, "a Unicode class that Go does not have");
    }
    buf_add_str(&ranges, folded ? folded : "");
    add_part(set, ranges.data, negated);
    return true;
}

/* \pL, \p{Greek}, \p{^Greek}, \P{Greek}; at the backslash. */
static bool take_property(struct regex_reader *reader, struct charset *set)
{
    size_t start = reader->at;
    bool negated = reader->pattern.data[start + 1] == 'P';
    struct str_view name = {0};
    reader->at += strlen("\\p");
    if (!take_property_name(reader, start, &name)) {
        return false;
    }
    if (sv_starts_with(name, SV("^"))) {
        negated = !negated;
        name = sv_from(name, 1);
    }
    return add_property(reader, start, name, negated, set);
}

/* \d \D \s \S \w \W; at the backslash. False when it is none of them. */
static bool take_escaped_group(struct regex_reader *reader, struct charset *set)
{
    char letter = reader->pattern.data[reader->at + 1];
    char lower = (char)(letter | 0x20);
    const char *ranges = ranges_of(escaped_groups, ARRAY_LEN(escaped_groups), sv_make(&lower, 1));
    if (!ranges || letter == '\0' || (letter != lower && (letter < 'A' || letter > 'Z'))) {
        return false;
    }
    add_part(set, ranges, letter != lower);
    reader->at += 2;
    return true;
}

static bool is_property(const struct regex_reader *reader)
{
    return sv_starts_with(regex_rest(reader), SV("\\p")) ||
           sv_starts_with(regex_rest(reader), SV("\\P"));
}

bool regex_take_class_escape(struct regex_reader *reader, struct regex_node **ret)
{
    CLEANUP(charset_done) struct charset set;
    charset_init(&set, reader->ignore_case);
    *ret = NULL;
    if (regex_rest(reader).len < 2) {
        return true;
    }
    if (is_property(reader)) {
        return take_property(reader, &set) && charset_close(reader, &set, false, ret);
    }
    return !take_escaped_group(reader, &set) || charset_close(reader, &set, false, ret);
}

/* [:alpha:] or [:^alpha:] inside a class. `*taken` says whether it had that form. */
static bool take_posix(struct regex_reader *reader, struct charset *set, bool *taken)
{
    struct str_view rest = sv_from(regex_rest(reader), 2);
    size_t end = 0;
    while (end + 1 < rest.len && !(rest.data[end] == ':' && rest.data[end + 1] == ']')) {
        end++;
    }
    *taken = end + 1 < rest.len;
    if (!*taken) {
        return true;
    }
    struct str_view name = sv_first(rest, end);
    bool negated = sv_starts_with(name, SV("^"));
    const char *ranges =
        ranges_of(posix_groups, ARRAY_LEN(posix_groups), sv_from(name, negated ? 1 : 0));
    if (!ranges) {
        return regex_fail(reader, reader->at, "a [:class:] that Go does not have");
    }
    add_part(set, ranges, negated);
    reader->at += 2 + end + 2;
    return true;
}

static bool take_class_rune(struct regex_reader *reader, size_t start, uint32_t *ret)
{
    if (regex_at_end(reader)) {
        return regex_fail(reader, start, "a class without its ]");
    }
    if (reader->pattern.data[reader->at] == '\\') {
        return regex_take_escape(reader, ret);
    }
    *ret = regex_take_rune(reader);
    return true;
}

static void print_range(uint32_t low, uint32_t high, struct buf *out)
{
    buf_printf(out, "\\x{%x}", low);
    if (high > low) {
        buf_printf(out, "-\\x{%x}", high);
    }
}

static void add_caseless(struct charset *set, uint32_t low, uint32_t high)
{
    buf_add_str(&set->brackets, "(?-i:[");
    print_range(low, high, &set->brackets);
    buf_add_str(&set->brackets, "])|");
}

/* `*ret_folded`: characters that PCRE2 is left to fold. */
static void add_folded_range(struct charset *set, uint32_t low, uint32_t high, size_t *ret_folded)
{
    for (size_t i = 0; i < ARRAY_LEN(caseless) && high - low >= WIDE_RANGE; i++) {
        uint32_t from = low > caseless[i].low ? low : caseless[i].low;
        uint32_t to = high < caseless[i].high ? high : caseless[i].high;
        if (from > to) {
            continue;
        }
        if (from > low) {
            print_range(low, from - 1, &set->positive);
            *ret_folded += from - low;
        }
        add_caseless(set, from, to);
        if (to == high) {
            return;
        }
        low = to + 1;
    }
    print_range(low, high, &set->positive);
    *ret_folded += high - low + 1;
}

static bool add_range(struct regex_reader *reader, size_t at, uint32_t low, uint32_t high,
                      struct charset *set)
{
    if (!set->ignore_case) {
        print_range(low, high, &set->positive);
        return true;
    }
    add_folded_range(set, low, high, &reader->tree->folded);
    return reader->tree->folded <= REGEX_MAX_FOLDED ||
           err_set(reader->err, ERR_TOO_BIG,
                   "column %zu: ranges of more than %d characters together under (?i)", at + 1,
                   REGEX_MAX_FOLDED);
}

/* One character, or two with a hyphen between them. */
static bool take_range(struct regex_reader *reader, size_t start, struct charset *set)
{
    size_t from = reader->at;
    uint32_t low = 0;
    if (!take_class_rune(reader, start, &low)) {
        return false;
    }
    uint32_t high = low;
    struct str_view rest = regex_rest(reader);
    if (rest.len >= 2 && rest.data[0] == '-' && rest.data[1] != ']') {
        reader->at++;
        if (!take_class_rune(reader, start, &high)) {
            return false;
        }
        if (high < low) {
            return regex_fail(reader, from, "a range with its ends reversed");
        }
    }
    return add_range(reader, from, low, high, set);
}

static bool take_class_part(struct regex_reader *reader, size_t start, struct charset *set)
{
    struct str_view rest = regex_rest(reader);
    if (rest.len > 2 && sv_starts_with(rest, SV("[:"))) {
        bool taken = false;
        if (!take_posix(reader, set, &taken)) {
            return false;
        }
        if (taken) {
            return true;
        }
    }
    if (rest.len > 2 && is_property(reader)) {
        return take_property(reader, set);
    }
    if (rest.len > 2 && rest.data[0] == '\\' && take_escaped_group(reader, set)) {
        return true;
    }
    return take_range(reader, start, set);
}

bool regex_take_class(struct regex_reader *reader, struct regex_node **ret)
{
    CLEANUP(charset_done) struct charset set;
    size_t start = reader->at++;
    charset_init(&set, reader->ignore_case);
    bool negated = sv_starts_with(regex_rest(reader), SV("^"));
    reader->at += negated ? 1 : 0;
    bool first = true;
    while (first || !sv_starts_with(regex_rest(reader), SV("]"))) {
        if (regex_at_end(reader)) {
            return regex_fail(reader, start, "a class without its ]");
        }
        if (!take_class_part(reader, start, &set)) {
            return false;
        }
        first = false;
    }
    reader->at++;
    return charset_close(reader, &set, negated, ret);
}
