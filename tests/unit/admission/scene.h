/* SPDX-License-Identifier: Apache-2.0 */
/* One request in one world, and what was answered as text, for tests of the decision and the patch.
 *
 *     hold KT101                     decision and code
 *     warning: KT101 Secret ...
 *     want: db
 *     patch: [{"op":"add",...}]      a hash of this world is written as HASH
 */
#ifndef TESTS_ADMISSION_SCENE_H
#define TESTS_ADMISSION_SCENE_H

#include <check.h>

#include "admission/decide.h"
#include "admission/patch.h"
#include "facts_text.h"
#include "json_text.h"

struct scene {
    const char *group;     /* "apps"; NULL: "" */
    const char *kind;      /* NULL: "Pod" */
    const char *operation; /* NULL: "CREATE" */
    const char *sub_resource;
    const char *object;     /* NULL: null */
    const char *old_object; /* NULL: null */
    const char *world;      /* as in facts_text.h; NULL: everything absent */
    bool no_gates;          /* an API server below 1.30 */
    bool warn_only;         /* onMissing: warn */
    bool off;               /* mode: off */
    bool first;             /* not final: wants may be answered */
    bool dry_run;
};

struct scene_run {
    struct json_text review_json;
    struct json_text world_json;
    struct review review;
    struct secret_ref_list refs;
    struct facts facts;
    struct fingerprint_keys keys;
    struct policy_rules rules;
    struct verdict verdict;
};

static inline const char *scene_text(const char *text, const char *otherwise)
{
    return text ? text : otherwise;
}

static inline void scene_review_text(const struct scene *scene, struct buf *out)
{
    buf_printf(out,
               "{\"kind\":\"AdmissionReview\",\"apiVersion\":\"admission.k8s.io/v1\",\"request\":"
               "{\"uid\":\"u-1\",\"kind\":{\"group\":\"%s\",\"version\":\"v1\",\"kind\":\"%s\"},"
               "\"subResource\":\"%s\",\"namespace\":\"shop\",\"operation\":\"%s\",\"object\":%s,"
               "\"oldObject\":%s,\"dryRun\":%s}}",
               scene_text(scene->group, ""), scene_text(scene->kind, "Pod"),
               scene_text(scene->sub_resource, ""), scene_text(scene->operation, "CREATE"),
               scene_text(scene->object, "null"), scene_text(scene->old_object, "null"),
               scene->dry_run ? "true" : "false");
}

static inline void scene_run_done(struct scene_run *run)
{
    facts_done(&run->facts);
    secret_refs_done(&run->refs);
    json_text_done(&run->world_json);
    json_text_done(&run->review_json);
}

static inline void scene_play(const struct scene *scene, struct scene_run *ret)
{
    CLEANUP(buf_done) struct buf text = {0};
    buf_init(&text, LIMIT_REVIEW_BYTES);
    scene_review_text(scene, &text);
    *ret = (struct scene_run){0};
    ret->review_json = json_text_of(text.data);
    ret->world_json = json_text_of(scene_text(scene->world, "{}"));
    const struct json *world = ret->world_json.root;
    struct err err = {0};
    ck_assert_msg(review_decode(ret->review_json.root, &ret->review, &err), "%s", err.message);
    ck_assert_msg(secret_refs_collect(review_pod_spec(&ret->review), &ret->refs, &err), "%s",
                  err.message);
    const struct policy policy = policy_builtin();
    ret->rules = policy_for(&policy, ret->review.namespace);
    ret->rules.on_missing = scene->warn_only ? ON_MISSING_WARN : ret->rules.on_missing;
    ret->rules.mode = scene->off ? MODE_OFF : ret->rules.mode;
    bool has_keys = fingerprint_keys_from_json(world, &ret->keys);
    facts_init(&ret->facts, ret->review.namespace);
    facts_from_json(world, &ret->refs, has_keys ? &ret->keys : NULL, &ret->facts);
    admit_decide(
        &(struct admit_input){
            .review = &ret->review,
            .refs = &ret->refs,
            .rules = &ret->rules,
            .facts = &ret->facts,
            .keys = has_keys ? &ret->keys : NULL,
            .gates_supported = !scene->no_gates,
            .final = !scene->first,
        },
        &ret->verdict);
}

/* `text` with every `hash` in it written as HASH. */
static inline void scene_add_masked(struct buf *out, struct str_view text, const char *hash)
{
    size_t len = strlen(hash);
    for (size_t i = 0; i < text.len;) {
        if (len > 0 && sv_starts_with(sv_from(text, i), sv_of(hash))) {
            buf_add_str(out, "HASH");
            i += len;
        } else {
            buf_add_byte(out, text.data[i++]);
        }
    }
}

static inline void scene_dump(const struct scene_run *run, struct buf *out)
{
    const struct verdict *verdict = &run->verdict;
    ck_assert_int_eq(verdict->allowed, strcmp(verdict->decision, "deny") != 0);
    ck_assert_int_eq(verdict->held, strcmp(verdict->decision, "hold") == 0);
    buf_printf(out, "%s%s%s\n", verdict->decision, verdict->code[0] ? " " : "", verdict->code);
    if (verdict->denial[0]) {
        buf_printf(out, "denial: %s\n", verdict->denial);
    }
    for (size_t i = 0; i < verdict->warning_count; i++) {
        ck_assert_uint_le(strlen(verdict->warnings[i].text), LIMIT_WARNING_BYTES);
        buf_printf(out, "warning: %s\n", verdict->warnings[i].text);
    }
    for (size_t i = 0; i < verdict->want_count; i++) {
        buf_printf(out, "want: %.*s\n", SV_ARG(verdict->wants[i]));
    }
    CLEANUP(buf_done) struct buf patch = {0};
    buf_init(&patch, LIMIT_PATCH_BYTES);
    patch_write(&run->review, verdict, &patch);
    if (patch.len > 0) {
        buf_add_str(out, "patch: ");
        scene_add_masked(out, buf_view(&patch), verdict->hash);
        buf_add_byte(out, '\n');
    }
}

static inline void scene_check(const struct scene *scene, const char *expected)
{
    CLEANUP(scene_run_done) struct scene_run run;
    scene_play(scene, &run);
    CLEANUP(buf_done) struct buf text = {0};
    buf_init(&text, 1 << 16);
    scene_dump(&run, &text);
    ck_assert_msg(sv_is(buf_view(&text), expected), "gave:\n%s\nwanted:\n%s", text.data, expected);
}

#endif
