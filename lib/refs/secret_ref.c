/* SPDX-License-Identifier: Apache-2.0 */
/* One pass over the PodSpec appends every reference as it stands; sorting and merging come once at
 * the end, so that a crafted Pod with thousands of equal references costs n log n.
 *
 * The rows that are only "a volume of this type names a Secret" are a table. Secret volumes and
 * projected volumes are one case: a Secret volume is a projected volume with one source. */
#include "refs/secret_ref.h"

#include <assert.h>

#include "base/limits.h"
#include "refs/mounts.h"
#include "refs/names.h"

static const char CSI_SECRETS_STORE[] = "secrets-store.csi.k8s.io";

struct walk {
    const struct json *pod_spec;
    struct secret_ref_list list;
    size_t capacity;
    size_t refused; /* references over the limit */
    bool csi_syncs; /* the Pod has a volume of the Secrets Store CSI driver */
    bool mounts_known;
    struct mounts mounts;
};

/* A volume row of the list: volumes[].<volume>.<object>.<name>. */
struct volume_row {
    enum ref_place place;
    struct str_view volume;
    const char *object; /* NULL: the name stands in the volume itself */
    const char *name;
    bool required;
};

static const struct volume_row VOLUME_ROWS[] = {
    {REF_CSI_PUBLISH, SV_INIT("csi"), "nodePublishSecretRef", "name", true},
    {REF_AZURE_FILE, SV_INIT("azureFile"), NULL, "secretName", true},
    {REF_ISCSI, SV_INIT("iscsi"), "secretRef", "name", true},
    {REF_FLEX_VOLUME, SV_INIT("flexVolume"), "secretRef", "name", true},
    {REF_CINDER, SV_INIT("cinder"), "secretRef", "name", true},
    /* In-tree drivers that kubelet no longer has: waiting for the Secret cures nothing. */
    {REF_CEPHFS, SV_INIT("cephfs"), "secretRef", "name", false},
    {REF_RBD, SV_INIT("rbd"), "secretRef", "name", false},
    {REF_SCALE_IO, SV_INIT("scaleIO"), "secretRef", "name", false},
    {REF_STORAGE_OS, SV_INIT("storageos"), "secretRef", "name", false},
};

static void add(struct walk *walk, struct secret_ref ref)
{
    if (ref.secret.len == 0 || (ref.key.data && ref.key.len == 0)) {
        return;
    }
    if (walk->list.count == LIMIT_POD_REFS) {
        walk->refused++;
        return;
    }
    if (walk->list.count == walk->capacity) {
        walk->capacity = walk->capacity ? walk->capacity * 2 : 16;
        walk->list.items =
            mem_resize_array(walk->list.items, walk->capacity, sizeof *walk->list.items);
    }
    walk->list.items[walk->list.count++] = ref;
}

/* NULL, which has no elements, for anything that is no array. */
static const struct json *array_member(const struct json *object, const char *name)
{
    const struct json *member = json_member(object, name);
    return json_is(member, JSON_ARRAY) ? member : NULL;
}

static void add_env(struct walk *walk, const struct json *container, struct secret_ref ref)
{
    bool ephemeral = ref.container == REF_EPHEMERAL_CONTAINER;
    JSON_FOR_EACH (variable, array_member(container, "env")) {
        const struct json *source = json_member(json_member(variable, "valueFrom"), "secretKeyRef");
        if (!source) {
            continue;
        }
        ref.place = REF_ENV;
        ref.secret = json_string(json_member(source, "name"));
        ref.key = json_string(json_member(source, "key"));
        ref.optional = json_is_true(json_member(source, "optional"));
        ref.required = !ref.optional && !ephemeral;
        if (ref.key.data) {
            add(walk, ref);
        }
    }
    JSON_FOR_EACH (from, array_member(container, "envFrom")) {
        const struct json *source = json_member(from, "secretRef");
        if (!source) {
            continue;
        }
        ref.place = REF_ENV_FROM;
        ref.secret = json_string(json_member(source, "name"));
        ref.key = (struct str_view){0};
        ref.optional = json_is_true(json_member(source, "optional"));
        ref.required = !ref.optional && !ephemeral;
        add(walk, ref);
    }
}

static void add_containers(struct walk *walk, const char *list, enum ref_container kind)
{
    JSON_FOR_EACH (container, array_member(walk->pod_spec, list)) {
        struct secret_ref ref = {
            .container = kind,
            .where = json_string(json_member(container, "name")),
            .rolls = kind != REF_EPHEMERAL_CONTAINER,
            .csi_may_sync = walk->csi_syncs,
        };
        add_env(walk, container, ref);
    }
}

