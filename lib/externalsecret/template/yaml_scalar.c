/* SPDX-License-Identifier: Apache-2.0 */
#include "externalsecret/template/yaml_scalar.h"

#include "base/utf8.h"
#include "externalsecret/template/yaml_resolve.h"

enum {
    BEST_WIDTH = 80,
    SIMPLE_KEY_BYTES = 128,
    NEXT_LINE = 0x85,
    NO_BREAK_SPACE = 0xa0,
    LINE_SEPARATOR = 0x2028,
    PARAGRAPH_SEPARATOR = 0x2029,
    BYTE_ORDER_MARK = 0xfeff,
};

enum style {
    STYLE_PLAIN,
    STYLE_SINGLE_QUOTED,
    STYLE_DOUBLE_QUOTED,
    STYLE_LITERAL,
};

/* What a text is made of, as far as it forbids forms of writing it. */
struct traits {
    bool indicators; /* what would begin something else in the plain form */
    bool line_breaks;
    bool new_line; /* a line break that is '\n' */
    bool special;  /* what can only be written escaped */
    bool leading;  /* begins with a space or a break */
    bool trailing_space;
    bool trailing_break;
    bool break_space; /* a break, and behind it a space */
    bool space_break;
};

static bool is_break(uint32_t rune)
{
    return rune == '\r' || rune == '\n' || rune == NEXT_LINE || rune == LINE_SEPARATOR ||
           rune == PARAGRAPH_SEPARATOR;
}

/* go-yaml takes nothing above U+FFFF for printable. */
static bool is_printable(uint32_t rune)
{
    return rune == '\n' || (rune >= ' ' && rune <= '~') ||
           (rune >= NO_BREAK_SPACE && rune <= UTF8_REPLACEMENT && rune != BYTE_ORDER_MARK);
}

static bool is_blank_or_end(struct str_view rest)
{
    return rest.len == 0 || rest.data[0] == ' ' || rest.data[0] == '\t';
}

static bool begins_otherwise(uint32_t rune, struct str_view rest)
{
    bool always = rune < 0x80 && rune != 0 && strchr("#,[]{}&*!|>'\"%@`", (int)rune);
    bool before_blank = rune == '?' || rune == ':' || rune == '-';
    return always || (before_blank && is_blank_or_end(rest));
}

static bool is_document_mark(struct str_view text)
{
    return sv_starts_with(text, sv_of("---")) || sv_starts_with(text, sv_of("..."));
}

static void note_white(struct traits *traits, uint32_t rune, uint32_t before, bool first, bool last)
{
    bool space = rune == ' ';
    bool breaks = is_break(rune);
    traits->line_breaks = traits->line_breaks || breaks;
    traits->new_line = traits->new_line || rune == '\n';
    traits->leading = traits->leading || (first && (space || breaks));
    traits->trailing_space = traits->trailing_space || (last && space);
    traits->trailing_break = traits->trailing_break || (last && breaks);
    traits->break_space = traits->break_space || (space && !first && is_break(before));
    traits->space_break = traits->space_break || (breaks && !first && before == ' ');
}

static struct traits traits_of(struct str_view text)
{
    struct traits traits = {.indicators = is_document_mark(text)};
    bool first = true;
    uint32_t before = 0;
    while (text.len > 0) {
        size_t len = 0;
        uint32_t rune = utf8_first(text, &len);
        struct str_view rest = sv_from(text, len);
        bool after_white = before == ' ' || before == '\t' || before == 0 || is_break(before);
        bool indicates =
            first ? begins_otherwise(rune, rest)
                  : (rune == ':' && is_blank_or_end(rest)) || (rune == '#' && after_white);
        traits.indicators = traits.indicators || indicates;
        traits.special = traits.special || !is_printable(rune);
        note_white(&traits, rune, before, first, rest.len == 0);
        first = false;
        before = rune;
        text = rest;
    }
    return traits;
}

