/* SPDX-License-Identifier: Apache-2.0 */
/* What functions that have returned left on the stack. Other libraries keep pieces of what passes
 * through them in their frames: those of GnuTLS the last bytes of a record it has decrypted. They
 * stay until another call of this thread goes as deep. Any thread; its own stack. */
#ifndef BASE_STACK_H
#define BASE_STACK_H

enum {
    /* libcurl with GnuTLS and the resolver need about 60 KiB. */
    STACK_WIPED_BYTES = 64 * 1024,
};

/* Overwrites STACK_WIPED_BYTES below the caller's frame: there must be that much room. */
void stack_wipe(void);

#endif
