/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/request_rules.h"

#include "base/duration.h"

unsigned request_framing_check(const struct request_framing *framing, size_t ceiling,
                               size_t *ret_length)
{
    if (framing->transfer_encodings > 0) {
        return framing->content_lengths > 0 ? 400 : 411;
    }
    if (framing->content_lengths > 1) {
        return 400;
    }
    if (framing->content_lengths == 0 && framing->expects_body) {
        return 411;
    }
    uint64_t length = 0;
    if (framing->content_lengths == 1 && !sv_to_u64(framing->content_length, &length)) {
        return 400;
    }
    if (length > ceiling) {
        return 413;
    }
    *ret_length = (size_t)length;
    return 0;
}

bool request_is_json(struct str_view content_type)
{
    struct str_view media = sv_trim(sv_first(content_type, sv_find(content_type, ';')));
    return sv_equal_ignoring_case(media, SV("application/json"));
}

int64_t request_timeout_ms(struct str_view text, int64_t configured_ms)
{
    enum {
        ROUNDED_UP_MS = 1000,
    };
    int64_t timeout_ms = 0;
    struct err ignored;
    if (text.len == 0 || !duration_parse(text, &timeout_ms, &ignored) || timeout_ms <= 0) {
        return 0;
    }
    if (timeout_ms >= configured_ms) {
        return timeout_ms;
    }
    return timeout_ms > ROUNDED_UP_MS ? timeout_ms - ROUNDED_UP_MS : 1;
}

static bool port_parse(struct str_view text, uint16_t *ret)
{
    uint64_t port = 0;
    if (!sv_to_u64(text, &port) || port > UINT16_MAX) {
        return false;
    }
    *ret = (uint16_t)port;
    return true;
}

bool listen_address_split(struct str_view text, struct str_view *host, uint16_t *port,
                          struct err *err)
{
    size_t colon = sv_find_last(text, ':');
    struct str_view name = sv_first(text, colon);
    bool bracketed = sv_starts_with(name, SV("[")) && sv_ends_with(name, SV("]"));
    uint16_t number = 0;
    if (colon == text.len || !port_parse(sv_from(text, colon + 1), &number) ||
        (!bracketed && sv_find(name, ':') != name.len)) {
        return err_set(err, ERR_INVALID,
                       "\"%.*s\" is no address: write host:port, [IPv6]:port or :port",
                       SV_ARG(text));
    }
    *host = bracketed ? sv_make(name.data + 1, name.len - 2) : name;
    *port = number;
    return true;
}
