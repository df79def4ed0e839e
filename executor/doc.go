// Package executor validates plans and runs their actions. The actions it brings are
//
//	email           {to, subject, text, html}                    one message a recipient
//	defer_to_admins {subject, message}                           the same to the configured admins
//	webhook         {url, method, headers, body}                 one HTTP request
//	log_datum       {origin, name, note, level, ttl, thread_id}  one datum
//
// and the user's own come from the registry. Strings in arguments may be templates, filled before an action runs.
//
// Messages and datums are kept in the store, where no secret may get, so references such as ${env:NAME} in the
// arguments of email, defer_to_admins and log_datum are left as they are written: only webhook's and the user's own are
// resolved. A message that does not name the assertion gets it added, and how to look at the issue.
//
// A message is written down as one notification per recipient; what carries it out is the Notify workflow, so an email
// action is done once it is written. A webhook is retried on network errors, 429 and 5xx; it carries the action's key
// as Idempotency-Key. Neither what a URL holds besides its host nor a header's value gets into an error.
package executor
