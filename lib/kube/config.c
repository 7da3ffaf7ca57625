/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/config.h"

#include <errno.h>

#include "base/encode.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/lock.h"
#include "base/memory_file.h"
#include "base/yaml.h"

enum {
    TOKEN_MAX_AGE_MS = 60 * 1000,
    KUBECONFIG_NODES = 20000,
    KUBECONFIG_DEPTH = 32,
    MEMORY_FILES = 3, /* CA, certificate, key */
};

static const char service_account_directory[] = "/var/run/secrets/kubernetes.io/serviceaccount";

struct kube_config {
    const struct clock *clock;
    char *server;
    char *connect_to;
    char *namespace;
    char *ca_file;
    char *cert_file;
    char *key_file;
    struct memory_file memory_files[MEMORY_FILES];
    size_t memory_file_count;
    char *token_file;

    pthread_mutex_t lock; /* guards what follows */
    struct secret_buf token;
    int64_t token_read_ms;
    bool token_rejected;
};

static struct kube_config *config_new(const struct clock *clock)
{
    struct kube_config *config = mem_alloc(sizeof *config);
    config->clock = clock;
    mutex_init(&config->lock);
    secret_buf_init(&config->token, LIMIT_TOKEN_BYTES);
    return config;
}

void kube_config_free(struct kube_config *config)
{
    if (!config) {
        return;
    }
    for (size_t i = 0; i < config->memory_file_count; i++) {
        memory_file_done(&config->memory_files[i]);
    }
    free(config->server);
    free(config->connect_to);
    free(config->namespace);
    free(config->ca_file);
    free(config->cert_file);
    free(config->key_file);
    free(config->token_file);
    secret_buf_done(&config->token);
    (void)pthread_mutex_destroy(&config->lock);
    free(config);
}

static void config_free_ptr(struct kube_config **config)
{
    kube_config_free(*config);
}

static struct kube_config *config_take(struct kube_config **config)
{
    struct kube_config *taken = *config;
    *config = NULL;
    return taken;
}

static char *join_path(const char *directory, struct str_view path)
{
    CLEANUP(buf_done) struct buf joined = {0};
    buf_init(&joined, LIMIT_URL_BYTES);
    if (!sv_starts_with(path, SV("/"))) {
        buf_printf(&joined, "%s/", directory);
    }
    buf_add(&joined, path);
    return buf_take(&joined);
}

/* The lock is held. A token is replaced only by another one. */
static bool read_token(struct kube_config *config, struct err *err)
{
    CLEANUP(secret_buf_done) struct secret_buf text = {0};
    secret_buf_init(&text, LIMIT_TOKEN_BYTES);
    if (!file_read_secret(config->token_file, &text, err)) {
        return false;
    }
    struct str_view token = sv_trim(secret_buf_view(&text));
    if (token.len == 0) {
        return err_set(err, ERR_INVALID, "%s is empty", config->token_file);
    }
    buf_clear(&config->token.bytes);
    secret_buf_add(&config->token, token);
    config->token_read_ms = clock_monotonic_ms(config->clock);
    config->token_rejected = false;
    return true;
}

bool kube_config_authorization(struct kube_config *config, struct secret_buf *ret, struct err *err)
{
    bool ok = true;
    struct err ignored = {0};
    (void)pthread_mutex_lock(&config->lock);
    int64_t age_ms = clock_monotonic_ms(config->clock) - config->token_read_ms;
    bool have = config->token.bytes.len > 0;
    if (config->token_file && (!have || config->token_rejected || age_ms >= TOKEN_MAX_AGE_MS)) {
        /* kubelet swaps the file by a link: a failure is a passing one while we have a copy. */
        ok = read_token(config, have ? &ignored : err) || have;
    }
    if (ok && config->token.bytes.len > 0) {
        secret_buf_add(ret, SV("Bearer "));
        secret_buf_add(ret, secret_buf_view(&config->token));
    }
    (void)pthread_mutex_unlock(&config->lock);
    return ok && secret_buf_check(ret, "the token", err);
}

bool kube_config_token_rejected(struct kube_config *config)
{
    if (!config->token_file) {
        return false;
    }
    (void)pthread_mutex_lock(&config->lock);
    config->token_rejected = true;
    (void)pthread_mutex_unlock(&config->lock);
    return true;
}

