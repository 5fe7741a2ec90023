// Package crowd moves many clients over the earth, for people who want to see some: most
// walk about their neighbourhood, some cycle or drive about their town, a few fly from one
// town to another.
//
// A client goes along the great circle to a point, then to another one, for ever. Where it
// is at which time follows from the seed alone. Ways are measured on a sphere in space,
// where there is no 180th meridian and no pole.
//
// The package knows no clock and no network: who uses it says what time it is.
package crowd
