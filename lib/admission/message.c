/* SPDX-License-Identifier: Apache-2.0 */
/* A message is a row of pieces, words of ours and names of theirs. The words always fit; the names
 * share what is left so that short ones stay whole and only the longest are cut. */
#include "admission/message.h"

enum {
    PIECES = 12,
    CUT = 3,      /* "..." */
    ESCAPED = 4,  /* "\xNN" */
    NAME_MIN = 4, /* one character and "..." */
};

struct piece {
    const char *words; /* NULL: a name */
    struct str_view name;
    size_t length; /* of a name shown whole, as far as that matters */
    size_t room;   /* how much of it may be shown */
};

struct message {
    struct piece pieces[PIECES];
    size_t count;
    char *out;
    size_t size; /* without the NUL */
    size_t len;
};

static void add_words(struct message *message, const char *words)
{
    message->pieces[message->count++] = (struct piece){.words = words};
}

static void add_name(struct message *message, struct str_view name)
{
    message->pieces[message->count++] = (struct piece){.name = name};
}

static bool is_plain(char byte)
{
    return byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
}

/* Characters the name takes when shown whole; stops counting over `limit`. */
static size_t shown_length(struct str_view name, size_t limit)
{
    size_t length = 0;
    for (size_t i = 0; i < name.len && length <= limit; i++) {
        length += is_plain(name.data[i]) ? 1 : ESCAPED;
    }
    return length;
}

static void put(struct message *message, const char *text, size_t len)
{
    size_t room = message->size - message->len;
    len = len < room ? len : room;
    memcpy(message->out + message->len, text, len);
    message->len += len;
}

static void put_name(struct message *message, struct str_view name, size_t room)
{
    bool whole = shown_length(name, room) <= room;
    size_t left = whole ? room : room - CUT;
    for (size_t i = 0; i < name.len; i++) {
        char text[ESCAPED + 1] = {name.data[i]};
        size_t len = 1;
        if (!is_plain(name.data[i])) {
            (void)snprintf(text, sizeof text, "\\x%02x", (unsigned)(unsigned char)name.data[i]);
            len = ESCAPED;
        }
        if (len > left) {
            break;
        }
        put(message, text, len);
        left -= len;
    }
    if (!whole) {
        put(message, "...", CUT);
    }
}

/* Gives each name the same most room for which all together fit into `room`. */
static void share(struct message *message, size_t room)
{
    size_t cap = message->size;
    size_t taken = 0;
    do {
        taken = 0;
        for (size_t i = 0; i < message->count; i++) {
            struct piece *piece = &message->pieces[i];
            piece->room = piece->length < cap ? piece->length : cap;
            taken += piece->room;
        }
    } while (taken > room && --cap > NAME_MIN);
}

static void write_out(struct message *message)
{
    size_t words = 0;
    for (size_t i = 0; i < message->count; i++) {
        struct piece *piece = &message->pieces[i];
        words += piece->words ? strlen(piece->words) : 0;
        piece->length = piece->words ? 0 : shown_length(piece->name, message->size);
    }
    share(message, message->size - words);
    for (size_t i = 0; i < message->count; i++) {
        const struct piece *piece = &message->pieces[i];
        if (piece->words) {
            put(message, piece->words, strlen(piece->words));
        } else {
            put_name(message, piece->name, piece->room);
        }
    }
    message->out[message->len] = '\0';
}

void message_code(enum code code, char ret[ADMISSION_CODE_BYTES])
{
    ret[0] = '\0';
    if (code != CODE_NONE) {
        (void)snprintf(ret, ADMISSION_CODE_BYTES, "KT%03u", (unsigned)code % 1000);
    }
}

static void add_where(struct message *message, const struct secret_ref *ref)
{
    add_words(message, secret_ref_where_kind(ref));
    if (ref->where.len > 0) {
        add_words(message, " ");
        add_name(message, ref->where);
    }
}

/* "5m", "90s"; a part of a second counts as one. */
static void format_wait(int64_t ms, char *out, size_t size)
{
    int64_t seconds = (ms + 999) / 1000;
    bool minutes = seconds >= 120 && seconds % 60 == 0;
    (void)snprintf(out, size, "%lld%s", (long long)(minutes ? seconds / 60 : seconds),
                   minutes ? "m" : "s");
}

static const char *what_happens_unheld(const struct secret_ref *ref)
{
    if (ref->place == REF_IMAGE_PULL) {
        return "images are pulled without it";
    }
    return ref->required || ref->container != REF_NO_CONTAINER ? "kubelet waits for it"
                                                               : "the volume cannot be mounted";
}

void message_missing(const struct missing *missing, struct warning *ret)
{
    const struct secret_ref *ref = missing->ref;
    struct message message = {.out = ret->text, .size = LIMIT_WARNING_BYTES};
    char code[ADMISSION_CODE_BYTES];
    char wait[32];
    message_code(missing->code, code);
    add_words(&message, code);
    add_words(&message, " Secret \"");
    add_name(&message, ref->secret);
    if (missing->code == CODE_KEY_MISSING || missing->code == CODE_KEY_MISSING_HELD) {
        add_words(&message, "\" has no key \"");
        add_name(&message, ref->key);
        add_words(&message, "\" (");
        add_where(&message, ref);
    } else {
        add_words(&message, "\" not found (");
        add_where(&message, ref);
        add_words(&message, ref->key.data ? ", key " : "");
        add_name(&message, ref->key);
    }
    if (missing->held_up_to_ms > 0) {
        format_wait(missing->held_up_to_ms, wait, sizeof wait);
        add_words(&message, missing->of_pod ? "): Pod waits up to " : "): Pods wait up to ");
        add_words(&message, wait);
    } else {
        add_words(&message, "): ");
        add_words(&message, what_happens_unheld(ref));
    }
    write_out(&message);
}

void message_more_missing(unsigned shown, struct warning *ret)
{
    char code[ADMISSION_CODE_BYTES];
    message_code(CODE_MORE_MISSING, code);
    (void)snprintf(ret->text, sizeof ret->text,
                   "%s more Secrets or keys are missing, only the first %u are named", code, shown);
}

void message_hostile(enum code code, const struct secret_ref *ref, char ret[LIMIT_DENIAL_BYTES + 1])
{
    struct message message = {.out = ret, .size = LIMIT_DENIAL_BYTES};
    char text[ADMISSION_CODE_BYTES];
    message_code(code, text);
    add_words(&message, text);
    add_words(&message, " ");
    add_where(&message, ref);
    if (code == CODE_HOSTILE_KEY) {
        add_words(&message, ": Secret \"");
        add_name(&message, ref->secret);
        add_words(&message, "\" cannot have a key \"");
        add_name(&message, ref->key);
        add_words(&message, "\"; a key is letters, digits, '-', '_' and '.', at most 253. "
                            "Correct the reference.");
    } else {
        add_words(&message, ": no Secret can be named \"");
        add_name(&message, ref->secret);
        add_words(&message, "\"; a name is lower-case letters, digits, '-' and '.', at most 253. "
                            "Correct the reference.");
    }
    write_out(&message);
}
