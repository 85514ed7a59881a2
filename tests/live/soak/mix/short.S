/* SPDX-License-Identifier: GPL-2.0-only */
/* Room for a two-byte jump and no more, and padding behind it for the hop. See target.c. */
#include <linux/linkage.h>

	.text
	.balign	16, 0xcc
	.globl	mix_short
	.type	mix_short, @function
mix_short:
	pushq	$1
	popq	%rax
	ret
	.size	mix_short, . - mix_short
	.balign	16, 0xcc
	.section .note.GNU-stack, "", @progbits
