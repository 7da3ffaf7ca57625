/* SPDX-License-Identifier: Apache-2.0 */
/* Recursive descent over one mutable buffer. The tree costs one bump allocation per value, and in
 * the common string (printable ASCII without escapes) nobody looks at a byte: what ends or
 * interrupts strings is marked for 64 bytes of the text at once, ahead of the reading, and the next
 * mark is the string's end. Reading a review is most of what a request costs. Where two names of an
 * object may be one they are looked at, pair by pair while the object is small and sorted when it
 * is not, so that a crafted object cannot cost more than n log n. */
#include "base/json.h"

#include <endian.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif
#include <stdlib.h>

enum {
    BLOCK_NODES = 400, /* 16 KB: a typical review needs two or three */
    FIRST_BLOCK_NODES = 64,
    PAIRWISE_MEMBERS = 12,
    MARKED_BYTES = 64,
};

struct json_block {
    struct json_block *next;
    struct json nodes[];
};

/* Where reading stands is not in here: a function is told, and returns the place behind what it has
 * read, or NULL after failing. */
struct parser {
    char *start;
    char *end;
    char *marked; /* the bytes that `marks` is about */
    uint64_t marks;
    struct json_doc *doc;
    const struct json_limits *limits;
    uint32_t depth_left;
    struct err *err;
};

static char *fail(const struct parser *parser, const char *at, const char *what)
{
    (void)err_set(parser->err, ERR_INVALID, "invalid JSON at byte %zu: %s",
                  (size_t)(at - parser->start), what);
    return NULL;
}

/* False when the budget is spent. */
static bool add_block(struct json_doc *doc, uint32_t count)
{
    size_t bytes = sizeof(struct json_block) + count * sizeof(struct json);
    if (doc->budget && !budget_take(doc->budget, bytes)) {
        return false;
    }
    struct json_block *block = malloc(bytes);
    if (!block) {
        abort();
    }
    block->next = doc->blocks;
    doc->blocks = block;
    doc->spare = block->nodes;
    doc->spare_end = block->nodes + count;
    doc->taken += bytes;
    return true;
}

static uint32_t usual_count(const struct json_doc *doc)
{
    return doc->blocks ? BLOCK_NODES : FIRST_BLOCK_NODES;
}

static inline struct json *take_spare(struct json_doc *doc)
{
    struct json *node = doc->spare++;
    *node = (struct json){0};
    doc->nodes++;
    return node;
}

struct json *json_doc_node(struct json_doc *doc)
{
    return doc->spare < doc->spare_end || add_block(doc, usual_count(doc)) ? take_spare(doc) : NULL;
}

void json_doc_done(struct json_doc *doc)
{
    while (doc->blocks) {
        struct json_block *next = doc->blocks->next;
        free(doc->blocks);
        doc->blocks = next;
    }
    if (doc->budget) {
        budget_give(doc->budget, doc->taken);
    }
    *doc = (struct json_doc){0};
}

/* No block reaches over the limit, so that it is looked at once for each block. */
static bool add_nodes(const struct parser *parser)
{
    struct json_doc *doc = parser->doc;
    uint32_t most = parser->limits->max_nodes;
    if (doc->nodes >= most) {
        return err_set(parser->err, ERR_TOO_BIG, "JSON has more than %u values", most);
    }
    uint32_t left = most - doc->nodes;
    uint32_t usual = usual_count(doc);
    return add_block(doc, left < usual ? left : usual) ||
           err_set(parser->err, ERR_BUSY, "no memory left in the budget for requests in flight");
}

static inline struct json *new_node(const struct parser *parser)
{
    struct json_doc *doc = parser->doc;
    return doc->spare < doc->spare_end || add_nodes(parser) ? take_spare(doc) : NULL;
}

static char *skip_all_space(const struct parser *parser, char *at)
{
    while (at < parser->end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t')) {
        at++;
    }
    return at;
}

static inline char *skip_space(const struct parser *parser, char *at)
{
    if (at < parser->end && (unsigned char)*at > ' ') {
        return at; /* what the API server sends has no white space */
    }
    return skip_all_space(parser, at);
}

