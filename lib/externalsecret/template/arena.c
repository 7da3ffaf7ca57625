/* SPDX-License-Identifier: Apache-2.0 */
#include "base/limits.h"
#include "externalsecret/template/value.h"

#include <stddef.h>

enum {
    BLOCK_BYTES = 16 * 1024,
    BYTES_A_STEP = 16,
    ALIGNMENT = _Alignof(max_align_t),
};

struct block {
    struct block *next;
    size_t size; /* of `bytes` */
    size_t used;
    max_align_t bytes[];
};

struct template_arena {
    struct block *blocks; /* the newest first */
    size_t taken;
    size_t steps;
    struct effort *effort;
};

struct template_arena *template_arena_new(struct effort *effort)
{
    struct template_arena *arena = mem_alloc(sizeof *arena);
    arena->effort = effort;
    return arena;
}

struct effort *template_arena_effort(const struct template_arena *arena)
{
    return arena->effort;
}

void template_arena_free(struct template_arena *arena)
{
    if (!arena) {
        return;
    }
    struct block *block = arena->blocks;
    while (block) {
        struct block *next = block->next;
        explicit_bzero(block->bytes, block->used);
        free(block);
        block = next;
    }
    free(arena);
}

static struct block *add_block(struct template_arena *arena, size_t size)
{
    size_t bytes = size > BLOCK_BYTES ? size : BLOCK_BYTES;
    struct block *block = mem_alloc(sizeof *block + bytes);
    block->size = bytes;
    block->next = arena->blocks;
    arena->blocks = block;
    return block;
}

void *template_arena_take(struct template_arena *arena, size_t size, struct err *err)
{
    size_t left = (size_t)LIMIT_TEMPLATE_BYTES - arena->taken;
    size_t rounded = size > left ? size : (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (rounded > left) {
        (void)err_set(err, ERR_TOO_BIG, "the template takes more than its %d bytes of memory",
                      LIMIT_TEMPLATE_BYTES);
        return NULL;
    }
    if (!effort_spend(arena->effort, rounded / BYTES_A_STEP, err)) {
        return NULL;
    }
    struct block *block = arena->blocks;
    if (!block || rounded > block->size - block->used) {
        block = add_block(arena, rounded);
    }
    void *taken = (char *)block->bytes + block->used;
    block->used += rounded;
    arena->taken += rounded;
    return taken;
}

bool template_arena_step(struct template_arena *arena, size_t steps, struct err *err)
{
    if (steps > (size_t)LIMIT_TEMPLATE_STEPS - arena->steps) {
        return err_set(err, ERR_TOO_BIG, "the template takes more than its %d steps",
                       LIMIT_TEMPLATE_STEPS);
    }
    arena->steps += steps;
    return effort_spend(arena->effort, steps, err);
}

bool template_arena_text(struct template_arena *arena, struct str_view text, struct str_view *ret,
                         struct err *err)
{
    char *copy = template_arena_take(arena, text.len, err);
    if (!copy) {
        return false;
    }
    if (text.len > 0) {
        memcpy(copy, text.data, text.len);
    }
    *ret = sv_make(copy, text.len);
    return true;
}