const char *kube_config_server(const struct kube_config *config)
{
    return config->server;
}

const char *kube_config_connect_to(const struct kube_config *config)
{
    return config->connect_to;
}

struct http_tls kube_config_tls(const struct kube_config *config)
{
    return (struct http_tls){
        .ca_file = config->ca_file,
        .cert_file = config->cert_file,
        .key_file = config->key_file,
    };
}

const char *kube_config_namespace(const struct kube_config *config)
{
    return config->namespace ? config->namespace : "";
}

static bool is_made_of(struct str_view view, const char *punctuation)
{
    for (size_t i = 0; i < view.len; i++) {
        char byte = view.data[i];
        bool allowed = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                       (byte >= '0' && byte <= '9') || (byte && strchr(punctuation, byte));
        if (!allowed) {
            return false;
        }
    }
    return true;
}

/* libcurl takes the server's name from the URL, so what may stand there is checked byte by byte. */
static bool authority_is_valid(struct str_view authority)
{
    return authority.len > 0 && authority.data[0] != ':' && is_made_of(authority, "-._:[]");
}

/* RFC 3986 §3.3: a path, so neither a query nor a fragment. */
static bool path_is_valid(struct str_view path)
{
    return is_made_of(path, "/-._~%!$&'()*+,;=:@");
}

/* Host and port of a URL's authority; the port is empty when it names none. */
static void split_authority(struct str_view authority, struct str_view *host, struct str_view *port)
{
    size_t colon = sv_find_last(authority, ':');
    size_t bracket = sv_find_last(authority, ']');
    if (bracket < authority.len && colon < bracket) {
        colon = authority.len;
    }
    *host = sv_first(authority, colon);
    *port = sv_from(authority, colon + 1);
}

static bool set_server(struct kube_config *config, struct str_view url, struct str_view tls_name,
                       struct err *err)
{
    while (url.len > 0 && url.data[url.len - 1] == '/') {
        url.len--;
    }
    CLEANUP(mem_free_ptr) char *text = sv_dup(url);
    bool plain = sv_starts_with(url, SV("http://"));
    size_t scheme = plain ? 7 : 8;
    struct str_view authority = sv_from(url, scheme);
    authority = sv_first(authority, sv_find(authority, '/'));
    struct str_view path = sv_from(url, scheme + authority.len);
    if ((!plain && !sv_starts_with(url, SV("https://"))) || !authority_is_valid(authority) ||
        !path_is_valid(path)) {
        return err_set(err, ERR_INVALID, "server is not a URL of an API server");
    }
    if (plain && !http_url_is_plain_loopback(text)) {
        return err_set(err, ERR_INVALID,
                       "server %.*s: http:// is only for loopback addresses, use https://",
                       SV_ARG(authority));
    }
    if (tls_name.len == 0) {
        config->server = sv_dup(url);
        return true;
    }
    if (!authority_is_valid(tls_name)) {
        return err_set(err, ERR_INVALID, "tls-server-name is not a host name");
    }
    CLEANUP(buf_done) struct buf server = {0};
    CLEANUP(buf_done) struct buf place = {0};
    struct str_view host;
    struct str_view port;
    split_authority(authority, &host, &port);
    buf_init(&server, LIMIT_URL_BYTES);
    buf_init(&place, LIMIT_URL_BYTES);
    buf_printf(&place, "%.*s:%.*s", SV_ARG(host), SV_ARG(port.len ? port : SV("443")));
    buf_printf(&server, "https://%.*s:%.*s%.*s", SV_ARG(tls_name),
               SV_ARG(port.len ? port : SV("443")), SV_ARG(path));
    config->server = buf_take(&server);
    config->connect_to = buf_take(&place);
    return true;
}

