/* SPDX-License-Identifier: Apache-2.0 */
#include "admission/patch.h"

#include "admission/annotations.h"
#include "admission/pod_template.h"
#include "base/encode.h"

static const char GATE_OBJECT[] = "{\"name\":\"" GATE_SECRETS "\"}";

/* {"op":"add","path":"<pod><member><token>","value": and the caller goes on; `token` is escaped. */
static void begin(struct buf *out, const char *op, const char *pod, const char *member,
                  const char *token)
{
    buf_add_byte(out, out->len == 0 ? '[' : ',');
    buf_add_str(out, "{\"op\":\"");
    buf_add_str(out, op);
    buf_add_str(out, "\",\"path\":\"");
    buf_add_str(out, pod);
    buf_add_str(out, member);
    if (token) {
        buf_add_byte(out, '/');
        encode_pointer_token(out, sv_of(token));
    }
    buf_add_byte(out, '"');
}

static void end(struct buf *out)
{
    buf_add_byte(out, '}');
}

static void add_gate(const struct review *review, const char *pod, struct buf *out)
{
    const struct json *spec = review_pod_spec(review);
    if (json_is(json_member(spec, "schedulingGates"), JSON_ARRAY)) {
        begin(out, "add", pod, "/spec/schedulingGates/-", NULL);
        buf_printf(out, ",\"value\":%s", GATE_OBJECT);
    } else {
        begin(out, "add", pod, "/spec/schedulingGates", NULL);
        buf_printf(out, ",\"value\":[%s]", GATE_OBJECT);
    }
    end(out);
}

static void write_member(struct buf *out, const char *name, struct str_view value)
{
    encode_json_string(out, sv_of(name));
    buf_add_byte(out, ':');
    encode_json_string(out, value);
}

/* `add` replaces a member that is there (RFC 6902 §4.1); what is no object (absent, null) has no
 * members and is replaced whole. */
static void set_annotation(const struct review *review, const char *pod, const char *name,
                           struct str_view value, struct buf *out)
{
    const struct json *metadata = json_member(review_pod_template(review), "metadata");
    if (!json_is(metadata, JSON_OBJECT)) {
        begin(out, "add", pod, "/metadata", NULL);
        buf_add_str(out, ",\"value\":{\"annotations\":{");
        write_member(out, name, value);
        buf_add_str(out, "}}");
    } else if (!json_is(json_member(metadata, "annotations"), JSON_OBJECT)) {
        begin(out, "add", pod, "/metadata/annotations", NULL);
        buf_add_str(out, ",\"value\":{");
        write_member(out, name, value);
        buf_add_byte(out, '}');
    } else {
        begin(out, "add", pod, "/metadata/annotations", name);
        buf_add_str(out, ",\"value\":");
        encode_json_string(out, value);
    }
    end(out);
}

static void apply(const struct review *review, const char *pod, const char *name,
                  enum annotation_action action, struct str_view value, struct buf *out)
{
    switch (action) {
    case ANNOTATION_KEEP:
        break;
    case ANNOTATION_SET:
        set_annotation(review, pod, name, value, out);
        break;
    case ANNOTATION_REMOVE:
        /* A `remove` of what is not there makes the whole patch fail (RFC 6902 §4.2). */
        if (annotation_find(review_pod_template(review), name)) {
            begin(out, "remove", pod, "/metadata/annotations", name);
            end(out);
        }
        break;
    }
}

void patch_write(const struct review *review, const struct verdict *verdict, struct buf *out)
{
    if (!review_pod_template(review)) {
        return;
    }
    CLEANUP(buf_done) struct buf patch = {0};
    buf_init(&patch, LIMIT_PATCH_BYTES);
    const char *pod = review->kind->template_pointer;
    const struct str_view hash = sv_of(verdict->hash);
    if (verdict->add_gate) {
        add_gate(review, pod, &patch);
    }
    apply(review, pod, ANNOTATION_STAMP, verdict->stamp, hash, &patch);
    apply(review, pod, ANNOTATION_MARKER, verdict->marker,
          verdict->old_marker.data ? verdict->old_marker : hash, &patch);
    if (patch.len > 0) {
        buf_add_byte(&patch, ']');
    }
    /* Half a patch would cost the user his request, none costs him a marker. */
    if (!patch.failed) {
        buf_add(out, buf_view(&patch));
    }
}
