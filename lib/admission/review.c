/* SPDX-License-Identifier: Apache-2.0 */
#include "admission/review.h"

#include "refs/names.h"

enum {
    UID_BYTES = 128, /* the API server sends 36; it comes back in the answer */
};

static const char *const OPERATION_NAMES[] = {
    [OPERATION_CREATE] = "CREATE",
    [OPERATION_UPDATE] = "UPDATE",
    [OPERATION_DELETE] = "DELETE",
    [OPERATION_CONNECT] = "CONNECT",
};

const char *operation_name(enum operation operation)
{
    return OPERATION_NAMES[operation];
}

static bool decode_operation(const struct json *request, enum operation *ret, struct err *err)
{
    struct str_view text = json_string(json_member(request, "operation"));
    for (size_t i = 0; i < ARRAY_LEN(OPERATION_NAMES); i++) {
        if (sv_is(text, OPERATION_NAMES[i])) {
            *ret = (enum operation)i;
            return true;
        }
    }
    return err_set(err, ERR_INVALID,
                   "request.operation is none of CREATE, UPDATE, DELETE, CONNECT");
}

/* NULL for an absent one; ERR_INVALID for anything that is no object. */
static bool decode_object(const struct json *request, const char *name, const struct json **ret,
                          struct err *err)
{
    const struct json *object = json_member(request, name);
    if (!json_is_absent(object) && !json_is(object, JSON_OBJECT)) {
        return err_set(err, ERR_INVALID, "request.%s is no object", name);
    }
    *ret = json_is_absent(object) ? NULL : object;
    return true;
}

static bool check_envelope(const struct json *document, const struct json *request, struct err *err)
{
    if (!json_string_is(json_member(document, "kind"), "AdmissionReview") ||
        !json_string_is(json_member(document, "apiVersion"), "admission.k8s.io/v1")) {
        return err_set(err, ERR_INVALID, "not an AdmissionReview of admission.k8s.io/v1");
    }
    if (!json_is(request, JSON_OBJECT)) {
        return err_set(err, ERR_INVALID, "request is missing");
    }
    if (!json_is(json_member(request, "kind"), JSON_OBJECT)) {
        return err_set(err, ERR_INVALID, "request.kind is missing");
    }
    size_t uid_len = json_string(json_member(request, "uid")).len;
    if (uid_len == 0 || uid_len > UID_BYTES) {
        return err_set(err, ERR_INVALID, "request.uid is missing or longer than %d bytes",
                       UID_BYTES);
    }
    return true;
}

static void decode_names(const struct json *request, struct review *ret)
{
    const struct json *shown = ret->object ? ret->object : ret->old_object;
    const struct json *metadata = json_member(shown, "metadata");
    ret->name = json_string(json_member(request, "name"));
    if (ret->name.len == 0) {
        ret->name = json_string(json_member(metadata, "name"));
    }
    ret->generate_name = json_string(json_member(metadata, "generateName"));
    ret->namespace = json_string(json_member(request, "namespace"));
    ret->user = json_string(json_path(request, "userInfo", "username", NULL));
}

static void decode_kind(const struct json *request, struct review *ret)
{
    const struct json *kind = json_member(request, "kind");
    ret->group = json_string(json_member(kind, "group"));
    ret->version = json_string(json_member(kind, "version"));
    ret->kind_name = json_string(json_member(kind, "kind"));
    ret->sub_resource = json_string(json_member(request, "subResource"));
    ret->kind = kind_find(ret->group, ret->kind_name);
}

bool review_decode(const struct json *document, struct review *ret, struct err *err)
{
    const struct json *request = json_member(document, "request");
    if (!check_envelope(document, request, err)) {
        return false;
    }
    struct review review = {
        .uid = json_string(json_member(request, "uid")),
        .dry_run = json_is_true(json_member(request, "dryRun")),
    };
    if (!decode_operation(request, &review.operation, err) ||
        !decode_object(request, "object", &review.object, err) ||
        !decode_object(request, "oldObject", &review.old_object, err)) {
        return false;
    }
    decode_kind(request, &review);
    decode_names(request, &review);
    /* It becomes part of a URL. */
    if (review.kind && !name_is_dns_label(review.namespace)) {
        return err_set(err, ERR_INVALID, "request.namespace is no name of a namespace");
    }
    *ret = review;
    return true;
}

const struct json *review_pod_template(const struct review *review)
{
    return review->kind ? kind_pod_template(review->kind, review->object) : NULL;
}

const struct json *review_pod_spec(const struct review *review)
{
    return json_member(review_pod_template(review), "spec");
}
