/* SPDX-License-Identifier: Apache-2.0 */
/* Start at admit_decide(), at the end: one line a stage, top to bottom.
 *
 * Three rules run through all of it. What waiting can cure is held or warned about, only what it
 * cannot cure is denied. Unknown never warns, denies or gates. And deciding about its own result
 * changes nothing: mutate(mutate(x)) = mutate(x), because other webhooks make the API server ask
 * again. */
#include "admission/decide.h"

#include "admission/annotations.h"
#include "admission/message.h"
#include "admission/pod_template.h"
#include "objects/owner.h"
#include "refs/names.h"

enum {
    /* A marker is a valid label value (Kubernetes: at most 63 characters). */
    MARKER_BYTES = 63,
};

/* What the stages need to know, made once. */
struct admission {
    const struct admit_input *input;
    const struct review *review;
    const struct secret_ref_list *refs;
    const struct json *pod;     /* the Pod or Pod template */
    const struct json *old_pod; /* NULL on CREATE */
    struct secret_ref_list old_refs;
    enum presence *presences; /* of each of `refs`: most stages ask */
    bool of_pod;              /* a Pod, not a template */
    bool creates;             /* CREATE */
    bool old_readable;        /* old_refs is complete */
    bool core_changed;        /* the template differs by more than our marker; true on CREATE */
    bool may_hold;            /* the Pod, or Pods of the template, may be held */
};

bool admit_skips(const struct review *review)
{
    const struct json *pod = review_pod_template(review);
    if (!review->kind || !pod || !pod_template_is_well_formed(pod)) {
        return true;
    }
    bool of_pod = review->kind->kind == KIND_POD;
    bool updates = review->operation == OPERATION_UPDATE;
    if (!updates && review->operation != OPERATION_CREATE) {
        return true;
    }
    if (review->sub_resource.len > 0 &&
        !(of_pod && updates && sv_is(review->sub_resource, "ephemeralcontainers"))) {
        return true;
    }
    const struct json *metadata = json_member(review->object, "metadata");
    if (!json_is_absent(json_member(metadata, "deletionTimestamp"))) {
        return true;
    }
    if (of_pod) {
        return annotation_find(review->object, ANNOTATION_MIRROR) != NULL;
    }
    /* A template patched under its controller no longer matches what the controller made it from,
     * and the controller makes another one, without end (kubernetes/kubernetes#57167). */
    struct owner controller;
    /* A Job's template is immutable. */
    return owner_find_controller(metadata, &controller) ||
           (review->kind->kind == KIND_JOB && updates);
}

static void admission_done(struct admission *admission)
{
    secret_refs_done(&admission->old_refs);
    free(admission->presences);
}

static enum presence *presences_of(const struct secret_ref_list *refs, const struct facts *facts)
{
    enum presence *presences = mem_alloc_array(refs->count, sizeof *presences);
    for (size_t i = 0; i < refs->count; i++) {
        presences[i] = facts_presence(facts, &refs->items[i]);
    }
    return presences;
}

static void admission_init(struct admission *ret, const struct admit_input *input)
{
    const struct review *review = input->review;
    *ret = (struct admission){
        .input = input,
        .review = review,
        .refs = input->refs,
        .presences = presences_of(input->refs, input->facts),
        .pod = review_pod_template(review),
        .of_pod = review->kind->kind == KIND_POD,
        .creates = review->operation == OPERATION_CREATE,
        .core_changed = true,
    };
    ret->may_hold = input->gates_supported && input->rules->mode == MODE_ENFORCE &&
                    input->rules->on_missing == ON_MISSING_HOLD &&
                    pod_template_may_be_held(ret->pod);
    if (!ret->creates) {
        ret->old_pod = kind_pod_template(review->kind, review->old_object);
        struct err ignored;
        ret->old_readable =
            secret_refs_collect(json_member(ret->old_pod, "spec"), &ret->old_refs, &ignored);
        ret->core_changed = ret->of_pod || !pod_template_same_core(ret->pod, ret->old_pod);
    }
}

