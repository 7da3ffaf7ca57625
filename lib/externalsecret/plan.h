/* SPDX-License-Identifier: Apache-2.0 */
/* What an ExternalSecret asks for: the distinct remote reads of each store, and what becomes of
 * them, entry by entry, until they are the data map (external-secrets.md §2.2 to §2.5). Pure; one
 * thread at a time. */
#ifndef EXTERNALSECRET_PLAN_H
#define EXTERNALSECRET_PLAN_H

#include "base/effort.h"
#include "externalsecret/data.h"
#include "externalsecret/source.h"
#include "objects/external_secret.h"

enum plan_verdict {
    PLAN_FINE,
    PLAN_FOREIGN, /* this version does not render it exactly: left alone as a whole */
    PLAN_BROKEN,  /* nobody does: the External Secrets Operator fails on it as well */
};

/* The reads through one store are plan.reads[first_read .. first_read + read_count). */
struct plan_store {
    struct store_ref ref; /* with the ExternalSecret's own filled in */
    size_t first_read;
    size_t read_count;
};

/* One dataFrom.find. */
struct plan_find {
    size_t entry;          /* of dataFrom */
    size_t store;          /* of plan.stores */
    struct regex *name;    /* NULL: none */
    struct data_map found; /* answer: by full name */
};

/* A remote secret that does not exist, and whose entry was left out for the deletionPolicy. */
struct plan_missing {
    bool data_from; /* an entry of dataFrom; else of data */
    size_t entry;
    struct str_view remote_key;
};

/* Zeroed is empty. Borrows from the ExternalSecret. */
struct plan {
    struct plan_store *stores; /* in the order first named */
    size_t store_count;
    struct remote_read *reads; /* one for each store, key, version and metadata */
    size_t read_count;
    struct plan_find *finds; /* in the order of their entries */
    size_t find_count;
    size_t *read_of_data;    /* for each element of external_secret->data its read */
    size_t *read_of_extract; /* for each element of external_secret->data_from; of no meaning where
                              * it is no extract */
    struct plan_missing *missing; /* after plan_collect() */
    size_t missing_count;
    struct effort effort; /* what plan_collect() may still cause */
};

/* Wipes the values read. */
void plan_done(struct plan *plan);

/* Parses everything that an ExternalSecret holds: properties, regular expressions, rewrites, and
 * all templates that stand in it (those of ConfigMaps and Secrets when they are read, render.h).
 * After anything but PLAN_FINE `err` names the field, and the column where there is one. PLAN_FINE
 * may be refused all the same by what is fetched. */
enum plan_verdict plan_check(const struct external_secret *external_secret, struct err *err);
/* Its two parts: what decides about the data, and spec.target.template. */
enum plan_verdict plan_check_reads(const struct external_secret *external_secret, struct err *err);
enum plan_verdict plan_check_template(const struct external_secret *external_secret,
                                      struct err *err);

/* Single fields, each as plan_check() judges it; `err` begins with `field`, their path. All regular
 * expressions of an ExternalSecret share `patterns`, of LIMIT_REGEX_COMPILE_STEPS. */
enum plan_verdict plan_check_property(struct str_view property, const char *field, struct err *err);
enum plan_verdict plan_check_regexp(struct str_view pattern, const char *field,
                                    struct effort *patterns, struct err *err);
enum plan_verdict plan_check_text(struct str_view template, const char *field, struct err *err);
/* Of one entry of dataFrom; they need not be all that it has. */
enum plan_verdict plan_check_rewrites(const struct external_secret_rewrite *rewrites, size_t count,
                                      size_t entry, struct effort *patterns, struct err *err);

/* The store of one entry: its own, or else the ExternalSecret's. */
struct store_ref plan_store_of(const struct external_secret *external_secret,
                               const struct store_ref *entry);
/* Fills only ret->stores: each store that an entry asks, once. */
void plan_stores(const struct external_secret *external_secret, struct plan *ret);
/* Asks for remote secrets by pattern, which nobody may wait for. */
bool plan_has_find(const struct external_secret *external_secret);

/* N properties of one remote secret are one read. It prefers the binary value when each of them has
 * a property: External Secrets Operator looks for a property in SecretBinary first and for a whole
 * value in SecretString; of a real secret one of the two is there. `external_secret` has passed
 * plan_check(); a find without a regexp that compiles has none. */
void plan_make(const struct external_secret *external_secret, struct plan *ret);

/* The data map once all reads have their values and all finds their maps, which are moved out of.
 * dataFrom in order, then data in order, later keys replace earlier ones. What is missing is left
 * out where the source was told that it may be, and listed in plan->missing. ERR_MISSING (no such
 * property), ERR_INVALID (no JSON, a key that is none, a strategy that does not fit), ERR_TOO_BIG
 * (with all entries together, over LIMIT_EFFORT_STEPS); the message names the entry. */
MUST_CHECK bool plan_collect(const struct external_secret *external_secret, struct plan *plan,
                             struct data_map *ret, struct err *err);

#endif
