// Package human writes figures as people read them.
package human

import "fmt"

// Size is a number of bytes: "1.5 KiB".
func Size(n uint64) string {
	const units = "KMGT"
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	size, i := float64(n)/1024, 0
	for ; size >= 1024 && i < len(units)-1; i++ {
		size /= 1024
	}
	return fmt.Sprintf("%.1f %ciB", size, units[i])
}

// Count is a number of things that have a plain plural: "1 client", "2 clients".
func Count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
