//go:build linux

#include "go_asm.h"
#include "textflag.h"

#define SYS_rt_sigprocmask 14
#define SYS_exit_group 231
#define SIG_SETMASK 2

// ARG loads argument i of the step at R13 into REG. See the type Arg: a number,
// an address, or the int32 at an address.
#define ARG(i, REG) \
	MOVQ	(Step_Args+i*Arg__size+Arg_p)(R13), AX; \
	MOVQ	(Step_Args+i*Arg__size+Arg_n)(R13), REG; \
	TESTQ	AX, AX; \
	JEQ	6(PC); \
	TESTQ	REG, REG; \
	JEQ	3(PC); \
	MOVLQSX	(AX), REG; \
	JMP	2(PC); \
	MOVQ	AX, REG

DATA	·allSignals+0(SB)/8, $-1
GLOBL	·allSignals(SB), RODATA|NOPTR, $8

// func spawn(c *call) uintptr
//
// The kernel keeps all registers but AX, CX and R11. Registers in use: R12 the call,
// in a child its task; R13 the step, R15 its index.
TEXT ·spawn(SB), NOSPLIT|NOFRAME, $0-16
	MOVQ	c+0(FP), R12

	MOVQ	$SYS_rt_sigprocmask, AX
	MOVQ	$SIG_SETMASK, DI
	LEAQ	·allSignals(SB), SI
	LEAQ	call_mask(R12), DX
	MOVQ	$8, R10
	SYSCALL
	CMPQ	AX, $0xfffffffffffff001
	JCC	refused
	MOVB	$1, call_blocked(R12)

	MOVQ	call_nr(R12), AX
	MOVQ	(call_args+0)(R12), DI
	MOVQ	(call_args+8)(R12), SI
	MOVQ	(call_args+16)(R12), DX
	MOVQ	(call_args+24)(R12), R10
	MOVQ	(call_args+32)(R12), R8
	SYSCALL
	TESTQ	AX, AX
	JEQ	child

	MOVQ	AX, R13
	MOVQ	$SYS_rt_sigprocmask, AX
	MOVQ	$SIG_SETMASK, DI
	LEAQ	call_mask(R12), SI
	MOVQ	$0, DX
	MOVQ	$8, R10
	SYSCALL
	MOVQ	R13, ret+8(FP)
	RET

refused:
	MOVQ	AX, ret+8(FP)
	RET

child:
	// The stack belongs to the parent, who runs on it now: registers only.
	MOVQ	call_task(R12), R12
begin:
	MOVQ	(Task_Steps+0)(R12), R13
	XORL	R15, R15

next:
	CMPQ	R15, (Task_Steps+8)(R12)
	JEQ	exit
	MOVQ	R15, Task_at(R12)
	ARG(0, DI)
	ARG(1, SI)
	ARG(2, DX)
	ARG(3, R10)
	ARG(4, R8)
	ARG(5, R9)
	MOVQ	Step_Nr(R13), AX
	SYSCALL

	CMPQ	AX, $0xfffffffffffff001
	JCC	failed
	TESTQ	AX, AX
	JNE	store
	MOVQ	Step_Fork(R13), CX
	TESTQ	CX, CX
	JNE	forked
store:
	MOVQ	Step_Result(R13), CX
	TESTQ	CX, CX
	JEQ	check
	MOVL	AX, (CX)
check:
	MOVQ	AX, CX
	ANDQ	Step_Mask(R13), CX
	MOVQ	Step_Want(R13), DX
	MOVQ	Step_Equal(R13), BX
	TESTQ	BX, BX
	JEQ	2(PC)
	MOVLQSX	(BX), DX
	CMPQ	CX, DX
	JNE	unwanted
advance:
	ADDQ	$Step__size, R13
	INCQ	R15
	JMP	next

forked:
	// This is the new process.
	MOVQ	CX, R12
	JMP	begin

failed:
	CMPQ	Step_Lenient(R13), $0
	JNE	advance
	NEGQ	AX
	MOVQ	AX, Task_result(R12)
	MOVQ	$const_outcomeErrno, Task_outcome(R12)
	JMP	exit

unwanted:
	MOVQ	AX, Task_result(R12)
	MOVQ	$const_outcomeUnwanted, Task_outcome(R12)

exit:
	MOVQ	$SYS_exit_group, AX
	MOVQ	$127, DI
	SYSCALL
	INT	$3
