/* SPDX-License-Identifier: Apache-2.0 */
#include "http/message.h"

#include "base/timestamp.h"

enum {
    RETRY_AFTER_MAX_MS = 24 * 60 * 60 * 1000,
};

void http_response_done(struct http_response *response)
{
    buf_done(&response->headers);
    secret_buf_done(&response->body);
    *response = (struct http_response){0};
}

struct str_view http_header_find(struct str_view headers, const char *name)
{
    struct str_view line;
    while (sv_split(&headers, '\n', &line)) {
        size_t colon = sv_find(line, ':');
        if (colon < line.len && sv_equal_ignoring_case(sv_first(line, colon), sv_of(name))) {
            struct str_view value = sv_trim(sv_from(line, colon + 1));
            return value.data ? value : SV("");
        }
    }
    return (struct str_view){0};
}

int64_t http_retry_after_ms(struct str_view headers, int64_t wall_ms)
{
    struct str_view text = http_header_find(headers, "Retry-After");
    struct err ignored;
    uint64_t seconds = 0;
    int64_t at_ms = 0;
    if (!text.data) {
        return -1;
    }
    if (sv_to_u64(text, &seconds)) {
        return seconds >= RETRY_AFTER_MAX_MS / 1000 ? RETRY_AFTER_MAX_MS : (int64_t)seconds * 1000;
    }
    if (!timestamp_parse_http(text, &at_ms, &ignored)) {
        return -1;
    }
    int64_t left = at_ms - wall_ms;
    return left < 0 ? 0 : left > RETRY_AFTER_MAX_MS ? RETRY_AFTER_MAX_MS : left;
}

int64_t http_date_ms(struct str_view headers)
{
    struct err ignored;
    int64_t ms = 0;
    struct str_view text = http_header_find(headers, "Date");
    return text.data && timestamp_parse_http(text, &ms, &ignored) ? ms : 0;
}

struct str_view http_url_authority(const char *url)
{
    const char *colon = strstr(url, "://");
    struct str_view rest = sv_of(colon ? colon + 3 : url);
    size_t end = strcspn(rest.data, "/?#");
    struct str_view authority = sv_first(rest, end);
    size_t at = sv_find_last(authority, '@');
    return at < authority.len ? sv_from(authority, at + 1) : authority;
}

bool http_url_is_plain_loopback(const char *url)
{
    if (!sv_starts_with(sv_of(url), SV("http://"))) {
        return false;
    }
    struct str_view host = http_url_authority(url);
    size_t end = sv_starts_with(host, SV("[")) ? sv_find(host, ']') + 1 : sv_find(host, ':');
    host = sv_first(host, end);
    /* "127.evil.example" is a name like any other: only digits and dots make an address. */
    bool numeric = strspn(host.data, "0123456789.") >= host.len;
    return sv_is(host, "localhost") || sv_is(host, "[::1]") ||
           (numeric && sv_starts_with(host, SV("127.")));
}
