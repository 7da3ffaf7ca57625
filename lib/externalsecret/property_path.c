/* SPDX-License-Identifier: Apache-2.0 */
/* A walk over the raw bytes, without a tree: only the containers on the way are entered, the others
 * skipped by their brackets, and whatever stands between two values is taken for separators. That
 * is what makes gjson find a value in a text that is cut off or continues with something else, and
 * what makes a later member with the same name count when the first one leads nowhere. */
#include "externalsecret/property_path.h"

#include "externalsecret/property_query.h"
#include "externalsecret/property_selector.h"

struct search {
    struct property_run *run;
    struct str_view json;
    struct property_value found;
    struct str_view pipe; /* asked of what is found, also when nothing is */
    bool piped;
};

static size_t search_object(struct search *search, size_t at, struct str_view path, bool *ret_hit);
static size_t search_array(struct search *search, size_t at, struct str_view path, bool *ret_hit);

static void note_pipe(struct search *search, const struct property_part *part)
{
    if (part->piped && !part->more) {
        search->pipe = part->pipe;
        search->piped = true;
    }
}

static bool key_matches(struct search *search, const struct property_part *part,
                        struct str_view key, bool escaped)
{
    if (escaped) {
        key = property_unescape(search->run, key);
    }
    return part->wild ? property_matches_pattern(search->run, key, part->text)
                      : sv_equal(key, part->text);
}

/* What starts at a byte. */
enum token {
    TOKEN_NOTHING,
    TOKEN_STRING,
    TOKEN_OBJECT,
    TOKEN_ARRAY,
    TOKEN_WORD,
    TOKEN_NUMBER,
};

static enum token token_at(struct str_view json, size_t at)
{
    switch (json.data[at]) {
    case '"':
        return TOKEN_STRING;
    case '{':
        return TOKEN_OBJECT;
    case '[':
        return TOKEN_ARRAY;
    case 't':
    case 'f':
        return TOKEN_WORD;
    default:
        if (property_starts_number(json, at)) {
            return TOKEN_NUMBER;
        }
        return json.data[at] == 'n' ? TOKEN_WORD : TOKEN_NOTHING;
    }
}

/* The value at `*at`, whole. False for a string without an end. */
static bool take(struct search *search, enum token token, size_t *at, struct property_value *ret)
{
    switch (token) {
    case TOKEN_STRING:
        (*at)++;
        return property_take_string(search->run, search->json, at, ret);
    case TOKEN_WORD:
        property_take_word(search->json, at, ret);
        return true;
    case TOKEN_NUMBER:
        property_take_number(search->json, at, ret);
        return true;
    case TOKEN_OBJECT:
    case TOKEN_ARRAY:
    case TOKEN_NOTHING:
        break;
    }
    *ret = (struct property_value){.type = PROPERTY_JSON,
                                   .raw = property_take_container(search->json, at)};
    return true;
}

/* As take(), but a string that nobody asked for is not unescaped. */
static bool pass(struct search *search, enum token token, size_t *at)
{
    struct property_value ignored;
    struct str_view text;
    bool escaped = false;
    if (token == TOKEN_STRING) {
        (*at)++;
        return property_take_quoted(search->json, at, &text, &escaped);
    }
    return take(search, token, at, &ignored);
}

static size_t enter(struct search *search, enum token token, size_t at, struct str_view path,
                    bool *ret_hit)
{
    return token == TOKEN_OBJECT ? search_object(search, at + 1, path, ret_hit)
                                 : search_array(search, at + 1, path, ret_hit);
}

/* At a value that `part` leads to, or does not. False when the container ends here: with a hit, or
 * because a string has no end. */
static bool visit(struct search *search, const struct property_part *part, bool matches,
                  enum token token, size_t *at, bool *ret_hit)
{
    bool container = token == TOKEN_OBJECT || token == TOKEN_ARRAY;
    *ret_hit = false;
    if (container && matches && part->more) {
        *at = enter(search, token, *at, part->rest, ret_hit);
        return !*ret_hit;
    }
    if (!matches || part->more) {
        return pass(search, token, at);
    }
    struct property_value value = {0};
    if (take(search, token, at, &value)) {
        search->found = value;
        *ret_hit = true;
    }
    return false;
}

/* To the next key; false when the object ends, with `*at` behind its bracket. */
static bool next_key(struct search *search, size_t *at, struct str_view *ret, bool *ret_escaped)
{
    struct str_view json = search->json;
    for (; *at < json.len; (*at)++) {
        if (json.data[*at] == '"') {
            (*at)++;
            return property_take_quoted(json, at, ret, ret_escaped);
        }
        if (json.data[*at] == '}') {
            (*at)++;
            return false;
        }
    }
    return false;
}

