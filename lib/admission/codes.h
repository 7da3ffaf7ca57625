/* SPDX-License-Identifier: Apache-2.0 */
/* The codes in front of warnings and denials; those from 201 on, of ExternalSecrets, are in
 * externalsecret/validate.h. Stable: users search for them and filter by them, so
 * a number is never given a second meaning. Written "KT104". */
#ifndef ADMISSION_CODES_H
#define ADMISSION_CODES_H

enum code {
    CODE_NONE = 0,
    /* Warnings: a Secret or key is not there, after a live look, and optional is not set. */
    CODE_SECRET_MISSING_HELD = 101, /* the Pod waits behind the gate for a Secret */
    CODE_KEY_MISSING_HELD = 102,    /* the Pod waits behind the gate for a key of a Secret */
    CODE_SECRET_MISSING = 103,      /* no Secret, and this object is not held for it */
    CODE_KEY_MISSING = 105,         /* no such key, and this object is not held for it */
    CODE_MORE_MISSING = 109,        /* there are more than fit */
    /* Denials: waiting cannot cure it. */
    CODE_HOSTILE_NAME = 104, /* no Secret can have this name */
    CODE_HOSTILE_KEY = 106,  /* no Secret can have this key */
};

#endif
