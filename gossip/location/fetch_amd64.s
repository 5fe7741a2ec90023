#include "textflag.h"

// func fetch(lines *[2 * together]unsafe.Pointer, n int)
TEXT ·fetch(SB), NOSPLIT, $0-16
	MOVQ lines+0(FP), SI
	MOVQ n+8(FP), CX
	JMP  test
next:
	DECQ CX
	MOVQ (SI)(CX*8), AX
	PREFETCHT0 (AX)
test:
	TESTQ CX, CX
	JNE  next
	RET

// func fetchOwn(lines *[2 * together]unsafe.Pointer, n int)
TEXT ·fetchOwn(SB), NOSPLIT, $0-16
	MOVQ lines+0(FP), SI
	MOVQ n+8(FP), CX
	JMP  test
next:
	DECQ CX
	MOVQ (SI)(CX*8), AX
	BYTE $0x0F; BYTE $0x0D; BYTE $0x08 // PREFETCHW (AX): Go has no word for it, and old processors do nothing
test:
	TESTQ CX, CX
	JNE  next
	RET
