package overpass

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"herd/places"
	"herd/places/dataset"
)

// What one query may ask for. A place takes about 0.7 KiB of the reply, one of the
// noted, with its name in many languages, 3 KiB: together some 1.5 MiB.
const (
	smallest = 300       // metres, of the circles
	growth   = 3         // from circle to circle: at most 9 times as many places
	enough   = 60        // places: three times the most that an answer has
	maxNear  = 600       // places
	maxKind  = 150       // noted ways, and as many nodes
	maxRels  = 60        // noted relations
	maxBytes = 128 << 20 // of the server's memory, a quarter of what it would reserve
)

// wanted picks what is a place and has a name. The keys are those that say what
// a place is.
const wanted = `[name][~"^(amenity|shop|tourism|leisure|historic|office|railway|aeroway|place)$"~"."]`

// query writes a question in Overpass QL.
func query(q places.Query, reach float64, rank dataset.Rank, seconds int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "[out:json][timeout:%d][maxsize:%d];\n", seconds, maxBytes)
	around := func(radius float64) string {
		return fmt.Sprintf("nwr(around:%.0f,%s,%s)", math.Ceil(radius), degrees(q.Latitude), degrees(q.Longitude))
	}
	for i, radius := range circles(reach) {
		if i == 0 {
			fmt.Fprintf(&b, "%s%s->.near;\n", around(radius), wanted)
			continue
		}
		fmt.Fprintf(&b, "if (near.count(nwr) < %d) {\n%s%s->.near;\n};\n", enough, around(radius), wanted)
	}
	fmt.Fprintf(&b, ".near out center tags %d;\n", maxNear)
	if rank == dataset.Prominence && len(circles(reach)) > 1 {
		fmt.Fprintf(&b, "%s[wikidata]%s->.noted;\n", around(reach), wanted)
		fmt.Fprintf(&b, "rel.noted; out center tags %d;\n", maxRels)
		fmt.Fprintf(&b, "way.noted; out center tags %d;\n", maxKind)
		fmt.Fprintf(&b, "node.noted; out center tags %d;\n", maxKind)
	}
	return b.String()
}

// circles are the radii to try, up to reach.
func circles(reach float64) []float64 {
	var list []float64
	for r := float64(smallest); 2*r < reach; r *= growth {
		list = append(list, r)
	}
	return append(list, reach)
}

// degrees has OpenStreetMap's precision: a centimetre.
func degrees(v float64) string { return strconv.FormatFloat(v, 'f', 7, 64) }
