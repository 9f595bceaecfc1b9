// Package webhook takes Enrow's notices of finished batches and has their ids recorded.
//
// Enrow signs nothing and documents no retries. Two decisions follow:
//
//   - The sender is known by a secret in the URL alone, POST /hooks/SECRET. A request
//     without the secret cannot tell this address from one where nothing is. Of a body no
//     more is believed than an event and a well-formed id: every fact about the batch comes
//     from the API.
//   - A notice is answered 200 only when its id is recorded durably. A notice that could not
//     be recorded is answered 503, so that a sender that does retry knows when to.
//
// A flood costs little: notices of one id at the same time share one call of Config.Record,
// and a notice of an id that was recorded within the last minute costs none.
//
// A Handler is to be the handler of its http.Server, not behind a http.ServeMux: a mux
// answers an unclean path with a redirect that repeats the path, and the secret with it.
// The server bounds how slowly a request may come (ReadTimeout).
package webhook
