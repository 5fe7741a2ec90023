// Package google is the places provider that asks Google, by either of its two
// Nearby Searches, or a server that speaks like one.
//
// The Places API (New) is asked for a lean set of fields, since Google bills a
// request by its dearest field, and its reply is written in the legacy format.
// Of the legacy Places API's reply every byte is kept but the results past the
// limit. One call of [Provider.Near] is one request, which is what Google bills.
//
// With [Auto] the New API is asked; if it says that the project or the key may
// not use it, the legacy API is from then on, until that is refused too.
//
// The key travels in a header (New) or in the query (legacy). It is in no error,
// and a reply that repeats it is not passed on. A refusal keeps Google's reason,
// and [Explain] says in plain words what an operator can do about it.
//
// Nothing is cached: Google's terms forbid to keep more of an answer than a
// place's ID, and to show it on another's map.
package google