/* Whether `byte` is what comes next, white space aside; `*at` is then there. */
static inline bool comes_next(const struct parser *parser, char **at, char byte)
{
    if (*at < parser->end && **at == byte) {
        return true;
    }
    *at = skip_space(parser, *at);
    return *at < parser->end && **at == byte;
}

/* A bit for each byte: whether it is a quote, a backslash, a control character or not ASCII. */
#ifdef __SSE2__
static uint64_t marks_of(const char bytes[MARKED_BYTES])
{
    const __m128i quote = _mm_set1_epi8('"');
    const __m128i slash = _mm_set1_epi8('\\');
    const __m128i space = _mm_set1_epi8(' ');
    uint64_t marks = 0;
    for (int i = 0; i < MARKED_BYTES; i += 16) {
        __m128i part = _mm_loadu_si128((const __m128i *)(bytes + i));
        /* Signed: bytes from 0x80 on are below the space too. */
        __m128i hit =
            _mm_or_si128(_mm_cmplt_epi8(part, space),
                         _mm_or_si128(_mm_cmpeq_epi8(part, quote), _mm_cmpeq_epi8(part, slash)));
        marks |= (uint64_t)(unsigned)_mm_movemask_epi8(hit) << i;
    }
    return marks;
}
#else
static uint64_t marks_of(const char bytes[MARKED_BYTES])
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    const uint64_t low = ones * 0x7f;
    uint64_t marks = 0;
    for (int i = 0; i < MARKED_BYTES; i += 8) {
        uint64_t word = 0;
        memcpy(&word, bytes + i, sizeof word);
        word = le64toh(word);
        uint64_t quote = word ^ (ones * '"');
        uint64_t slash = word ^ (ones * '\\');
        /* The top bit of each byte: it is neither of the two, and no control character. */
        uint64_t plain = (((quote & low) + low) | quote) & (((slash & low) + low) | slash) &
                         ((word & low) + ones * 0x60);
        uint64_t hit = ((~plain | word) >> 7) & ones;
        /* Gathers the lowest bits of the bytes in the highest byte. */
        marks |= ((hit * UINT64_C(0x0102040810204080)) >> 56) << i;
    }
    return marks;
}
#endif

/* The bytes from `at` on; those behind the text are marked. */
static void mark(struct parser *parser, char *at)
{
    size_t left = (size_t)(parser->end - at);
    parser->marked = at;
    if (left >= MARKED_BYTES) {
        parser->marks = marks_of(at);
    } else {
        char rest[MARKED_BYTES] = {0};
        memcpy(rest, at, left);
        parser->marks = marks_of(rest);
        explicit_bzero(rest, left); /* the text may be secret */
    }
}

/* The first marked byte from `at` on, or the end. */
static inline char *find_mark(struct parser *parser, char *at)
{
    while (at - parser->marked >= MARKED_BYTES) {
        mark(parser, parser->marked + MARKED_BYTES);
    }
    uint64_t marks = parser->marks >> (at - parser->marked);
    while (marks == 0) {
        mark(parser, parser->marked + MARKED_BYTES);
        at = parser->marked;
        marks = parser->marks;
    }
    return at + __builtin_ctzll(marks);
}

