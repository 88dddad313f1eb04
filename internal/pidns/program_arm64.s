//go:build linux

#include "textflag.h"

#define SYS_close 57
#define SYS_write 64
#define SYS_exit_group 94
#define SYS_kill 129
#define SYS_rt_sigtimedwait 137
#define SYS_prctl 167
#define SYS_sendto 206
#define SYS_wait4 260

#define READY 1 // descriptor

#define SIGKILL 9
#define SIGCHLD 17
#define EINTR 4
#define SI_QUEUE -1
#define EVERYBODY 0x616c6c // see the constant everybody
#define PR_GET_PDEATHSIG 2
#define PR_SET_DUMPABLE 4
#define PR_SET_NAME 15
#define WNOHANG_WALL 0x40000001
#define WALL 0x40000000
#define STOPPED 0x7f // WIFSTOPPED of wait(2)
#define MSG_NOSIGNAL 0x4000

// Scratch memory below the stack that the kernel gave us; no handler ever runs there.
#define INFO 0 // siginfo_t
#define CODE 8 // its si_code
#define VALUE 24 // its si_value
#define SET 128 // sigset_t, and the word for the eventfd
#define REPORT 136 // the type report: status and struct rusage
#define USAGE 144
#define TIME 288 // struct timespec

// The program: see machineCode for what it does. It is never called here: its bytes become a
// program of their own, so it refers to nothing outside. R19 is argv[0], R20 argc, R21
// the scratch memory. The kernel keeps all registers but R0.
TEXT program<>(SB), NOSPLIT|NOFRAME, $0-0
	MOVD	RSP, R21
	MOVD	0(R21), R20
	MOVD	8(R21), R19
	SUB	$512, R21

	MOVD	$SYS_prctl, R8
	MOVD	$PR_SET_DUMPABLE, R0
	MOVD	$0, R1
	SVC
	MOVD	$SYS_prctl, R8
	MOVD	$PR_SET_NAME, R0
	MOVD	R19, R1
	SVC

	MOVBU	9(R19), R9
	CMP	$'m', R9 // autokill-monitor
	BEQ	monitor
	CMP	$2, R20
	BNE	ready
	MOVD	$SYS_prctl, R8
	MOVD	$PR_GET_PDEATHSIG, R0
	ADD	$INFO, R21, R1
	SVC
	MOVW	INFO(R21), R9
	CMP	$SIGKILL, R9
	BNE	fail

ready:
	// What was sent to the process group that we left a moment ago is not for us.
	MOVD	$~0x10000, R9 // all but SIGCHLD
	MOVD	R9, SET(R21)
	MOVD	$0, R9
	MOVD	R9, TIME(R21)
	MOVD	R9, (TIME+8)(R21)
	MOVD	$SYS_rt_sigtimedwait, R8
	ADD	$SET, R21, R0
	MOVD	$0, R1
	ADD	$TIME, R21, R2
	MOVD	$8, R3
	SVC
	CMP	$0, R0
	BGT	ready

	// The command can go on.
	MOVD	$1, R9
	MOVD	R9, SET(R21)
	MOVD	$SYS_write, R8
	MOVD	$READY, R0
	ADD	$SET, R21, R1
	MOVD	$8, R2
	SVC
	CMP	$8, R0
	BNE	fail
	MOVD	$SYS_close, R8
	MOVD	$READY, R0
	SVC

next:
	MOVD	$-1, R9
	MOVD	R9, SET(R21)
	MOVD	$SYS_rt_sigtimedwait, R8
	ADD	$SET, R21, R0
	ADD	$INFO, R21, R1
	MOVD	$0, R2
	MOVD	$8, R3
	SVC
	CMN	$EINTR, R0 // stopped and continued
	BEQ	next
	CMP	$0, R0
	BLE	fail
	CMP	$SIGCHLD, R0
	BEQ	reap
	MOVW	CODE(R21), R9
	CMP	$0, R9
	BGT	next
	MOVD	R0, R1
	MOVD	$2, R0
	CMP	$SI_QUEUE, R9
	BNE	pass
	MOVWU	VALUE(R21), R9
	LSR	$8, R9, R10
	MOVD	$EVERYBODY, R11
	CMP	R11, R10
	BNE	pass
	AND	$0xff, R9, R1
	MOVD	$-1, R0
pass:
	MOVD	$SYS_kill, R8
	SVC
	JMP	next

reap:
	MOVD	$SYS_wait4, R8
	MOVD	$-1, R0
	ADD	$REPORT, R21, R1
	MOVD	$WNOHANG_WALL, R2
	ADD	$USAGE, R21, R3
	SVC
	CMP	$0, R0
	BLE	next
	CMP	$2, R0
	BNE	reap
	MOVBU	REPORT(R21), R9
	CMP	$STOPPED, R9 // its tracer is the init, by PTRACE_TRACEME
	BEQ	reap
	MOVD	$SYS_sendto, R8
	MOVD	$0, R0
	ADD	$REPORT, R21, R1
	MOVD	$152, R2
	MOVD	$MSG_NOSIGNAL, R3
	MOVD	$0, R4
	MOVD	$0, R5
	SVC
	MOVD	$0, R0
	JMP	exit

monitor:
	MOVD	$SYS_wait4, R8
	MOVD	$-1, R0
	MOVD	$0, R1
	MOVD	$WALL, R2
	MOVD	$0, R3
	SVC
	CMN	$EINTR, R0
	BEQ	monitor
	MOVD	$0, R0
	JMP	exit

fail:
	MOVD	$1, R0
exit:
	MOVD	$SYS_exit_group, R8
	SVC
	UNDEF

	// The end mark.
	WORD	$0x6f747561 // auto
	WORD	$0x6c6c696b // kill

// func code() *byte
TEXT ·code(SB), NOSPLIT, $0-8
	MOVD	$program<>(SB), R0
	MOVD	R0, ret+0(FP)
	RET