static enum style style_of(struct str_view text)
{
    struct traits traits = traits_of(text);
    if (traits.new_line) {
        bool literal = !traits.trailing_space && !traits.space_break && !traits.special;
        return literal ? STYLE_LITERAL : STYLE_DOUBLE_QUOTED;
    }
    if (yaml_resolves_otherwise(text) || traits.break_space || traits.space_break ||
        traits.special) {
        return STYLE_DOUBLE_QUOTED;
    }
    bool plain = !traits.indicators && !traits.line_breaks && !traits.leading &&
                 !traits.trailing_space && !traits.trailing_break;
    return plain ? STYLE_PLAIN : STYLE_SINGLE_QUOTED;
}

static void put(struct yaml_place *place, struct str_view character)
{
    buf_add(place->out, character);
    place->column++;
}

static void put_byte(struct yaml_place *place, char byte)
{
    put(place, sv_make(&byte, 1));
}

static void put_break(struct yaml_place *place, struct str_view character)
{
    buf_add(place->out, character);
    place->column = 0;
}

void yaml_break_line(struct yaml_place *place)
{
    int indent = place->indent < 0 ? 0 : place->indent;
    if (!place->indention || place->column > indent ||
        (place->column == indent && !place->whitespace)) {
        put_break(place, sv_of("\n"));
    }
    while (place->column < indent) {
        put_byte(place, ' ');
    }
    place->whitespace = true;
    place->indention = true;
}

void yaml_indicator(struct yaml_place *place, const char *mark, bool spaced, bool keeps_indention)
{
    if (spaced && !place->whitespace) {
        put_byte(place, ' ');
    }
    for (const char *at = mark; *at; at++) {
        put_byte(place, *at);
    }
    place->whitespace = false;
    place->indention = place->indention && keeps_indention;
}

/* Where a line may end instead of a space: behind the width, and not within several spaces. */
static bool may_fold(const struct yaml_place *place, uint32_t before, bool simple_key)
{
    return !simple_key && before != ' ' && place->column > BEST_WIDTH;
}

static bool begins_with_space(struct str_view text)
{
    return text.len > 0 && text.data[0] == ' ';
}

static void write_plain(struct yaml_place *place, struct str_view text, bool simple_key)
{
    if (!place->whitespace) {
        put_byte(place, ' ');
    }
    uint32_t before = 0;
    while (text.len > 0) {
        size_t len = 0;
        uint32_t rune = utf8_first(text, &len);
        struct str_view rest = sv_from(text, len);
        if (rune == ' ' && may_fold(place, before, simple_key) && !begins_with_space(rest)) {
            yaml_break_line(place);
        } else {
            put(place, sv_first(text, len));
        }
        before = rune;
        text = rest;
    }
    place->whitespace = false;
    place->indention = false;
}

/* The only breaks in it are U+2028 and U+2029. */
static void write_single_quoted(struct yaml_place *place, struct str_view text, bool simple_key)
{
    yaml_indicator(place, "'", true, false);
    bool first = true;
    uint32_t before = 0;
    while (text.len > 0) {
        size_t len = 0;
        uint32_t rune = utf8_first(text, &len);
        struct str_view rest = sv_from(text, len);
        if (rune == ' ' && may_fold(place, before, simple_key) && !first && rest.len > 0 &&
            !begins_with_space(rest)) {
            yaml_break_line(place);
        } else if (is_break(rune)) {
            put_break(place, sv_first(text, len));
            place->indention = true;
        } else {
            if (is_break(before)) {
                yaml_break_line(place);
            }
            buf_append(place->out, "'", rune == '\'' ? 1 : 0);
            place->column += rune == '\'' ? 1 : 0;
            put(place, sv_first(text, len));
            place->indention = rune == ' ' && place->indention;
        }
        first = false;
        before = rune;
        text = rest;
    }
    yaml_indicator(place, "'", false, false);
}

