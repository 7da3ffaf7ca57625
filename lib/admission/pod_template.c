/* SPDX-License-Identifier: Apache-2.0 */
#include "admission/pod_template.h"

#include "admission/annotations.h"

const struct json *annotation_find(const struct json *object, const char *name)
{
    const struct json *found = json_path(object, "metadata", "annotations", name, NULL);
    return json_is_absent(found) ? NULL : found;
}

bool annotation_is_off(const struct json *object, const char *name)
{
    return json_string_is(annotation_find(object, name), "off");
}

static bool is_absent_or(const struct json *node, enum json_type type)
{
    return json_is_absent(node) || json_is(node, type);
}

bool pod_template_is_well_formed(const struct json *pod_template)
{
    const struct json *metadata = json_member(pod_template, "metadata");
    const struct json *spec = json_member(pod_template, "spec");
    return is_absent_or(metadata, JSON_OBJECT) && is_absent_or(spec, JSON_OBJECT) &&
           is_absent_or(json_member(metadata, "annotations"), JSON_OBJECT) &&
           is_absent_or(json_member(spec, "schedulingGates"), JSON_ARRAY);
}

bool pod_template_has_our_gate(const struct json *pod_template)
{
    const struct json *gates = json_path(pod_template, "spec", "schedulingGates", NULL);
    JSON_FOR_EACH (gate, json_is(gates, JSON_ARRAY) ? gates : NULL) {
        if (json_string_is(json_member(gate, "name"), GATE_SECRETS)) {
            return true;
        }
    }
    return false;
}

bool pod_template_may_be_held(const struct json *pod_template)
{
    const struct json *spec = json_member(pod_template, "spec");
    const struct json *class = json_member(spec, "priorityClassName");
    return json_string(json_member(spec, "nodeName")).len == 0 &&
           !json_string_is(class, "system-node-critical") &&
           !json_string_is(class, "system-cluster-critical") &&
           !annotation_is_off(pod_template, ANNOTATION_HOLD) &&
           !annotation_find(pod_template, ANNOTATION_MIRROR);
}

typedef bool is_ignored(const struct json *member);
typedef bool is_same(const struct json *a, const struct json *b);

/* The member of that name; both objects come from the API server in one order, so it is nearly
 * always the guessed one. */
static const struct json *find_twin(const struct json *member, const struct json *object,
                                    const struct json *guess)
{
    return guess && sv_equal(json_key(guess), json_key(member))
               ? guess
               : json_member_sv(object, json_key(member));
}

/* `same` is asked about each pair of members, with b NULL for a member that has no twin. */
static bool same_members(const struct json *a, const struct json *b, is_ignored *ignored,
                         is_same *same)
{
    const struct json *guess = json_first(b);
    JSON_FOR_EACH (member, a) {
        const struct json *twin = find_twin(member, b, guess);
        if (!ignored(member) && !same(member, twin)) {
            return false;
        }
        guess = twin ? twin->next : NULL;
    }
    guess = json_first(a);
    JSON_FOR_EACH (member, b) {
        const struct json *twin = find_twin(member, a, guess);
        bool alone = !twin || ignored(twin);
        if (alone && !ignored(member) && !same(member, NULL)) {
            return false;
        }
        guess = twin ? twin->next : NULL;
    }
    return true;
}

static bool is_marker(const struct json *member)
{
    return sv_is(json_key(member), ANNOTATION_MARKER);
}

static bool is_null(const struct json *member)
{
    return json_is(member, JSON_NULL);
}

static bool same_in_metadata(const struct json *a, const struct json *b)
{
    if (!sv_is(json_key(a), "annotations")) {
        return json_equal(a, b);
    }
    return same_members(a, b, is_marker, json_equal);
}

static bool is_null_or_empty_annotations(const struct json *member)
{
    return is_null(member) || (sv_is(json_key(member), "annotations") && !json_first(member));
}

static bool same_in_template(const struct json *a, const struct json *b)
{
    if (!sv_is(json_key(a), "metadata")) {
        return json_equal(a, b);
    }
    return same_members(a, b, is_null_or_empty_annotations, same_in_metadata);
}

bool pod_template_same_core(const struct json *a, const struct json *b)
{
    if (!a || !b) {
        return a == b;
    }
    return same_members(a, b, is_null, same_in_template);
}