/* How a volume's files are used by subPath, which decides what of it rolls. */
enum sub_path_use {
    SUB_PATH_NONE,  /* no mount uses one: kubelet refreshes the files */
    SUB_PATH_FILES, /* every mount is one file, whose mounts are marked as resolved */
    SUB_PATH_WHOLE, /* anything else: which files matter cannot be told */
};

/* One Secret among the sources of a volume. */
struct volume_source {
    enum ref_place place;
    struct str_view volume;
    const struct json *secret; /* {secretName or name, items, optional} */
    const char *name_member;
    enum sub_path_use use;
    const struct mounts *mounts; /* of this volume */
};

static struct secret_ref source_ref(const struct walk *walk, const struct volume_source *source)
{
    bool optional = json_is_true(json_member(source->secret, "optional"));
    return (struct secret_ref){
        .place = source->place,
        .where = source->volume,
        .secret = json_string(json_member(source->secret, source->name_member)),
        .optional = optional,
        .required = !optional,
        .csi_may_sync = walk->csi_syncs,
    };
}

static void add_items(struct walk *walk, const struct volume_source *source,
                      const struct json *items)
{
    struct secret_ref ref = source_ref(walk, source);
    JSON_FOR_EACH (item, items) {
        struct str_view path = json_string(json_member(item, "path"));
        ref.key = json_string(json_member(item, "key"));
        ref.rolls = source->use == SUB_PATH_WHOLE ||
                    (source->use == SUB_PATH_FILES && mounts_resolve(source->mounts, path));
        if (ref.key.data) {
            add(walk, ref);
        }
    }
}

/* A source without items offers each key as a file of that name. */
static void add_whole(struct walk *walk, const struct volume_source *source)
{
    struct secret_ref ref = source_ref(walk, source);
    ref.rolls = source->use == SUB_PATH_WHOLE;
    add(walk, ref);
    for (size_t i = 0; source->use == SUB_PATH_FILES && i < source->mounts->count; i++) {
        if (!source->mounts->items[i].resolved) {
            ref.key = source->mounts->items[i].sub_path;
            ref.rolls = true;
            add(walk, ref);
        }
    }
}

static void add_source(struct walk *walk, const struct volume_source *source)
{
    const struct json *items = array_member(source->secret, "items");
    if (items && items->len > 0) {
        add_items(walk, source, items);
    } else {
        add_whole(walk, source);
    }
}

/* Marks the mounts that name a file which the source's items (or its one path) put there. True when
 * the source puts files of any name there, as a Secret or ConfigMap without items does. */
static bool resolve_paths(const struct json *source, const struct mounts *mounts)
{
    const struct json *items = array_member(source, "items");
    JSON_FOR_EACH (item, items) {
        (void)mounts_resolve(mounts, json_string(json_member(item, "path")));
    }
    struct str_view path = json_string(json_member(source, "path"));
    (void)mounts_resolve(mounts, path);
    return path.len == 0 && (!items || items->len == 0);
}

/* `open_secrets` and `open_others` count sources that put files of any name into the volume. */
static enum sub_path_use use_of(const struct mounts *mounts, size_t open_secrets,
                                size_t open_others)
{
    size_t by_sub_path = 0;
    bool all_files = true;
    for (size_t i = 0; i < mounts->count; i++) {
        const struct mount *mount = &mounts->items[i];
        by_sub_path += mount->by_expression || mount->sub_path.len > 0;
        /* With one open Secret and nothing else that could offer it, the file is that key. */
        bool key = open_secrets == 1 && open_others == 0 && name_is_secret_key(mount->sub_path);
        all_files = all_files && !mount->by_expression && mount->sub_path.len > 0 &&
                    (mount->resolved || key);
    }
    if (by_sub_path == 0) {
        return SUB_PATH_NONE;
    }
    return all_files ? SUB_PATH_FILES : SUB_PATH_WHOLE;
}

static bool know_mounts(struct walk *walk, struct err *err)
{
    if (!walk->mounts_known && !mounts_collect(walk->pod_spec, &walk->mounts, err)) {
        return false;
    }
    walk->mounts_known = true;
    return true;
}

