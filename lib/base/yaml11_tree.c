/* SPDX-License-Identifier: Apache-2.0 */
/* libyaml's events of one document as a tree, with an explicit stack, so that a document cannot use
 * up ours. Aliases stay what they are: whoever follows them counts. */
#include <stdlib.h>

#include "base/table.h"
#include "base/yaml11_internal.h"

struct reader {
    yaml_parser_t parser;
    struct str_view text;
    struct yaml11_tree *tree;
    const struct json_limits *limits;
    struct yaml_text **texts;
    struct table anchors; /* name to index, which stands in the pointer */
    uint32_t *open;       /* containers that are being filled */
    uint32_t depth;
    size_t place; /* byte of the text where character `character` is */
    size_t character;
    struct err *err;
};

bool yaml11_fail(struct err *err, const struct yaml11_node *at, enum err_kind kind,
                 const char *what)
{
    const yaml_mark_t mark = {.line = at->line, .column = at->column};
    return yaml_fail_at(err, &mark, kind, what);
}

static enum yaml11_tag tag_of(const yaml_char_t *text)
{
    static const struct {
        const char *text;
        enum yaml11_tag tag;
    } tags[] = {
        {YAML_STR_TAG, YAML11_TAG_STR},
        {YAML_BOOL_TAG, YAML11_TAG_BOOL},
        {YAML_INT_TAG, YAML11_TAG_INT},
        {YAML_FLOAT_TAG, YAML11_TAG_FLOAT},
        {YAML_NULL_TAG, YAML11_TAG_NULL},
        {YAML_TIMESTAMP_TAG, YAML11_TAG_TIMESTAMP},
        {"tag:yaml.org,2002:binary", YAML11_TAG_BINARY},
        {"tag:yaml.org,2002:merge", YAML11_TAG_MERGE},
    };
    for (size_t i = 0; text && i < ARRAY_LEN(tags); i++) {
        if (strcmp((const char *)text, tags[i].text) == 0) {
            return tags[i].tag;
        }
    }
    return text && *text ? YAML11_TAG_OTHER : YAML11_TAG_NONE;
}

/* libyaml counts characters; the marks of events only grow. */
static size_t byte_of(struct reader *reader, size_t character)
{
    while (reader->character < character && reader->place < reader->text.len) {
        reader->place++;
        while (reader->place < reader->text.len &&
               ((unsigned char)reader->text.data[reader->place] & 0xc0) == 0x80) {
            reader->place++;
        }
        reader->character++;
    }
    return reader->place;
}

