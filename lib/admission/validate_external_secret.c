/* SPDX-License-Identifier: Apache-2.0 */
#include "admission/validate_external_secret.h"

#include "objects/external_secret_stores.h"

#define GROUP "external-secrets.io"
#define KIND "ExternalSecret"

static bool is_external_secret(const struct review *review)
{
    return sv_is(review->group, GROUP) && sv_is(review->kind_name, KIND) &&
           (sv_is(review->version, "v1") || sv_is(review->version, "v1beta1")) &&
           review->sub_resource.len == 0;
}

/* A finalizer, a label, a status: nothing of it is fetched. */
static bool leaves_spec(const struct review *review)
{
    return review->operation == OPERATION_UPDATE && review->old_object &&
           json_equal(json_member(review->object, "spec"), json_member(review->old_object, "spec"));
}

bool validate_skips(const struct review *review)
{
    return !is_external_secret(review) || !review->object ||
           (review->operation != OPERATION_CREATE && review->operation != OPERATION_UPDATE) ||
           !json_is_absent(json_path(review->object, "metadata", "deletionTimestamp", NULL)) ||
           leaves_spec(review);
}

static void look_at_stores(struct world *world, const struct external_secret *external_secret,
                           struct problem_list *ret)
{
    struct store_walk walk = {.external_secret = external_secret};
    struct store_ref ref;
    while (store_walk_next(&walk, &ref)) {
        struct store *store = NULL;
        struct err err;
        switch (world_store_for(world, external_secret, &ref, &store, &err)) {
        case STORE_GRANTED:
            store_release(store);
            break;
        case STORE_MISSING:
            problem_add(ret, PROBLEM_STORE_MISSING, PROBLEM_WARNING, "%s", err.message);
            break;
        case STORE_REFUSED:
            problem_add(ret, PROBLEM_STORE_REFUSED, PROBLEM_WARNING, "%s", err.message);
            break;
        case STORE_UNKNOWN:
            break;
        }
    }
}

/* Several may write into a Secret that none of them makes. */
static bool makes_its_target(const struct external_secret *external_secret)
{
    return external_secret->creation_policy == CREATION_OWNER ||
           external_secret->creation_policy == CREATION_ORPHAN;
}

static void look_at_others(struct world *world, const struct external_secret *external_secret,
                           struct problem_list *ret)
{
    struct external_secret *other = world_describing_other(
        world, external_secret->namespace, external_secret->target, external_secret->name);
    if (other && makes_its_target(other)) {
        problem_add(ret, PROBLEM_TARGET_SHARED, PROBLEM_WARNING,
                    "Secret %.*s is the target of ExternalSecret %.*s too: only one of them can "
                    "have it",
                    SV_ARG(external_secret->target), SV_ARG(other->name));
    }
    external_secret_release(other);
}

static bool controls(const struct external_secret *external_secret, const struct owner *owner)
{
    return sv_is(owner->group, GROUP) && sv_is(owner->kind, KIND) &&
           sv_equal(owner->name, external_secret->name);
}

static void look_at_target(struct world *world, const struct external_secret *external_secret,
                           struct problem_list *ret)
{
    struct secret *secret =
        world_secret(world, external_secret->namespace, external_secret->target);
    if (secret && secret->controller.kind.len > 0 &&
        !controls(external_secret, &secret->controller)) {
        problem_add(ret, PROBLEM_TARGET_OWNED, PROBLEM_WARNING,
                    "Secret %.*s is controlled by %.*s %.*s: it is left as it is",
                    SV_ARG(external_secret->target), SV_ARG(secret->controller.kind),
                    SV_ARG(secret->controller.name));
    }
    secret_release(secret);
}

void validate_look_around(struct world *world, const struct external_secret *external_secret,
                          struct problem_list *ret)
{
    look_at_stores(world, external_secret, ret);
    if (makes_its_target(external_secret)) {
        look_at_others(world, external_secret, ret);
        look_at_target(world, external_secret, ret);
    }
}

static bool is_denied(const struct problem *problem, const struct validate_rules *rules)
{
    switch (problem->severity) {
    case PROBLEM_ERROR:
        return true;
    case PROBLEM_FOREIGN:
        return rules->alone;
    case PROBLEM_MISSING:
        return rules->denies_missing;
    case PROBLEM_WARNING:
        break;
    }
    return false;
}

static const struct problem *first_denied(const struct problem_list *problems,
                                          const struct validate_rules *rules)
{
    for (size_t i = 0; i < problems->count; i++) {
        if (is_denied(&problems->items[i], rules)) {
            return &problems->items[i];
        }
    }
    return NULL;
}

static void warn(const struct problem *problem, struct verdict *ret)
{
    static const char cut[] = "...";
    if (ret->warning_count == LIMIT_WARNINGS) {
        return;
    }
    char *text = ret->warnings[ret->warning_count++].text;
    const char *left = problem->severity == PROBLEM_FOREIGN ? "; left to the operator" : "";
    size_t room = LIMIT_WARNING_BYTES - strlen(left);
    bool whole = strlen(problem->text) <= room;
    (void)snprintf(text, LIMIT_WARNING_BYTES + 1, "%.*s%s%s",
                   (int)(whole ? room : room - (sizeof cut - 1)), problem->text, whole ? "" : cut,
                   left);
}

struct validate_rules validate_rules(const struct review *review, const struct policy_rules *rules,
                                     bool alone)
{
    return (struct validate_rules){
        .alone = alone,
        .denies_missing =
            rules->mode == MODE_ENFORCE && rules->on_missing == ON_MISSING_DENY && !review->dry_run,
    };
}

void validate_decide(const struct problem_list *problems, const struct validate_rules *rules,
                     struct verdict *ret)
{
    const struct problem *denied = first_denied(problems, rules);
    const struct problem *first = denied ? denied : problems->count ? &problems->items[0] : NULL;
    *ret = (struct verdict){.allowed = !denied, .decision = denied ? "deny" : "allow"};
    if (first) {
        (void)snprintf(ret->code, sizeof ret->code, "KT%03d", (int)first->code);
    }
    if (denied) {
        memcpy(ret->denial, denied->text, sizeof denied->text);
    }
    for (size_t i = 0; i < problems->count; i++) {
        if (&problems->items[i] != denied) {
            warn(&problems->items[i], ret);
        }
    }
}

void validation_begin(const struct review *review, struct world *world, struct validation *ret)
{
    struct err err;
    *ret = (struct validation){.skipped = validate_skips(review)};
    if (ret->skipped) {
        return;
    }
    if (external_secret_decode(review->object, &ret->external_secret, &err)) {
        external_secret_validate(review->object, ret->external_secret, &ret->problems);
        validate_look_around(world, ret->external_secret, &ret->problems);
    } else {
        problem_add(&ret->problems, PROBLEM_UNREADABLE, PROBLEM_ERROR, "%s", err.message);
    }
}

void validation_done(struct validation *validation)
{
    external_secret_release(validation->external_secret);
    *validation = (struct validation){0};
}

bool validation_may_ask(const struct validation *validation, const struct review *review,
                        const struct policy_rules *rules)
{
    return validation->external_secret && validation->problems.count == 0 &&
           rules->mode != MODE_OFF &&
           sv_equal(validation->external_secret->namespace, review->namespace);
}

void validation_end(const struct validation *validation, const struct validate_rules *rules,
                    struct verdict *ret)
{
    if (validation->skipped) {
        *ret = (struct verdict){.allowed = true, .decision = "skip"};
    } else {
        validate_decide(&validation->problems, rules, ret);
    }
}
