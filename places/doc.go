// Package places answers what is near a point, in the JSON of Google's Nearby
// Search (legacy), whatever the source of the answer.
//
// A [Provider] knows places: a file in memory, an upstream service. A [Chain]
// asks its providers in order and gives the first answer; it never fails. If
// nobody answers, the body says so with one of Google's statuses and a sentence
// of the chain's own: nothing that a provider says in an error reaches a client,
// since upstream errors tend to carry the URL, and the URL the key.
//
//	r = 0 or n = 0             ZERO_RESULTS, no provider is asked
//	coordinates off the globe  INVALID_REQUEST, no provider is asked
//	a provider answers         OK or ZERO_RESULTS; the first answer wins, an empty one too
//	it fails, hangs, refuses   the next provider, and info_messages says so; after the
//	                           last, the first one's failure
//
// [Kind] has the failures and their statuses.
//
// # What guards a provider
//
// An upstream's call takes time and may cost money. Before one begins a question
// passes, in this order:
//
//	cache      an answer that is young enough; off unless [Link].Cache says otherwise
//	breaker    is the provider left alone, since it denied, limited or failed?
//	flights    is the same asked already? then that call's answer serves
//	slots      at most [Link].MaxInFlight calls have not returned
//	bucket     at most [Link].PerMinute calls begin
//	budget     at most [Link].Budget calls of the whole herd, by the [Ledger]
//
// A call that timed out, or of which the provider says that it makes sense, is
// tried once more, within [Link].Timeout. A provider that hangs costs its caller
// that time and the node at most MaxInFlight goroutines, even if it ignores its
// context.
package places