static bool is_space(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

/* Behind an anchor, the white space and the comments after it. */
static struct str_view skip_anchor(struct str_view text)
{
    while (text.len && !is_space(text.data[0])) {
        text = sv_from(text, 1);
    }
    while (text.len && (is_space(text.data[0]) || text.data[0] == '#')) {
        text = sv_from(text, text.data[0] == '#' ? sv_find(text, '\n') : 1);
    }
    return text;
}

/* The tag "!" makes a string of what it stands at. libyaml does not tell of it: what it says is
 * that the scalar has no tag, and that it is plain. */
static bool has_bare_tag(struct reader *reader, const yaml_event_t *event)
{
    struct str_view text = sv_from(reader->text, byte_of(reader, event->start_mark.index));
    if (event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE) {
        return true;
    }
    if (text.len && text.data[0] == '&') {
        text = skip_anchor(text);
    }
    return text.len && text.data[0] == '!';
}

/* A node in its place; NULL after failing. Nodes move when one is added. */
static struct yaml11_node *node_add(struct reader *reader, const yaml_event_t *event,
                                    enum yaml11_kind kind)
{
    struct yaml11_tree *tree = reader->tree;
    if (tree->count / 2 > reader->limits->max_nodes) {
        (void)yaml_fail_at(reader->err, &event->start_mark, ERR_TOO_BIG,
                           "more values than the limit allows");
        return NULL;
    }
    if (tree->count == tree->capacity) {
        tree->capacity *= 2;
        tree->nodes = mem_resize_array(tree->nodes, tree->capacity, sizeof *tree->nodes);
    }
    uint32_t index = tree->count++;
    tree->nodes[index] = (struct yaml11_node){
        .kind = (uint8_t)kind,
        .line = (uint32_t)event->start_mark.line,
        .column = (uint32_t)event->start_mark.column,
    };
    if (reader->depth == 0) {
        tree->root = index;
        return &tree->nodes[index];
    }
    struct yaml11_node *parent = &tree->nodes[reader->open[reader->depth - 1]];
    if (parent->last) {
        tree->nodes[parent->last].next = index;
    } else {
        parent->child = index;
    }
    parent->last = index;
    return &tree->nodes[index];
}

static void anchor_put(struct reader *reader, const yaml_char_t *name)
{
    if (name) {
        uintptr_t index = reader->tree->count - 1;
        table_put(&reader->anchors, sv_of((const char *)name), (void *)index);
    }
}

static bool read_scalar(struct reader *reader, const yaml_event_t *event)
{
    struct yaml11_node *node = node_add(reader, event, YAML11_SCALAR);
    if (!node) {
        return false;
    }
    node->value = yaml_text_copy(
        reader->texts, sv_make((const char *)event->data.scalar.value, event->data.scalar.length));
    node->tag = (uint8_t)tag_of(event->data.scalar.tag);
    node->implicit = event->data.scalar.plain_implicit;
    if (node->tag == YAML11_TAG_NONE && node->implicit && node->value.len &&
        has_bare_tag(reader, event)) {
        node->tag = YAML11_TAG_OTHER;
    }
    anchor_put(reader, event->data.scalar.anchor);
    return true;
}

static bool read_alias(struct reader *reader, const yaml_event_t *event)
{
    struct yaml11_node *node = node_add(reader, event, YAML11_ALIAS);
    if (!node) {
        return false;
    }
    void *target = table_get(&reader->anchors, sv_of((const char *)event->data.alias.anchor));
    node->target = (uint32_t)(uintptr_t)target;
    return target || yaml11_fail(reader->err, node, ERR_INVALID, "an alias without its anchor");
}

static bool read_start(struct reader *reader, const yaml_event_t *event, enum yaml11_kind kind,
                       const yaml_char_t *anchor)
{
    if (reader->depth >= reader->limits->max_depth) {
        return yaml_fail_at(reader->err, &event->start_mark, ERR_TOO_BIG,
                            "nested deeper than the limit allows");
    }
    if (!node_add(reader, event, kind)) {
        return false;
    }
    anchor_put(reader, anchor);
    reader->open[reader->depth++] = reader->tree->count - 1;
    return true;
}

/* libyaml knows 1.2, go-yaml refuses it. */
static bool check_version(struct reader *reader, const yaml_event_t *event)
{
    const yaml_version_directive_t *version = event->data.document_start.version_directive;
    return !version || version->minor == 1 ||
           yaml_fail_at(reader->err, &event->start_mark, ERR_INVALID,
                        "a %YAML directive for another version than 1.1");
}

static bool read_event(struct reader *reader, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        return check_version(reader, event);
    case YAML_ALIAS_EVENT:
        return read_alias(reader, event);
    case YAML_SCALAR_EVENT:
        return read_scalar(reader, event);
    case YAML_SEQUENCE_START_EVENT:
        return read_start(reader, event, YAML11_SEQUENCE, event->data.sequence_start.anchor);
    case YAML_MAPPING_START_EVENT:
        return read_start(reader, event, YAML11_MAPPING, event->data.mapping_start.anchor);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        reader->depth--;
        return true;
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT:
    case YAML_DOCUMENT_END_EVENT:
        return true;
    }
    return true;
}

static void reader_done(struct reader *reader)
{
    yaml_parser_delete(&reader->parser);
    table_done(&reader->anchors);
    free(reader->open);
}

bool yaml11_tree_read(struct yaml11_tree *tree, struct str_view text,
                      const struct json_limits *limits, struct yaml_text **texts, struct err *err)
{
    CLEANUP(reader_done)
    struct reader reader = {
        .text = text, .tree = tree, .limits = limits, .texts = texts, .err = err};
    table_init(&reader.anchors, NULL);
    reader.open = mem_alloc_array(limits->max_depth, sizeof *reader.open);
    *tree = (struct yaml11_tree){.count = 1, .capacity = 64};
    tree->nodes = mem_alloc_array(tree->capacity, sizeof *tree->nodes);
    yaml_events_start(&reader.parser, text);
    for (;;) {
        CLEANUP(yaml_event_delete) yaml_event_t event = {0};
        if (!yaml_events_next(&reader.parser, text, &event, err) || !read_event(&reader, &event)) {
            return false;
        }
        if (event.type == YAML_DOCUMENT_END_EVENT || event.type == YAML_STREAM_END_EVENT) {
            return true;
        }
    }
}

void yaml11_tree_done(struct yaml11_tree *tree)
{
    free(tree->nodes);
    *tree = (struct yaml11_tree){0};
}