/* An UPDATE is answerable only for what it brings. An old object too large to compare with brings
 * nothing new. */
static bool is_new(const struct admission *admission, const struct secret_ref *ref)
{
    return admission->creates ||
           (admission->old_readable && !secret_refs_contain(&admission->old_refs, ref));
}

/* Worth looking up and warning about: a Pod's references are its own for life, so only added ones
 * are; a template that changes is about to make Pods with all of its references. */
static bool is_relevant(const struct admission *admission, const struct secret_ref *ref)
{
    return admission->of_pod ? is_new(admission, ref) : admission->core_changed;
}

static enum presence presence_of(const struct admission *admission, const struct secret_ref *ref)
{
    return admission->presences[ref - admission->refs->items];
}

static bool is_described(const struct admission *admission, const struct secret_ref *ref)
{
    const struct fact *fact = facts_find(admission->input->facts, ref->secret);
    return fact && fact->described == PRESENCE_PRESENT;
}

/* Absent, and waiting for it is right: kubelet would wait too, or the reference is optional and an
 * ExternalSecret is going to make it, which kubelet would not wait for. */
static bool is_awaited(const struct admission *admission, const struct secret_ref *ref)
{
    return presence_of(admission, ref) == PRESENCE_ABSENT && !ref->csi_may_sync &&
           (ref->required || (ref->optional && ref->container != REF_EPHEMERAL_CONTAINER &&
                              is_described(admission, ref)));
}

/* Absent, and the user wants to hear of it. A Secret that the Pod's own CSI volume syncs is always
 * absent before the first Pod. */
static bool is_missed(const struct admission *admission, const struct secret_ref *ref)
{
    return presence_of(admission, ref) == PRESENCE_ABSENT && !ref->csi_may_sync && !ref->optional;
}

static void set_code(struct verdict *ret, enum code code)
{
    if (ret->code[0] == '\0') {
        message_code(code, ret->code);
    }
}

static enum code hostility_of(const struct secret_ref *ref)
{
    if (!name_is_dns_subdomain(ref->secret)) {
        return CODE_HOSTILE_NAME;
    }
    return ref->key.data && !name_is_secret_key(ref->key) ? CODE_HOSTILE_KEY : CODE_NONE;
}

/* Waiting cures no name that a Secret cannot have. */
static bool deny_hostile_names(const struct admission *admission, struct verdict *ret)
{
    if (admission->input->rules->mode != MODE_ENFORCE) {
        return false;
    }
    for (size_t i = 0; i < admission->refs->count; i++) {
        const struct secret_ref *ref = &admission->refs->items[i];
        enum code code = hostility_of(ref);
        if (code != CODE_NONE && is_new(admission, ref)) {
            ret->allowed = false;
            ret->decision = "deny";
            set_code(ret, code);
            message_hostile(code, ref, ret->denial);
            return true;
        }
    }
    return false;
}

static bool is_wanted(const struct admission *admission, const struct secret_ref *ref)
{
    /* A name nobody has checked never reaches a URL. */
    if (!name_is_dns_subdomain(ref->secret) || !is_relevant(admission, ref)) {
        return false;
    }
    switch (presence_of(admission, ref)) {
    case PRESENCE_ABSENT:
        return is_missed(admission, ref) || is_described(admission, ref);
    case PRESENCE_UNKNOWN:
        return ref->required || (ref->optional && is_described(admission, ref));
    case PRESENCE_PRESENT:
        break;
    }
    return false;
}

static void add_want(struct verdict *ret, struct str_view secret)
{
    for (size_t i = 0; i < ret->want_count; i++) {
        if (sv_equal(ret->wants[i], secret)) {
            return;
        }
    }
    if (ret->want_count < LIMIT_WANTS) {
        ret->wants[ret->want_count++] = secret;
    }
}

