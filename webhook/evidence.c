/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/evidence.h"

#include "base/limits.h"
#include "base/timestamp.h"
#include "objects/owner.h"
#include "objects/pod.h"
#include "webhook/kube_sink.h"

static const struct json_limits OBJECT_LIMITS = {.max_nodes = LIMIT_REVIEW_NODES,
                                                 .max_depth = LIMIT_JSON_DEPTH};

const struct kube_resource *evidence_resource(enum workload_kind kind)
{
    switch (kind) {
    case KIND_DEPLOYMENT:
        return &kube_deployments;
    case KIND_STATEFUL_SET:
        return &kube_stateful_sets;
    case KIND_DAEMON_SET:
        return &kube_daemon_sets;
    case KIND_NONE:
    case KIND_POD:
    case KIND_REPLICA_SET:
    case KIND_JOB:
    case KIND_CRON_JOB:
    case KIND_COUNT:
        break;
    }
    abort();
}

void evidence_done(struct evidence *evidence)
{
    for (size_t i = 0; i < evidence->pod_count; i++) {
        free(evidence->pods[i].name);
        free(evidence->pods[i].uid);
        free(evidence->pods[i].resource_version);
        free(evidence->pods[i].stamp);
    }
    free(evidence->pods);
    while (evidence->revisions) {
        struct evidence_revision *next = evidence->revisions->next;
        free(evidence->revisions->label);
        free(evidence->revisions->sample);
        free(evidence->revisions);
        evidence->revisions = next;
    }
    workload_release(evidence->workload);
    facts_done(&evidence->facts);
    *evidence = (struct evidence){0};
}

static bool parse(struct kube_response *response, struct json_doc *document,
                  const struct json **ret, struct err *err)
{
    struct buf *body = &response->body.bytes;
    return json_parse(document, body->data, body->len, &OBJECT_LIMITS, ret, err);
}

static bool read_workload(const struct evidence_request *request, struct workload **ret,
                          struct err *err)
{
    CLEANUP(kube_response_done) struct kube_response response = {0};
    CLEANUP(json_doc_done) struct json_doc document = {0};
    const struct json *object = NULL;
    const struct kube_target target = {.resource = evidence_resource(request->kind),
                                       .namespace = request->namespace,
                                       .name = request->name};
    return kube_get(request->client, &target, request->deadline_ms, &response, err) &&
           parse(&response, &document, &object, err) &&
           workload_decode(object, request->kind, ret, err);
}

static bool has_rolling_refs(const struct secret_ref_list *refs)
{
    for (size_t i = 0; i < refs->count; i++) {
        if (refs->items[i].rolls) {
            return true;
        }
    }
    return false;
}

static const char *skip_reason(const struct workload *workload)
{
    if (workload->owned) {
        return "owned";
    }
    if (workload->deleting) {
        return "deleting";
    }
    if (workload->rollout_off) {
        return "off";
    }
    if (workload->selector.len == 0) {
        return "no selector";
    }
    /* An injector may add references, but a template without any is none of ours: no marker of it
     * would say anything. */
    return has_rolling_refs(&workload->refs) ? NULL : "no reference rolls";
}

/* A Pod of a Deployment belongs to a ReplicaSet, whose name begins with the Deployment's. */
static bool belongs(const struct workload *workload, const struct json *metadata)
{
    struct owner owner;
    if (!owner_find_controller(metadata, &owner)) {
        return false;
    }
    if (workload->kind != KIND_DEPLOYMENT) {
        return sv_equal(owner.uid, workload->uid);
    }
    return sv_is(owner.kind, "ReplicaSet") && sv_starts_with(owner.name, workload->name) &&
           owner.name.len > workload->name.len && owner.name.data[workload->name.len] == '-';
}

static struct str_view revision_label(const struct json *metadata)
{
    const struct json *labels = json_member(metadata, "labels");
    struct str_view label = json_string(json_member(labels, "pod-template-hash"));
    return label.len ? label : json_string(json_member(labels, "controller-revision-hash"));
}

static struct evidence_revision *revision_of(struct evidence *evidence, struct str_view label,
                                             struct str_view pod, int64_t created_ms)
{
    struct evidence_revision *revision = evidence->revisions;
    while (revision && !sv_is(label, revision->label)) {
        revision = revision->next;
    }
    if (!revision) {
        revision = mem_alloc(sizeof *revision);
        revision->label = sv_dup(label);
        revision->sample = sv_dup(pod);
        revision->next = evidence->revisions;
        evidence->revisions = revision;
    }
    if (created_ms > revision->newest_ms) {
        revision->newest_ms = created_ms;
    }
    return revision;
}

static bool add_pod(void *context, const struct json *object)
{
    struct evidence *evidence = context;
    struct err ignored;
    int64_t created_ms = 0;
    const struct json *metadata = json_member(object, "metadata");
    const struct json *stamp = json_path(metadata, "annotations", "keyturn.io/secrets-hash", NULL);
    if (!json_is_absent(json_member(metadata, "deletionTimestamp")) ||
        !belongs(evidence->workload, metadata)) {
        return true;
    }
    struct str_view created = json_string(json_member(metadata, "creationTimestamp"));
    if (!timestamp_parse(created, &created_ms, &ignored)) {
        created_ms = 0;
    }
    if (evidence->pod_count == evidence->pod_capacity) {
        evidence->pod_capacity = evidence->pod_capacity ? 2 * evidence->pod_capacity : 16;
        evidence->pods =
            mem_resize_array(evidence->pods, evidence->pod_capacity, sizeof(struct evidence_pod));
    }
    struct str_view name = json_string(json_member(metadata, "name"));
    evidence->pods[evidence->pod_count++] = (struct evidence_pod){
        .name = sv_dup(name),
        .uid = sv_dup(json_string(json_member(metadata, "uid"))),
        .resource_version = sv_dup(json_string(json_member(metadata, "resourceVersion"))),
        .stamp = json_is(stamp, JSON_STRING) ? sv_dup(json_string(stamp)) : NULL,
        .created_ms = created_ms,
        .revision = revision_of(evidence, revision_label(metadata), name, created_ms),
    };
    return true;
}

