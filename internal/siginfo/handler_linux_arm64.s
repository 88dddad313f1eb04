#include "textflag.h"

GLOBL pipe<>(SB), NOPTR, $4

// handler is called by the kernel: R0 is the signal, R1 its siginfo_t. All registers are
// restored after it, and the signal stack is enough.
TEXT handler<>(SB), NOSPLIT|NOFRAME, $0
	MOVW	pipe<>(SB), R0
	MOVD	$128, R2
	MOVD	$64, R8 // write
	SVC
	RET

// func writeTo(fd int32)
TEXT ·writeTo(SB), NOSPLIT, $0-4
	MOVW	fd+0(FP), R0
	MOVW	R0, pipe<>(SB)
	RET

// func handlerAddress() uintptr
TEXT ·handlerAddress(SB), NOSPLIT, $0-8
	MOVD	$handler<>(SB), R0
	MOVD	R0, ret+0(FP)
	RET

// func restorerAddress() uintptr
TEXT ·restorerAddress(SB), NOSPLIT, $0-8
	MOVD	ZR, ret+0(FP)
	RET
