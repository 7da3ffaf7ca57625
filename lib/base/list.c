/* SPDX-License-Identifier: Apache-2.0 */
#include "base/list.h"

void list_push_front(struct list *list, struct list_node *node, void *item)
{
    *node = (struct list_node){.next = list->first, .item = item};
    if (list->first) {
        list->first->previous = node;
    } else {
        list->last = node;
    }
    list->first = node;
    list->count++;
}

void list_remove(struct list *list, struct list_node *node)
{
    if (node->previous) {
        node->previous->next = node->next;
    } else {
        list->first = node->next;
    }
    if (node->next) {
        node->next->previous = node->previous;
    } else {
        list->last = node->previous;
    }
    *node = (struct list_node){0};
    list->count--;
}

void list_move_to_front(struct list *list, struct list_node *node)
{
    void *item = node->item;
    list_remove(list, node);
    list_push_front(list, node, item);
}

void *list_last(const struct list *list)
{
    return list->last ? list->last->item : NULL;
}