static size_t search_object(struct search *search, size_t at, struct str_view path, bool *ret_hit)
{
    struct property_part part = property_object_part(search->run, path);
    struct str_view key;
    bool escaped = false;
    note_pipe(search, &part);
    *ret_hit = false;
    while (!search->run->exhausted && next_key(search, &at, &key, &escaped)) {
        bool matches = key_matches(search, &part, key, escaped);
        while (at < search->json.len && token_at(search->json, at) == TOKEN_NOTHING) {
            at++;
        }
        if (at < search->json.len &&
            !visit(search, &part, matches, token_at(search->json, at), &at, ret_hit)) {
            return at;
        }
    }
    return at;
}

/* What an array's elements are asked, beyond an index. */
struct elements {
    struct property_part part;
    size_t wanted;
    bool indexed;
    size_t count;
    size_t *starts; /* of part.each: where the look for an element began */
    size_t capacity;
    struct secret_buf all; /* of query.all: what matched, from its '[' on */
};

static void elements_done(struct elements *elements)
{
    free(elements->starts);
    secret_buf_done(&elements->all);
}

/* Go counts without a check for overflow; a text is never that long. */
static bool to_index(struct str_view text, size_t *ret)
{
    uint64_t index = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
        index = index * 10 + (uint64_t)(text.data[i] - '0');
    }
    *ret = (size_t)index;
    return text.len > 0;
}

static void note_start(struct elements *elements, size_t at)
{
    if (elements->count == elements->capacity) {
        elements->capacity = elements->capacity ? elements->capacity * 2 : 64;
        elements->starts =
            mem_resize_array(elements->starts, elements->capacity, sizeof *elements->starts);
    }
    elements->starts[elements->count] = at;
}

static void take_pipe_out(struct search *search, struct str_view *path)
{
    struct str_view right;
    if (property_split_pipe(*path, path, &right)) {
        search->pipe = right;
        search->piped = true;
    }
}

static void add_matched(struct elements *elements, const struct property_value *value)
{
    struct secret_buf *all = &elements->all;
    size_t before = all->bytes.len;
    if (before > 1) {
        buf_add_byte(&all->bytes, ',');
    }
    size_t start = all->bytes.len;
    if (value->raw.len) {
        secret_buf_add(all, value->raw);
    } else {
        property_value_print(value, all);
    }
    if (all->bytes.len == start) {
        buf_truncate(&all->bytes, before);
    }
}

/* Whether this element ends the search. */
static bool query_element(struct search *search, struct elements *elements,
                          const struct property_value *element)
{
    struct property_part *part = &elements->part;
    struct property_value asked = *element;
    if (part->query.all && elements->all.bytes.len == 0) {
        buf_add_byte(&elements->all.bytes, '[');
    }
    if (element->type == PROPERTY_JSON) {
        asked = property_path_get(search->run, element->raw, part->query.path);
    } else if (part->query.path.len) {
        return false;
    }
    if (!property_matches_query(search->run, &part->query, &asked)) {
        return false;
    }
    struct property_value result = *element;
    if (part->more) {
        take_pipe_out(search, &part->rest);
        result = property_path_get(search->run, element->raw, part->rest);
    }
    if (part->query.all) {
        add_matched(elements, &result);
        return false;
    }
    search->found = result;
    return true;
}

static struct property_value count_of(struct property_run *run, size_t count)
{
    struct secret_buf text = {0};
    property_run_open(run, &text);
    buf_add_int(&text.bytes, (int64_t)count);
    return (struct property_value){.type = PROPERTY_NUMBER, .raw = property_run_keep(run, &text)};
}

static size_t skip_space(struct str_view json, size_t at)
{
    while (at < json.len && strchr(" \t\r\n", json.data[at]) && json.data[at]) {
        at++;
    }
    return at;
}

