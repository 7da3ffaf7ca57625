/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/sts_form.h"

#include "base/encode.h"

enum {
    SHOWN_KEY_BYTES = 60,
    FIELD_NAME_BYTES = 48,
};

/* What a field may be (STS API reference). Lengths are in characters. */
struct rule {
    const char *what;
    size_t least, most;
    const char *marks; /* beside letters and digits */
    bool any_language; /* letters beyond ASCII */
};

static const struct rule session_name_rule = {"the session name", 2, STS_SESSION_NAME_BYTES - 1,
                                              "_+=,.@-", false};
static const struct rule external_id_rule = {"the external id", 2, 1224, "_+=,.@:/-", false};
static const struct rule tag_key_rule = {"the key of a session tag", 1, 128, "_.:/=+-@ ", true};
static const struct rule tag_value_rule = {"the value of a session tag", 0, 256, "_.:/=+-@ ", true};
static const struct rule role_arn_rule = {"the role ARN", 20, 2048,
                                          "_+=,.@-:/!\"#$%&'()*;<>?[\\]^`{|}~", false};
/* A JWT in its compact form. */
static const struct rule token_rule = {"the web identity token", 4, 20000, "-_.=", false};

static bool allows(const struct rule *rule, char byte)
{
    if (byte & 0x80) {
        return rule->any_language;
    }
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || (byte && strchr(rule->marks, byte));
}

static bool check(const struct rule *rule, struct str_view text, struct err *err)
{
    size_t length = 0;
    for (size_t i = 0; i < text.len; i++) {
        /* All but the first byte of a character begin with the bits 10. */
        length += ((unsigned char)text.data[i] & 0xc0) != 0x80;
        if (!allows(rule, text.data[i])) {
            return err_set(err, ERR_INVALID, "%s has a character that STS does not accept",
                           rule->what);
        }
    }
    if (length < rule->least || length > rule->most) {
        return err_set(err, ERR_INVALID, "%s has %zu characters, %zu to %zu are possible",
                       rule->what, length, rule->least, rule->most);
    }
    return true;
}

static bool check_role(struct str_view arn, struct str_view session_name, struct err *err)
{
    if (!sv_starts_with(arn, SV("arn:"))) {
        return err_set(err, ERR_INVALID, "the role ARN does not begin with \"arn:\"");
    }
    return check(&role_arn_rule, arn, err) && check(&session_name_rule, session_name, err);
}

/* Keys that differ in case only are one key to STS. */
static bool check_tags(const struct sts_role *role, struct err *err)
{
    if (role->tag_count > STS_TAGS_MAX || role->transitive_count > STS_TAGS_MAX) {
        return err_set(err, ERR_INVALID, "more than %d session tags", STS_TAGS_MAX);
    }
    for (size_t i = 0; i < role->tag_count; i++) {
        const struct sts_tag *tag = &role->tags[i];
        if (!check(&tag_key_rule, tag->key, err) || !check(&tag_value_rule, tag->value, err)) {
            return false;
        }
        for (size_t j = 0; j < i; j++) {
            if (sv_equal_ignoring_case(tag->key, role->tags[j].key)) {
                struct str_view shown = sv_first(tag->key, SHOWN_KEY_BYTES);
                return err_set(err, ERR_INVALID, "two session tags are called %.*s", SV_ARG(shown));
            }
        }
    }
    for (size_t i = 0; i < role->transitive_count; i++) {
        if (!check(&tag_key_rule, role->transitive_keys[i], err)) {
            return false;
        }
    }
    return true;
}

static void add(struct secret_buf *form, const char *name, struct str_view value)
{
    if (form->bytes.len > 0) {
        buf_add_byte(&form->bytes, '&');
    }
    buf_add_str(&form->bytes, name);
    buf_add_byte(&form->bytes, '=');
    encode_percent(&form->bytes, value);
}

/* "Tags.member.1.Key" and the like; they count from 1. */
static void add_member(struct secret_buf *form, const char *list, size_t index, const char *field,
                       struct str_view value)
{
    char name[FIELD_NAME_BYTES];
    (void)snprintf(name, sizeof name, "%s.member.%zu%s", list, index + 1, field);
    add(form, name, value);
}

static void begin(struct secret_buf *form, const char *action, struct str_view role_arn,
                  struct str_view session_name)
{
    add(form, "Action", sv_of(action));
    add(form, "Version", SV("2011-06-15"));
    add(form, "RoleArn", role_arn);
    add(form, "RoleSessionName", session_name);
}

bool sts_form_assume_role(const struct sts_role *role, struct secret_buf *ret, struct err *err)
{
    if (!check_role(role->arn, role->session_name, err) ||
        (role->external_id.len > 0 && !check(&external_id_rule, role->external_id, err)) ||
        !check_tags(role, err)) {
        return false;
    }
    begin(ret, "AssumeRole", role->arn, role->session_name);
    if (role->external_id.len > 0) {
        add(ret, "ExternalId", role->external_id);
    }
    for (size_t i = 0; i < role->tag_count; i++) {
        add_member(ret, "Tags", i, ".Key", role->tags[i].key);
        add_member(ret, "Tags", i, ".Value", role->tags[i].value);
    }
    for (size_t i = 0; i < role->transitive_count; i++) {
        add_member(ret, "TransitiveTagKeys", i, "", role->transitive_keys[i]);
    }
    return secret_buf_check(ret, "the request", err);
}

bool sts_form_web_identity(struct str_view role_arn, struct str_view session_name,
                           struct str_view token, struct secret_buf *ret, struct err *err)
{
    if (!check_role(role_arn, session_name, err) || !check(&token_rule, token, err)) {
        return false;
    }
    begin(ret, "AssumeRoleWithWebIdentity", role_arn, session_name);
    add(ret, "WebIdentityToken", token);
    return secret_buf_check(ret, "the request", err);
}
