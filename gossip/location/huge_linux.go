package location

import (
	"syscall"
	"unsafe"
)

// adviseHuge asks for huge pages. A system that has none says so, and it does not matter.
func adviseHuge(slab []chunk) {
	b := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(slab))), len(slab)*chunkSize)
	_ = syscall.Madvise(b, syscall.MADV_HUGEPAGE)
}
