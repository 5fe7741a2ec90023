#include "textflag.h"

// func fetch(lines *[2 * together]unsafe.Pointer, n int)
TEXT ·fetch(SB), NOSPLIT, $0-16
	MOVD lines+0(FP), R0
	MOVD n+8(FP), R1
	B    test
next:
	SUB  $1, R1
	MOVD.P 8(R0), R2
	PRFM (R2), PLDL1KEEP
test:
	CBNZ R1, next
	RET

// func fetchOwn(lines *[2 * together]unsafe.Pointer, n int)
TEXT ·fetchOwn(SB), NOSPLIT, $0-16
	MOVD lines+0(FP), R0
	MOVD n+8(FP), R1
	B    test
next:
	SUB  $1, R1
	MOVD.P 8(R0), R2
	PRFM (R2), PSTL1KEEP
test:
	CBNZ R1, next
	RET
