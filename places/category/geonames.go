package category

// GeoNames says what a feature of GeoNames is, by its class and code: "S", "SCH". ok is
// false if the code is not known and its class says nothing, or if the place is
// no more (PPLH, PPLQ, PPLW, PPLCH); the types are [Unknown] or the class's then.
func GeoNames(class, code string) (types []string, ok bool) {
	if k := known.words[class+"."+code]; k != nil {
		return k.types, true
	}
	switch class {
	case "P":
		gone := code == "PPLH" || code == "PPLQ" || code == "PPLW" || code == "PPLCH"
		return known.types["locality"].types, !gone
	case "A":
		return known.types["administrative_area_level_3"].types, true
	case "H", "T", "U", "V":
		return known.types["natural_feature"].types, true
	}
	return Unknown(), false
}
