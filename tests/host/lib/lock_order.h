/* SPDX-License-Identifier: BSD-2-Clause
 *
 * lock_order.h - for a test that goes on after a broken rule: what this CPU held then does not count.
 */
#ifndef LOCK_ORDER_H
#define LOCK_ORDER_H

void lock_order_forget(void);

#endif
