/* SPDX-License-Identifier: Apache-2.0 */
/* sprig's JSON functions. Those that begin with "must" fail where the others answer nothing. */
#include "base/limits.h"
#include "externalsecret/template/arguments.h"
#include "externalsecret/template/functions_internal.h"
#include "externalsecret/template/json_read.h"
#include "externalsecret/template/json_write.h"

static bool decoded(struct template_arena *arena, const struct value *args, struct value *ret,
                    bool *ret_valid, struct err *err)
{
    struct str_view text = {0};
    return argument_text(args, 0, &text, err) &&
           template_arena_step(arena, text.len / STEP_BYTES, err) &&
           json_read(arena, text, ret, ret_valid, err);
}

bool function_from_json(TEMPLATE_CALL)
{
    (void)count;
    bool valid = false;
    return decoded(arena, args, ret, &valid, err);
}

static bool encoded(struct template_arena *arena, const struct value *args, enum json_style style,
                    bool must, struct value *ret, struct err *err)
{
    CLEANUP(secret_buf_done) struct secret_buf out = {0};
    secret_buf_init(&out, LIMIT_TEMPLATE_BYTES);
    bool possible = false;
    if (!json_write(&args[0], style, &out, &possible, err)) {
        return false;
    }
    /* Also for what is thrown away: it has been written. */
    if (!template_arena_step(arena, out.bytes.len / STEP_BYTES, err)) {
        return false;
    }
    if (!possible && must) {
        return err_set(err, ERR_INVALID, "a number that JSON has no text for");
    }
    if (!possible) {
        buf_clear(&out.bytes);
    }
    return value_from_buf(arena, &out, ret, err);
}

bool function_to_json(TEMPLATE_CALL)
{
    (void)count;
    return encoded(arena, args, JSON_COMPACT, false, ret, err);
}

bool function_must_to_json(TEMPLATE_CALL)
{
    (void)count;
    return encoded(arena, args, JSON_COMPACT, true, ret, err);
}

bool function_to_pretty_json(TEMPLATE_CALL)
{
    (void)count;
    return encoded(arena, args, JSON_PRETTY, false, ret, err);
}

bool function_must_to_pretty_json(TEMPLATE_CALL)
{
    (void)count;
    return encoded(arena, args, JSON_PRETTY, true, ret, err);
}

/* Also sprig's toRawJson panics. */
bool function_to_raw_json(TEMPLATE_CALL)
{
    (void)count;
    return encoded(arena, args, JSON_RAW, true, ret, err);
}
