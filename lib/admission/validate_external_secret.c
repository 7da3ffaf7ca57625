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

static bool is_denied(const struct problem *problem, bool alone)
{
    return problem->severity == PROBLEM_ERROR || (alone && problem->severity == PROBLEM_FOREIGN);
}

static const struct problem *first_denied(const struct problem_list *problems, bool alone)
{
    for (size_t i = 0; i < problems->count; i++) {
        if (is_denied(&problems->items[i], alone)) {
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

void validate_decide(const struct problem_list *problems, bool alone, struct verdict *ret)
{
    const struct problem *denied = first_denied(problems, alone);
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

void validate_external_secret(const struct review *review, struct world *world, bool alone,
                              struct verdict *ret)
{
    struct problem_list problems = {0};
    struct external_secret *external_secret = NULL;
    struct err err;
    if (validate_skips(review)) {
        *ret = (struct verdict){.allowed = true, .decision = "skip"};
        return;
    }
    if (external_secret_decode(review->object, &external_secret, &err)) {
        external_secret_validate(review->object, external_secret, &problems);
        validate_look_around(world, external_secret, &problems);
    } else {
        problem_add(&problems, PROBLEM_UNREADABLE, PROBLEM_ERROR, "%s", err.message);
    }
    external_secret_release(external_secret);
    validate_decide(&problems, alone, ret);
}