static bool list_pods(const struct evidence_request *request, struct evidence *evidence,
                      struct err *err)
{
    CLEANUP(mem_free_ptr) char *selector = sv_dup(evidence->workload->selector);
    const struct kube_target target = {.resource = &kube_pods, .namespace = request->namespace};
    const struct kube_list_options options = {
        .field_selector = "spec.nodeName!=,status.phase!=Failed,status.phase!=Succeeded",
        .label_selector = selector,
        .metadata_only = true,
    };
    return kube_list(request->client, &target, &options, request->deadline_ms, add_pod, evidence,
                     NULL, err);
}

/* Looks at every Secret of `refs` that was not looked at before. */
static void look_at_secrets(const struct evidence_request *request, struct evidence *evidence,
                            const struct secret_ref_list *refs)
{
    facts_add_names(&evidence->facts, refs);
    for (size_t i = 0; i < evidence->facts.count; i++) {
        struct fact *fact = &evidence->facts.items[i];
        if (fact->presence != PRESENCE_UNKNOWN) {
            continue;
        }
        struct err err;
        struct secret *secret = NULL;
        struct str_view name = sv_of(fact->name);
        if (kube_sink_look(request->client, &request->keys->digest, request->namespace, name,
                           request->deadline_ms, &secret, &err)) {
            facts_set(&evidence->facts, name, secret ? PRESENCE_PRESENT : PRESENCE_ABSENT, secret);
            secret_release(secret);
        }
    }
}

static void note_writes(const struct evidence *evidence, const struct secret_ref_list *refs,
                        struct evidence_revision *revision)
{
    for (size_t i = 0; i < refs->count; i++) {
        const struct fact *fact = facts_find(&evidence->facts, refs->items[i].secret);
        uint64_t version = 0;
        if (!refs->items[i].rolls || !fact || !fact->secret) {
            continue;
        }
        if (fact->secret->last_write_ms > revision->secrets_written_ms) {
            revision->secrets_written_ms = fact->secret->last_write_ms;
        }
        if (sv_to_u64(fact->secret->resource_version, &version) &&
            version > revision->secrets_resource_version) {
            revision->secrets_resource_version = version;
        }
    }
}

static void note_result(struct evidence *evidence, enum fingerprint_result result)
{
    evidence->missing |= result == FINGERPRINT_MISSING;
    evidence->unknown |= result == FINGERPRINT_UNKNOWN;
}

/* A sample that cannot be read, or is gone, leaves its revision unknown until the next look. */
static void fingerprint_revision(const struct evidence_request *request, struct evidence *evidence,
                                 struct evidence_revision *revision)
{
    CLEANUP(kube_response_done) struct kube_response response = {0};
    CLEANUP(json_doc_done) struct json_doc document = {0};
    const struct json *object = NULL;
    struct pod *pod = NULL;
    struct err err;
    const struct kube_target target = {
        .resource = &kube_pods, .namespace = request->namespace, .name = sv_of(revision->sample)};
    revision->result = FINGERPRINT_UNKNOWN;
    if (kube_get(request->client, &target, request->deadline_ms, &response, &err) &&
        parse(&response, &document, &object, &err) && pod_decode(object, &pod, &err)) {
        look_at_secrets(request, evidence, &pod->refs);
        revision->result =
            fingerprint_compute(request->keys, &pod->refs, &evidence->facts, revision->hash);
        note_writes(evidence, &pod->refs, revision);
        pod_release(pod);
    }
    note_result(evidence, revision->result);
}

static void fingerprint_template(const struct evidence_request *request, struct evidence *evidence)
{
    char ignored[FINGERPRINT_BYTES];
    const struct secret_ref_list *refs = &evidence->workload->refs;
    look_at_secrets(request, evidence, refs);
    evidence->template_result = fingerprint_compute(request->keys, refs, &evidence->facts, ignored);
    note_result(evidence, evidence->template_result);
}

const struct evidence_revision *evidence_wanted(const struct evidence *evidence)
{
    const struct evidence_revision *newest = evidence->revisions;
    for (const struct evidence_revision *at = newest; at; at = at->next) {
        newest = at->newest_ms > newest->newest_ms ? at : newest;
    }
    bool complete =
        evidence->template_result == FINGERPRINT_OK && newest && newest->result == FINGERPRINT_OK;
    return complete ? newest : NULL;
}

bool evidence_gather(const struct evidence_request *request, struct evidence *ret, struct err *err)
{
    ret->keys = request->keys;
    facts_init(&ret->facts, request->namespace);
    if (!read_workload(request, &ret->workload, err)) {
        return false;
    }
    ret->skipped = skip_reason(ret->workload);
    if (ret->skipped) {
        return true;
    }
    if (!list_pods(request, ret, err)) {
        return err_wrap(err, "list Pods");
    }
    fingerprint_template(request, ret);
    for (struct evidence_revision *at = ret->revisions; at; at = at->next) {
        fingerprint_revision(request, ret, at);
    }
    return true;
}