static bool add_secret_volume(struct walk *walk, struct str_view name, const struct json *secret,
                              struct err *err)
{
    if (!json_is(secret, JSON_OBJECT)) {
        return true;
    }
    if (!know_mounts(walk, err)) {
        return false;
    }
    const struct mounts mounts = mounts_of(&walk->mounts, name);
    bool open = resolve_paths(secret, &mounts);
    add_source(walk, &(struct volume_source){
                         .place = REF_VOLUME,
                         .volume = name,
                         .secret = secret,
                         .name_member = "secretName",
                         .use = use_of(&mounts, open ? 1 : 0, 0),
                         .mounts = &mounts,
                     });
    return true;
}

static bool add_projected_volume(struct walk *walk, struct str_view name,
                                 const struct json *projected, struct err *err)
{
    const struct json *sources = array_member(projected, "sources");
    size_t secrets = 0;
    JSON_FOR_EACH (source, sources) {
        secrets += json_is(json_member(source, "secret"), JSON_OBJECT);
    }
    /* Nearly every Pod has a projected volume without a Secret, for its ServiceAccount's token. */
    if (secrets == 0) {
        return true;
    }
    if (!know_mounts(walk, err)) {
        return false;
    }
    const struct mounts mounts = mounts_of(&walk->mounts, name);
    size_t open_secrets = 0;
    size_t open_others = 0;
    JSON_FOR_EACH (source, sources) {
        JSON_FOR_EACH (member, source) {
            bool open = resolve_paths(member, &mounts);
            open_secrets += open && sv_is(json_key(member), "secret");
            open_others += open && !sv_is(json_key(member), "secret");
        }
    }
    JSON_FOR_EACH (source, sources) {
        const struct json *secret = json_member(source, "secret");
        if (!json_is(secret, JSON_OBJECT)) {
            continue;
        }
        add_source(walk, &(struct volume_source){
                             .place = REF_PROJECTED,
                             .volume = name,
                             .secret = secret,
                             .name_member = "name",
                             .use = use_of(&mounts, open_secrets, open_others),
                             .mounts = &mounts,
                         });
    }
    return true;
}

static bool is_secrets_store(const struct json *csi)
{
    return json_string_is(json_member(csi, "driver"), CSI_SECRETS_STORE);
}

/* iSCSI reads its Secret only for CHAP (core/v1 ISCSIVolumeSource). */
static bool uses_chap(const struct json *iscsi)
{
    return json_is_true(json_member(iscsi, "chapAuthDiscovery")) ||
           json_is_true(json_member(iscsi, "chapAuthSession"));
}

static void add_other_volume(struct walk *walk, struct str_view name, const struct json *volume)
{
    for (size_t i = 0; i < ARRAY_LEN(VOLUME_ROWS); i++) {
        const struct volume_row *row = &VOLUME_ROWS[i];
        if (!sv_equal(json_key(volume), row->volume)) {
            continue;
        }
        bool unused = row->place == REF_ISCSI && !uses_chap(volume);
        bool for_the_sync = row->place == REF_CSI_PUBLISH && is_secrets_store(volume);
        const struct json *at = row->object ? json_member(volume, row->object) : volume;
        add(walk, (struct secret_ref){
                      .place = row->place,
                      .where = name,
                      .secret = json_string(json_member(at, row->name)),
                      .optional = unused,
                      .required = row->required && !unused,
                      .csi_may_sync = walk->csi_syncs && !for_the_sync,
                  });
    }
}

static bool add_volume(struct walk *walk, const struct json *volume, struct err *err)
{
    struct str_view name = json_string(json_member(volume, "name"));
    JSON_FOR_EACH (member, volume) {
        if (sv_is(json_key(member), "secret")) {
            if (!add_secret_volume(walk, name, member, err)) {
                return false;
            }
        } else if (sv_is(json_key(member), "projected")) {
            if (!add_projected_volume(walk, name, member, err)) {
                return false;
            }
        } else {
            add_other_volume(walk, name, member);
        }
    }
    return true;
}

static bool add_volumes(struct walk *walk, struct err *err)
{
    JSON_FOR_EACH (volume, array_member(walk->pod_spec, "volumes")) {
        if (!add_volume(walk, volume, err)) {
            return false;
        }
    }
    return true;
}

static void add_pull_secrets(struct walk *walk)
{
    JSON_FOR_EACH (pull, array_member(walk->pod_spec, "imagePullSecrets")) {
        add(walk, (struct secret_ref){
                      .place = REF_IMAGE_PULL,
                      .secret = json_string(json_member(pull, "name")),
                      .csi_may_sync = walk->csi_syncs,
                  });
    }
}

