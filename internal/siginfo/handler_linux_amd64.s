#include "textflag.h"

GLOBL pipe<>(SB), NOPTR, $4

// handler is called by the kernel: DI is the signal, SI its siginfo_t. All registers are
// restored after it, and the signal stack is enough.
TEXT handler<>(SB), NOSPLIT|NOFRAME, $0
	MOVL	pipe<>(SB), DI
	MOVQ	$128, DX
	MOVQ	$1, AX // write
	SYSCALL
	RET

// restorer is what sigaction(2) calls sa_restorer.
TEXT restorer<>(SB), NOSPLIT|NOFRAME, $0
	MOVQ	$15, AX // rt_sigreturn
	SYSCALL
	INT	$3

// func writeTo(fd int32)
TEXT ·writeTo(SB), NOSPLIT, $0-4
	MOVL	fd+0(FP), AX
	MOVL	AX, pipe<>(SB)
	RET

// func handlerAddress() uintptr
TEXT ·handlerAddress(SB), NOSPLIT, $0-8
	LEAQ	handler<>(SB), AX
	MOVQ	AX, ret+0(FP)
	RET

// func restorerAddress() uintptr
TEXT ·restorerAddress(SB), NOSPLIT, $0-8
	LEAQ	restorer<>(SB), AX
	MOVQ	AX, ret+0(FP)
	RET
