/* SPDX-License-Identifier: Apache-2.0 */
/* A table of sources, in their order. Each says whether it is configured and by which variables,
 * which is also what people are told, and makes its provider. */
#include "aws/credentials_providers.h"

#include "base/limits.h"

enum {
    SHOWN_BYTES = 512, /* of a value, in descriptions */
};

struct chain_source {
    const char *name; /* as its provider's */
    /* Appends what configures it, or what would. */
    bool (*is_configured)(const struct credentials_chain_options *options, struct buf *why);
    bool (*make)(const struct credentials_chain_options *options, struct credentials_provider **ret,
                 struct err *err);
};

static struct str_view variable(const struct credentials_chain_options *options, const char *name)
{
    return environment_get(options->environment, name);
}

/* On one line, whatever is in it. */
static void add_shown(struct buf *out, struct str_view text)
{
    struct str_view shown = sv_first(text, SHOWN_BYTES);
    for (size_t i = 0; i < shown.len; i++) {
        char byte = shown.data[i];
        buf_add_byte(out, (char)(byte < ' ' || byte > '~' ? '?' : byte));
    }
    buf_add_str(out, shown.len < text.len ? "..." : "");
}

static void add_value(struct buf *out, const char *what, const char *name, struct str_view value)
{
    buf_printf(out, "%s%s ", out->len > 0 ? ", " : "", what);
    add_shown(out, value);
    buf_printf(out, " (%s)", name);
}

/* Appends "A, B and C" of those that are set; false when none is. */
static bool add_set(const struct credentials_chain_options *options, const char *const *names,
                    size_t count, struct buf *why)
{
    bool any = false;
    for (size_t i = 0; i < count; i++) {
        if (variable(options, names[i]).len > 0) {
            buf_printf(why, "%s%s", any ? ", " : "", names[i]);
            any = true;
        }
    }
    buf_add_str(why, any ? " set" : "");
    return any;
}

/* Environment */

/* A token alone is half a set, and an error: who sets it means to use it. */
static bool environment_is_configured(const struct credentials_chain_options *options,
                                      struct buf *why)
{
    static const char *const names[] = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
                                        "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"};
    if (add_set(options, names, ARRAY_LEN(names), why)) {
        return true;
    }
    buf_add_str(why, "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set");
    return false;
}

static bool environment_make(const struct credentials_chain_options *options,
                             struct credentials_provider **ret, struct err *err)
{
    return credentials_environment(options->environment, ret, err);
}

/* Web identity */

static const char ROLE[] = "AWS_ROLE_ARN";
static const char TOKEN_FILE[] = "AWS_WEB_IDENTITY_TOKEN_FILE";
static const char SESSION_NAME[] = "AWS_ROLE_SESSION_NAME";

static bool web_identity_is_configured(const struct credentials_chain_options *options,
                                       struct buf *why)
{
    struct str_view role = variable(options, ROLE);
    struct str_view file = variable(options, TOKEN_FILE);
    struct str_view session = variable(options, SESSION_NAME);
    if (role.len == 0 && file.len == 0) {
        buf_printf(why, "%s and %s are not set", ROLE, TOKEN_FILE);
        return false;
    }
    if (role.len > 0) {
        add_value(why, "role", ROLE, role);
    }
    if (file.len > 0) {
        add_value(why, "token file", TOKEN_FILE, file);
    }
    if (session.len > 0) {
        add_value(why, "session name", SESSION_NAME, session);
    }
    return true;
}

/* STS: 2 to 64 of these. */
static bool is_session_name(struct str_view text)
{
    const struct str_view marks = SV("_+=,.@-");
    for (size_t i = 0; i < text.len; i++) {
        char byte = text.data[i];
        if (!(byte >= 'a' && byte <= 'z') && !(byte >= 'A' && byte <= 'Z') &&
            !(byte >= '0' && byte <= '9') && sv_find(marks, byte) == marks.len) {
            return false;
        }
    }
    return text.len >= 2 && text.len < STS_SESSION_NAME_BYTES;
}

