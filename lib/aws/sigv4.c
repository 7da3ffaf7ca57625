/* SPDX-License-Identifier: Apache-2.0 */
/* A general signer although Keyturn only ever sends "POST /": the published vectors then test every
 * rule. Paths are normalised and encoded once, as for every service but S3. */
#include "aws/sigv4.h"

#include "base/encode.h"
#include "base/timestamp.h"

static const char ALGORITHM[] = "AWS4-HMAC-SHA256";
static const char TERMINATOR[] = "aws4_request";

enum {
    DAY_BYTES = 8, /* "20261123" of the X-Amz-Date */
};

void sigv4_date(int64_t wall_ms, int64_t clock_offset_ms, char ret[SIGV4_DATE_BYTES])
{
    char text[TIMESTAMP_BYTES];
    timestamp_format_basic(wall_ms + clock_offset_ms, text);
    memcpy(ret, text, SIGV4_DATE_BYTES);
}

static struct str_view day_of(const struct sigv4_request *request)
{
    return sv_make(request->amz_date, DAY_BYTES);
}

static void add_sha256(struct buf *out, struct str_view data)
{
    unsigned char digest[SHA256_BYTES];
    sha256(data, digest);
    encode_hex(out, sv_make((const char *)digest, sizeof digest));
    explicit_bzero(digest, sizeof digest);
}

static size_t count_byte(struct str_view text, char byte)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++) {
        count += text.data[i] == byte ? 1 : 0;
    }
    return count;
}

/* Path */

/* Without empty and "." segments; ".." takes its parent away and cannot leave the root. */
static size_t split_path(struct str_view path, struct str_view *ret)
{
    size_t count = 0;
    struct str_view rest = path;
    struct str_view segment;
    while (sv_split(&rest, '/', &segment)) {
        if (sv_is(segment, "..")) {
            count -= count > 0 ? 1 : 0;
        } else if (segment.len > 0 && !sv_is(segment, ".")) {
            ret[count++] = segment;
        }
    }
    return count;
}

static void add_path(struct buf *out, struct str_view path)
{
    CLEANUP(mem_free_ptr)
    struct str_view *segments = mem_alloc_array(count_byte(path, '/') + 1, sizeof *segments);
    size_t count = split_path(path, segments);
    for (size_t i = 0; i < count; i++) {
        buf_add_byte(out, '/');
        encode_percent(out, segments[i]);
    }
    if (count == 0 || sv_ends_with(path, SV("/"))) {
        buf_add_byte(out, '/');
    }
}

/* Query */

struct parameter {
    struct str_view name; /* both encoded */
    struct str_view value;
};

static int hex_digit(char byte)
{
    return byte >= '0' && byte <= '9'   ? byte - '0'
           : byte >= 'a' && byte <= 'f' ? byte - 'a' + 10
           : byte >= 'A' && byte <= 'F' ? byte - 'A' + 10
                                        : -1;
}

