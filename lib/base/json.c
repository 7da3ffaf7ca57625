/* SPDX-License-Identifier: Apache-2.0 */
/* Recursive descent over one mutable buffer. The tree costs one bump allocation per value, and the
 * common string (printable ASCII without escapes) is only scanned, many bytes at a time: reading a
 * review is most of what a request costs. Where two names of an object may be one they are looked
 * at, pair by pair while the object is small and sorted when it is not, so that a crafted object
 * cannot cost more than n log n. */
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
};

struct json_block {
    struct json_block *next;
    size_t bytes;
    uint32_t used;
    uint32_t count;
    struct json nodes[];
};

struct parser {
    char *start;
    char *at;
    char *end;
    struct json_doc *doc;
    const struct json_limits *limits;
    uint32_t depth;
    struct err *err;
};

static bool fail(struct parser *parser, const char *what)
{
    return err_set(parser->err, ERR_INVALID, "invalid JSON at byte %zu: %s",
                   (size_t)(parser->at - parser->start), what);
}

static struct json_block *block_new(struct json_doc *doc)
{
    uint32_t count = doc->blocks ? BLOCK_NODES : FIRST_BLOCK_NODES;
    size_t bytes = sizeof(struct json_block) + count * sizeof(struct json);
    if (doc->budget && !budget_take(doc->budget, bytes)) {
        return NULL;
    }
    struct json_block *block = malloc(bytes);
    if (!block) {
        abort();
    }
    block->next = doc->blocks;
    block->bytes = bytes;
    block->used = 0;
    block->count = count;
    doc->blocks = block;
    doc->taken += bytes;
    return block;
}

static inline struct json *take_node(struct json_doc *doc)
{
    struct json_block *block = doc->blocks;
    if (!block || block->used == block->count) {
        block = block_new(doc);
        if (!block) {
            return NULL;
        }
    }
    doc->nodes++;
    struct json *node = &block->nodes[block->used++];
    *node = (struct json){0};
    return node;
}

