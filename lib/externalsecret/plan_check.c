/* SPDX-License-Identifier: Apache-2.0 */
/* plan_check(): whether this version renders an ExternalSecret exactly, by parsing what it holds.
 * What is broken counts before what is foreign only where it stands first: either way nothing is
 * written. */
#include "base/limits.h"
#include "externalsecret/plan.h"
#include "externalsecret/property.h"
#include "externalsecret/rewrite.h"
#include "externalsecret/template/template.h"

enum {
    FIELD_BYTES = 400, /* a path with a label's name in it */
    SHOWN_BYTES = 80,
};

static enum plan_verdict refuse(enum plan_verdict verdict, struct err *err, const char *field)
{
    (void)err_wrap(err, "%s", field);
    return verdict;
}

/* Over a ceiling of ours alone, the operator may do it. */
static enum plan_verdict refuse_as_invalid(struct err *err, const char *field)
{
    return refuse(err->kind == ERR_TOO_BIG ? PLAN_FOREIGN : PLAN_BROKEN, err, field);
}

/* Everything but an empty path can be looked up; what we cannot, the operator can. */
enum plan_verdict plan_check_property(struct str_view property, const char *field, struct err *err)
{
    return property.len == 0 || property_check(property, err) ? PLAN_FINE
                                                              : refuse(PLAN_FOREIGN, err, field);
}

enum plan_verdict plan_check_text(struct str_view text, const char *field, struct err *err)
{
    struct template *template = NULL;
    enum template_verdict verdict = template_parse(text, &template, err);
    template_free(template);
    return verdict == TEMPLATE_FINE      ? PLAN_FINE
           : verdict == TEMPLATE_FOREIGN ? refuse(PLAN_FOREIGN, err, field)
                                         : refuse_as_invalid(err, field);
}

enum plan_verdict plan_check_regexp(struct str_view pattern, const char *field,
                                    struct effort *patterns, struct err *err)
{
    struct regex *regex = NULL;
    bool fine = regex_compile(pattern, patterns, &regex, err);
    regex_free(regex);
    return fine ? PLAN_FINE : refuse_as_invalid(err, field);
}

static enum plan_verdict check_remote_key(struct str_view key, const char *field, struct err *err)
{
    if (key.len > 0) {
        return PLAN_FINE;
    }
    (void)err_set(err, ERR_INVALID, "%s is empty", field);
    return PLAN_BROKEN;
}

static enum plan_verdict check_data(const struct external_secret_data *data, size_t index,
                                    struct err *err)
{
    char key[FIELD_BYTES];
    char property[FIELD_BYTES];
    (void)snprintf(key, sizeof key, "spec.data[%zu].remoteRef.key", index);
    (void)snprintf(property, sizeof property, "spec.data[%zu].remoteRef.property", index);
    enum plan_verdict verdict = check_remote_key(data->remote_key, key, err);
    return verdict ? verdict : plan_check_property(data->property, property, err);
}

enum plan_verdict plan_check_rewrites(const struct external_secret_rewrite *rewrites, size_t count,
                                      size_t entry, struct effort *patterns, struct err *err)
{
    char field[FIELD_BYTES];
    (void)snprintf(field, sizeof field, "spec.dataFrom[%zu].rewrite", entry);
    enum rewrite_verdict verdict = rewrite_check(rewrites, count, field, patterns, err);
    return verdict == REWRITE_FINE      ? PLAN_FINE
           : verdict == REWRITE_FOREIGN ? PLAN_FOREIGN
                                        : PLAN_BROKEN;
}

static enum plan_verdict check_data_from(const struct external_secret_data_from *from, size_t index,
                                         struct effort *patterns, struct err *err)
{
    char field[FIELD_BYTES];
    enum plan_verdict verdict = PLAN_FINE;
    if (from->kind == DATA_FROM_EXTRACT) {
        (void)snprintf(field, sizeof field, "spec.dataFrom[%zu].extract.key", index);
        verdict = check_remote_key(from->remote_key, field, err);
        (void)snprintf(field, sizeof field, "spec.dataFrom[%zu].extract.property", index);
        verdict = verdict ? verdict : plan_check_property(from->property, field, err);
    } else if (from->kind == DATA_FROM_FIND && from->has_name) {
        (void)snprintf(field, sizeof field, "spec.dataFrom[%zu].find.name.regexp", index);
        verdict = plan_check_regexp(from->name_regexp, field, patterns, err);
    }
    return verdict ? verdict
                   : plan_check_rewrites(from->rewrites, from->rewrite_count, index, patterns, err);
}

static enum plan_verdict check_pairs(const struct string_pair *pairs, size_t count,
                                     const char *where, struct err *err)
{
    enum plan_verdict verdict = PLAN_FINE;
    for (size_t i = 0; verdict == PLAN_FINE && i < count; i++) {
        char field[FIELD_BYTES];
        (void)snprintf(field, sizeof field, "spec.target.template.%s[%.*s]", where,
                       SV_ARG(sv_first(pairs[i].key, SHOWN_BYTES)));
        verdict = plan_check_text(pairs[i].value, field, err);
    }
    return verdict;
}

static enum plan_verdict check_literals(const struct external_secret_template *template,
                                        struct err *err)
{
    enum plan_verdict verdict = PLAN_FINE;
    for (size_t i = 0; verdict == PLAN_FINE && i < template->from_count; i++) {
        char field[FIELD_BYTES];
        (void)snprintf(field, sizeof field, "spec.target.template.templateFrom[%zu].literal",
                       template->from[i].index);
        if (template->from[i].kind == TEMPLATE_FROM_LITERAL) {
            verdict = plan_check_text(template->from[i].literal, field, err);
        }
    }
    return verdict;
}

static enum plan_verdict check_target(const struct external_secret_template *template,
                                      struct err *err)
{
    enum plan_verdict verdict = check_literals(template, err);
    verdict = verdict ? verdict : check_pairs(template->data, template->data_count, "data", err);
    verdict = verdict
                  ? verdict
                  : check_pairs(template->labels, template->label_count, "metadata.labels", err);
    return verdict ? verdict
                   : check_pairs(template->annotations, template->annotation_count,
                                 "metadata.annotations", err);
}

enum plan_verdict plan_check_reads(const struct external_secret *external_secret, struct err *err)
{
    struct effort patterns = effort_of(LIMIT_REGEX_COMPILE_STEPS);
    enum plan_verdict verdict = PLAN_FINE;
    if (external_secret->unsupported.len > 0) {
        (void)err_set(err, ERR_INVALID, "%.*s is not supported",
                      SV_ARG(external_secret->unsupported));
        return PLAN_FOREIGN;
    }
    for (size_t i = 0; verdict == PLAN_FINE && i < external_secret->data_from_count; i++) {
        verdict = check_data_from(&external_secret->data_from[i], i, &patterns, err);
    }
    for (size_t i = 0; verdict == PLAN_FINE && i < external_secret->data_count; i++) {
        verdict = check_data(&external_secret->data[i], i, err);
    }
    return verdict;
}

enum plan_verdict plan_check_template(const struct external_secret *external_secret,
                                      struct err *err)
{
    return external_secret->has_template ? check_target(&external_secret->template, err)
                                         : PLAN_FINE;
}

enum plan_verdict plan_check(const struct external_secret *external_secret, struct err *err)
{
    enum plan_verdict verdict = plan_check_reads(external_secret, err);
    return verdict ? verdict : plan_check_template(external_secret, err);
}