/* Decoded and encoded again, so that everybody's way of escaping becomes the canonical one. */
static struct str_view recode(struct buf *storage, struct str_view text)
{
    CLEANUP(buf_done) struct buf decoded = {0};
    buf_init(&decoded, text.len);
    for (size_t i = 0; i < text.len; i++) {
        int high = text.data[i] == '%' && text.len - i > 2 ? hex_digit(text.data[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(text.data[i + 2]) : -1;
        if (low >= 0) {
            buf_add_byte(&decoded, (char)(high << 4 | low));
            i += 2;
        } else {
            buf_add_byte(&decoded, text.data[i]);
        }
    }
    size_t start = storage->len;
    encode_percent(storage, buf_view(&decoded));
    return sv_make(storage->data + start, storage->len - start);
}

static int compare_parameters(const void *a, const void *b)
{
    const struct parameter *left = a;
    const struct parameter *right = b;
    int order = sv_compare(left->name, right->name);
    return order ? order : sv_compare(left->value, right->value);
}

static void add_query(struct buf *out, struct str_view query)
{
    if (query.len == 0) {
        return;
    }
    CLEANUP(mem_free_ptr)
    struct parameter *parameters = mem_alloc_array(count_byte(query, '&') + 1, sizeof *parameters);
    CLEANUP(buf_done) struct buf storage = {0};
    buf_init(&storage, 3 * query.len);
    /* Reserved at once: the views into it must not move. */
    (void)buf_extend(&storage, 3 * query.len);
    buf_truncate(&storage, 0);
    size_t count = 0;
    struct str_view rest = query;
    struct str_view pair;
    while (sv_split(&rest, '&', &pair)) {
        size_t equals = sv_find(pair, '=');
        if (pair.len == 0) {
            continue;
        }
        parameters[count].name = recode(&storage, sv_first(pair, equals));
        parameters[count].value = recode(&storage, sv_from(pair, equals + 1));
        count++;
    }
    qsort(parameters, count, sizeof *parameters, compare_parameters);
    for (size_t i = 0; i < count; i++) {
        buf_add_str(out, i ? "&" : "");
        buf_add(out, parameters[i].name);
        buf_add_byte(out, '=');
        buf_add(out, parameters[i].value);
    }
}

/* Headers */

static bool is_signed(const char *name)
{
    static const char *const never[] = {
        "connection",
        "expect",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
        "x-amzn-trace-id",
    };
    for (size_t i = 0; i < ARRAY_LEN(never); i++) {
        if (sv_equal_ignoring_case(sv_of(name), sv_of(never[i]))) {
            return false;
        }
    }
    return true;
}

static unsigned char lower(char byte)
{
    return (unsigned char)(byte >= 'A' && byte <= 'Z' ? byte - 'A' + 'a' : byte);
}

static int compare_names(const char *a, const char *b)
{
    while (*a && lower(*a) == lower(*b)) {
        a++;
        b++;
    }
    return lower(*a) - lower(*b);
}

/* Repeated headers keep the order in which they are sent. */
static int compare_headers(const void *a, const void *b)
{
    const struct http_header *left = *(const struct http_header *const *)a;
    const struct http_header *right = *(const struct http_header *const *)b;
    int order = compare_names(left->name, right->name);
    return order ? order : (left > right) - (left < right);
}

static void add_name(struct buf *out, const char *name)
{
    for (const char *at = name; *at; at++) {
        buf_add_byte(out, (char)lower(*at));
    }
}

static bool is_space(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

/* Trimmed, and every run of blanks (a folded line too) is one space, inside quotes as well. */
static void add_value(struct buf *out, struct str_view value)
{
    bool pending = false;
    struct str_view text = sv_trim(value);
    for (size_t i = 0; i < text.len; i++) {
        if (is_space(text.data[i])) {
            pending = true;
            continue;
        }
        if (pending) {
            buf_add_byte(out, ' ');
            pending = false;
        }
        buf_add_byte(out, text.data[i]);
    }
}

static void add_headers(const struct sigv4_request *request, struct buf *out,
                        struct buf *signed_headers)
{
    CLEANUP(mem_free_ptr)
    const struct http_header **sorted = mem_alloc_array(request->header_count, sizeof *sorted);
    size_t count = 0;
    for (size_t i = 0; i < request->header_count; i++) {
        if (is_signed(request->headers[i].name)) {
            sorted[count++] = &request->headers[i];
        }
    }
    qsort(sorted, count, sizeof *sorted, compare_headers);
    for (size_t i = 0; i < count; i++) {
        bool repeated = i > 0 && compare_names(sorted[i - 1]->name, sorted[i]->name) == 0;
        if (repeated) {
            buf_add_byte(out, ',');
        } else {
            buf_add_str(out, i ? "\n" : "");
            add_name(out, sorted[i]->name);
            buf_add_byte(out, ':');
            buf_add_str(signed_headers, i ? ";" : "");
            add_name(signed_headers, sorted[i]->name);
        }
        add_value(out, sorted[i]->value);
    }
    buf_add_str(out, count ? "\n" : "");
}

/* Stages */

bool sigv4_canonical_request(const struct sigv4_request *request, struct secret_buf *ret,
                             struct buf *ret_signed_headers, struct err *err)
{
    struct buf *out = &ret->bytes;
    buf_add(out, request->method);
    buf_add_byte(out, '\n');
    add_path(out, request->path);
    buf_add_byte(out, '\n');
    add_query(out, request->query);
    buf_add_byte(out, '\n');
    add_headers(request, out, ret_signed_headers);
    buf_add_byte(out, '\n');
    buf_add(out, buf_view(ret_signed_headers));
    buf_add_byte(out, '\n');
    add_sha256(out, request->body);
    return buf_check(ret_signed_headers, "signed headers", err) &&
           secret_buf_check(ret, "canonical request", err);
}

static void add_scope(const struct sigv4_request *request, struct buf *out)
{
    buf_add(out, day_of(request));
    buf_add_byte(out, '/');
    buf_add(out, request->region);
    buf_add_byte(out, '/');
    buf_add(out, request->service);
    buf_add_byte(out, '/');
    buf_add_str(out, TERMINATOR);
}

bool sigv4_string_to_sign(const struct sigv4_request *request,
                          const struct secret_buf *canonical_request, struct secret_buf *ret,
                          struct err *err)
{
    struct buf *out = &ret->bytes;
    buf_add_str(out, ALGORITHM);
    buf_add_byte(out, '\n');
    buf_add_str(out, request->amz_date);
    buf_add_byte(out, '\n');
    add_scope(request, out);
    buf_add_byte(out, '\n');
    add_sha256(out, secret_buf_view(canonical_request));
    return secret_buf_check(ret, "string to sign", err);
}

static struct str_view key_view(const unsigned char key[SHA256_BYTES])
{
    return sv_make((const char *)key, SHA256_BYTES);
}

void sigv4_derive_keys(const struct secret_buf *secret_access_key, struct str_view date,
                       struct str_view region, struct str_view service, struct sigv4_keys *ret)
{
    CLEANUP(secret_buf_done) struct secret_buf first = {0};
    secret_buf_init(&first, LIMIT_CREDENTIAL_BYTES + 4);
    secret_buf_add(&first, SV("AWS4"));
    secret_buf_add(&first, secret_buf_view(secret_access_key));
    hmac_sha256(secret_buf_view(&first), date, ret->date);
    hmac_sha256(key_view(ret->date), region, ret->region);
    hmac_sha256(key_view(ret->region), service, ret->service);
    hmac_sha256(key_view(ret->service), sv_of(TERMINATOR), ret->signing);
}

void sigv4_signature(const struct sigv4_keys *keys, const struct secret_buf *string_to_sign,
                     char ret[SIGV4_SIGNATURE_BYTES])
{
    unsigned char digest[SHA256_BYTES];
    hmac_sha256(key_view(keys->signing), secret_buf_view(string_to_sign), digest);
    CLEANUP(secret_buf_done) struct secret_buf hex = {0};
    secret_buf_init(&hex, SIGV4_SIGNATURE_BYTES);
    encode_hex(&hex.bytes, sv_make((const char *)digest, sizeof digest));
    memcpy(ret, hex.bytes.data, SIGV4_SIGNATURE_BYTES);
    explicit_bzero(digest, sizeof digest);
}

static void keys_wipe(struct sigv4_keys *keys)
{
    explicit_bzero(keys, sizeof *keys);
}

bool sigv4_sign(const struct sigv4_request *request, const struct credentials *credentials,
                struct secret_buf *ret, struct err *err)
{
    CLEANUP(secret_buf_done) struct secret_buf canonical = {0};
    CLEANUP(secret_buf_done) struct secret_buf to_sign = {0};
    CLEANUP(buf_done) struct buf signed_headers = {0};
    secret_buf_init(&canonical, LIMIT_SIGV4_BYTES);
    secret_buf_init(&to_sign, LIMIT_SIGV4_BYTES);
    buf_init(&signed_headers, LIMIT_SIGV4_BYTES);
    if (!sigv4_canonical_request(request, &canonical, &signed_headers, err) ||
        !sigv4_string_to_sign(request, &canonical, &to_sign, err)) {
        return false;
    }
    CLEANUP(keys_wipe) struct sigv4_keys keys;
    sigv4_derive_keys(&credentials->secret_access_key, day_of(request), request->region,
                      request->service, &keys);
    char signature[SIGV4_SIGNATURE_BYTES];
    sigv4_signature(&keys, &to_sign, signature);

    struct buf *out = &ret->bytes;
    buf_printf(out, "%s Credential=%s/", ALGORITHM, credentials->access_key_id);
    add_scope(request, out);
    buf_add_str(out, ", SignedHeaders=");
    buf_add(out, buf_view(&signed_headers));
    buf_printf(out, ", Signature=%s", signature);
    explicit_bzero(signature, sizeof signature);
    return secret_buf_check(ret, "Authorization", err);
}
