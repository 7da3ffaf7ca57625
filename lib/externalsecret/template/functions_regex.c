/* SPDX-License-Identifier: Apache-2.0 */
/* sprig's regular expressions. A pattern that does not compile is a panic in Go, but for
 * regexMatch, which answers false. Each call compiles anew, which costs steps of the run. */
#include "base/limits.h"
#include "base/regex.h"
#include "externalsecret/template/arguments.h"
#include "externalsecret/template/functions_internal.h"

enum {
    /* Of a pattern and of what one match may cost: a run has some five hundred such calls. */
    CALL_STEPS = 2000,
};

static void regex_done(struct regex **regex)
{
    regex_free(*regex);
}

static bool compile(struct template_arena *arena, const struct value *args, struct str_view *text,
                    struct regex **regex, struct err *err)
{
    struct str_view pattern = {0};
    return argument_text(args, 0, &pattern, err) && argument_text(args, 1, text, err) &&
           template_arena_step(arena, CALL_STEPS + text->len / STEP_BYTES, err) &&
           regex_compile(pattern, template_arena_effort(arena), regex, err);
}

bool function_must_regex_match(TEMPLATE_CALL)
{
    (void)count;
    CLEANUP(regex_done) struct regex *regex = NULL;
    struct str_view text = {0};
    bool matches = false;
    if (!compile(arena, args, &text, &regex, err) ||
        !regex_matches(regex, text, template_arena_effort(arena), &matches, err)) {
        return false;
    }
    *ret = value_bool(matches);
    return true;
}

bool function_regex_match(TEMPLATE_CALL)
{
    CLEANUP(regex_done) struct regex *regex = NULL;
    struct err refused = {0};
    if (!template_arena_step(arena, CALL_STEPS, err)) {
        return false;
    }
    if (args[0].kind == VALUE_STRING && args[1].kind == VALUE_STRING &&
        !regex_compile(args[0].text, template_arena_effort(arena), &regex, &refused) &&
        refused.kind == ERR_INVALID) {
        *ret = value_bool(false);
        return true;
    }
    return function_must_regex_match(arena, args, count, ret, err);
}

bool function_regex_find(TEMPLATE_CALL)
{
    (void)count;
    CLEANUP(regex_done) struct regex *regex = NULL;
    struct str_view text = {0};
    struct str_view found = {0};
    if (!compile(arena, args, &text, &regex, err) ||
        !regex_find(regex, text, template_arena_effort(arena), &found, err)) {
        return false;
    }
    *ret = value_text(found.data ? found : SV(""));
    return true;
}

typedef bool (*replacing)(const struct regex *regex, struct str_view text,
                          struct str_view replacement, struct effort *effort,
                          struct secret_buf *ret, struct err *err);

static bool replaced(struct template_arena *arena, const struct value *args, replacing replace,
                     struct value *ret, struct err *err)
{
    CLEANUP(regex_done) struct regex *regex = NULL;
    CLEANUP(secret_buf_done) struct secret_buf out = {0};
    secret_buf_init(&out, LIMIT_TEMPLATE_BYTES);
    struct str_view text = {0};
    struct str_view replacement = {0};
    return argument_text(args, 2, &replacement, err) && compile(arena, args, &text, &regex, err) &&
           replace(regex, text, replacement, template_arena_effort(arena), &out, err) &&
           value_from_buf(arena, &out, ret, err);
}

bool function_regex_replace_all(TEMPLATE_CALL)
{
    (void)count;
    return replaced(arena, args, regex_replace_all, ret, err);
}

bool function_regex_replace_all_literal(TEMPLATE_CALL)
{
    (void)count;
    return replaced(arena, args, regex_replace_all_literal, ret, err);
}
