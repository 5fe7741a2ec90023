package location

import (
	"syscall"
	"unsafe"
)

// hugePage is the size and the alignment of one, on most machines.
const hugePage = 2 << 20

// adviseHuge asks for huge pages. A system that has none says so, and it does not matter.
//
// A huge page is only made where none of its bytes has been touched, and a slab hardly ever
// begins at the beginning of one. So those that it has a part in are asked for as a whole:
// the heap grows upwards, and what lies behind a slab will be the next one.
func adviseHuge(slab []chunk) {
	begin := uintptr(unsafe.Pointer(unsafe.SliceData(slab)))
	from := begin &^ (hugePage - 1)
	to := (begin + uintptr(len(slab)*chunkSize) + hugePage - 1) &^ (hugePage - 1)
	_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, from, to-from, syscall.MADV_HUGEPAGE)
}
