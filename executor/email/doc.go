// Package email sends messages as mail: over SMTP, or into a folder where people can read what would have been sent.
// Both build the same message.
//
// A message's Message-ID is made from its key and its Date is when it was made, so that a message sent twice is
// recognised as one. Messages about one issue make one thread: they refer to <issue-ID@HOST>, which nobody ever sends,
// and to the messages sent to the recipient before; HOST is the sender's. Each issue that a message concerns has an
// X-Narrative-Issue header of its own, and X-Narrative-Kind says why it is sent.
//
// A message has two forms, text and HTML. Each is made by a template, message.txt.tmpl and message.html.tmpl, for which
// a folder may bring others; [TemplateData] is what they see. HTML that somebody gave a message is taken as it is.
//
// Over SMTP, TLS is required (STARTTLS for smtp://, from the start for smtps://) unless the server is on this machine or
// the URL says otherwise. What the server refuses for good is an error of kind [narrative.Invalid]; everything else, the
// login included, is [narrative.Unavailable] and worth another try. Errors hold what the server said.
package email