bool kube_config_in_cluster(const struct kube_in_cluster *place, const struct clock *clock,
                            struct kube_config **ret, struct err *err)
{
    CLEANUP(config_free_ptr) struct kube_config *config = config_new(clock);
    CLEANUP(buf_done) struct buf url = {0};
    CLEANUP(buf_done) struct buf namespace = {0};
    CLEANUP(mem_free_ptr) char *namespace_file = NULL;
    const char *directory = place->directory ? place->directory : service_account_directory;
    if (!place->host || !place->port || !*place->host || !*place->port) {
        return err_set(err, ERR_MISSING,
                       "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set: not in a "
                       "Pod, and no kubeconfig was given");
    }
    if (!authority_is_valid(sv_of(place->host)) ||
        strspn(place->port, "0123456789") != strlen(place->port)) {
        return err_set(err, ERR_INVALID,
                       "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are no address");
    }
    bool ipv6 = strchr(place->host, ':') != NULL && place->host[0] != '[';
    buf_init(&url, LIMIT_URL_BYTES);
    buf_printf(&url, ipv6 ? "https://[%s]:%s" : "https://%s:%s", place->host, place->port);
    config->token_file = join_path(directory, SV("token"));
    config->ca_file = join_path(directory, SV("ca.crt"));
    namespace_file = join_path(directory, SV("namespace"));
    buf_init(&namespace, LIMIT_NAME_BYTES + 1);
    if (!set_server(config, buf_view(&url), SV(""), err) || !read_token(config, err) ||
        !file_read(namespace_file, &namespace, err)) {
        return err_wrap(err, "in-cluster configuration");
    }
    if (access(config->ca_file, R_OK) != 0) {
        return err_set(err, errno == EACCES ? ERR_DENIED : ERR_MISSING,
                       "in-cluster configuration: cannot read %s", config->ca_file);
    }
    config->namespace = sv_dup(sv_trim(buf_view(&namespace)));
    *ret = config_take(&config);
    return true;
}

/* The value of `member` in the element of `list` with this name. */
static const struct json *find_named(const struct json *config, const char *list,
                                     const char *member, struct str_view name, struct err *err)
{
    JSON_FOR_EACH (item, json_member(config, list)) {
        const struct json *value = json_member(item, member);
        if (sv_equal(json_string(json_member(item, "name")), name) && json_is(value, JSON_OBJECT)) {
            return value;
        }
    }
    err_set(err, ERR_INVALID, "%s has none named \"%.*s\"", list, SV_ARG(sv_first(name, 128)));
    return NULL;
}

static bool refuse_members(const struct json *object, const char *const *names,
                           const char *const *reasons, size_t count, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        const struct json *value = json_member(object, names[i]);
        bool given = !json_is_absent(value) && !json_is(value, JSON_FALSE) &&
                     !(json_is(value, JSON_STRING) && value->len == 0);
        if (given) {
            return err_set(err, ERR_INVALID, "%s is not supported: %s", names[i], reasons[i]);
        }
    }
    return true;
}

/* A path under which the bytes can be read for as long as the config lives. */
static bool keep_in_memory(struct kube_config *config, struct str_view bytes, char **ret,
                           struct err *err)
{
    struct memory_file *file = &config->memory_files[config->memory_file_count++];
    memory_file_init(file);
    if (!memory_file_write(file, bytes, err)) {
        return false;
    }
    *ret = str_dup(memory_file_path(file));
    return true;
}

/* `name` is a path, `name`-data the bytes in base64, which win (as in client-go). */
static bool take_file(struct kube_config *config, const struct json *object, const char *name,
                      const char *directory, char **ret, struct err *err)
{
    char data_name[64];
    CLEANUP(secret_buf_done) struct secret_buf bytes = {0};
    secret_buf_init(&bytes, LIMIT_PEM_BYTES);
    (void)snprintf(data_name, sizeof data_name, "%s-data", name);
    struct str_view data = json_string(json_member(object, data_name));
    struct str_view path = json_string(json_member(object, name));
    if (data.len > 0) {
        if (!decode_base64(&bytes.bytes, data, err) || !secret_buf_check(&bytes, data_name, err)) {
            return err_wrap(err, "%s", data_name);
        }
        return keep_in_memory(config, secret_buf_view(&bytes), ret, err);
    }
    if (path.len > 0) {
        *ret = join_path(directory, path);
    }
    return true;
}

