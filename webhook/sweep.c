/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/sweep.h"

#include "aws/secretsmanager.h"
#include "base/lock.h"
#include "base/table.h"
#include "objects/object_key.h"
#include "webhook/aws_reading.h"
#include "webhook/read_ahead.h"

enum {
    INTERVAL_SHARE = 10,
    ONCE_MS = 1000, /* for who is refreshed never again */
};

/* So long ago that every age is too old, and differences still fit. */
static const int64_t NEVER_MS = INT64_MIN / 2;

/* Of one ExternalSecret. */
struct turn {
    int64_t begun_ms; /* when it was last begun to read it ahead, and when that had ended */
    int64_t read_ms;
    bool reading;
    bool asked; /* while it is being read: all that goes with it is on its way */
    bool used;  /* likewise: it has not waited for the end */
    bool waits; /* it was read with another, and has not been carried out since */
};

struct sweep {
    struct sweep_options options;
    /* Held by who finds out who goes with him, so that nobody who would go begins by himself
     * meanwhile, with a batch that is not full. Taken before `mutex`, and never for a read. */
    pthread_mutex_t gathering;
    pthread_mutex_t mutex;
    pthread_cond_t read;
    struct table turns; /* "namespace/name" -> struct turn; guarded */
};

struct sweep *sweep_new(const struct sweep_options *options)
{
    struct sweep *sweep = mem_alloc(sizeof *sweep);
    sweep->options = *options;
    mutex_init(&sweep->gathering);
    mutex_init(&sweep->mutex);
    cond_init(&sweep->read);
    table_init(&sweep->turns, free);
    return sweep;
}

void sweep_free(struct sweep *sweep)
{
    if (sweep) {
        table_done(&sweep->turns);
        pthread_cond_destroy(&sweep->read);
        pthread_mutex_destroy(&sweep->mutex);
        pthread_mutex_destroy(&sweep->gathering);
        free(sweep);
    }
}

int64_t sweep_max_age_ms(const struct external_secret *external_secret)
{
    int64_t share = external_secret->refresh_interval_ms / INTERVAL_SHARE;
    if (external_secret->refresh_interval_ms <= 0) {
        return ONCE_MS;
    }
    return share < SWEEP_FRESH_MS ? share : SWEEP_FRESH_MS;
}

static int64_t now_ms(const struct sweep *sweep)
{
    return clock_monotonic_ms(sweep->options.clock);
}

/* Holds the mutex. */
static struct turn *find_turn(struct sweep *sweep, const struct external_secret *external_secret)
{
    CLEANUP(buf_done) struct buf key;
    object_key_write(&key, external_secret->namespace, external_secret->name);
    struct turn *turn = table_get(&sweep->turns, buf_view(&key));
    if (!turn) {
        turn = mem_alloc(sizeof *turn);
        turn->read_ms = NEVER_MS;
        table_put(&sweep->turns, buf_view(&key), turn);
    }
    return turn;
}

/* Holds the mutex. What was read is still fresh, or will be, or is waiting for its one use. */
static bool is_read(const struct turn *turn, const struct external_secret *external_secret,
                    int64_t now)
{
    int64_t fresh = turn->waits ? SWEEP_FRESH_MS : sweep_max_age_ms(external_secret);
    return turn->reading || now - turn->read_ms < fresh;
}

/* Takes the turn of one that nobody has read yet. */
static bool claim(struct sweep *sweep, const struct external_secret *external_secret)
{
    pthread_mutex_lock(&sweep->mutex);
    struct turn *turn = find_turn(sweep, external_secret);
    bool free_to_read = !is_read(turn, external_secret, now_ms(sweep));
    if (free_to_read) {
        turn->reading = true;
        turn->asked = false;
        turn->used = false;
        turn->begun_ms = now_ms(sweep);
    }
    pthread_mutex_unlock(&sweep->mutex);
    return free_to_read;
}

/* ---- who goes along ---- */

/* NULL: there is none that it may use. */
static struct store *find_store(const struct sweep *sweep,
                                const struct external_secret *external_secret)
{
    struct store *store = NULL;
    struct err ignored;
    (void)world_store_for(sweep->options.world, external_secret, NULL, &store, &ignored);
    return store;
}

static bool name_one_store(const struct external_secret *a, const struct external_secret *b)
{
    return a->cluster_store == b->cluster_store && sv_equal(a->store_name, b->store_name) &&
           (a->cluster_store || sv_equal(a->namespace, b->namespace));
}

static bool reads_as_keyturn(const struct store *store)
{
    return store->unsupported.len == 0 && aws_reading_serves(store) &&
           store->aws.auth == STORE_AUTH_AMBIENT && store->aws.role.len == 0 &&
           store->aws.additional_roles.count == 0;
}

/* Two stores that read as Keyturn itself, at the same endpoint. */
static bool are_one_identity(const struct store *a, const struct store *b)
{
    return reads_as_keyturn(a) && reads_as_keyturn(b) && a->provider == b->provider &&
           sv_equal(a->aws.region, b->aws.region);
}

