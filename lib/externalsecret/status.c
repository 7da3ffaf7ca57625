/* SPDX-License-Identifier: Apache-2.0 */
#include "externalsecret/status.h"

#include "base/encode.h"
#include "base/timestamp.h"

static const struct {
    const char *reason;
    const char *message;
    bool ready;
} ends[] = {
    [STATUS_SYNCED] = {"SecretSynced", "secret synced", true},
    [STATUS_RETAINED] = {"SecretSynced", "secret retained due to DeletionPolicy=Retain", true},
    [STATUS_DELETED] = {"SecretDeleted", "secret deleted due to DeletionPolicy=Delete", true},
    [STATUS_TARGET_MISSING] = {"SecretMissing",
                               "secret will not be created due to CreationPolicy=Merge", true},
    [STATUS_NO_DATA] = {"SecretSyncedError", "could not get secret data from provider", false},
    [STATUS_NOT_UPDATED] = {"SecretSyncedError", "could not update secret", false},
    [STATUS_IMMUTABLE] = {"SecretSyncedError", "could not update secret, target is immutable",
                          false},
    [STATUS_NOT_OWNED] = {"SecretSyncedError", "failed to take ownership of target secret", false},
    [STATUS_OTHER_OWNER] = {"SecretSyncedError", "target is owned by another ExternalSecret",
                            false},
    [STATUS_NOT_DELETED] = {"SecretSyncedError", "could not delete secret", false},
    [STATUS_ORPHANS_NOT_DELETED] = {"SecretSyncedError", "could not delete orphaned secrets",
                                    false},
    [STATUS_REFUSED] = {"SecretSyncedError", NULL, false},
};

bool status_is_ready(enum status_end end)
{
    return ends[end].ready;
}

const char *status_reason(enum status_end end)
{
    return ends[end].reason;
}

bool status_leaves_absent(enum status_end end)
{
    return end == STATUS_RETAINED || end == STATUS_DELETED || end == STATUS_TARGET_MISSING;
}

/* ---- conditions ---- */

/* Condition Ready as it is to be. */
struct ready {
    bool is;
    struct str_view reason;
    struct str_view message;
    int64_t now_ms;
};

static const struct json *find_ready(const struct json *conditions)
{
    JSON_FOR_EACH (condition, conditions) {
        if (json_string_is(json_member(condition, "type"), "Ready")) {
            return condition;
        }
    }
    return NULL;
}

static const char *status_word(const struct ready *ready)
{
    return ready->is ? "True" : "False";
}

static bool is_same(const struct json *condition, const struct ready *ready)
{
    return json_string_is(json_member(condition, "status"), status_word(ready)) &&
           sv_equal(json_string(json_member(condition, "reason")), ready->reason) &&
           sv_equal(json_string(json_member(condition, "message")), ready->message);
}

static void add_text(struct buf *out, const char *name, struct str_view text)
{
    buf_printf(out, "\"%s\":", name);
    encode_json_string(out, text);
}

/* A condition of somebody else: all that metav1.Condition has is texts and one number. */
static void add_foreign(struct buf *out, const struct json *condition)
{
    bool first = true;
    buf_add_byte(out, '{');
    JSON_FOR_EACH (member, condition) {
        bool text = json_is(member, JSON_STRING);
        if (!text && !json_is(member, JSON_NUMBER)) {
            continue;
        }
        buf_add_str(out, first ? "" : ",");
        first = false;
        encode_json_string(out, json_key(member));
        buf_add_byte(out, ':');
        if (text) {
            encode_json_string(out, json_string(member));
        } else {
            buf_add(out, sv_make(member->text, member->len));
        }
    }
    buf_add_byte(out, '}');
}

static void add_ready(struct buf *out, const struct ready *ready, const struct json *before)
{
    char now[TIMESTAMP_BYTES];
    struct str_view since = json_string(json_member(before, "lastTransitionTime"));
    bool flips = !json_string_is(json_member(before, "status"), status_word(ready));
    timestamp_format(ready->now_ms, now);
    buf_add_byte(out, '{');
    add_text(out, "type", SV("Ready"));
    buf_add_byte(out, ',');
    add_text(out, "status", sv_of(status_word(ready)));
    buf_add_byte(out, ',');
    add_text(out, "reason", ready->reason);
    buf_add_byte(out, ',');
    add_text(out, "message", ready->message);
    buf_add_byte(out, ',');
    add_text(out, "lastTransitionTime", flips || since.len == 0 ? sv_of(now) : since);
    buf_add_byte(out, '}');
}

