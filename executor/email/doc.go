// Package email sends notifications as mail: over SMTP, or into a folder where people can read what would have been
// sent. Both build the same message.
//
// A message's Message-ID is made from the notification's key and its Date is when the notification was made, so that a
// message sent twice is recognised as one. Messages about one issue refer to <issue-ID@HOST>, and so make one thread.
//
// Over SMTP, TLS is required (STARTTLS for smtp://, from the start for smtps://) unless the server is on this machine.
// What the server refuses for good is an error of kind [narrative.Invalid]; everything else is [narrative.Unavailable]
// and worth another try.
package email
