/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/xml_scan.h"

#include "aws/xml_char.h"

bool xml_scan_malformed(const struct xml_scan *scan, const char *what)
{
    return err_set(scan->err, ERR_INVALID, "XML: %s at byte %zu", what, scan->at);
}

struct str_view xml_scan_rest(const struct xml_scan *scan)
{
    return sv_from(scan->document, scan->at);
}

bool xml_scan_skip(struct xml_scan *scan, struct str_view text)
{
    bool there = sv_starts_with(xml_scan_rest(scan), text);
    scan->at += there ? text.len : 0;
    return there;
}

bool xml_is_space(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

void xml_scan_space(struct xml_scan *scan)
{
    while (scan->at < scan->document.len && xml_is_space(scan->document.data[scan->at])) {
        scan->at++;
    }
}

bool xml_scan_name(struct xml_scan *scan, struct str_view *ret)
{
    struct str_view from = xml_scan_rest(scan);
    size_t len = 0;
    for (; len < from.len; len++) {
        char byte = from.data[len];
        bool letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_' ||
                      byte == ':' || (byte & 0x80);
        bool inner = (byte >= '0' && byte <= '9') || byte == '-' || byte == '.';
        if (!letter && !(inner && len > 0)) {
            break;
        }
    }
    *ret = sv_first(from, len);
    scan->at += len;
    return len > 0 || xml_scan_malformed(scan, "no name");
}

static int digit_value(char byte, bool hex)
{
    if (byte >= '0' && byte <= '9') {
        return byte - '0';
    }
    char lower = (char)(byte | 0x20);
    return hex && lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* What stands between "&#" and ';' (§4.1). */
static bool read_character(struct xml_scan *scan, struct str_view digits, uint32_t *ret)
{
    bool hex = sv_starts_with(digits, SV("x"));
    digits = sv_from(digits, hex ? 1 : 0);
    uint32_t code = 0;
    for (size_t i = 0; i < digits.len; i++) {
        int value = digit_value(digits.data[i], hex);
        if (value < 0 || code > 0x10ffff) {
            return xml_scan_malformed(scan, "not a character reference");
        }
        code = code * (hex ? 16 : 10) + (uint32_t)value;
    }
    if (digits.len == 0 || !xml_is_char(code)) {
        return xml_scan_malformed(scan, "a reference to no character");
    }
    *ret = code;
    return true;
}

bool xml_scan_reference(struct xml_scan *scan, uint32_t *ret)
{
    static const struct {
        const char *name;
        char character;
    } entities[] = {{"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}};
    struct str_view from = sv_from(xml_scan_rest(scan), 1);
    size_t len = sv_find(from, ';');
    struct str_view name = sv_first(from, len);
    bool known = sv_starts_with(name, SV("#"));
    if (len == from.len) {
        return xml_scan_malformed(scan, "a reference without an end");
    }
    if (known && !read_character(scan, sv_from(name, 1), ret)) {
        return false;
    }
    for (size_t i = 0; !known && i < ARRAY_LEN(entities); i++) {
        known = sv_is(name, entities[i].name);
        *ret = (unsigned char)entities[i].character;
    }
    scan->at += known ? len + 2 : 0;
    return known || xml_scan_malformed(scan, "an entity that is not predefined");
}

/* name="value"; what references stand for is of no interest. */
static bool read_attribute(struct xml_scan *scan, struct str_view *ret_name,
                           struct str_view *ret_value)
{
    if (!xml_scan_name(scan, ret_name)) {
        return false;
    }
    xml_scan_space(scan);
    bool equals = xml_scan_skip(scan, SV("="));
    xml_scan_space(scan);
    struct str_view from = xml_scan_rest(scan);
    if (!equals || from.len == 0 || (from.data[0] != '"' && from.data[0] != '\'')) {
        return xml_scan_malformed(scan, "an attribute without a value");
    }
    struct str_view value = sv_from(from, 1);
    size_t len = sv_find(value, from.data[0]);
    if (len == value.len) {
        return xml_scan_malformed(scan, "an attribute without an end");
    }
    *ret_value = sv_first(value, len);
    scan->at++;
    size_t end = scan->at + len;
    uint32_t ignored = 0;
    while (scan->at < end) {
        char byte = scan->document.data[scan->at];
        if (byte == '<') {
            return xml_scan_malformed(scan, "'<' in an attribute");
        }
        if (byte != '&') {
            scan->at++;
        } else if (!xml_scan_reference(scan, &ignored)) {
            return false;
        }
    }
    scan->at++;
    return true;
}

bool xml_scan_attributes(struct xml_scan *scan)
{
    struct str_view name;
    struct str_view value;
    while (scan->at < scan->document.len && xml_is_space(scan->document.data[scan->at])) {
        xml_scan_space(scan);
        struct str_view next = xml_scan_rest(scan);
        if (sv_starts_with(next, SV(">")) || sv_starts_with(next, SV("/"))) {
            return true;
        }
        if (!read_attribute(scan, &name, &value)) {
            return false;
        }
    }
    return true;
}

bool xml_scan_declaration(struct xml_scan *scan)
{
    struct str_view name;
    struct str_view value;
    if (!xml_scan_skip(scan, SV("<?xml "))) {
        return true;
    }
    bool first = true;
    do {
        xml_scan_space(scan);
        if (!read_attribute(scan, &name, &value)) {
            return false;
        }
        bool known = first                     ? sv_is(name, "version") && sv_is(value, "1.0")
                     : sv_is(name, "encoding") ? sv_equal_ignoring_case(value, SV("UTF-8"))
                                               : sv_is(name, "standalone");
        if (!known) {
            return xml_scan_malformed(scan, "a declaration that is not of XML 1.0 in UTF-8");
        }
        first = false;
        xml_scan_space(scan);
    } while (!xml_scan_skip(scan, SV("?>")));
    return true;
}

bool xml_scan_comment(struct xml_scan *scan)
{
    while (scan->at < scan->document.len && !sv_starts_with(xml_scan_rest(scan), SV("--"))) {
        scan->at++;
    }
    return xml_scan_skip(scan, SV("-->")) || xml_scan_malformed(scan, "a comment without an end");
}

bool xml_scan_characters(struct xml_scan *scan)
{
    while (scan->at < scan->document.len) {
        uint32_t code = 0;
        size_t len = xml_char_read(xml_scan_rest(scan), &code);
        if (len == 0 || !xml_is_char(code)) {
            return xml_scan_malformed(scan, "no character");
        }
        scan->at += len;
    }
    scan->at = 0;
    return true;
}