static void write_escaped(struct yaml_place *place, uint32_t rune)
{
    static const char runes[] = "\a\b\t\n\v\f\r\x1b\"\\";
    static const char letters[] = "abtnvfre\"\\";
    const char *known = rune > 0 && rune < 0x80 ? strchr(runes, (int)rune) : NULL;
    char letter = known                         ? letters[known - runes]
                  : rune == 0                   ? '0'
                  : rune == NEXT_LINE           ? 'N'
                  : rune == NO_BREAK_SPACE      ? '_'
                  : rune == LINE_SEPARATOR      ? 'L'
                  : rune == PARAGRAPH_SEPARATOR ? 'P'
                                                : '\0';
    size_t before = place->out->len;
    if (letter) {
        buf_printf(place->out, "\\%c", letter);
    } else if (rune <= 0xff) {
        buf_printf(place->out, "\\x%02X", rune);
    } else if (rune <= 0xffff) {
        buf_printf(place->out, "\\u%04X", rune);
    } else {
        buf_printf(place->out, "\\U%08X", rune);
    }
    place->column += (int)(place->out->len - before);
}

/* go-yaml looks for a byte order mark at the beginning of the text at every character of it, and
 * escapes all of a text that begins with one. */
static void write_double_quoted(struct yaml_place *place, struct str_view text, bool simple_key)
{
    yaml_indicator(place, "\"", true, false);
    size_t len = 0;
    bool escape_all = text.len > 0 && utf8_first(text, &len) == BYTE_ORDER_MARK;
    bool first = true;
    uint32_t before = 0;
    while (text.len > 0) {
        uint32_t rune = utf8_first(text, &len);
        struct str_view rest = sv_from(text, len);
        if (escape_all || !is_printable(rune) || is_break(rune) || rune == '"' || rune == '\\') {
            write_escaped(place, rune);
        } else if (rune == ' ' && may_fold(place, before, simple_key) && !first && rest.len > 0) {
            yaml_break_line(place);
            if (begins_with_space(rest)) {
                put_byte(place, '\\');
            }
        } else {
            put(place, sv_first(text, len));
        }
        first = false;
        before = rune;
        text = rest;
    }
    yaml_indicator(place, "\"", false, false);
}

/* How many line breaks stand at the end, counted to two. */
static int breaks_at_end(struct str_view text)
{
    int count = 0;
    size_t len = 0;
    while (count < 2 && text.len > 0 && is_break(utf8_last(text, &len))) {
        text = sv_first(text, text.len - len);
        count++;
    }
    return count;
}

static void write_literal(struct yaml_place *place, struct str_view text)
{
    size_t len = 0;
    uint32_t begin = utf8_first(text, &len);
    int breaks = breaks_at_end(text);
    bool only_break = breaks == 1 && len == text.len;
    yaml_indicator(place, "|", true, false);
    yaml_indicator(place, begin == ' ' || is_break(begin) ? "2" : "", false, false);
    yaml_indicator(place, breaks == 0 ? "-" : breaks == 2 || only_break ? "+" : "", false, false);
    put_break(place, sv_of("\n"));
    place->indention = true;
    place->whitespace = true;
    bool at_start = true;
    while (text.len > 0) {
        uint32_t rune = utf8_first(text, &len);
        if (is_break(rune)) {
            put_break(place, sv_first(text, len));
        } else {
            if (at_start) {
                yaml_break_line(place);
            }
            put(place, sv_first(text, len));
        }
        at_start = is_break(rune);
        place->indention = at_start;
        text = sv_from(text, len);
    }
}

void yaml_word(struct yaml_place *place, struct str_view word)
{
    write_plain(place, word, false);
}

void yaml_text(struct yaml_place *place, struct str_view text, bool simple_key)
{
    int indent = place->indent;
    place->indent = indent < 0 ? YAML_INDENT : indent + YAML_INDENT;
    switch (style_of(text)) {
    case STYLE_PLAIN:
        write_plain(place, text, simple_key);
        break;
    case STYLE_SINGLE_QUOTED:
        write_single_quoted(place, text, simple_key);
        break;
    case STYLE_DOUBLE_QUOTED:
        write_double_quoted(place, text, simple_key);
        break;
    case STYLE_LITERAL:
        write_literal(place, text);
        break;
    }
    place->indent = indent;
}

bool yaml_is_simple_key(struct str_view text)
{
    return text.len <= SIMPLE_KEY_BYTES && !traits_of(text).line_breaks;
}