static bool web_identity_make(const struct credentials_chain_options *options,
                              struct credentials_provider **ret, struct err *err)
{
    struct str_view role = variable(options, ROLE);
    struct str_view file = variable(options, TOKEN_FILE);
    struct str_view session = variable(options, SESSION_NAME);
    if (role.len == 0 || file.len == 0) {
        return err_set(err, ERR_INVALID, "%s is set, but %s is not", role.len ? ROLE : TOKEN_FILE,
                       role.len ? TOKEN_FILE : ROLE);
    }
    if (session.len > 0 && !is_session_name(session)) {
        return err_set(err, ERR_INVALID, "%s is not 2 to 64 of A-Z a-z 0-9 _ + = , . @ -",
                       SESSION_NAME);
    }
    if (!options->sts) {
        return err_set(err, ERR_INVALID, "%s needs a region for STS: set AWS_REGION", ROLE);
    }
    const struct web_identity_token token = web_identity_token_file(file);
    *ret = credentials_web_identity(
        options->sts, role, session.len > 0 ? session : sv_of(options->session_name), &token);
    return true;
}

/* Container */

static const char RELATIVE_URI[] = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
static const char FULL_URI[] = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
static const char AUTHORIZATION[] = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
static const char AUTHORIZATION_FILE[] = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";
static const char ECS_AGENT[] = "http://169.254.170.2";

static bool container_is_configured(const struct credentials_chain_options *options,
                                    struct buf *why)
{
    struct str_view relative = variable(options, RELATIVE_URI);
    struct str_view full = variable(options, FULL_URI);
    struct str_view file = variable(options, AUTHORIZATION_FILE);
    if (relative.len == 0 && full.len == 0) {
        buf_printf(why, "%s and %s are not set", RELATIVE_URI, FULL_URI);
        return false;
    }
    /* ECS puts into the path an id that is as good as a password. */
    if (relative.len > 0) {
        add_value(why, "host", RELATIVE_URI, http_url_authority(ECS_AGENT));
    } else {
        add_value(why, "host", FULL_URI, http_url_authority(full.data));
    }
    if (file.len > 0) {
        add_value(why, "token file", AUTHORIZATION_FILE, file);
    } else if (variable(options, AUTHORIZATION).len > 0) {
        buf_printf(why, ", token in %s", AUTHORIZATION);
    }
    return true;
}

static bool container_make_at(const struct credentials_chain_options *options, struct str_view uri,
                              const char *name, struct credentials_provider **ret, struct err *err)
{
    return credentials_container(uri, variable(options, AUTHORIZATION),
                                 variable(options, AUTHORIZATION_FILE), ret, err) ||
           err_wrap(err, "%s", name);
}

static bool container_make(const struct credentials_chain_options *options,
                           struct credentials_provider **ret, struct err *err)
{
    struct str_view relative = variable(options, RELATIVE_URI);
    if (relative.len == 0) {
        return container_make_at(options, variable(options, FULL_URI), FULL_URI, ret, err);
    }
    /* Anything else would make another host of the agent's: "@evil.example", ".evil.example". */
    if (!sv_starts_with(relative, SV("/"))) {
        return err_set(err, ERR_INVALID, "%s does not begin with '/'", RELATIVE_URI);
    }
    CLEANUP(buf_done) struct buf uri = {0};
    buf_init(&uri, LIMIT_URL_BYTES);
    buf_add_str(&uri, ECS_AGENT);
    buf_add(&uri, relative);
    if (!buf_check(&uri, RELATIVE_URI, err)) {
        err->kind = ERR_INVALID;
        return false;
    }
    return container_make_at(options, buf_view(&uri), RELATIVE_URI, ret, err);
}

/* Instance metadata */

static const char METADATA_DISABLED[] = "AWS_EC2_METADATA_DISABLED";
static const char METADATA_ENDPOINT[] = "AWS_EC2_METADATA_SERVICE_ENDPOINT";
static const char METADATA_MODE[] = "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE";