/* What a find brings is not known before it is asked. */
static bool asks_by_name(const struct external_secret *external_secret)
{
    bool asks = external_secret->data_count > 0;
    for (size_t i = 0; i < external_secret->data_from_count; i++) {
        asks |= external_secret->data_from[i].kind == DATA_FROM_EXTRACT;
    }
    return asks;
}

/* What cannot be in one batch has nothing to gain, and would wait for each other's calls. */
static bool goes_with(const struct sweep *sweep, const struct external_secret *first,
                      const struct store *first_store, const struct external_secret *one)
{
    if (name_one_store(first, one)) {
        return true;
    }
    struct store *store = find_store(sweep, one);
    bool shared = store && first_store && are_one_identity(store, first_store);
    store_release(store);
    return shared;
}

/* One that may go with another, and how long until its own turn would be. */
struct candidate {
    struct external_secret *external_secret;
    int64_t turn_ms;
};

static int compare_turns(const void *a, const void *b)
{
    const struct candidate *left = a;
    const struct candidate *right = b;
    return (left->turn_ms > right->turn_ms) - (left->turn_ms < right->turn_ms);
}

static bool is_same(const struct external_secret *a, const struct external_secret *b)
{
    return sv_equal(a->namespace, b->namespace) && sv_equal(a->name, b->name);
}

static bool wants_to_be_read(struct sweep *sweep, const struct external_secret *external_secret,
                             int64_t now)
{
    pthread_mutex_lock(&sweep->mutex);
    bool wants = !is_read(find_turn(sweep, external_secret), external_secret, now);
    pthread_mutex_unlock(&sweep->mutex);
    return wants;
}

/* Whose turn it is is asked last: that takes longer than all the rest. */
static bool may_go(struct sweep *sweep, const struct external_secret *first,
                   const struct store *first_store, struct candidate *candidate, int64_t now)
{
    const struct external_secret *one = candidate->external_secret;
    if (one->deleting || is_same(one, first) || !asks_by_name(one) ||
        !wants_to_be_read(sweep, one, now) || !goes_with(sweep, first, first_store, one)) {
        return false;
    }
    candidate->turn_ms = sweep->options.turn_ms(sweep->options.context, one);
    return candidate->turn_ms <= one->refresh_interval_ms / INTERVAL_SHARE;
}

/* Those that may go, the earliest first; the others are released. `*ret_due` is how many of them
 * are due. When that is a burst nobody else is asked: of thousands that are, each party would ask
 * all. */
static size_t find_candidates(struct sweep *sweep, const struct external_secret *first,
                              const struct world_list *all, struct candidate *ret, size_t *ret_due)
{
    struct store *store = find_store(sweep, first);
    int64_t now = now_ms(sweep);
    size_t count = 0;
    *ret_due = 0;
    for (size_t i = 0; i < all->count; i++) {
        struct candidate candidate = {.external_secret = all->items[i]};
        if (*ret_due < SWEEP_MEMBERS_MAX - 1 && may_go(sweep, first, store, &candidate, now)) {
            ret[count++] = candidate;
            *ret_due += candidate.turn_ms == 0;
        } else {
            external_secret_release(candidate.external_secret);
        }
    }
    store_release(store);
    qsort(ret, count, sizeof *ret, compare_turns);
    return count;
}

/* How many of `count`, of which `due` are due, go with the first, who is. Who is not due yet only
 * makes batches full; those who would begin another one fill that of the next turn. */
static size_t fill_batches(size_t due, size_t count)
{
    size_t needed = (1 + due + SM_BATCH_MAX - 1) / SM_BATCH_MAX * SM_BATCH_MAX;
    size_t full = (count + 1) / SM_BATCH_MAX * SM_BATCH_MAX;
    size_t go = needed > full ? needed : full;
    go = go < SWEEP_MEMBERS_MAX ? go : SWEEP_MEMBERS_MAX;
    return go - 1 < count ? go - 1 : count;
}

/* `all` becomes the members: what is not one is released. */
static void keep_members(struct sweep *sweep, const struct external_secret *first,
                         struct world_list *all)
{
    CLEANUP(mem_free_ptr)
    struct candidate *candidates = mem_alloc_array(all->count, sizeof *candidates);
    size_t due = 0;
    size_t count = find_candidates(sweep, first, all, candidates, &due);
    size_t go = fill_batches(due, count);
    all->count = 0;
    for (size_t i = 0; i < count; i++) {
        struct external_secret *one = candidates[i].external_secret;
        if (i < go && claim(sweep, one)) {
            all->items[all->count++] = one;
        } else {
            external_secret_release(one);
        }
    }
}

/* Holds the mutex. Whether it is still to be carried out. */
static bool land(struct sweep *sweep, const struct external_secret *external_secret, bool waits)
{
    struct turn *turn = find_turn(sweep, external_secret);
    turn->reading = false;
    turn->waits = waits && !turn->used;
    turn->read_ms = now_ms(sweep);
    return turn->waits;
}