/* Length of the UTF-8 sequence at `at` (RFC 3629 §4), or 0 when it is none. */
static size_t utf8_sequence(const char *at, const char *end)
{
    const unsigned char *byte = (const unsigned char *)at;
    size_t left = (size_t)(end - at);
    size_t len = byte[0] >= 0xf0 ? 4 : byte[0] >= 0xe0 ? 3 : 2;
    if (byte[0] < 0xc2 || byte[0] > 0xf4 || left < len) {
        return 0;
    }
    unsigned char low = byte[0] == 0xe0 ? 0xa0 : byte[0] == 0xf0 ? 0x90 : 0x80;
    unsigned char top = byte[0] == 0xed ? 0x9f : byte[0] == 0xf4 ? 0x8f : 0xbf;
    if (byte[1] < low || byte[1] > top) {
        return 0;
    }
    for (size_t i = 2; i < len; i++) {
        if ((byte[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return len;
}

static int hex_digit(char byte)
{
    if (byte >= '0' && byte <= '9') {
        return byte - '0';
    }
    if (byte >= 'a' && byte <= 'f') {
        return byte - 'a' + 10;
    }
    if (byte >= 'A' && byte <= 'F') {
        return byte - 'A' + 10;
    }
    return -1;
}

/* Four hex digits behind "\u"; -1 when they are not there. */
static int32_t hex4(const char *at, const char *end)
{
    if (end - at < 4) {
        return -1;
    }
    int32_t value = 0;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(at[i]);
        if (digit < 0) {
            return -1;
        }
        value = value * 16 + digit;
    }
    return value;
}

static char *put_utf8(char *out, int32_t rune)
{
    if (rune < 0x80) {
        *out++ = (char)rune;
    } else if (rune < 0x800) {
        *out++ = (char)(0xc0 | (rune >> 6));
        *out++ = (char)(0x80 | (rune & 0x3f));
    } else if (rune < 0x10000) {
        *out++ = (char)(0xe0 | (rune >> 12));
        *out++ = (char)(0x80 | ((rune >> 6) & 0x3f));
        *out++ = (char)(0x80 | (rune & 0x3f));
    } else {
        *out++ = (char)(0xf0 | (rune >> 18));
        *out++ = (char)(0x80 | ((rune >> 12) & 0x3f));
        *out++ = (char)(0x80 | ((rune >> 6) & 0x3f));
        *out++ = (char)(0x80 | (rune & 0x3f));
    }
    return out;
}

/* At the hex digits of "\uXXXX"; takes a second escape along when the first is a high surrogate. */
static char *unescape_unicode(const struct parser *parser, char *at, char **out)
{
    int32_t rune = hex4(at, parser->end);
    if (rune < 0) {
        return fail(parser, at, "\\u needs four hexadecimal digits");
    }
    at += 4;
    if (rune >= 0xdc00 && rune <= 0xdfff) {
        return fail(parser, at, "lone low surrogate");
    }
    if (rune >= 0xd800 && rune <= 0xdbff) {
        if (parser->end - at < 6 || at[0] != '\\' || at[1] != 'u') {
            return fail(parser, at, "lone high surrogate");
        }
        int32_t low = hex4(at + 2, parser->end);
        if (low < 0xdc00 || low > 0xdfff) {
            return fail(parser, at, "lone high surrogate");
        }
        at += 6;
        rune = 0x10000 + ((rune - 0xd800) << 10) + (low - 0xdc00);
    }
    *out = put_utf8(*out, rune);
    return at;
}

/* What a letter behind a backslash stands for; 0: nothing. */
static char escaped(char byte)
{
    switch (byte) {
    case '"':
    case '\\':
    case '/':
        return byte;
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return 0;
    }
}

/* At the byte behind a backslash. */
static char *unescape(const struct parser *parser, char *at, char **out)
{
    if (at == parser->end) {
        return fail(parser, at, "string without an end");
    }
    if (*at == 'u') {
        return unescape_unicode(parser, at + 1, out);
    }
    char meant = escaped(*at);
    if (!meant) {
        return fail(parser, at, "unknown escape");
    }
    *(*out)++ = meant;
    return at + 1;
}

/* At the first byte of the string from `start` on that is not plain; moves what follows to where it
 * belongs once the escapes are undone. */
static char *unescape_string(struct parser *parser, char *start, char *at, uint32_t *len)
{
    char *out = at;
    for (;;) {
        if (at == parser->end) {
            return fail(parser, at, "string without an end");
        }
        unsigned char byte = (unsigned char)*at;
        if (byte == '"') {
            *len = (uint32_t)(out - start);
            return at + 1;
        }
        size_t sequence = 0;
        if (byte == '\\') {
            at = unescape(parser, at + 1, &out);
            if (!at) {
                return NULL;
            }
        } else {
            sequence = byte < 0x20 ? 0 : utf8_sequence(at, parser->end);
            if (sequence == 0) {
                return fail(parser, at,
                            byte < 0x20 ? "control character in a string" : "not UTF-8");
            }
        }
        char *next = find_mark(parser, at + sequence);
        size_t count = (size_t)(next - at);
        if (out != at) {
            memmove(out, at, count);
        }
        out += count;
        at = next;
    }
}

/* At the opening quote; leaves the unescaped bytes in place. */
static inline char *parse_string(struct parser *parser, char *at, const char **text, uint32_t *len)
{
    char *start = at + 1;
    char *stop = find_mark(parser, start);
    *text = start;
    if (stop < parser->end && *stop == '"') {
        *len = (uint32_t)(stop - start);
        return stop + 1;
    }
    return unescape_string(parser, start, stop, len);
}

static inline bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

/* Behind the digits, of which there has to be one; else NULL. */
static char *skip_digits(const struct parser *parser, char *at)
{
    const char *first = at;
    while (at < parser->end && is_digit(*at)) {
        at++;
    }
    return at > first ? at : fail(parser, at, "malformed number");
}

static char *parse_number(const struct parser *parser, char *at, struct json *node)
{
    node->type = JSON_NUMBER;
    node->text = at;
    if (*at == '-') {
        at++;
    }
    const char *digits = at;
    at = skip_digits(parser, at);
    if (at && *digits == '0' && at - digits > 1) {
        return fail(parser, at, "malformed number");
    }
    if (at && at < parser->end && *at == '.') {
        at = skip_digits(parser, at + 1);
    }
    if (at && at < parser->end && (*at == 'e' || *at == 'E')) {
        at++;
        if (at < parser->end && (*at == '+' || *at == '-')) {
            at++;
        }
        at = skip_digits(parser, at);
    }
    if (at) {
        node->len = (uint32_t)(at - node->text);
    }
    return at;
}

static char *parse_literal(const struct parser *parser, char *at, struct json *node)
{
    static const struct {
        const char *text;
        uint8_t type;
    } literals[] = {{"null", JSON_NULL}, {"false", JSON_FALSE}, {"true", JSON_TRUE}};
    for (size_t i = 0; i < ARRAY_LEN(literals); i++) {
        size_t len = strlen(literals[i].text);
        if ((size_t)(parser->end - at) >= len && memcmp(at, literals[i].text, len) == 0) {
            node->type = literals[i].type;
            return at + len;
        }
    }
    return fail(parser, at, "value expected");
}

static bool many_keys_unique(const struct json *object)
{
    CLEANUP(mem_free_ptr)
    const struct json **members = json_sorted_members(json_first(object), object->len);
    for (size_t i = 1; i < object->len; i++) {
        if (sv_equal(json_key(members[i - 1]), json_key(members[i]))) {
            return false;
        }
    }
    return true;
}

static bool few_keys_unique(const struct json *object)
{
    JSON_FOR_EACH (member, object) {
        uint32_t len = member->key_len;
        for (const struct json *other = member->next; other; other = other->next) {
            /* Names of one length mostly end differently (f:name, f:path): no call for those. */
            if (other->key_len == len &&
                (len == 0 || (other->key[len - 1] == member->key[len - 1] &&
                              memcmp(member->key, other->key, len) == 0))) {
                return false;
            }
        }
    }
    return true;
}

/* Which names an object has shown so far, roughly: a bit for each, out of 256. A name whose bit is
 * still clear is a new one; only an object in which two names share a bit is looked at closely. */
struct names_seen {
    uint64_t bits[4];
    uint64_t shared; /* not 0: some bit was set twice */
};

/* Names of one length mostly end differently (f:name, f:path). */
static inline void note_name(struct names_seen *seen, const struct json *member)
{
    /* The last byte; of an empty name the quote in front of it. */
    unsigned char last = (unsigned char)member->key[(ptrdiff_t)member->key_len - 1];
    uint32_t hash = 37 * member->key_len + last;
    uint64_t bit = UINT64_C(1) << (hash & 63);
    uint64_t *word = &seen->bits[(hash >> 6) & 3];
    seen->shared |= *word & bit;
    *word |= bit;
}

static bool names_are_unique(const struct json *object, const struct names_seen *seen)
{
    return !seen->shared ||
           (object->len <= PAIRWISE_MEMBERS ? few_keys_unique(object) : many_keys_unique(object));
}

/* Calls cost a tenth of it all: parse_value() and what else is `inline` goes into these three. */
__attribute__((noinline)) static char *parse_elements(struct parser *, char *, struct json *);
__attribute__((noinline)) static char *parse_members(struct parser *, char *, struct json *);
__attribute__((noinline)) static char *parse_other(struct parser *, char *, struct json *);

/* At the opening bracket. */
static inline char *parse_container(struct parser *parser, char *at, struct json *node)
{
    bool object = *at++ == '{';
    node->type = object ? JSON_OBJECT : JSON_ARRAY;
    if (parser->depth_left == 0) {
        (void)err_set(parser->err, ERR_TOO_BIG, "JSON is nested deeper than %u",
                      parser->limits->max_depth);
        return NULL;
    }
    if (comes_next(parser, &at, object ? '}' : ']')) {
        return at + 1;
    }
    parser->depth_left--;
    at = object ? parse_members(parser, at, node) : parse_elements(parser, at, node);
    parser->depth_left++;
    return at;
}

/* At a value, or at white space in front of it. */
static inline char *parse_value(struct parser *parser, char *at, struct json *node)
{
    char first = at < parser->end ? *at : '\0';
    if (first == '"') {
        node->type = JSON_STRING;
        return parse_string(parser, at, &node->text, &node->len);
    }
    return first == '{' || first == '[' ? parse_container(parser, at, node)
                                        : parse_other(parser, at, node);
}

/* Numbers, literals, and whatever stands behind white space. */
static char *parse_other(struct parser *parser, char *at, struct json *node)
{
    at = skip_space(parser, at);
    if (at == parser->end) {
        return fail(parser, at, "value expected");
    }
    if (*at == '"' || *at == '{' || *at == '[') {
        return parse_value(parser, at, node);
    }
    return *at == '-' || is_digit(*at) ? parse_number(parser, at, node)
                                       : parse_literal(parser, at, node);
}

/* The name and what it names. */
static inline char *parse_member(struct parser *parser, char *at, struct json *member)
{
    if (!comes_next(parser, &at, '"')) {
        return fail(parser, at, "member name expected");
    }
    at = parse_string(parser, at, &member->key, &member->key_len);
    if (!at) {
        return NULL;
    }
    if (!comes_next(parser, &at, ':')) {
        return fail(parser, at, "':' expected");
    }
    return parse_value(parser, at + 1, member);
}

/* Behind the opening bracket of an array that is not empty. */
static char *parse_elements(struct parser *parser, char *at, struct json *array)
{
    struct json **link = &array->child;
    do {
        struct json *element = new_node(parser);
        at = element ? parse_value(parser, at, element) : NULL;
        if (!at) {
            return NULL;
        }
        *link = element;
        link = &element->next;
        array->len++;
    } while (comes_next(parser, &at, ',') && at++);
    return comes_next(parser, &at, ']') ? at + 1 : fail(parser, at, "',' or ']' expected");
}

/* Behind the opening bracket of an object that is not empty. */
static char *parse_members(struct parser *parser, char *at, struct json *object)
{
    struct names_seen seen = {0};
    struct json **link = &object->child;
    do {
        struct json *member = new_node(parser);
        at = member ? parse_member(parser, at, member) : NULL;
        if (!at) {
            return NULL;
        }
        note_name(&seen, member);
        *link = member;
        link = &member->next;
        object->len++;
    } while (comes_next(parser, &at, ',') && at++);
    if (!comes_next(parser, &at, '}')) {
        return fail(parser, at, "',' or '}' expected");
    }
    return names_are_unique(object, &seen)
               ? at + 1
               : fail(parser, at + 1, "an object has two members of one name");
}

bool json_parse(struct json_doc *doc, char *text, size_t len, const struct json_limits *limits,
                const struct json **ret, struct err *err)
{
    if (len == 0) {
        return err_set(err, ERR_INVALID, "invalid JSON at byte 0: value expected");
    }
    if (len > UINT32_MAX) {
        return err_set(err, ERR_TOO_BIG, "JSON text of %zu bytes", len);
    }
    doc->budget = limits->budget;
    struct parser parser = {
        .start = text,
        .end = text + len,
        .doc = doc,
        .limits = limits,
        .depth_left = limits->max_depth,
        .err = err,
    };
    mark(&parser, text);
    struct json *root = new_node(&parser);
    char *at = root ? parse_value(&parser, text, root) : NULL;
    if (!at) {
        return false;
    }
    at = skip_space(&parser, at);
    if (at != parser.end) {
        (void)fail(&parser, at, "something stands behind the document");
        return false;
    }
    *ret = root;
    return true;
}
