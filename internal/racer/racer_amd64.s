//go:build linux

#include "textflag.h"

#define SYS_read 0
#define SYS_write 1
#define SYS_clone 56
#define SYS_execve 59
#define SYS_exit_group 231
#define SYS_ppoll 271

// CLONE_VM, FS, FILES, SIGHAND, THREAD, SYSVSEM: a thread.
#define THREAD 0x50f00

// Scratch memory below the stack that the kernel gave us.
#define ARGV -64
#define SAID -128
#define STACK -4096 // of the thread, which uses none

// R12 is argv[0], R13 argc, R14 where the stack begins. argc is 1 at the first time.
TEXT program<>(SB), NOSPLIT|NOFRAME, $0-0
	MOVQ	SP, R14
	MOVQ	0(R14), R13
	MOVQ	8(R14), R12
	CMPQ	R13, $1
	JNE	go

	MOVB	$'+', SAID(R14)
	MOVQ	$SYS_write, AX
	MOVQ	$1, DI
	LEAQ	SAID(R14), SI
	MOVQ	$1, DX
	SYSCALL
wait:
	MOVQ	$SYS_read, AX
	XORL	DI, DI
	LEAQ	SAID(R14), SI
	MOVQ	$1, DX
	SYSCALL
	CMPQ	AX, $0
	JGT	wait

go:
	MOVQ	R12, ARGV(R14)
	MOVQ	R12, (ARGV+8)(R14)
	MOVQ	$0, (ARGV+16)(R14)
	MOVQ	$SYS_clone, AX
	MOVQ	$THREAD, DI
	LEAQ	STACK(R14), SI
	XORL	DX, DX
	XORL	R10, R10
	XORL	R8, R8
	SYSCALL
	CMPQ	AX, $0
	JLT	fail
	JGT	leader
	MOVQ	$SYS_execve, AX
	MOVQ	R12, DI
	LEAQ	ARGV(R14), SI
	XORL	DX, DX
	SYSCALL
fail:
	MOVQ	$SYS_exit_group, AX
	MOVQ	$1, DI
	SYSCALL
	INT	$3

leader:
	MOVQ	$SYS_ppoll, AX
	XORL	DI, DI
	XORL	SI, SI
	XORL	DX, DX
	XORL	R10, R10
	SYSCALL
	JMP	leader

	// The end mark.
	LONG	$0x6f747561 // auto
	LONG	$0x6c6c696b // kill

// func code() *byte
TEXT ·code(SB), NOSPLIT, $0-8
	LEAQ	program<>(SB), AX
	MOVQ	AX, ret+0(FP)
	RET
