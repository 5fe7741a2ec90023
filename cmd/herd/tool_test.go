package main

import (
	"os"
	"os/exec"
	"testing"
)

// needTool gives the path of a program that a test needs, and skips the test if there is none. In
// CI there must be: .ci/run installs it.
func needTool(t *testing.T, name, debianPackage string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	switch {
	case err == nil:
	case os.Getenv("CI") != "":
		t.Fatalf("%s is not here: .ci/run has to see to it", name)
	default:
		t.Skipf("%s is not here: it is in Debian's package %s", name, debianPackage)
	}
	return path
}
