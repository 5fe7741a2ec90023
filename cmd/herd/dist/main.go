// Command dist packs Herd: "dist archives" makes one for each system that there are binaries
// for, "dist deb" packages for Debian. They go to ./dist, of which .gitignore knows.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"herd/cmd/herd/internal/pack"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "dist:", err)
		os.Exit(1)
	}
}

// run works in the folder of the module.
func run(args []string) (err error) {
	if len(args) != 1 || args[0] != "archives" && args[0] != "deb" {
		return errors.New("usage: dist archives|deb")
	}
	const to = "dist"
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	temp, err := os.MkdirTemp("", "herd-dist-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temp)) }()

	// What runs here writes the manual and the completions for all.
	source := pack.Source{Root: "."}
	native := filepath.Join(temp, "herd")
	if err := source.Build(pack.Target{OS: runtime.GOOS, Arch: runtime.GOARCH}, native); err != nil {
		return err
	}
	release, err := pack.Release(native)
	if err != nil {
		return err
	}
	if source, err = pack.Describe(".", release); err != nil {
		return err
	}
	fmt.Println("herd", source.Version)
	if args[0] == "archives" {
		dir, err := filepath.Abs(to)
		if err != nil {
			return err
		}
		return source.Archives(native, dir, pack.Targets())
	}
	for _, t := range pack.Targets() {
		if t.OS != "linux" {
			continue
		}
		binary := filepath.Join(temp, "herd-"+t.Arch)
		if err := source.Build(t, binary); err != nil {
			return err
		}
		deb := pack.Deb{Source: source, Binary: binary, Arch: t.Arch, Native: native, ThirdParty: []pack.Target{t}}
		if _, err := deb.Pack(to); err != nil {
			return err
		}
	}
	return nil
}
