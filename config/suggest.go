package config

import "fmt"

// didYouMean is a sentence about the first of names that is nearly what was
// written, with a space before it; empty if none is.
func didYouMean(written string, names []string) string {
	for _, n := range names {
		if edits(written, n) <= 2 { // as HCL does for keys
			return fmt.Sprintf(" Did you mean %q?", n)
		}
	}
	return ""
}

// edits is how many bytes have to be put in, taken out or changed to make b of a.
func edits(a, b string) int {
	row := make([]int, len(b)+1) // of the table of prefixes, the one of a[:i]
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
