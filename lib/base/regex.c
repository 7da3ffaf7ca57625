/* SPDX-License-Identifier: Apache-2.0 */
#include "base/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/limits.h"
#include "base/regex_syntax.h"

enum {
    TRANSLATED_BYTES = 64 * 1024,
    /* Steps besides LIMIT_REGEX_STEPS for each byte of the text: many short matches in a long one
     * are no hostile pattern. */
    STEPS_PER_BYTE = 16,
    /* Bytes of a replacement that cost as much as a step. */
    REPLACEMENT_BYTES_PER_STEP = 16,
    /* Places that PCRE2 may come back to: some 150 bytes each. */
    HEAP_KIB = 64 * 1024,
    GROUPS_INSIDE = 1000,
    /* What PCRE2 may do between two of our own counts. */
    STEPS_UNCOUNTED = 20 * 1000 * 1000,
    /* What compiling takes, measured over patterns of all kinds. */
    COMPILE_STEPS = 100,
    STEPS_PER_PATTERN_BYTE = 6,
    STEPS_PER_TRANSLATED = 1,
    CODE_BYTES_A_STEP = 48,
    FOLDED_A_STEP = 6,
};

struct regex {
    pcre2_code *code;
    struct regex_groups groups;
    unsigned group_count;
    char **names;
};

/* A length in front of each block, so that PCRE2's memory is wiped in every program that links
 * this, not only in one whose free() wipes. */
struct block {
    size_t size;
    max_align_t data[];
};

static void *block_new(size_t size, void *data)
{
    (void)data;
    struct block *block = mem_alloc(sizeof *block + size);
    block->size = size;
    return block->data;
}

static void block_free(void *memory, void *data)
{
    (void)data;
    if (memory) {
        struct block *block = (struct block *)((char *)memory - offsetof(struct block, data));
        explicit_bzero(block->data, block->size);
        free(block);
    }
}

static void general_context_done(pcre2_general_context **context)
{
    pcre2_general_context_free(*context);
}

static pcre2_general_context *general_context_new(void)
{
    return pcre2_general_context_create(block_new, block_free, NULL);
}

static bool compile(struct regex *regex, struct str_view translated, struct err *err)
{
    CLEANUP(general_context_done) pcre2_general_context *general = general_context_new();
    pcre2_compile_context *context = pcre2_compile_context_create(general);
    int code = 0;
    size_t offset = 0;
    pcre2_set_parens_nest_limit(context, GROUPS_INSIDE);
    /* Go has classes over surrogates, which match nothing. */
    pcre2_set_compile_extra_options(context, PCRE2_EXTRA_ALLOW_SURROGATE_ESCAPES);
    regex->code = pcre2_compile((PCRE2_SPTR)translated.data, translated.len,
                                PCRE2_UTF | PCRE2_DOTALL | PCRE2_NEVER_BACKSLASH_C |
                                    PCRE2_NO_AUTO_POSSESS | PCRE2_NO_UTF_CHECK,
                                &code, &offset, context);
    pcre2_compile_context_free(context);
    if (!regex->code) {
        /* The grammar has been read already: what is left are PCRE2's own ceilings. */
        return err_set(err, ERR_TOO_BIG, "the regular expression is too large (PCRE2 error %d)",
                       code);
    }
    return true;
}

/* PCRE2 copies what is repeated, looks for the other case of every letter of a range, and goes over
 * a group once more for each that it stands in. */
static size_t steps_of_code(const struct regex *regex, const struct regex_tree *tree)
{
    size_t bytes = 0;
    (void)pcre2_pattern_info(regex->code, PCRE2_INFO_SIZE, &bytes);
    return bytes / CODE_BYTES_A_STEP + tree->folded / FOLDED_A_STEP + tree->nesting;
}

static bool translate(struct regex *regex, const struct regex_tree *tree, struct effort *effort,
                      struct err *err)
{
    CLEANUP(buf_done) struct buf translated = {0};
    buf_init(&translated, TRANSLATED_BYTES);
    return regex_translate(tree, &translated, &regex->groups, err) &&
           effort_spend(effort, translated.len * STEPS_PER_TRANSLATED, err) &&
           compile(regex, buf_view(&translated), err) &&
           effort_spend(effort, steps_of_code(regex, tree), err);
}