/* A look at the API server may make the answer better; after it the answer is final. */
static bool ask_for_more(const struct admission *admission, struct verdict *ret)
{
    for (size_t i = 0; !admission->input->final && i < admission->refs->count; i++) {
        if (is_wanted(admission, &admission->refs->items[i])) {
            add_want(ret, admission->refs->items[i].secret);
        }
    }
    if (ret->want_count > 0) {
        ret->decision = "wait";
    }
    return ret->want_count > 0;
}

/* Our gate is never removed here: a later look at the same Pod may be the one that is right. */
static void decide_gate(const struct admission *admission, struct verdict *ret)
{
    if (!admission->of_pod || !admission->creates) {
        return;
    }
    bool awaits = false;
    for (size_t i = 0; i < admission->refs->count && !awaits; i++) {
        awaits = is_awaited(admission, &admission->refs->items[i]);
    }
    bool has_gate = pod_template_has_our_gate(admission->pod);
    ret->add_gate = awaits && admission->may_hold && !has_gate;
    ret->held = has_gate || ret->add_gate;
}

static enum fingerprint_result compute_hash(const struct admission *admission, struct verdict *ret)
{
    const struct admit_input *input = admission->input;
    return fingerprint_compute(input->keys, input->refs, input->facts, ret->hash);
}

/* The action that makes `present` be `wanted` (data NULL: not there at all). */
static enum annotation_action action_for(const struct json *present, struct str_view wanted)
{
    if (!wanted.data) {
        return present ? ANNOTATION_REMOVE : ANNOTATION_KEEP;
    }
    bool equal = json_is(present, JSON_STRING) && sv_equal(json_string(present), wanted);
    return equal ? ANNOTATION_KEEP : ANNOTATION_SET;
}

/* A held Pod gets its stamp in the patch that releases it. A stamp that comes with the object says
 * nothing about this Pod. */
static void decide_stamp(const struct admission *admission, struct verdict *ret)
{
    if (!admission->of_pod || !admission->creates) {
        return;
    }
    struct str_view wanted = {0};
    if (!ret->held && compute_hash(admission, ret) == FINGERPRINT_OK) {
        wanted = sv_of(ret->hash);
    }
    ret->stamp = action_for(annotation_find(admission->pod, ANNOTATION_STAMP), wanted);
}

/* The marker a template that is created or changed otherwise should have; data NULL: none. */
static struct str_view fresh_marker(const struct admission *admission, struct str_view old_marker,
                                    struct verdict *ret)
{
    if (annotation_is_off(admission->review->object, ANNOTATION_ROLLOUT) ||
        annotation_is_off(admission->pod, ANNOTATION_ROLLOUT)) {
        return (struct str_view){0};
    }
    switch (compute_hash(admission, ret)) {
    case FINGERPRINT_OK:
        return sv_of(ret->hash);
    case FINGERPRINT_NOTHING:
        return (struct str_view){0};
    case FINGERPRINT_MISSING:
    case FINGERPRINT_UNKNOWN:
        break;
    }
    /* None is invented, and on CREATE there is no old one. A marker that comes with a new object is
     * from elsewhere (exported, another cluster): left standing it would say of these Secrets
     * something that nobody has looked at. The first roll brings the right one. */
    return old_marker;
}

/* Sticky: with an otherwise unchanged template the old marker is carried forward, whatever was
 * sent, or else every re-apply of a manifest would roll its workload. */
static void decide_marker(const struct admission *admission, struct verdict *ret)
{
    if (!admission->review->kind->rolls) {
        return;
    }
    const struct json *old = annotation_find(admission->old_pod, ANNOTATION_MARKER);
    struct str_view old_marker = json_string(old);
    if (old_marker.len > MARKER_BYTES) {
        /* Not one of ours, and its length has no ceiling that an answer could rely on. */
        return;
    }
    struct str_view wanted =
        admission->core_changed ? fresh_marker(admission, old_marker, ret) : old_marker;
    ret->marker = action_for(annotation_find(admission->pod, ANNOTATION_MARKER), wanted);
    if (ret->marker == ANNOTATION_SET && wanted.data != ret->hash) {
        ret->old_marker = wanted;
    }
}

