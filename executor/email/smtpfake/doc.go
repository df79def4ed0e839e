// Package smtpfake is a mail server for tests. It is a real SMTP server on loopback, which keeps what it takes and
// fails as it is told to: it refuses recipients, greylists, hangs up, offers TLS or not, and asks for a login.
//
//	server := smtpfake.New(t, smtpfake.Options{})
//	server.Refuse("gone@example.com", smtpfake.Permanent)
//	// ... send mail to server.URL() ...
//	for _, m := range server.Messages() { ... }
package smtpfake