bool regex_compile(struct str_view pattern, struct effort *effort, struct regex **ret,
                   struct err *err)
{
    CLEANUP(regex_tree_done) struct regex_tree tree = {0};
    if (pattern.len > LIMIT_REGEX_BYTES) {
        return err_set(err, ERR_TOO_BIG, "a regular expression of %zu bytes, limit %d", pattern.len,
                       LIMIT_REGEX_BYTES);
    }
    if (!effort_spend(effort, COMPILE_STEPS + pattern.len * STEPS_PER_PATTERN_BYTE, err) ||
        !regex_parse(&tree, pattern, err)) {
        return false;
    }
    struct regex *regex = mem_alloc(sizeof *regex);
    if (!translate(regex, &tree, effort, err)) {
        regex_free(regex);
        return false;
    }
    regex->group_count = tree.group_count;
    regex->names = tree.names;
    tree.names = NULL;
    *ret = regex;
    return true;
}

void regex_free(struct regex *regex)
{
    if (!regex) {
        return;
    }
    pcre2_code_free(regex->code);
    for (unsigned i = 1; regex->names && i <= regex->group_count; i++) {
        free(regex->names[i]);
    }
    free(regex->names);
    free(regex->groups.group_of);
    free(regex);
}

/* Where a group begins and ends in the caller's text. */
struct span {
    size_t start;
    size_t end;
    bool set;
};

/* Looks for matches in one text, one after the other. */
struct search {
    const struct regex *regex;
    struct str_view text;     /* the caller's */
    struct secret_buf copy;   /* the text with U+FFFD for what is no UTF-8, if there is such */
    size_t *places;           /* and where each byte of it is in the caller's; NULL without copy */
    struct str_view searched; /* either of the two */
    struct effort *effort;    /* may be NULL */
    size_t steps_allowed;
    size_t steps_left;
    pcre2_general_context *general;
    pcre2_match_context *context;
    pcre2_match_data *data;
    struct span *groups;
};

static size_t steps_of_text(struct str_view text)
{
    return LIMIT_REGEX_STEPS + text.len * STEPS_PER_BYTE;
}

static void search_done(struct search *search)
{
    if (search->effort) {
        search->effort->left -= search->steps_allowed - search->steps_left;
    }
    pcre2_match_data_free(search->data);
    pcre2_match_context_free(search->context);
    pcre2_general_context_free(search->general);
    secret_buf_done(&search->copy);
    free(search->places);
    free(search->groups);
}

static int count_steps(pcre2_callout_block *block, void *data)
{
    size_t *left = data;
    if (*left < block->callout_number) {
        return PCRE2_ERROR_CALLOUT;
    }
    *left -= block->callout_number;
    return 0;
}

static bool is_utf8(struct str_view text)
{
    for (size_t i = 0; i < text.len;) {
        size_t len = regex_utf8_sequence(text.data + i, text.len - i);
        if (len == 0) {
            return false;
        }
        i += len;
    }
    return true;
}

/* Go takes each byte that is no UTF-8 for one U+FFFD. */
static void copy_as_utf8(struct search *search)
{
    static const char replacement[] = "\xef\xbf\xbd";
    struct str_view text = search->text;
    size_t most = text.len * (sizeof replacement - 1);
    secret_buf_init(&search->copy, most);
    search->places = mem_alloc_array(most + 1, sizeof *search->places);
    for (size_t i = 0; i < text.len;) {
        size_t len = regex_utf8_sequence(text.data + i, text.len - i);
        size_t from = search->copy.bytes.len;
        secret_buf_append(&search->copy, len ? text.data + i : replacement,
                          len ? len : sizeof replacement - 1);
        for (size_t at = from; at < search->copy.bytes.len; at++) {
            search->places[at] = i;
        }
        i += len ? len : 1;
    }
    search->places[search->copy.bytes.len] = text.len;
    search->searched = secret_buf_view(&search->copy);
}

static void search_init(struct search *search, const struct regex *regex, struct str_view text,
                        struct effort *effort)
{
    size_t steps = steps_of_text(text);
    *search = (struct search){.regex = regex, .text = text, .effort = effort};
    search->steps_allowed = steps < effort_left(effort) ? steps : effort_left(effort);
    search->steps_left = search->steps_allowed;
    search->text.data = text.data ? text.data : "";
    search->searched = search->text;
    if (!is_utf8(search->text)) {
        copy_as_utf8(search);
    }
    search->general = general_context_new();
    search->context = pcre2_match_context_create(search->general);
    pcre2_set_match_limit(search->context, STEPS_UNCOUNTED);
    pcre2_set_heap_limit(search->context, HEAP_KIB);
    pcre2_set_callout(search->context, count_steps, &search->steps_left);
    search->data = pcre2_match_data_create(regex->groups.count, search->general);
    search->groups = mem_alloc_array((size_t)regex->group_count + 1, sizeof *search->groups);
}

static size_t place_of(const struct search *search, size_t at)
{
    return search->places ? search->places[at] : at;
}

