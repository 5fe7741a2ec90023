package main

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"strings"
)

// Cells are what a light fills.
const (
	cellsPerDegree = 50
	columns        = 360 * cellsPerDegree
	rows           = 180*cellsPerDegree + 1
)

// fewest is how many people a town is taken to have if that is not known, or if it has
// less.
const fewest = 250

// readLights gives the number of people in each cell that has any, of a GeoNames dump.
func readLights(dump string) (map[int]uint64, error) {
	people := make(map[int]uint64)
	for line := range strings.Lines(dump) {
		col := strings.Split(strings.TrimRight(line, "\n"), "\t")
		if len(col) != 19 {
			return nil, fmt.Errorf("%d columns and not 19: %q", len(col), line)
		}
		switch col[7] {
		case "PPLH", "PPLQ", "PPLW", "PPLCH": // nobody lives there any more, or it is there twice
			continue
		}
		lat, err1 := degrees(col[4], 90)
		lon, err2 := degrees(col[5], 180)
		n, err3 := strconv.ParseUint(col[14], 10, 40)
		if err := errors.Join(err1, err2, err3); err != nil {
			return nil, fmt.Errorf("%w: %q", err, line)
		}
		row := int(math.Round((lat + 90) * cellsPerDegree))
		column := int(math.Round((lon+180)*cellsPerDegree)) % columns
		people[row*columns+column] += max(n, fewest)
	}
	return people, nil
}

func degrees(s string, most float64) (float64, error) {
	v, err := strconv.ParseFloat(s, 64)
	if err == nil && !(math.Abs(v) <= most) {
		err = fmt.Errorf("not within %v degrees: %q", most, s)
	}
	return v, err
}

// light is how bright a number of people is.
func light(people uint64) byte { return byte(bits.Len64(people/fewest) - 1) }