struct json *json_doc_node(struct json_doc *doc)
{
    return take_node(doc);
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

static inline struct json *new_node(struct parser *parser)
{
    if (parser->doc->nodes >= parser->limits->max_nodes) {
        err_set(parser->err, ERR_TOO_BIG, "JSON has more than %u values",
                parser->limits->max_nodes);
        return NULL;
    }
    struct json *node = take_node(parser->doc);
    if (!node) {
        err_set(parser->err, ERR_BUSY, "no memory left in the budget for requests in flight");
    }
    return node;
}

static inline void skip_space(struct parser *parser)
{
    char *at = parser->at;
    if (at < parser->end && (unsigned char)*at > ' ') {
        return; /* what the API server sends has no spaces */
    }
    while (at < parser->end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t')) {
        at++;
    }
    parser->at = at;
}

static char *scan_plain_bytes(char *at, const char *end)
{
    while (at < end) {
        unsigned char byte = (unsigned char)*at;
        if (byte == '"' || byte == '\\' || byte < 0x20 || byte >= 0x80) {
            break;
        }
        at++;
    }
    return at;
}

/* The first byte that is a quote, a backslash, a control character or not ASCII. */
#ifdef __SSE2__
static inline char *scan_plain(char *at, const char *end)
{
    const __m128i quote = _mm_set1_epi8('"');
    const __m128i slash = _mm_set1_epi8('\\');
    const __m128i space = _mm_set1_epi8(' ');
    while (end - at >= 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)at);
        /* Signed: bytes from 0x80 on are below the space too. */
        __m128i hit =
            _mm_or_si128(_mm_cmplt_epi8(bytes, space),
                         _mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, slash)));
        unsigned mask = (unsigned)_mm_movemask_epi8(hit);
        if (mask) {
            return at + __builtin_ctz(mask);
        }
        at += 16;
    }
    return scan_plain_bytes(at, end);
}
#else
static inline char *scan_plain(char *at, const char *end)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    const uint64_t high = ones * 0x80;
    while (end - at >= 8) {
        uint64_t word = 0;
        memcpy(&word, at, sizeof word);
        word = le64toh(word);
        uint64_t quote = word ^ (ones * '"');
        uint64_t slash = word ^ (ones * '\\');
        uint64_t hit = ((quote - ones) & ~quote) | ((slash - ones) & ~slash) |
                       ((word - ones * 0x20) & ~word) | word;
        if (hit & high) {
            /* A borrow marks wrong bytes only above a right one, so the lowest mark is exact. */
            return at + __builtin_ctzll(hit & high) / 8;
        }
        at += 8;
    }
    return scan_plain_bytes(at, end);
}
#endif

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
static bool unescape_unicode(struct parser *parser, char **out)
{
    int32_t rune = hex4(parser->at, parser->end);
    if (rune < 0) {
        return fail(parser, "\\u needs four hexadecimal digits");
    }
    parser->at += 4;
    if (rune >= 0xdc00 && rune <= 0xdfff) {
        return fail(parser, "lone low surrogate");
    }
    if (rune >= 0xd800 && rune <= 0xdbff) {
        if (parser->end - parser->at < 6 || parser->at[0] != '\\' || parser->at[1] != 'u') {
            return fail(parser, "lone high surrogate");
        }
        int32_t low = hex4(parser->at + 2, parser->end);
        if (low < 0xdc00 || low > 0xdfff) {
            return fail(parser, "lone high surrogate");
        }
        parser->at += 6;
        rune = 0x10000 + ((rune - 0xd800) << 10) + (low - 0xdc00);
    }
    *out = put_utf8(*out, rune);
    return true;
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
static bool unescape(struct parser *parser, char **out)
{
    if (parser->at == parser->end) {
        return fail(parser, "string without an end");
    }
    char byte = *parser->at++;
    if (byte == 'u') {
        return unescape_unicode(parser, out);
    }
    char meant = escaped(byte);
    if (!meant) {
        parser->at--;
        return fail(parser, "unknown escape");
    }
    *(*out)++ = meant;
    return true;
}

/* At the opening quote; leaves the unescaped bytes in place. */
static bool parse_string(struct parser *parser, const char **text, uint32_t *len)
{
    char *start = ++parser->at;
    char *out = start;
    for (;;) {
        char *plain = parser->at;
        parser->at = scan_plain(plain, parser->end);
        size_t count = (size_t)(parser->at - plain);
        if (out != plain) {
            memmove(out, plain, count);
        }
        out += count;
        if (parser->at == parser->end) {
            return fail(parser, "string without an end");
        }
        unsigned char byte = (unsigned char)*parser->at;
        if (byte == '"') {
            parser->at++;
            *text = start;
            *len = (uint32_t)(out - start);
            return true;
        }
        if (byte == '\\') {
            parser->at++;
            if (!unescape(parser, &out)) {
                return false;
            }
            continue;
        }
        size_t sequence = byte < 0x20 ? 0 : utf8_sequence(parser->at, parser->end);
        if (sequence == 0) {
            return fail(parser, byte < 0x20 ? "control character in a string" : "not UTF-8");
        }
        memmove(out, parser->at, sequence);
        out += sequence;
        parser->at += sequence;
    }
}

static bool skip_digits(struct parser *parser)
{
    const char *first = parser->at;
    while (parser->at < parser->end && *parser->at >= '0' && *parser->at <= '9') {
        parser->at++;
    }
    return parser->at > first;
}

static bool parse_number(struct parser *parser, struct json *node)
{
    const char *start = parser->at;
    if (*parser->at == '-') {
        parser->at++;
    }
    bool zero = parser->at < parser->end && *parser->at == '0';
    const char *digits = parser->at;
    if (!skip_digits(parser) || (zero && parser->at - digits > 1)) {
        return fail(parser, "malformed number");
    }
    if (parser->at < parser->end && *parser->at == '.') {
        parser->at++;
        if (!skip_digits(parser)) {
            return fail(parser, "malformed number");
        }
    }
    if (parser->at < parser->end && (*parser->at == 'e' || *parser->at == 'E')) {
        parser->at++;
        if (parser->at < parser->end && (*parser->at == '+' || *parser->at == '-')) {
            parser->at++;
        }
        if (!skip_digits(parser)) {
            return fail(parser, "malformed number");
        }
    }
    node->type = JSON_NUMBER;
    node->text = start;
    node->len = (uint32_t)(parser->at - start);
    return true;
}

static bool parse_literal(struct parser *parser, struct json *node)
{
    static const struct {
        const char *text;
        uint8_t type;
    } literals[] = {{"null", JSON_NULL}, {"false", JSON_FALSE}, {"true", JSON_TRUE}};
    for (size_t i = 0; i < ARRAY_LEN(literals); i++) {
        size_t len = strlen(literals[i].text);
        if ((size_t)(parser->end - parser->at) >= len &&
            memcmp(parser->at, literals[i].text, len) == 0) {
            parser->at += len;
            node->type = literals[i].type;
            return true;
        }
    }
    return fail(parser, "value expected");
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
 * still clear is a new one; only an object in which two names share a bit is looked at pair by
 * pair. */
struct names_seen {
    uint64_t bits[4];
    uint64_t shared; /* not 0: some bit was set twice */
};

static inline void note_name(struct names_seen *seen, const struct json *member)
{
    uint32_t hash = member->key_len;
    if (hash > 0) {
        const unsigned char *key = (const unsigned char *)member->key;
        hash += 31U * key[hash - 1] + 131U * key[hash / 2] + 17U * key[hash / 4];
    }
    uint64_t bit = UINT64_C(1) << (hash & 63);
    uint64_t *word = &seen->bits[(hash >> 6) & 3];
    seen->shared |= *word & bit;
    *word |= bit;
}

static bool parse_value(struct parser *parser, struct json *node);

/* At the first byte of a member name. */
static bool parse_member(struct parser *parser, struct json *member)
{
    if (parser->at == parser->end || *parser->at != '"') {
        return fail(parser, "member name expected");
    }
    if (!parse_string(parser, &member->key, &member->key_len)) {
        return false;
    }
    skip_space(parser);
    if (parser->at == parser->end || *parser->at != ':') {
        return fail(parser, "':' expected");
    }
    parser->at++;
    skip_space(parser);
    return parse_value(parser, member);
}

/* At the opening bracket of an array or object. */
static bool parse_children(struct parser *parser, struct json *node, char close,
                           struct names_seen *seen)
{
    struct json *last = NULL;
    parser->at++;
    skip_space(parser);
    if (parser->at < parser->end && *parser->at == close) {
        parser->at++;
        return true;
    }
    for (;;) {
        struct json *child = new_node(parser);
        if (!child || !(close == '}' ? parse_member(parser, child) : parse_value(parser, child))) {
            return false;
        }
        if (close == '}') {
            note_name(seen, child);
        }
        if (last) {
            last->next = child;
        } else {
            node->child = child;
        }
        last = child;
        node->len++;
        skip_space(parser);
        if (parser->at == parser->end || (*parser->at != ',' && *parser->at != close)) {
            return fail(parser, close == '}' ? "',' or '}' expected" : "',' or ']' expected");
        }
        if (*parser->at++ == close) {
            return true;
        }
        skip_space(parser);
    }
}

static bool parse_container(struct parser *parser, struct json *node)
{
    bool object = *parser->at == '{';
    if (parser->depth >= parser->limits->max_depth) {
        return err_set(parser->err, ERR_TOO_BIG, "JSON is nested deeper than %u",
                       parser->limits->max_depth);
    }
    parser->depth++;
    node->type = object ? JSON_OBJECT : JSON_ARRAY;
    node->child = NULL;
    struct names_seen seen = {0};
    if (!parse_children(parser, node, object ? '}' : ']', &seen)) {
        return false;
    }
    parser->depth--;
    if (seen.shared &&
        !(node->len <= PAIRWISE_MEMBERS ? few_keys_unique(node) : many_keys_unique(node))) {
        return fail(parser, "an object has two members of one name");
    }
    return true;
}

static bool parse_value(struct parser *parser, struct json *node)
{
    if (parser->at == parser->end) {
        return fail(parser, "value expected");
    }
    switch (*parser->at) {
    case '{':
    case '[':
        return parse_container(parser, node);
    case '"':
        node->type = JSON_STRING;
        return parse_string(parser, &node->text, &node->len);
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9':
        return parse_number(parser, node);
    default:
        return parse_literal(parser, node);
    }
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
        .at = text,
        .end = text + len,
        .doc = doc,
        .limits = limits,
        .err = err,
    };
    struct json *root = new_node(&parser);
    if (!root) {
        return false;
    }
    skip_space(&parser);
    if (!parse_value(&parser, root)) {
        return false;
    }
    skip_space(&parser);
    if (parser.at != parser.end) {
        return fail(&parser, "something stands behind the document");
    }
    *ret = root;
    return true;
}