/* A group that stands several times in the translation holds what it took last, which is the one
 * furthest to the right. */
static void read_groups(struct search *search, unsigned count)
{
    const size_t *offsets = pcre2_get_ovector_pointer(search->data);
    for (unsigned i = 0; i <= search->regex->group_count; i++) {
        search->groups[i].set = false;
    }
    for (unsigned i = 0; i < count; i++) {
        struct span *span = &search->groups[search->regex->groups.group_of[i]];
        if (offsets[(size_t)i * 2] == PCRE2_UNSET) {
            continue;
        }
        size_t start = place_of(search, offsets[(size_t)i * 2]);
        size_t end = place_of(search, offsets[(size_t)i * 2 + 1]);
        if (!span->set || end > span->end || (end == span->end && start > span->start)) {
            *span = (struct span){start, end, true};
        }
    }
}

static bool too_many_steps(const struct search *search, struct err *err)
{
    if (search->steps_allowed < steps_of_text(search->text)) {
        return effort_refuse(search->effort, err);
    }
    return err_set(err, ERR_TOO_BIG,
                   "matching the regular expression takes more than %d steps, or too much memory: "
                   "simplify it",
                   LIMIT_REGEX_STEPS);
}

static bool spend(struct search *search, size_t steps, struct err *err)
{
    if (steps > search->steps_left) {
        return too_many_steps(search, err);
    }
    search->steps_left -= steps;
    return true;
}

/* From `at` of the searched text on, which is what \b and \A look back from. */
static bool search_next(struct search *search, size_t at, bool *found, struct err *err)
{
    int status =
        pcre2_match(search->regex->code, (PCRE2_SPTR)search->searched.data, search->searched.len,
                    at, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, search->data, search->context);
    *found = status > 0;
    switch (status) {
    case PCRE2_ERROR_NOMATCH:
        return true;
    case PCRE2_ERROR_CALLOUT:
    case PCRE2_ERROR_MATCHLIMIT:
    case PCRE2_ERROR_DEPTHLIMIT:
    case PCRE2_ERROR_HEAPLIMIT:
        return too_many_steps(search, err);
    default:
        break;
    }
    if (status < 0) {
        return err_set(err, ERR_INTERNAL, "PCRE2 error %d while matching", status);
    }
    read_groups(search, (unsigned)status);
    return true;
}

bool regex_matches(const struct regex *regex, struct str_view text, struct effort *effort,
                   bool *ret, struct err *err)
{
    CLEANUP(search_done) struct search search;
    search_init(&search, regex, text, effort);
    return search_next(&search, 0, ret, err);
}

bool regex_find(const struct regex *regex, struct str_view text, struct effort *effort,
                struct str_view *ret, struct err *err)
{
    CLEANUP(search_done) struct search search;
    bool found = false;
    search_init(&search, regex, text, effort);
    if (!search_next(&search, 0, &found, err)) {
        return false;
    }
    struct span whole = search.groups[0];
    *ret = found ? sv_make(search.text.data + whole.start, whole.end - whole.start)
                 : (struct str_view){0};
    return true;
}

static void add_span(const struct search *search, struct span span, struct secret_buf *ret)
{
    secret_buf_append(ret, search->text.data + span.start, span.end - span.start);
}

/* What a name in a template stands for: a number without leading zeros is a group's, everything
 * else, and a number of no group, the empty text. Of groups with one name it is the first that
 * took part. */
static void add_named(const struct search *search, struct str_view name, struct secret_buf *ret)
{
    size_t number = 0;
    size_t digits = 0;
    while (digits < name.len && name.data[digits] >= '0' && name.data[digits] <= '9' &&
           number < 100000000) {
        number = number * 10 + (size_t)(name.data[digits++] - '0');
    }
    if (digits == name.len && (name.len == 1 || name.data[0] != '0')) {
        if (number <= search->regex->group_count && search->groups[number].set) {
            add_span(search, search->groups[number], ret);
        }
        return;
    }
    for (unsigned i = 1; i <= search->regex->group_count; i++) {
        const char *own = search->regex->names[i];
        if (own && sv_is(name, own) && search->groups[i].set) {
            add_span(search, search->groups[i], ret);
            return;
        }
    }
}

/* A replacement, cut where it names groups. */
struct replacement {
    struct str_view rest;
    const struct regex *name; /* of a group: letters and digits of any script, and _ */
};

static bool may_be_in_name(char byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
           (byte >= 'A' && byte <= 'Z') || byte == '_' || (byte & 0x80) != 0;
}

