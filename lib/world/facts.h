/* SPDX-License-Identifier: Apache-2.0 */
/* What is known about the Secrets that one Pod refers to, at one moment.
 *
 * Present, absent or unknown. Unknown (not synced yet, forbidden, an error, an object too large to
 * read) never warns, denies, gates or rolls (DESIGN §2). Filled from the world's tables under one
 * lock, then overlaid by what a live look found. One owner; the records in it are shared. */
#ifndef WORLD_FACTS_H
#define WORLD_FACTS_H

#include "objects/secret.h"
#include "refs/secret_ref.h"

enum presence {
    PRESENCE_UNKNOWN,
    PRESENCE_ABSENT,
    PRESENCE_PRESENT,
};

/* One per distinct Secret name. */
struct fact {
    char *name;
    size_t name_len; /* a decision asks for a fact some ten times for each reference */
    enum presence presence;
    struct secret *secret; /* a reference when present, else NULL */
    /* Does a persisted ExternalSecret describe this Secret? */
    enum presence described;
};

struct facts {
    char *namespace;
    struct fact *items; /* sorted by name */
    size_t count;
};

void facts_init(struct facts *facts, struct str_view namespace);
void facts_done(struct facts *facts);
/* Adds an unknown fact for every distinct name in `refs` that is a valid Secret name. */
void facts_add_names(struct facts *facts, const struct secret_ref_list *refs);
/* NULL when there is none of that name. */
struct fact *facts_find(const struct facts *facts, struct str_view name);
/* Replaces what is known of a name that has a fact, else does nothing; takes its own reference to
 * `secret`, which is NULL unless present. */
void facts_set(struct facts *facts, struct str_view name, enum presence presence,
               struct secret *secret);

/* The reference's own presence: a named key that an existing Secret lacks is absent; a whole Secret
 * is present as soon as it exists. A name that no Secret can have is absent; a possible one without
 * a fact is unknown. */
enum presence facts_presence(const struct facts *facts, const struct secret_ref *ref);

#endif
