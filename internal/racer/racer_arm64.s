//go:build linux

#include "textflag.h"

#define SYS_read 63
#define SYS_write 64
#define SYS_ppoll 73
#define SYS_exit_group 94
#define SYS_clone 220
#define SYS_execve 221

// CLONE_VM, FS, FILES, SIGHAND, THREAD, SYSVSEM: a thread.
#define THREAD 0x50f00

// Scratch memory below the stack that the kernel gave us: its lowest address is R21.
#define SCRATCH 4096 // the thread's stack ends there; it uses none
#define ARGV 4032
#define SAID 3968

// R19 is argv[0], R20 argc. argc is 1 at the first time.
TEXT program<>(SB), NOSPLIT|NOFRAME, $0-0
	MOVD	RSP, R21
	MOVD	0(R21), R20
	MOVD	8(R21), R19
	SUB	$SCRATCH, R21
	CMP	$1, R20
	BNE	go

	MOVD	$'+', R9
	MOVB	R9, SAID(R21)
	MOVD	$SYS_write, R8
	MOVD	$1, R0
	ADD	$SAID, R21, R1
	MOVD	$1, R2
	SVC
wait:
	MOVD	$SYS_read, R8
	MOVD	$0, R0
	ADD	$SAID, R21, R1
	MOVD	$1, R2
	SVC
	CMP	$0, R0
	BGT	wait

go:
	MOVD	R19, ARGV(R21)
	MOVD	R19, (ARGV+8)(R21)
	MOVD	$0, R9
	MOVD	R9, (ARGV+16)(R21)
	MOVD	$SYS_clone, R8
	MOVD	$THREAD, R0
	MOVD	R21, R1
	MOVD	$0, R2
	MOVD	$0, R3
	MOVD	$0, R4
	SVC
	CMP	$0, R0
	BLT	fail
	BGT	leader
	MOVD	$SYS_execve, R8
	MOVD	R19, R0
	ADD	$ARGV, R21, R1
	MOVD	$0, R2
	SVC
fail:
	MOVD	$SYS_exit_group, R8
	MOVD	$1, R0
	SVC
	UNDEF

leader:
	MOVD	$SYS_ppoll, R8
	MOVD	$0, R0
	MOVD	$0, R1
	MOVD	$0, R2
	MOVD	$0, R3
	SVC
	JMP	leader

	// The end mark.
	WORD	$0x6f747561 // auto
	WORD	$0x6c6c696b // kill

// func code() *byte
TEXT ·code(SB), NOSPLIT, $0-8
	MOVD	$program<>(SB), R0
	MOVD	R0, ret+0(FP)
	RET