/* Holds the mutex. Those that have not waited for the end had their turn. */
static void land_members(struct sweep *sweep, struct world_list *members)
{
    size_t kept = 0;
    for (size_t i = 0; i < members->count; i++) {
        struct external_secret *member = members->items[i];
        if (land(sweep, member, true)) {
            members->items[kept++] = member;
        } else {
            external_secret_release(member);
        }
    }
    members->count = kept;
}

/* Those that are read together. */
struct party {
    struct sweep *sweep;
    const struct external_secret *all[SWEEP_MEMBERS_MAX];
    size_t count;
};

static void note_asked(void *context)
{
    const struct party *party = context;
    struct sweep *sweep = party->sweep;
    pthread_mutex_lock(&sweep->mutex);
    for (size_t i = 0; i < party->count; i++) {
        find_turn(sweep, party->all[i])->asked = true;
    }
    pthread_cond_broadcast(&sweep->read);
    pthread_mutex_unlock(&sweep->mutex);
}

static void read_members(struct sweep *sweep, const struct external_secret *first,
                         struct clients *clients, int64_t deadline_ms, struct world_list *members)
{
    struct party party = {.sweep = sweep, .all = {first}, .count = members->count + 1};
    const struct reader_notice notice = {.asked = note_asked, .context = &party};
    for (size_t i = 0; i < members->count; i++) {
        party.all[i + 1] = members->items[i];
    }
    read_ahead(clients, party.all, party.count, deadline_ms, &notice);
    pthread_mutex_lock(&sweep->mutex);
    (void)land(sweep, first, false);
    land_members(sweep, members);
    pthread_cond_broadcast(&sweep->read);
    pthread_mutex_unlock(&sweep->mutex);
}

/* Until it is read, or asked for: then it waits by helping. */
static void await(struct sweep *sweep, const struct external_secret *external_secret,
                  struct clients *clients, int64_t deadline_ms)
{
    pthread_mutex_lock(&sweep->mutex);
    const struct turn *turn = find_turn(sweep, external_secret);
    while (turn->reading && !turn->asked && now_ms(sweep) < deadline_ms) {
        cond_wait_until(&sweep->read, &sweep->mutex, deadline_ms);
        turn = find_turn(sweep, external_secret);
    }
    bool helps = turn->reading && turn->asked;
    pthread_mutex_unlock(&sweep->mutex);
    if (helps) {
        read_along(clients, external_secret, deadline_ms);
    }
}

/* Turns of what is gone; those that are left were there a moment ago. */
static void forget_gone(struct sweep *sweep, const struct world_list *all)
{
    pthread_mutex_lock(&sweep->mutex);
    if (sweep->turns.count > 2 * all->count + SWEEP_MEMBERS_MAX) {
        struct table kept;
        size_t position = 0;
        struct str_view key;
        void *value = NULL;
        table_init(&kept, free);
        while (table_next(&sweep->turns, &position, &key, &value)) {
            const struct turn *turn = value;
            if (turn->reading || now_ms(sweep) - turn->read_ms < SWEEP_FRESH_MS) {
                table_put(&kept, key, mem_dup(turn, sizeof *turn));
            }
        }
        table_done(&sweep->turns);
        sweep->turns = kept;
    }
    pthread_mutex_unlock(&sweep->mutex);
}

/* False when another reads the first already. */
static bool gather(struct sweep *sweep, const struct external_secret *first,
                   struct world_list *ret_members)
{
    pthread_mutex_lock(&sweep->gathering);
    bool claimed = claim(sweep, first);
    if (claimed) {
        world_external_secrets(sweep->options.world, ret_members);
        forget_gone(sweep, ret_members);
        keep_members(sweep, first, ret_members);
    }
    pthread_mutex_unlock(&sweep->gathering);
    return claimed;
}

/* When it was begun to read it with others; 0: it was not, or too long ago. That is read for one
 * use, however long its queue is. */
static int64_t use(struct sweep *sweep, const struct external_secret *external_secret)
{
    pthread_mutex_lock(&sweep->mutex);
    struct turn *turn = find_turn(sweep, external_secret);
    bool is_for_it = turn->waits || (turn->reading && !turn->used);
    int64_t begun_ms = turn->begun_ms;
    turn->used = true;
    turn->waits = false;
    pthread_mutex_unlock(&sweep->mutex);
    return is_for_it && now_ms(sweep) - begun_ms < SWEEP_FRESH_MS ? begun_ms : 0;
}

int64_t sweep_read_ahead(struct sweep *sweep, const struct external_secret *first,
                         struct clients *clients, int64_t deadline_ms,
                         struct world_list *ret_members)
{
    *ret_members = (struct world_list){0};
    if (!asks_by_name(first)) {
        return 0;
    }
    if (gather(sweep, first, ret_members)) {
        read_members(sweep, first, clients, deadline_ms, ret_members);
    } else {
        await(sweep, first, clients, deadline_ms);
    }
    return use(sweep, first);
}
