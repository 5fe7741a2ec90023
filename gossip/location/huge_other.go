//go:build !linux

package location

func adviseHuge([]chunk) {}
