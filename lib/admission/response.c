/* SPDX-License-Identifier: Apache-2.0 */
#include "admission/response.h"

#include "admission/patch.h"
#include "base/encode.h"

/* Both keys or neither: an empty patch with a patchType is an error to the API server. */
static void write_patch(const struct review *review, const struct verdict *verdict, struct buf *out)
{
    CLEANUP(buf_done) struct buf patch = {0};
    buf_init(&patch, LIMIT_PATCH_BYTES);
    patch_write(review, verdict, &patch);
    if (patch.len > 0 && !patch.failed) {
        buf_add_str(out, ",\"patchType\":\"JSONPatch\",\"patch\":\"");
        encode_base64(out, buf_view(&patch));
        buf_add_byte(out, '"');
    }
}

static void write_warnings(const struct verdict *verdict, struct buf *out)
{
    for (size_t i = 0; i < verdict->warning_count; i++) {
        buf_add_str(out, i == 0 ? ",\"warnings\":[" : ",");
        encode_json_string(out, sv_of(verdict->warnings[i].text));
    }
    if (verdict->warning_count > 0) {
        buf_add_byte(out, ']');
    }
}

static void write_audit(const struct verdict *verdict, struct buf *out)
{
    buf_add_str(out, ",\"auditAnnotations\":{\"decision\":");
    encode_json_string(out, sv_of(verdict->decision));
    if (verdict->code[0] != '\0') {
        buf_add_str(out, ",\"code\":");
        encode_json_string(out, sv_of(verdict->code));
    }
    buf_add_byte(out, '}');
}

void response_write(const struct review *review, const struct verdict *verdict, struct buf *out)
{
    buf_add_str(out, "{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\","
                     "\"response\":{\"uid\":");
    encode_json_string(out, review->uid);
    buf_add_str(out, verdict->allowed ? ",\"allowed\":true" : ",\"allowed\":false");
    if (verdict->allowed) {
        write_patch(review, verdict, out);
    } else {
        buf_add_str(out, ",\"status\":{\"code\":403,\"reason\":\"Forbidden\",\"message\":");
        encode_json_string(out, sv_of(verdict->denial));
        buf_add_byte(out, '}');
    }
    write_warnings(verdict, out);
    write_audit(verdict, out);
    buf_add_str(out, "}}\n");
}
