/* SPDX-License-Identifier: Apache-2.0 */
/* What Keyturn knows of the cluster: tables of immutable records, filled by watches only.
 *
 * Hash tables under one mutex; a request takes all its records in one lock hold (DESIGN §3). No
 * snapshot across kinds is claimed. A kind that has not been listed yet, or is forbidden, is
 * unknown, and so is an object that could not be read. Any thread. */
#ifndef WORLD_WORLD_H
#define WORLD_WORLD_H

#include "objects/external_secret.h"
#include "objects/namespace.h"
#include "objects/pod.h"
#include "objects/secret.h"
#include "objects/store.h"
#include "objects/workload.h"
#include "world/facts.h"
#include "world/fingerprint.h"

struct world;

enum world_table {
    WORLD_SECRETS,
    WORLD_EXTERNAL_SECRETS,
    WORLD_STORES,         /* SecretStores */
    WORLD_CLUSTER_STORES, /* ClusterSecretStores */
    WORLD_NAMESPACES,     /* whose labels conditions of a ClusterSecretStore look at */
    WORLD_PODS,           /* unbound ones */
    WORLD_DEPLOYMENTS,
    WORLD_STATEFUL_SETS,
    WORLD_DAEMON_SETS,
    WORLD_TABLES,
};

struct world *world_new(void);
void world_free(struct world *world);

/* The kind is complete (its list has been read whole) or not, from now on. */
void world_set_synced(struct world *world, enum world_table table, bool synced);
bool world_is_synced(struct world *world, enum world_table table);

/* The keys in force; NULL: none, all hashes are unknown. The world keeps a copy. Changing them
 * makes WORLD_SECRETS unsynced and empties it: digests under another key mean nothing. So whoever
 * puts Secrets calls this too, between two puts. The same keys again change nothing. */
void world_set_keys(struct world *world, const struct fingerprint_keys *keys);
/* A copy of the keys in force; false when there are none. */
bool world_keys(struct world *world, struct fingerprint_keys *ret);

/* What an apply changed, for whoever acts on it. */
struct world_change {
    /* A Secret's digests or key set; what makes an ExternalSecret's Secret; a workload's
     * references, marker, and whether it may be patched; a Namespace's labels. Neither metadata
     * alone nor, for a Secret, another uid. */
    bool changed;
    bool added;
};

/* Each takes over the caller's reference to the record, which comes from its decoder, and replaces
 * the one of the same namespace and name. What was not there counts as changed. A Secret of the
 * same uid with an older resourceVersion than the one known is dropped: nothing changed. What is
 * known of a Secret that could not be decoded is "unreadable": unknown to look-ups. */
struct world_change world_put_secret(struct world *world, struct secret *secret);
void world_put_unreadable_secret(struct world *world, struct str_view namespace,
                                 struct str_view name);
struct world_change world_put_external_secret(struct world *world,
                                              struct external_secret *external_secret);
void world_put_store(struct world *world, struct store *store);
struct world_change world_put_namespace(struct world *world, struct namespace *namespace);
struct world_change world_put_workload(struct world *world, struct workload *workload);
void world_put_pod(struct world *world, struct pod *pod);
/* Erases namespace/name (namespace empty for cluster-scoped); false when it was not there. */
bool world_erase(struct world *world, enum world_table table, struct str_view namespace,
                 struct str_view name);

/* A relist: begin marks everything of the table as not seen, each put marks its record, end erases
 * what was not seen and calls `erased(context, namespace, name)` for each, outside the lock, unless
 * it is NULL. A second begin starts again. */
void world_relist_begin(struct world *world, enum world_table table);
void world_relist_end(struct world *world, enum world_table table,
                      void (*erased)(void *context, struct str_view namespace,
                                     struct str_view name),
                      void *context);

/* Fills `facts` (initialised with its namespace) for every valid Secret name in `refs`, in one lock
 * hold: presence, record, and whether an ExternalSecret describes it. All Secrets are unknown while
 * WORLD_SECRETS is not synced. */
void world_look_up(struct world *world, const struct secret_ref_list *refs, struct facts *facts);
/* Again whether an ExternalSecret describes each: the rest of `facts` stays, which a live look may
 * know better than the watch. */
void world_look_up_described(struct world *world, struct facts *facts);

/* Of one Secret: absent is what the watch, which keeps up with the API server, has not told of. */
enum presence world_secret_presence(struct world *world, struct str_view namespace,
                                    struct str_view name);
/* Presence and record in one lock hold, as world_look_up(): `*ret` is a reference when it is
 * present, else NULL. Whoever asks for the one and then for the other may take a Secret that is
 * told of in between for absent. */
enum presence world_look_up_secret(struct world *world, struct str_view namespace,
                                   struct str_view name, struct secret **ret);

/* References of their own, or NULL. */
struct secret *world_secret(struct world *world, struct str_view namespace, struct str_view name);
struct pod *world_pod(struct world *world, struct str_view namespace, struct str_view name);
struct workload *world_workload(struct world *world, enum workload_kind kind,
                                struct str_view namespace, struct str_view name);
struct external_secret *world_external_secret(struct world *world, struct str_view namespace,
                                              struct str_view name);
/* The ExternalSecret whose target is this Secret, not being deleted; the first by name when there
 * are several. */
struct external_secret *world_describing(struct world *world, struct str_view namespace,
                                         struct str_view secret_name);

/* Another than `name` that describes it, or NULL; likewise. */
struct external_secret *world_describing_other(struct world *world, struct str_view namespace,
                                               struct str_view secret_name, struct str_view name);

enum store_access {
    STORE_GRANTED,
    STORE_MISSING, /* there is no such store */
    STORE_REFUSED, /* it is another controller's (ERR_INVALID), or its conditions do not admit the
                    * namespace (ERR_DENIED) */
    STORE_UNKNOWN, /* stores, or this namespace, are not known, and that may be why */
};

/* The only way to a store: the one that an entry of the ExternalSecret reads from, if the store is
 * one of Keyturn's and admits the namespace. `ref` NULL or without a name: the ExternalSecret's
 * own. `*ret` is a reference, after STORE_GRANTED only; `err` is set after everything else. */
enum store_access world_store_for(struct world *world,
                                  const struct external_secret *external_secret,
                                  const struct store_ref *ref, struct store **ret, struct err *err);
/* Whose stores Keyturn uses besides those of "" and "keyturn"; NULL, as at first: nobody's. To be
 * called before the world is shared; `class` is borrowed. */
void world_set_operator_class(struct world *world, const char *class);

/* A growing list of retained records, released with world_list_done(). */
struct world_list {
    void **items;
    size_t count;
    size_t capacity;
    void (*release)(void *item);
};
void world_list_done(struct world_list *list);
/* Workloads that refer to the Secret, found through the index from Secret names to workloads. */
void world_workloads_of(struct world *world, struct str_view namespace, struct str_view secret_name,
                        struct world_list *ret);
/* ExternalSecrets whose target is this Secret, not being deleted, in no order. */
void world_describing_all(struct world *world, struct str_view namespace,
                          struct str_view secret_name, struct world_list *ret);
/* All unbound Pods; all workloads; all ExternalSecrets; all stores of both kinds. */
void world_pods(struct world *world, struct world_list *ret);
void world_workloads(struct world *world, struct world_list *ret);
void world_external_secrets(struct world *world, struct world_list *ret);
/* To look at them, not to read through them. */
void world_stores(struct world *world, struct world_list *ret);

#endif
