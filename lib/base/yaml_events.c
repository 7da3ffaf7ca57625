/* SPDX-License-Identifier: Apache-2.0 */
#include "base/yaml_internal.h"

#include <stdlib.h>

enum {
    TEXT_BLOCK_BYTES = 4096,
};

char *yaml_text_new(struct yaml_text **list, size_t len)
{
    struct yaml_text *block = *list;
    if (!block || block->size - block->used < len + 1) {
        size_t size = len + 1 > TEXT_BLOCK_BYTES ? len + 1 : TEXT_BLOCK_BYTES;
        block = mem_alloc(sizeof *block + size);
        block->size = size;
        block->next = *list;
        *list = block;
    }
    char *place = block->data + block->used;
    block->used += len + 1;
    return place;
}

struct str_view yaml_text_copy(struct yaml_text **list, struct str_view view)
{
    char *place = yaml_text_new(list, view.len);
    if (view.len) {
        memcpy(place, view.data, view.len);
    }
    place[view.len] = '\0';
    return sv_make(place, view.len);
}

void yaml_text_done(struct yaml_text **list)
{
    while (*list) {
        struct yaml_text *next = (*list)->next;
        explicit_bzero((*list)->data, (*list)->used);
        free(*list);
        *list = next;
    }
}

bool yaml_fail_at(struct err *err, const yaml_mark_t *mark, enum err_kind kind, const char *what)
{
    return err_set(err, kind, "line %zu, column %zu: %s", mark->line + 1, mark->column + 1, what);
}

/* libyaml counts bytes, not lines, when the bytes themselves are wrong. */
static yaml_mark_t mark_of_offset(struct str_view text, size_t offset)
{
    yaml_mark_t mark = {0};
    for (size_t i = 0; i < offset && i < text.len; i++) {
        mark.column++;
        if (text.data[i] == '\n') {
            mark.line++;
            mark.column = 0;
        }
    }
    return mark;
}

void yaml_events_start(yaml_parser_t *parser, struct str_view text)
{
    if (!yaml_parser_initialize(parser)) {
        abort();
    }
    yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(parser, (const unsigned char *)(text.len ? text.data : ""),
                                 text.len);
}

bool yaml_events_next(yaml_parser_t *parser, struct str_view text, yaml_event_t *ret,
                      struct err *err)
{
    if (yaml_parser_parse(parser, ret)) {
        return true;
    }
    yaml_mark_t mark = parser->problem_mark;
    if (parser->error == YAML_MEMORY_ERROR) {
        abort();
    }
    if (parser->error == YAML_READER_ERROR) {
        mark = mark_of_offset(text, parser->problem_offset);
    }
    return yaml_fail_at(err, &mark, ERR_INVALID, parser->problem ? parser->problem : "not YAML");
}