/* A key is missing of a Secret that is there, or the whole Secret is. */
static bool has_secret(const struct admission *admission, const struct secret_ref *ref)
{
    const struct fact *fact = facts_find(admission->input->facts, ref->secret);
    return fact && fact->presence == PRESENCE_PRESENT;
}

/* Warnings so far, each about the Secret or key of one reference. */
struct warned {
    const struct secret_ref *refs[LIMIT_WARNINGS];
    size_t count;
    bool more; /* than fit */
};

static bool is_warned(const struct warned *warned, const struct secret_ref *ref, bool about_key)
{
    for (size_t i = 0; i < warned->count; i++) {
        if (sv_equal(warned->refs[i]->secret, ref->secret) &&
            (!about_key || sv_equal(warned->refs[i]->key, ref->key))) {
            return true;
        }
    }
    return false;
}

static void warn(const struct admission *admission, const struct secret_ref *ref, bool held,
                 struct warned *warned, struct verdict *ret)
{
    const struct policy_rules *rules = admission->input->rules;
    bool about_key = has_secret(admission, ref);
    if (is_warned(warned, ref, about_key)) {
        return;
    }
    if (warned->count == LIMIT_WARNINGS) {
        warned->more = true;
        return;
    }
    struct missing missing = {.ref = ref, .of_pod = admission->of_pod};
    if (held && admission->of_pod) {
        missing.code = about_key ? CODE_KEY_MISSING_HELD : CODE_SECRET_MISSING_HELD;
    } else {
        missing.code = about_key ? CODE_KEY_MISSING : CODE_SECRET_MISSING;
    }
    if (held) {
        missing.held_up_to_ms =
            is_described(admission, ref) ? rules->hold_described_ms : rules->hold_undescribed_ms;
    }
    set_code(ret, missing.code);
    message_missing(&missing, &ret->warnings[warned->count]);
    warned->refs[warned->count++] = ref;
}

/* One warning for each missing Secret or key, not for each place that needs it; what a Pod is held
 * for comes first, because that is what the user has to mend. */
static void warn_missing(const struct admission *admission, struct verdict *ret)
{
    struct warned warned = {0};
    for (size_t i = 0; ret->held && admission->may_hold && i < admission->refs->count; i++) {
        if (is_awaited(admission, &admission->refs->items[i])) {
            warn(admission, &admission->refs->items[i], true, &warned, ret);
        }
    }
    for (size_t i = 0; i < admission->refs->count; i++) {
        const struct secret_ref *ref = &admission->refs->items[i];
        if (is_missed(admission, ref) && is_relevant(admission, ref)) {
            bool pods_wait =
                !admission->of_pod && admission->may_hold && is_awaited(admission, ref);
            warn(admission, ref, pods_wait, &warned, ret);
        }
    }
    ret->warning_count = warned.count;
    if (warned.more) {
        message_more_missing(LIMIT_WARNINGS - 1, &ret->warnings[LIMIT_WARNINGS - 1]);
    }
}

void admit_decide(const struct admit_input *input, struct verdict *ret)
{
    *ret = (struct verdict){.allowed = true, .decision = "skip"};
    if (admit_skips(input->review) || input->rules->mode == MODE_OFF) {
        return;
    }
    CLEANUP(admission_done) struct admission admission;
    admission_init(&admission, input);
    if (deny_hostile_names(&admission, ret) || ask_for_more(&admission, ret)) {
        return;
    }
    decide_gate(&admission, ret);
    decide_stamp(&admission, ret);
    decide_marker(&admission, ret);
    warn_missing(&admission, ret);
    ret->decision = ret->held ? "hold" : "allow";
}
