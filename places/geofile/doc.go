// Package geofile reads places from files of the user's own: GeoJSON, GeoJSON text
// sequences, CSV, TSV, dumps of GeoNames, packed tables, and a gzip of any of them. It
// makes a [dataset.Table] of them, and a [Provider] that answers from a file and
// reads it anew when told to.
//
// What is understood:
//
//	GeoJSON    a FeatureCollection; a Feature a line; RFC 8142. Properties as Overture
//	           has them (nested, with dots in their names, or as JSON in strings), as
//	           osmium export writes them, or plain: name, type, address, …
//	           What is not a point counts as one in its middle.
//	CSV, TSV   a header, with columns for latitude, longitude and name at least;
//	           capitals don't matter, nor do spaces for underscores. See aliases.
//	GeoNames   populated places, spots, mountains, parks; not what is no more
//	packed     what dataset.Encode writes
//
// A place is ranked by its importance (a share of 1, or a number like one of
// inhabitants), else by its population, else by what it is and by the confidence
// of the file in it. Its id is the file's; where the file has none it is made of
// the name and the position, and so is the same after each reload.
//
// A record that gives no place is dropped, and the [Report] says how many were,
// why, and which was the first. Files are trusted in nothing: texts, records,
// nesting, places and what a gzip unpacks to have bounds, and text is read as a
// stream, so that a file of any size takes the memory of the places kept.
package geofile