static bool take_cluster(struct kube_config *config, const struct json *cluster,
                         const char *directory, struct err *err)
{
    static const char *const refused[] = {"insecure-skip-tls-verify", "proxy-url"};
    static const char *const reasons[] = {
        "the server's certificate is always verified; give certificate-authority instead",
        "the API server is reached directly",
    };
    return refuse_members(cluster, refused, reasons, ARRAY_LEN(refused), err) &&
           set_server(config, json_string(json_member(cluster, "server")),
                      json_string(json_member(cluster, "tls-server-name")), err) &&
           take_file(config, cluster, "certificate-authority", directory, &config->ca_file, err);
}

static bool take_token(struct kube_config *config, const struct json *user, const char *directory,
                       struct err *err)
{
    struct str_view file = json_string(json_member(user, "tokenFile"));
    struct str_view token = sv_trim(json_string(json_member(user, "token")));
    if (file.len > 0) {
        config->token_file = join_path(directory, file);
        return read_token(config, err);
    }
    secret_buf_add(&config->token, token);
    return secret_buf_check(&config->token, "token", err);
}

static bool take_user(struct kube_config *config, const struct json *user, const char *directory,
                      struct err *err)
{
    static const char *const refused[] = {
        "exec", "auth-provider", "username",  "password",
        "as",   "as-uid",        "as-groups", "as-user-extra",
    };
    static const char *const reasons[] = {
        "no other program is run; use a token, a tokenFile or a client certificate",
        "use a token, a tokenFile or a client certificate",
        "API servers since 1.19 know no passwords",
        "API servers since 1.19 know no passwords",
        "impersonation",
        "impersonation",
        "impersonation",
        "impersonation",
    };
    if (!refuse_members(user, refused, reasons, ARRAY_LEN(refused), err) ||
        !take_token(config, user, directory, err) ||
        !take_file(config, user, "client-certificate", directory, &config->cert_file, err) ||
        !take_file(config, user, "client-key", directory, &config->key_file, err)) {
        return false;
    }
    if ((config->cert_file == NULL) != (config->key_file == NULL)) {
        return err_set(err, ERR_INVALID, "client-certificate and client-key go together");
    }
    return true;
}

static bool take_context(struct kube_config *config, const struct json *root, const char *directory,
                         struct err *err)
{
    struct str_view name = json_string(json_member(root, "current-context"));
    if (name.len == 0) {
        return err_set(err, ERR_INVALID, "current-context is not set");
    }
    const struct json *context = find_named(root, "contexts", "context", name, err);
    if (!context) {
        return false;
    }
    const struct json *cluster =
        find_named(root, "clusters", "cluster", json_string(json_member(context, "cluster")), err);
    if (!cluster) {
        return false;
    }
    const struct json *user =
        find_named(root, "users", "user", json_string(json_member(context, "user")), err);
    if (!user) {
        return false;
    }
    config->namespace = sv_dup(json_string(json_member(context, "namespace")));
    return take_cluster(config, cluster, directory, err) && take_user(config, user, directory, err);
}

bool kube_config_parse(struct str_view text, const char *directory, const struct clock *clock,
                       struct kube_config **ret, struct err *err)
{
    static const struct json_limits limits = {.max_nodes = KUBECONFIG_NODES,
                                              .max_depth = KUBECONFIG_DEPTH};
    CLEANUP(yaml_doc_done) struct yaml_doc doc = {0};
    CLEANUP(config_free_ptr) struct kube_config *config = config_new(clock);
    const struct json *root = NULL;
    if (!yaml_parse(&doc, text, &limits, &root, err) ||
        !take_context(config, root, directory, err)) {
        return err_wrap(err, "kubeconfig");
    }
    *ret = config_take(&config);
    return true;
}

bool kube_config_load(const char *path, const struct clock *clock, struct kube_config **ret,
                      struct err *err)
{
    CLEANUP(secret_buf_done) struct secret_buf text = {0};
    secret_buf_init(&text, LIMIT_KUBECONFIG_BYTES);
    if (!file_read_secret(path, &text, err)) {
        return err_wrap(err, "kubeconfig");
    }
    const char *slash = strrchr(path, '/');
    CLEANUP(mem_free_ptr)
    char *directory = slash ? mem_dup(path, (size_t)(slash - path)) : str_dup(".");
    if (!kube_config_parse(secret_buf_view(&text), directory, clock, ret, err)) {
        return err_wrap(err, "%s", path);
    }
    return true;
}
