//go:build linux

#include "go_asm.h"
#include "textflag.h"

#define SYS_rt_sigprocmask 135
#define SYS_exit_group 94
#define SIG_SETMASK 2

// ARG loads argument i of the step at R20 into REG. See the type Arg: a number,
// an address, or the int32 at an address.
#define ARG(i, REG) \
	MOVD	(Step_Args+i*Arg__size+Arg_p)(R20), R9; \
	MOVD	(Step_Args+i*Arg__size+Arg_n)(R20), REG; \
	CBZ	R9, 5(PC); \
	CBZ	REG, 3(PC); \
	MOVW	(R9), REG; \
	JMP	2(PC); \
	MOVD	R9, REG

DATA	·allSignals+0(SB)/8, $-1
GLOBL	·allSignals(SB), RODATA|NOPTR, $8

// func spawn(c *call) uintptr
//
// The kernel keeps all registers but R0. Registers in use: R19 the call, in a child
// its task; R20 the step, R21 its index.
TEXT ·spawn(SB), NOSPLIT|NOFRAME, $0-16
	MOVD	c+0(FP), R19

	MOVD	$SYS_rt_sigprocmask, R8
	MOVD	$SIG_SETMASK, R0
	MOVD	$·allSignals(SB), R1
	ADD	$call_mask, R19, R2
	MOVD	$8, R3
	SVC
	CMN	$4095, R0
	BCS	refused
	MOVD	$1, R9
	MOVB	R9, call_blocked(R19)

	MOVD	call_nr(R19), R8
	MOVD	(call_args+0)(R19), R0
	MOVD	(call_args+8)(R19), R1
	MOVD	(call_args+16)(R19), R2
	MOVD	(call_args+24)(R19), R3
	MOVD	(call_args+32)(R19), R4
	SVC
	CBZ	R0, child

	MOVD	R0, R20
	MOVD	$SYS_rt_sigprocmask, R8
	MOVD	$SIG_SETMASK, R0
	ADD	$call_mask, R19, R1
	MOVD	$0, R2
	MOVD	$8, R3
	SVC
	MOVD	R20, ret+8(FP)
	RET

refused:
	MOVD	R0, ret+8(FP)
	RET

child:
	// The stack belongs to the parent, who runs on it now: registers only.
	MOVD	call_task(R19), R19
begin:
	MOVD	(Task_Steps+0)(R19), R20
	MOVD	$0, R21

next:
	MOVD	(Task_Steps+8)(R19), R9
	CMP	R9, R21
	BEQ	exit
	MOVD	R21, Task_at(R19)
	ARG(0, R0)
	ARG(1, R1)
	ARG(2, R2)
	ARG(3, R3)
	ARG(4, R4)
	ARG(5, R5)
	MOVD	Step_Nr(R20), R8
	SVC

	CMN	$4095, R0
	BCS	failed
	CBNZ	R0, store
	MOVD	Step_Fork(R20), R9
	CBNZ	R9, forked
store:
	MOVD	Step_Result(R20), R9
	CBZ	R9, check
	MOVW	R0, (R9)
check:
	MOVD	Step_Mask(R20), R9
	AND	R0, R9, R9
	MOVD	Step_Want(R20), R10
	MOVD	Step_Equal(R20), R11
	CBZ	R11, 2(PC)
	MOVW	(R11), R10
	CMP	R10, R9
	BNE	unwanted
advance:
	ADD	$Step__size, R20, R20
	ADD	$1, R21, R21
	JMP	next

forked:
	// This is the new process.
	MOVD	R9, R19
	JMP	begin

failed:
	MOVD	Step_Lenient(R20), R9
	CBNZ	R9, advance
	NEG	R0, R0
	MOVD	R0, Task_result(R19)
	MOVD	$const_outcomeErrno, R9
	MOVD	R9, Task_outcome(R19)
	JMP	exit

unwanted:
	MOVD	R0, Task_result(R19)
	MOVD	$const_outcomeUnwanted, R9
	MOVD	R9, Task_outcome(R19)

exit:
	MOVD	$SYS_exit_group, R8
	MOVD	$127, R0
	SVC
	UNDEF
