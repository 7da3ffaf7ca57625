/* SPDX-License-Identifier: Apache-2.0 */
/* A list in both directions whose nodes lie in its items, so that an item leaves it, or comes to
 * its front, without a search: what "least recently used" is made of. An item may be in several
 * lists, with a node for each. No locking: the owner guards it. */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stddef.h>

struct list_node {
    struct list_node *previous; /* towards the front */
    struct list_node *next;
    void *item;
};

/* Zeroed is empty. Owns nothing. */
struct list {
    struct list_node *first;
    struct list_node *last;
    size_t count;
};

/* `node` is in no list. */
void list_push_front(struct list *list, struct list_node *node, void *item);
/* `node` is in this list. */
void list_remove(struct list *list, struct list_node *node);
void list_move_to_front(struct list *list, struct list_node *node);
/* The item at the end; NULL: the list is empty. */
void *list_last(const struct list *list);

#endif
