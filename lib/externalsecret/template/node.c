/* SPDX-License-Identifier: Apache-2.0 */
#include "externalsecret/template/node.h"

#include <stddef.h>

#include "externalsecret/template/template.h"

enum {
    BLOCK_BYTES = 4096,
    ALIGNMENT = _Alignof(max_align_t),
};

struct node_block {
    struct node_block *next;
    size_t size;
    size_t used;
    max_align_t bytes[];
};

void *template_take(struct template *template, size_t size)
{
    size_t rounded = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    struct node_block *block = template->blocks;
    if (!block || rounded > block->size - block->used) {
        size_t bytes = rounded > BLOCK_BYTES ? rounded : BLOCK_BYTES;
        block = mem_alloc(sizeof *block + bytes);
        block->size = bytes;
        block->next = template->blocks;
        template->blocks = block;
    }
    void *taken = (char *)block->bytes + block->used;
    block->used += rounded;
    return taken;
}

bool template_wrap(const struct template *template, size_t at, struct err *err)
{
    size_t line = 1;
    size_t start = 0;
    for (size_t i = 0; i < at && i < template->text.len; i++) {
        if (template->text.data[i] == '\n') {
            line++;
            start = i + 1;
        }
    }
    return err_wrap(err, "line %zu, column %zu", line, at - start + 1);
}

/* A text may come from a Secret, and so may a literal in it. */
void template_free(struct template *template)
{
    if (!template) {
        return;
    }
    while (template->blocks) {
        struct node_block *block = template->blocks;
        template->blocks = block->next;
        explicit_bzero(block->bytes, block->used);
        free(block);
    }
    free(template);
}
