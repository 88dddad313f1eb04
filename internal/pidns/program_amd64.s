//go:build linux

#include "textflag.h"

#define SYS_write 1
#define SYS_close 3
#define SYS_sendto 44
#define SYS_wait4 61
#define SYS_kill 62
#define SYS_rt_sigtimedwait 128
#define SYS_prctl 157
#define SYS_exit_group 231

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
// program of their own, so it refers to nothing outside. R12 is argv[0], R13 argc, R14
// the scratch memory. The kernel keeps all registers but AX, CX and R11.
TEXT program<>(SB), NOSPLIT|NOFRAME, $0-0
	MOVQ	SP, R14
	MOVQ	0(R14), R13
	MOVQ	8(R14), R12
	SUBQ	$512, R14

	MOVQ	$SYS_prctl, AX
	MOVQ	$PR_SET_DUMPABLE, DI
	XORL	SI, SI
	SYSCALL
	MOVQ	$SYS_prctl, AX
	MOVQ	$PR_SET_NAME, DI
	MOVQ	R12, SI
	SYSCALL

	CMPB	9(R12), $'m' // autokill-monitor
	JEQ	monitor
	CMPQ	R13, $2
	JNE	ready
	MOVQ	$SYS_prctl, AX
	MOVQ	$PR_GET_PDEATHSIG, DI
	LEAQ	INFO(R14), SI
	SYSCALL
	CMPL	INFO(R14), $SIGKILL
	JNE	fail

ready:
	// What was sent to the process group that we left a moment ago is not for us.
	MOVQ	$~0x10000, R9 // all but SIGCHLD
	MOVQ	R9, SET(R14)
	MOVQ	$0, TIME(R14)
	MOVQ	$0, (TIME+8)(R14)
	MOVQ	$SYS_rt_sigtimedwait, AX
	LEAQ	SET(R14), DI
	XORL	SI, SI
	LEAQ	TIME(R14), DX
	MOVQ	$8, R10
	SYSCALL
	CMPQ	AX, $0
	JGT	ready

	// The command can go on.
	MOVQ	$1, SET(R14)
	MOVQ	$SYS_write, AX
	MOVQ	$READY, DI
	LEAQ	SET(R14), SI
	MOVQ	$8, DX
	SYSCALL
	CMPQ	AX, $8
	JNE	fail
	MOVQ	$SYS_close, AX
	MOVQ	$READY, DI
	SYSCALL

next:
	MOVQ	$-1, SET(R14)
	MOVQ	$SYS_rt_sigtimedwait, AX
	LEAQ	SET(R14), DI
	LEAQ	INFO(R14), SI
	XORL	DX, DX
	MOVQ	$8, R10
	SYSCALL
	CMPQ	AX, $-EINTR // stopped and continued
	JEQ	next
	CMPQ	AX, $0
	JLE	fail
	CMPQ	AX, $SIGCHLD
	JEQ	reap
	CMPL	CODE(R14), $0
	JGT	next
	MOVQ	AX, SI
	MOVQ	$2, DI
	CMPL	CODE(R14), $SI_QUEUE
	JNE	pass
	MOVL	VALUE(R14), R9
	MOVL	R9, R8
	SHRL	$8, R8
	CMPL	R8, $EVERYBODY
	JNE	pass
	MOVBLZX	R9, SI
	MOVQ	$-1, DI
pass:
	MOVQ	$SYS_kill, AX
	SYSCALL
	JMP	next

reap:
	MOVQ	$SYS_wait4, AX
	MOVQ	$-1, DI
	LEAQ	REPORT(R14), SI
	MOVQ	$WNOHANG_WALL, DX
	LEAQ	USAGE(R14), R10
	SYSCALL
	CMPQ	AX, $0
	JLE	next
	CMPQ	AX, $2
	JNE	reap
	CMPB	REPORT(R14), $STOPPED // its tracer is the init, by PTRACE_TRACEME
	JEQ	reap
	MOVQ	$SYS_sendto, AX
	XORL	DI, DI
	LEAQ	REPORT(R14), SI
	MOVQ	$152, DX
	MOVQ	$MSG_NOSIGNAL, R10
	XORL	R8, R8
	XORL	R9, R9
	SYSCALL
	XORL	DI, DI
	JMP	exit

monitor:
	MOVQ	$SYS_wait4, AX
	MOVQ	$-1, DI
	XORL	SI, SI
	MOVQ	$WALL, DX
	XORL	R10, R10
	SYSCALL
	CMPQ	AX, $-EINTR
	JEQ	monitor
	XORL	DI, DI
	JMP	exit

fail:
	MOVQ	$1, DI
exit:
	MOVQ	$SYS_exit_group, AX
	SYSCALL
	INT	$3

	// The end mark.
	LONG	$0x6f747561 // auto
	LONG	$0x6c6c696b // kill

// func code() *byte
TEXT ·code(SB), NOSPLIT, $0-8
	LEAQ	program<>(SB), AX
	MOVQ	AX, ret+0(FP)
	RET
