/* SPDX-License-Identifier: GPL-2.0-only */
/* Functions that a compiler does not make. See target.c. */
#include <linux/linkage.h>
#include <linux/objtool.h>

	.text
/* Room for a two-byte jump and no more; 12 bytes of padding behind it. */
	.balign	16, 0xcc
	.globl	target_short
	.type	target_short, @function
target_short:
	pushq	$1
	popq	%rax
	ret
	.size	target_short, . - target_short
	.balign	16, 0xcc

/* The same, padded with what the assembler fills up with: one nop of 11 bytes. */
	.p2align 4
	.globl	target_nopped
	.type	target_nopped, @function
target_nopped:
	xorl	%eax, %eax
	incl	%eax
	ret
	.size	target_nopped, . - target_nopped
	.p2align 4

/* And with several nops. */
	.globl	target_many_nops
	.type	target_many_nops, @function
target_many_nops:
	pushq	$1
	popq	%rax
	ret
	.size	target_many_nops, . - target_many_nops
	.p2align 4

/* Another symbol follows at once. */
	.globl	target_tiny
	.type	target_tiny, @function
target_tiny:
	xorl	%eax, %eax
	ret
	.size	target_tiny, . - target_tiny
	.globl	target_neighbour
	.type	target_neighbour, @function
target_neighbour:
	xorl	%eax, %eax
	ret
	.size	target_neighbour, . - target_neighbour
	.balign	16, 0xcc

/* A frame that no unwinding table tells of. */
	.globl	target_odd
	.type	target_odd, @function
target_odd:
	subq	$40, %rsp
	call	target_callback
	addq	$40, %rsp
	ret
	.size	target_odd, . - target_odd
STACK_FRAME_NON_STANDARD target_odd
	.balign	16, 0xcc
	.section .note.GNU-stack, "", @progbits