/* ",\"conditions\":[...]" with Ready last; nothing when it stands there already. */
static bool add_conditions(struct buf *out, const struct json *status, const struct ready *ready)
{
    const struct json *conditions = json_member(status, "conditions");
    const struct json *before = find_ready(conditions);
    if (before && is_same(before, ready)) {
        return false;
    }
    buf_add_str(out, ",\"conditions\":[");
    JSON_FOR_EACH (condition, conditions) {
        if (condition != before) {
            add_foreign(out, condition);
            buf_add_byte(out, ',');
        }
    }
    add_ready(out, ready, before);
    buf_add_byte(out, ']');
    return true;
}

/* ---- patches ---- */

/* The members of status each begin with a comma; the first one is taken off. */
static void wrap(struct buf *ret, struct str_view resource_version, struct str_view members)
{
    buf_init(ret, STATUS_PATCH_BYTES);
    buf_add_byte(ret, '{');
    if (resource_version.len > 0) {
        buf_add_str(ret, "\"metadata\":{");
        add_text(ret, "resourceVersion", resource_version);
        buf_add_str(ret, "},");
    }
    buf_add_str(ret, "\"status\":{");
    buf_add(ret, sv_from(members, 1));
    buf_add_str(ret, "}}");
}

static void add_success(struct buf *out, const struct status_change *change)
{
    char start[TIMESTAMP_BYTES];
    timestamp_format(change->start_ms, start);
    buf_add_byte(out, ',');
    add_text(out, "refreshTime", sv_of(start));
    buf_add_byte(out, ',');
    add_text(out, "syncedResourceVersion", change->version);
}

static bool add_binding(struct buf *out, const struct json *status, struct str_view target)
{
    struct str_view before = json_string(json_path(status, "binding", "name", NULL));
    if (target.len == 0 || sv_equal(before, target)) {
        return false;
    }
    buf_add_str(out, ",\"binding\":{");
    add_text(out, "name", target);
    buf_add_byte(out, '}');
    return true;
}

bool status_patch(const struct status_change *change, const struct json *live,
                  struct str_view resource_version, struct buf *ret)
{
    const struct json *status = json_member(live, "status");
    const char *message = ends[change->end].message;
    const struct ready ready = {
        .is = ends[change->end].ready,
        .reason = sv_of(ends[change->end].reason),
        .message = message ? sv_of(message) : change->why,
        .now_ms = change->now_ms,
    };
    CLEANUP(buf_done) struct buf members;
    buf_init(&members, STATUS_PATCH_BYTES);
    bool changes = add_conditions(&members, status, &ready);
    changes |= add_binding(&members, status, change->target);
    if (ready.is) {
        add_success(&members, change);
        changes = true;
    }
    *ret = (struct buf){0};
    if (changes) {
        wrap(ret, resource_version, buf_view(&members));
    }
    return changes;
}

bool status_store_patch(const struct status_store_change *change, const struct json *live,
                        struct str_view resource_version, struct buf *ret)
{
    const struct json *status = json_member(live, "status");
    const struct ready ready = {
        .is = !change->fault,
        .reason = sv_of(change->fault ? "InvalidProviderConfig" : "Valid"),
        .message = sv_of(change->fault ? change->fault : "store validated"),
        .now_ms = change->now_ms,
    };
    CLEANUP(buf_done) struct buf members;
    buf_init(&members, STATUS_PATCH_BYTES);
    bool changes = add_conditions(&members, status, &ready);
    if (!json_string_is(json_member(status, "capabilities"), "ReadWrite")) {
        buf_add_byte(&members, ',');
        add_text(&members, "capabilities", SV("ReadWrite"));
        changes = true;
    }
    *ret = (struct buf){0};
    if (changes) {
        wrap(ret, resource_version, buf_view(&members));
    }
    return changes;
}
