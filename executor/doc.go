// Package executor validates plans and runs their actions. The actions it brings are
//
//	email                               {to, subject, text, html}                    one message a recipient
//	slack                               {channel, text, blocks}                      one message
//	webhook                             {url, method, headers, body, secret}         one HTTP request
//	defer_to_admins                     {subject, message, html}                     one message to each of config.admins
//	defer_multiple_solutions_to_admins  {assertion_display_name, resolution_steps}   the proposals to choose from, likewise
//	log_datum                           {origin, name, note, level, ttl, thread_id}  one datum
//
// and the user's own come from the registry. Strings in arguments may be templates, filled before an action runs.
//
// Messages and datums are kept in the store, where no secret may get, so references such as ${env:NAME} in the
// arguments of all but webhook and the user's own actions are left as they are written. A message that does not name the
// assertion gets it added, and how to look at the issue.
//
// A message is written down as one notification per recipient; what carries it out is the Notify workflow, so an action
// that tells people is done once it is written.
//
// A webhook is retried on network errors, 429 and 5xx; it carries the action's key as Idempotency-Key, and a signature
// where it has a secret. Without a body of its own, POST, PUT and PATCH carry the one that package webhook specifies, of
// kind action; a body of "" is none. Where config.webhooks forbids private addresses, a request to one is refused as it
// is made. Neither what a URL holds besides its host nor a header's value gets into an error.
package executor
