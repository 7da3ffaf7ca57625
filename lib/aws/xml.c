/* SPDX-License-Identifier: Apache-2.0 */
/* One pass with the names of the open elements as its only state. */
#include "aws/xml.h"

#include "aws/xml_char.h"
#include "aws/xml_scan.h"

struct xml {
    struct xml_scan scan;
    struct str_view open[LIMIT_XML_DEPTH];
    size_t depth;
    bool ended; /* the root element has been closed */
    struct str_view path;
    size_t path_depth;
    size_t matched; /* how many of `open`, from the root on, are those of `path` */
    bool found;
    struct secret_buf *ret;
};

static bool at_target(const struct xml *xml)
{
    return xml->matched == xml->path_depth && xml->depth == xml->path_depth;
}

static void take(struct xml *xml, struct str_view text)
{
    if (at_target(xml)) {
        secret_buf_add(xml->ret, text);
    }
}

static bool take_reference(struct xml *xml)
{
    uint32_t code = 0;
    if (!xml_scan_reference(&xml->scan, &code)) {
        return false;
    }
    if (at_target(xml)) {
        xml_char_add(code, xml->ret);
    }
    return true;
}

/* The `index`-th name of the path. */
static struct str_view path_name(const struct xml *xml, size_t index)
{
    struct str_view left = xml->path;
    struct str_view name = {0};
    for (size_t i = 0; i <= index; i++) {
        (void)sv_split(&left, '/', &name);
    }
    return name;
}

static bool open_element(struct xml *xml, struct str_view name)
{
    if (xml->ended) {
        return xml_scan_malformed(&xml->scan, "a second root element");
    }
    if (at_target(xml)) {
        return xml_scan_malformed(&xml->scan, "an element where there should be text");
    }
    if (xml->depth == LIMIT_XML_DEPTH) {
        return err_set(xml->scan.err, ERR_TOO_BIG, "XML: nested deeper than %d", LIMIT_XML_DEPTH);
    }
    bool on_path = xml->matched == xml->depth && xml->depth < xml->path_depth &&
                   sv_equal(name, path_name(xml, xml->depth));
    xml->open[xml->depth++] = name;
    xml->matched += on_path;
    if (at_target(xml)) {
        if (xml->found) {
            return xml_scan_malformed(&xml->scan, "the element once more");
        }
        xml->found = true;
    }
    return true;
}

static void close_element(struct xml *xml)
{
    xml->depth--;
    xml->matched = xml->matched < xml->depth ? xml->matched : xml->depth;
    xml->ended = xml->depth == 0;
}

/* Behind "</". */
static bool read_end_tag(struct xml *xml)
{
    struct str_view name;
    if (!xml_scan_name(&xml->scan, &name)) {
        return false;
    }
    if (xml->depth == 0 || !sv_equal(name, xml->open[xml->depth - 1])) {
        return xml_scan_malformed(&xml->scan, "the end of what is not open");
    }
    xml_scan_space(&xml->scan);
    if (!xml_scan_skip(&xml->scan, SV(">"))) {
        return xml_scan_malformed(&xml->scan, "a tag without an end");
    }
    close_element(xml);
    return true;
}

/* Behind '<'. */
static bool read_start_tag(struct xml *xml)
{
    struct str_view name;
    if (!xml_scan_name(&xml->scan, &name) || !xml_scan_attributes(&xml->scan)) {
        return false;
    }
    bool empty = xml_scan_skip(&xml->scan, SV("/"));
    if (!xml_scan_skip(&xml->scan, SV(">"))) {
        return xml_scan_malformed(&xml->scan, "a tag without an end");
    }
    if (!open_element(xml, name)) {
        return false;
    }
    if (empty) {
        close_element(xml);
    }
    return true;
}

static bool read_markup(struct xml *xml)
{
    if (xml_scan_skip(&xml->scan, SV("<!--"))) {
        return xml_scan_comment(&xml->scan);
    }
    if (xml_scan_skip(&xml->scan, SV("</"))) {
        return read_end_tag(xml);
    }
    if (sv_starts_with(xml_scan_rest(&xml->scan), SV("<!")) ||
        sv_starts_with(xml_scan_rest(&xml->scan), SV("<?"))) {
        return xml_scan_malformed(&xml->scan, "a declaration or instruction");
    }
    xml->scan.at++;
    return read_start_tag(xml);
}

/* One byte of text; the end of a line is one line feed (§2.11). */
static bool read_text_byte(struct xml *xml)
{
    struct str_view from = xml_scan_rest(&xml->scan);
    if (xml->depth == 0 && !xml_is_space(from.data[0])) {
        return xml_scan_malformed(&xml->scan, "text outside of the root element");
    }
    if (sv_starts_with(from, SV("]]>"))) {
        return xml_scan_malformed(&xml->scan, "\"]]>\" in text");
    }
    bool line_end = from.data[0] == '\r';
    xml->scan.at += sv_starts_with(from, SV("\r\n")) ? 2 : 1;
    take(xml, line_end ? SV("\n") : sv_first(from, 1));
    return true;
}

static bool read_document(struct xml *xml)
{
    if (!xml_scan_declaration(&xml->scan)) {
        return false;
    }
    while (xml->scan.at < xml->scan.document.len) {
        char byte = xml->scan.document.data[xml->scan.at];
        bool read = byte == '<'                     ? read_markup(xml)
                    : byte == '&' && xml->depth > 0 ? take_reference(xml)
                                                    : read_text_byte(xml);
        if (!read) {
            return false;
        }
    }
    return xml->ended || xml_scan_malformed(&xml->scan, "no end");
}

static size_t count_names(struct str_view path)
{
    struct str_view name;
    size_t count = 0;
    while (sv_split(&path, '/', &name)) {
        count++;
    }
    return count;
}

bool xml_text(struct str_view document, const char *path, struct secret_buf *ret, struct err *err)
{
    struct xml xml = {
        .scan = {.document = document, .err = err},
        .path = sv_of(path),
        .path_depth = count_names(sv_of(path)),
        .ret = ret,
    };
    size_t before = ret->bytes.len;
    if (document.len > LIMIT_XML_BYTES) {
        return err_set(err, ERR_TOO_BIG, "XML: %zu bytes, limit %d", document.len, LIMIT_XML_BYTES);
    }
    bool read = xml_scan_characters(&xml.scan) && read_document(&xml) &&
                (xml.found || err_set(err, ERR_MISSING, "XML: no %s", path)) &&
                secret_buf_check(ret, path, err);
    if (!read) {
        buf_truncate(&ret->bytes, before);
    }
    return read;
}
