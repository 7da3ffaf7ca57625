/* SPDX-License-Identifier: Apache-2.0 */
#include "refs/names.h"

#include "base/limits.h"

enum {
    DNS_LABEL_BYTES = 63,
    LABEL_PART_BYTES = 63,
};

static bool is_lower_alnum(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9');
}

/* A label of any length: alphanumeric at both ends, '-' allowed between. */
static bool is_label_text(struct str_view text)
{
    if (text.len == 0 || !is_lower_alnum(text.data[0]) ||
        !is_lower_alnum(text.data[text.len - 1])) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (!is_lower_alnum(text.data[i]) && text.data[i] != '-') {
            return false;
        }
    }
    return true;
}

/* Labels with dots between them; Kubernetes bounds the whole, not each label. */
bool name_is_dns_subdomain(struct str_view name)
{
    if (name.len > LIMIT_NAME_BYTES) {
        return false;
    }
    char before = '.';
    for (size_t i = 0; i < name.len; i++) {
        char byte = name.data[i];
        bool fits = byte == '-' ? before != '.' : byte == '.' && is_lower_alnum(before);
        if (!is_lower_alnum(byte) && !fits) {
            return false;
        }
        before = byte;
    }
    return is_lower_alnum(before);
}

bool name_is_dns_label(struct str_view name)
{
    return name.len <= DNS_LABEL_BYTES && is_label_text(name);
}

bool name_is_secret_key(struct str_view key)
{
    if (key.len == 0 || key.len > LIMIT_KEY_BYTES || sv_is(key, ".") ||
        sv_starts_with(key, SV(".."))) {
        return false;
    }
    for (size_t i = 0; i < key.len; i++) {
        char byte = key.data[i];
        if (!is_lower_alnum(byte) && !(byte >= 'A' && byte <= 'Z') && byte != '-' && byte != '.' &&
            byte != '_') {
            return false;
        }
    }
    return true;
}

static bool is_alphanumeric(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9');
}

static bool is_qualified_part(struct str_view part)
{
    if (part.len == 0 || part.len > LABEL_PART_BYTES || !is_alphanumeric(part.data[0]) ||
        !is_alphanumeric(part.data[part.len - 1])) {
        return false;
    }
    for (size_t i = 0; i < part.len; i++) {
        char byte = part.data[i];
        if (!is_alphanumeric(byte) && byte != '-' && byte != '_' && byte != '.') {
            return false;
        }
    }
    return true;
}

bool name_is_label_key(struct str_view key)
{
    size_t slash = sv_find(key, '/');
    if (slash == key.len) {
        return is_qualified_part(key);
    }
    return name_is_dns_subdomain(sv_first(key, slash)) &&
           is_qualified_part(sv_from(key, slash + 1));
}

bool name_is_label_value(struct str_view value)
{
    return value.len == 0 || is_qualified_part(value);
}