static bool imds_is_configured(const struct credentials_chain_options *options, struct buf *why)
{
    struct str_view endpoint = variable(options, METADATA_ENDPOINT);
    if (!options->allow_imds) {
        buf_add_str(why, "the node's role is not allowed");
        return false;
    }
    if (sv_equal_ignoring_case(variable(options, METADATA_DISABLED), SV("true"))) {
        buf_printf(why, "%s is true", METADATA_DISABLED);
        return false;
    }
    buf_add_str(why, "the node's role is allowed");
    if (endpoint.len > 0) {
        add_value(why, "host", METADATA_ENDPOINT, http_url_authority(endpoint.data));
    }
    return true;
}

static bool imds_make(const struct credentials_chain_options *options,
                      struct credentials_provider **ret, struct err *err)
{
    struct str_view mode = variable(options, METADATA_MODE);
    bool ipv6 = sv_equal_ignoring_case(mode, SV("IPv6"));
    if (mode.len > 0 && !ipv6 && !sv_equal_ignoring_case(mode, SV("IPv4"))) {
        return err_set(err, ERR_INVALID, "%s is neither IPv4 nor IPv6", METADATA_MODE);
    }
    return credentials_imds(variable(options, METADATA_ENDPOINT), ipv6, ret, err) ||
           err_wrap(err, "%s", METADATA_ENDPOINT);
}

/* The chain */

static const struct chain_source SOURCES[] = {
    {"environment", environment_is_configured, environment_make},
    {"web identity", web_identity_is_configured, web_identity_make},
    {"container", container_is_configured, container_make},
    {"instance metadata", imds_is_configured, imds_make},
};

/* NULL when none is configured. `why` is its description, or that of the last. */
static const struct chain_source *choose(const struct credentials_chain_options *options,
                                         struct buf *why)
{
    for (size_t i = 0; i < ARRAY_LEN(SOURCES); i++) {
        buf_clear(why);
        if (SOURCES[i].is_configured(options, why)) {
            return &SOURCES[i];
        }
    }
    return NULL;
}

static void init_description(struct buf *why)
{
    buf_init(why, LIMIT_LOG_LINE_BYTES);
}

bool credentials_chain(const struct credentials_chain_options *options,
                       struct credentials_provider **ret, struct err *err)
{
    CLEANUP(buf_done) struct buf why = {0};
    init_description(&why);
    const struct chain_source *source = choose(options, &why);
    if (!source) {
        *ret = NULL;
        return true;
    }
    return source->make(options, ret, err) || err_wrap(err, "AWS credentials (%s)", source->name);
}

void credentials_chain_describe(const struct credentials_chain_options *options, struct buf *out)
{
    CLEANUP(buf_done) struct buf why = {0};
    init_description(&why);
    const struct chain_source *source = choose(options, &why);
    if (!source) {
        buf_add_str(out, "none");
        return;
    }
    buf_printf(out, "%s: ", source->name);
    buf_add(out, buf_view(&why));
}

static void explain_used(const struct credentials_chain_options *options,
                         const struct chain_source *source, const struct buf *why, struct buf *out)
{
    struct credentials_provider *provider = NULL;
    struct err err = {0};
    if (!source->make(options, &provider, &err)) {
        buf_printf(out, "unusable: %s\n", err.message);
        return;
    }
    credentials_provider_release(provider);
    buf_add_str(out, "used: ");
    buf_add(out, buf_view(why));
    buf_add_byte(out, '\n');
}

void credentials_chain_explain(const struct credentials_chain_options *options, struct buf *out)
{
    CLEANUP(buf_done) struct buf why = {0};
    init_description(&why);
    bool found = false;
    for (size_t i = 0; i < ARRAY_LEN(SOURCES); i++) {
        buf_clear(&why);
        bool configured = SOURCES[i].is_configured(options, &why);
        buf_printf(out, "%s: ", SOURCES[i].name);
        if (configured && !found) {
            explain_used(options, &SOURCES[i], &why, out);
        } else {
            buf_add_str(out, configured ? "configured, but not used: " : "not configured: ");
            buf_add(out, buf_view(&why));
            buf_add_byte(out, '\n');
        }
        found |= configured;
    }
}