/* "#.path": the array of what the path leads to in each element. */
static struct property_value collect_each(struct search *search, struct elements *elements)
{
    struct secret_buf out = {0};
    property_run_open(search->run, &out);
    take_pipe_out(search, &elements->part.each_path);
    (void)property_run_spend(search->run, search->json.len);
    buf_add_byte(&out.bytes, '[');
    bool first = true;
    for (size_t i = 0; i < elements->count && !search->run->exhausted; i++) {
        size_t at = skip_space(search->json, elements->starts[i]);
        struct property_value element = {0};
        if (at >= search->json.len || search->json.data[at] == ']' ||
            !property_take_any(search->run, search->json, &at, &element)) {
            continue;
        }
        struct property_value value =
            property_path_get(search->run, element.raw, elements->part.each_path);
        if (property_value_exists(&value)) {
            secret_buf_add(&out, first ? SV("") : SV(","));
            first = false;
            if (value.raw.len) {
                secret_buf_add(&out, value.raw);
            } else {
                property_value_print(&value, &out);
            }
        }
    }
    buf_add_byte(&out.bytes, ']');
    return (struct property_value){.type = PROPERTY_JSON,
                                   .raw = property_run_keep(search->run, &out)};
}

/* Behind the last element. */
static bool finish_array(struct search *search, struct elements *elements)
{
    const struct property_part *part = &elements->part;
    if (part->counts && sv_is(part->text, "#")) {
        /* One more look began than there are elements. */
        size_t count = elements->count++;
        search->found = part->each ? collect_each(search, elements) : count_of(search->run, count);
        return true;
    }
    if (part->query.all && !property_value_exists(&search->found)) {
        if (elements->all.bytes.len == 0) {
            buf_add_byte(&elements->all.bytes, '[');
        }
        buf_add_byte(&elements->all.bytes, ']');
        search->found = (struct property_value){
            .type = PROPERTY_JSON, .raw = property_run_keep(search->run, &elements->all)};
    }
    return false;
}

/* At an element. False when the array ends here. */
static bool visit_element(struct search *search, struct elements *elements, size_t *at,
                          bool *ret_hit)
{
    enum token token = token_at(search->json, *at);
    if (!elements->part.query.on) {
        bool matches = elements->indexed && elements->wanted == elements->count;
        return visit(search, &elements->part, matches, token, at, ret_hit);
    }
    struct property_value element = {0};
    if (!take(search, token, at, &element)) {
        return false;
    }
    *ret_hit = query_element(search, elements, &element);
    return !*ret_hit;
}

static size_t search_array(struct search *search, size_t at, struct str_view path, bool *ret_hit)
{
    CLEANUP(elements_done)
    struct elements elements = {.part = property_array_part(search->run, path)};
    struct str_view json = search->json;
    elements.indexed = !elements.part.counts && to_index(elements.part.text, &elements.wanted);
    property_run_open(search->run, &elements.all);
    note_pipe(search, &elements.part);
    *ret_hit = false;
    while (at <= json.len && !search->run->exhausted) {
        if (elements.part.each) {
            note_start(&elements, at);
        }
        while (at < json.len && json.data[at] != ']' && token_at(json, at) == TOKEN_NOTHING) {
            at++;
        }
        if (at >= json.len || json.data[at] == ']') {
            *ret_hit = finish_array(search, &elements);
            return at + 1;
        }
        if (!visit_element(search, &elements, &at, ret_hit)) {
            return at;
        }
        elements.count++;
    }
    return at;
}

static struct property_value search_text(struct property_run *run, struct str_view json,
                                         struct str_view path)
{
    struct search search = {.run = run, .json = json};
    bool hit = false;
    size_t at = 0;
    if (sv_starts_with(path, SV(".."))) {
        (void)search_array(&search, 0, sv_from(path, 2), &hit);
    } else {
        while (at < json.len && json.data[at] != '{' && json.data[at] != '[') {
            at++;
        }
        if (at < json.len) {
            (void)enter(&search, token_at(json, at), at, path, &hit);
        }
    }
    return search.piped ? property_path_get(run, search.found.raw, search.pipe) : search.found;
}

static struct property_value get(struct property_run *run, struct str_view json,
                                 struct str_view path)
{
    struct str_view made;
    struct str_view rest;
    if (!property_select(run, json, &path, &made, &rest)) {
        return search_text(run, json, path);
    }
    if (rest.len && (rest.data[0] == '.' || rest.data[0] == '|')) {
        return property_path_get(run, made, sv_from(rest, 1));
    }
    return property_parse(run, made);
}

struct property_value property_path_get(struct property_run *run, struct str_view json,
                                        struct str_view path)
{
    struct property_value ret = {0};
    if (property_run_enter(run) && property_run_spend(run, json.len + path.len)) {
        ret = get(run, json, path);
    }
    property_run_leave(run);
    return run->exhausted ? (struct property_value){0} : ret;
}