/* The name that `text` begins with, perhaps empty. */
static bool leading_name(const struct replacement *replacement, struct str_view text,
                         struct str_view *ret, struct err *err)
{
    size_t len = 0;
    bool ascii = true;
    while (len < text.len && may_be_in_name(text.data[len])) {
        ascii = ascii && (text.data[len] & 0x80) == 0;
        len++;
    }
    *ret = sv_first(text, len);
    return ascii || regex_find(replacement->name, *ret, NULL, ret, err);
}

/* Takes the name behind a '$' out of the rest; nothing is taken when none stands there. */
static bool take_group_name(struct replacement *replacement, struct str_view *ret, bool *taken,
                            struct err *err)
{
    struct str_view rest = sv_from(replacement->rest, 1);
    bool braces = sv_starts_with(rest, SV("{"));
    *taken = false;
    rest = sv_from(rest, braces ? 1 : 0);
    if (!leading_name(replacement, rest, ret, err)) {
        return false;
    }
    struct str_view behind = sv_from(rest, ret->len);
    if (ret->len == 0 || (braces && !sv_starts_with(behind, SV("}")))) {
        return true;
    }
    replacement->rest = sv_from(behind, braces ? 1 : 0);
    *taken = true;
    return true;
}

static bool expand(const struct search *search, struct replacement replacement,
                   struct secret_buf *ret, struct err *err)
{
    while (replacement.rest.len) {
        size_t dollar = sv_find(replacement.rest, '$');
        secret_buf_add(ret, sv_first(replacement.rest, dollar));
        replacement.rest = sv_from(replacement.rest, dollar);
        if (replacement.rest.len == 0) {
            break;
        }
        struct str_view name = {0};
        bool taken = false;
        if (sv_starts_with(replacement.rest, SV("$$"))) {
            secret_buf_add(ret, SV("$"));
            replacement.rest = sv_from(replacement.rest, 2);
            continue;
        }
        if (!take_group_name(&replacement, &name, &taken, err)) {
            return false;
        }
        if (taken) {
            add_named(search, name, ret);
        } else {
            secret_buf_add(ret, SV("$"));
            replacement.rest = sv_from(replacement.rest, 1);
        }
    }
    return true;
}

/* In the searched text, the place behind the character at `at`. */
static size_t next_place(const struct search *search, size_t at)
{
    size_t left = search->searched.len - at;
    return at + (left ? regex_utf8_sequence(search->searched.data + at, left) : 1);
}

/* Go's rule: no empty match directly behind another match, and from an empty one the search goes
 * on one character further. */
static bool replace(struct search *search, struct replacement replacement, bool literal,
                    struct secret_buf *ret, struct err *err)
{
    const size_t *offsets = pcre2_get_ovector_pointer(search->data);
    size_t copied = 0;
    size_t at = 0;
    while (at <= search->searched.len && !ret->bytes.failed) {
        bool found = false;
        if (!spend(search, 1 + replacement.rest.len / REPLACEMENT_BYTES_PER_STEP, err) ||
            !search_next(search, at, &found, err)) {
            return false;
        }
        if (!found) {
            break;
        }
        struct span whole = search->groups[0];
        secret_buf_append(ret, search->text.data + copied, whole.start - copied);
        if (whole.end > copied || whole.start == 0) {
            if (literal) {
                secret_buf_add(ret, replacement.rest);
            } else if (!expand(search, replacement, ret, err)) {
                return false;
            }
        }
        copied = whole.end;
        at = offsets[1] > at ? offsets[1] : next_place(search, at);
    }
    secret_buf_append(ret, search->text.data + copied, search->text.len - copied);
    return secret_buf_check(ret, "the text with its replacements", err);
}

static void regex_free_ptr(struct regex **regex)
{
    regex_free(*regex);
}

bool regex_replace_all(const struct regex *regex, struct str_view text, struct str_view replacement,
                       struct effort *effort, struct secret_buf *ret, struct err *err)
{
    CLEANUP(search_done) struct search search;
    CLEANUP(regex_free_ptr) struct regex *name = NULL;
    search_init(&search, regex, text, effort);
    if (!regex_compile(SV("\\A[\\p{L}\\p{Nd}_]*"), NULL, &name, err)) {
        return false;
    }
    return replace(&search, (struct replacement){replacement, name}, false, ret, err);
}

bool regex_replace_all_literal(const struct regex *regex, struct str_view text,
                               struct str_view replacement, struct effort *effort,
                               struct secret_buf *ret, struct err *err)
{
    CLEANUP(search_done) struct search search;
    search_init(&search, regex, text, effort);
    return replace(&search, (struct replacement){replacement, NULL}, true, ret, err);
}
