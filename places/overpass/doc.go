// Package overpass answers what is near a point from OpenStreetMap, by an Overpass
// server: one's own, or a public one if it is asked seldom.
//
// # One question, one call
//
// A public server gives each address two slots, some thousand calls a day, and the
// same memory and time to all. Everything within 50 km of a city's middle, which
// Herd's clients may ask for, is more than it can give and more than anybody wants.
// To ask for ever larger circles until there is enough would be many calls. So the
// growing is left to the server, in one query:
//
//   - Whatever has a name in the smallest circle of 300 m, three times that, and so
//     on up to the radius, that holds 60 of them. In a city that is a few streets,
//     cheap to find and exact: the nearest 20 are among them. In the country it is
//     all there is, in circles that are cheap since they are empty.
//   - Ranked by prominence, what has an entry in Wikidata too, in the whole circle:
//     few but those that one comes from afar for. Relations, ways and nodes are
//     cut off each on their own, by number, and low numbers are what mappers drew
//     first: the landmarks.
//
// So an answer by distance is as good as it gets; one by prominence lacks the plain
// café at the other end of town, which could not win anyway.
//
// The radius is cut to [Config].MaxRadius, since even the famous of 50 km take a
// public server half a minute; the answer says so in its info_messages. The server
// is told to give up a moment before its asker does.
//
// The query needs Overpass 0.7.55 (2018) for its if. What the server finds touches
// the circle; what counts here is the middle, and must lie in it.
//
// # Terms
//
// The data is under the ODbL: every answer carries the attribution, and may be
// kept. The public servers ask for a User-Agent that names who asks; and that what
// is more than a person's own use runs a server of its own.
package overpass
