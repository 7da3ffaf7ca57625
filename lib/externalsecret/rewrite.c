/* SPDX-License-Identifier: Apache-2.0 */
#include "externalsecret/rewrite.h"

#include "base/limits.h"
#include "base/regex.h"
#include "externalsecret/rewrite_merge.h"
#include "externalsecret/template/template.h"

enum {
    NAME_STEPS = 100, /* of the effort, for the beginning of a match or of a run of a template */
};

static const char *const fields[] = {
    [REWRITE_REGEXP] = "regexp.source",
    [REWRITE_TRANSFORM] = "transform.template",
    [REWRITE_MERGE] = "merge",
};

static void regex_free_ptr(struct regex **regex)
{
    regex_free(*regex);
}

static void template_free_ptr(struct template **template)
{
    template_free(*template);
}

static enum rewrite_verdict check_regexp(const struct external_secret_rewrite *rewrite,
                                         struct effort *patterns, struct err *err)
{
    CLEANUP(regex_free_ptr) struct regex *regex = NULL;
    return regex_compile(rewrite->source, patterns, &regex, err) ? REWRITE_FINE : REWRITE_BROKEN;
}

static enum rewrite_verdict check_transform(const struct external_secret_rewrite *rewrite,
                                            struct effort *patterns, struct err *err)
{
    (void)patterns;
    CLEANUP(template_free_ptr) struct template *template = NULL;
    enum template_verdict verdict = template_parse(rewrite->template, &template, err);
    return verdict == TEMPLATE_FINE      ? REWRITE_FINE
           : verdict == TEMPLATE_FOREIGN ? REWRITE_FOREIGN
                                         : REWRITE_BROKEN;
}

static enum rewrite_verdict check_merge(const struct external_secret_rewrite *rewrite,
                                        struct effort *patterns, struct err *err)
{
    (void)patterns;
    if (rewrite->json && rewrite->into.len == 0) {
        (void)err_set(err, ERR_INVALID, "into is empty, and strategy JSON puts its result there");
        return REWRITE_BROKEN;
    }
    return REWRITE_FINE;
}

enum rewrite_verdict rewrite_check(const struct external_secret_rewrite *rewrites, size_t count,
                                   const char *field, struct effort *patterns, struct err *err)
{
    static enum rewrite_verdict (*const checks[])(const struct external_secret_rewrite *,
                                                  struct effort *, struct err *) = {
        [REWRITE_REGEXP] = check_regexp,
        [REWRITE_TRANSFORM] = check_transform,
        [REWRITE_MERGE] = check_merge,
    };
    for (size_t i = 0; i < count; i++) {
        enum rewrite_verdict verdict = checks[rewrites[i].kind](&rewrites[i], patterns, err);
        if (verdict != REWRITE_FINE) {
            (void)err_wrap(err, "%s[%zu].%s", field, rewrites[i].index, fields[rewrites[i].kind]);
            return err->kind == ERR_TOO_BIG ? REWRITE_FOREIGN : verdict;
        }
    }
    return REWRITE_FINE;
}

/* How keys get their new names: by one of the two. */
struct renaming {
    struct regex *regex; /* and its target */
    struct str_view target;
    struct template *template;
    size_t *names_left; /* of LIMIT_REWRITE_NAMES */
    struct effort *effort;
};

static void renaming_done(struct renaming *renaming)
{
    regex_free(renaming->regex);
    template_free(renaming->template);
}

static bool renaming_init(struct renaming *renaming, const struct external_secret_rewrite *rewrite,
                          struct err *err)
{
    if (rewrite->kind == REWRITE_REGEXP) {
        renaming->target = rewrite->target;
        return regex_compile(rewrite->source, renaming->effort, &renaming->regex, err);
    }
    return effort_spend(renaming->effort, rewrite->template.len, err) &&
           template_parse(rewrite->template, &renaming->template, err) == TEMPLATE_FINE;
}

static bool make_name(const struct renaming *renaming, struct str_view key, struct secret_buf *ret,
                      struct err *err)
{
    if (*renaming->names_left == 0) {
        return err_set(err, ERR_TOO_BIG, "more than %d names for one entry of dataFrom",
                       LIMIT_REWRITE_NAMES);
    }
    (*renaming->names_left)--;
    secret_buf_init(ret, LIMIT_REWRITE_NAME_BYTES);
    if (!effort_spend(renaming->effort, NAME_STEPS, err)) {
        return false;
    }
    return renaming->regex
               ? regex_replace_all(renaming->regex, key, renaming->target, renaming->effort, ret,
                                   err)
               : template_render_key(renaming->template, key, renaming->effort, ret, err);
}

static bool rename_keys(const struct renaming *renaming, struct data_map *map, struct err *err)
{
    CLEANUP(data_map_done) struct data_map renamed = {0};
    for (size_t i = 0; i < map->count; i++) {
        CLEANUP(secret_buf_done) struct secret_buf name = {0};
        if (!make_name(renaming, map->entries[i].key, &name, err)) {
            return data_map_wrap(map, i, err);
        }
        data_map_put(&renamed, secret_buf_view(&name), &map->entries[i].value);
    }
    data_map_done(map);
    *map = renamed;
    renamed = (struct data_map){0};
    return true;
}

static bool apply(const struct external_secret_rewrite *rewrite, size_t *names_left,
                  struct effort *effort, struct data_map *map, struct err *err)
{
    if (rewrite->kind == REWRITE_MERGE) {
        return rewrite_merge(rewrite, effort, map, err);
    }
    CLEANUP(renaming_done) struct renaming renaming = {.names_left = names_left, .effort = effort};
    return renaming_init(&renaming, rewrite, err) && rename_keys(&renaming, map, err);
}

bool rewrite_apply(const struct external_secret_rewrite *rewrites, size_t count,
                   struct effort *effort, struct data_map *map, struct err *err)
{
    size_t names_left = LIMIT_REWRITE_NAMES;
    for (size_t i = 0; i < count; i++) {
        if (!apply(&rewrites[i], &names_left, effort, map, err)) {
            return err_wrap(err, "[%zu].%s", rewrites[i].index, fields[rewrites[i].kind]);
        }
    }
    return true;
}