static int compare(const void *left, const void *right)
{
    const struct secret_ref *a = left;
    const struct secret_ref *b = right;
    if (a->place != b->place) {
        return a->place < b->place ? -1 : 1;
    }
    if (a->container != b->container) {
        return a->container < b->container ? -1 : 1;
    }
    int order = sv_compare(a->where, b->where);
    order = order ? order : sv_compare(a->secret, b->secret);
    return order ? order : sv_compare(a->key, b->key);
}

static void sort_and_merge(struct secret_ref_list *list)
{
    if (list->count < 2) {
        return;
    }
    qsort(list->items, list->count, sizeof *list->items, compare);
    size_t kept = 0;
    for (size_t i = 1; i < list->count; i++) {
        struct secret_ref *last = &list->items[kept];
        const struct secret_ref *next = &list->items[i];
        if (compare(last, next) != 0) {
            list->items[++kept] = *next;
            continue;
        }
        last->optional = last->optional && next->optional;
        last->required = last->required || next->required;
        last->rolls = last->rolls || next->rolls;
        last->csi_may_sync = last->csi_may_sync && next->csi_may_sync;
    }
    list->count = kept + 1;
}

static bool collect(struct walk *walk, struct err *err)
{
    JSON_FOR_EACH (volume, array_member(walk->pod_spec, "volumes")) {
        walk->csi_syncs = walk->csi_syncs || is_secrets_store(json_member(volume, "csi"));
    }
    add_containers(walk, "initContainers", REF_INIT_CONTAINER);
    add_containers(walk, "containers", REF_CONTAINER);
    add_containers(walk, "ephemeralContainers", REF_EPHEMERAL_CONTAINER);
    if (!add_volumes(walk, err)) {
        return false;
    }
    add_pull_secrets(walk);
    if (walk->refused > 0) {
        return err_set(err, ERR_TOO_BIG, "the Pod has %zu references to Secrets, limit %d",
                       walk->list.count + walk->refused, LIMIT_POD_REFS);
    }
    sort_and_merge(&walk->list);
    return true;
}

bool secret_refs_collect(const struct json *pod_spec, struct secret_ref_list *ret, struct err *err)
{
    struct walk walk = {.pod_spec = pod_spec};
    bool collected = collect(&walk, err);
    mounts_done(&walk.mounts);
    if (!collected) {
        free(walk.list.items);
        return false;
    }
    *ret = walk.list;
    return true;
}

static size_t text_bytes(const struct secret_ref *ref)
{
    return ref->where.len + ref->secret.len + ref->key.len;
}

static struct str_view store(char **at, struct str_view text)
{
    if (!text.data) {
        return text;
    }
    struct str_view stored = sv_make(*at, text.len);
    if (text.len > 0) {
        memcpy(*at, text.data, text.len);
    }
    *at += text.len;
    return stored;
}

void secret_refs_dup(const struct secret_ref_list *from, struct secret_ref_list *ret)
{
    size_t bytes = 0;
    for (size_t i = 0; i < from->count; i++) {
        bytes += text_bytes(&from->items[i]);
    }
    *ret = (struct secret_ref_list){
        .items = mem_alloc_array(from->count, sizeof *from->items),
        .count = from->count,
        .storage = mem_alloc(bytes),
    };
    char *at = ret->storage;
    for (size_t i = 0; i < from->count; i++) {
        ret->items[i] = from->items[i];
        ret->items[i].where = store(&at, from->items[i].where);
        ret->items[i].secret = store(&at, from->items[i].secret);
        ret->items[i].key = store(&at, from->items[i].key);
    }
    assert(at == ret->storage + bytes);
}

void secret_refs_done(struct secret_ref_list *list)
{
    free(list->items);
    free(list->storage);
    *list = (struct secret_ref_list){0};
}

bool secret_refs_contain(const struct secret_ref_list *list, const struct secret_ref *ref)
{
    return list->count > 0 &&
           bsearch(ref, list->items, list->count, sizeof *list->items, compare) != NULL;
}

const char *secret_ref_where_kind(const struct secret_ref *ref)
{
    switch (ref->container) {
    case REF_INIT_CONTAINER:
        return "init container";
    case REF_CONTAINER:
        return "container";
    case REF_EPHEMERAL_CONTAINER:
        return "ephemeral container";
    case REF_NO_CONTAINER:
        break;
    }
    return ref->place == REF_IMAGE_PULL ? "imagePullSecrets" : "volume";
}

void secret_ref_describe(const struct secret_ref *ref, struct buf *out)
{
    buf_add_str(out, secret_ref_where_kind(ref));
    if (ref->where.len > 0) {
        buf_add_byte(out, ' ');
        buf_add(out, ref->where);
    }
}
