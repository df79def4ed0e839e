// Package webhook tells people, or rather programs, by HTTP: it sends messages to URLs, and makes the requests of the
// webhook action.
//
// # The request
//
// A message is a POST of one JSON object, a [Body]:
//
//	{
//	  "version": 1,
//	  "kind": "opened",
//	  "key": "0b2f4c…",
//	  "subject": "[Failing] invoices-balance invoice 7",
//	  "text": "…",
//	  "at": "2026-03-01T12:00:00Z",
//	  "issues": [{
//	    "id": "…", "assertion": "invoices-balance", "record": {"type": "invoice", "id": "7"},
//	    "kind": "record", "status": "open", "severity": "error", "summary": "off by 5",
//	    "opened_at": "2026-03-01T12:00:00Z", "resolved_at": null,
//	    "workflow_id": "issue/invoices-balance/invoice/7",
//	    "awaiting": {"for": "choice", "step_id": "", "since": "2026-03-01T12:05:00Z", "until": null}
//	  }]
//	}
//
// The meaning of a member never changes within a version; members may be added, so a receiver lets be what it does not
// know. Its headers are
//
//	Content-Type: application/json
//	User-Agent: narrative
//	Idempotency-Key: KEY                                the body's key
//	X-Narrative-Kind: KIND                              the body's kind
//	X-Narrative-Signature: t=UNIX_SECONDS,v1=HEX        where there is a secret
//
// The same message may come more than once: its key is the same then. HEX is the HMAC-SHA256, with the secret as its
// key, of the seconds, a full stop, and the body as it came. Receivers written in Go ask [Verify].
//
// # The answer
//
// 2xx says that the message was taken. After 429, 5xx and failures of the network the request is made again, not before
// the time that Retry-After names (but within an hour). Everything else, a redirect to another host included, is final:
// an error of kind [narrative.Invalid] with the first 200 bytes of the answer's text.
//
// Where the configuration forbids private addresses, a connection to one is refused as it is opened, when the name has
// been looked up. Neither what a URL holds besides its host nor the value of a header gets into an error.
package webhook
