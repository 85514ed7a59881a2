// SPDX-License-Identifier: GPL-2.0-only
/* The new code of the update whose pause is measured. */
#include <linux/module.h>

#include "pause_functions.h"

PAUSE_FUNCTIONS(pause_new)

const pause_function pause_new[NR_PAUSE_FUNCTIONS] = PAUSE_TABLE(pause_new);
EXPORT_SYMBOL_GPL(pause_new);

MODULE_DESCRIPTION("New code for the measurement of the pause");
MODULE_LICENSE("GPL");
