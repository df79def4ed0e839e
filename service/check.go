package service

import (
	"log/slog"
	"net"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"time"

	narrative "github.com/narrative-go/narrative"
)

func (o Options) withDefaults() Options {
	if o.Listen == "" {
		o.Listen = DefaultListen
	}
	if o.DataDir == "" {
		o.DataDir = DefaultDataDir
	}
	if o.DatabaseURL == "" && o.Embedded != nil {
		o.DatabaseURL = "sqlite:" + filepath.Join(o.DataDir, "narrative.db")
	}
	if o.Version == "" {
		o.Version = "dev"
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Told == nil {
		o.Told = func(Happening) {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// check finds what can be found without connecting to anything.
func (o Options) check() error {
	if !o.API && !o.Worker {
		return narrative.Errorf(narrative.Invalid, "service: Options ask for neither the API nor a worker")
	}
	if err := o.checkAPI(); err != nil {
		return err
	}
	if o.DatabaseURL == "" {
		return narrative.Errorf(narrative.Invalid, "NARRATIVE_DATABASE_URL is not set; give postgres://… or sqlite:PATH")
	}
	if scheme, _, _ := strings.Cut(o.DatabaseURL, ":"); scheme != "postgres" && scheme != "postgresql" && scheme != "sqlite" {
		return narrative.Errorf(narrative.Invalid, "NARRATIVE_DATABASE_URL must be postgres://… or sqlite:PATH")
	}
	if _, err := narrative.ParseTrigger(string(o.Trigger)); err != nil {
		return narrative.Errorf(narrative.Invalid, "--trigger %w", err)
	}
	if _, _, err := net.SplitHostPort(o.MetricsListen); o.MetricsListen != "" && err != nil {
		return narrative.Errorf(narrative.Invalid, "--metrics-listen %q is not an address such as 127.0.0.1:9321", o.MetricsListen)
	}
	if _, err := tracing(os.Getenv); err != nil {
		return err
	}
	for name, address := range map[string]string{"NARRATIVE_MAIL_FROM": o.MailFrom, "NARRATIVE_REPLY_EMAIL_ADDRESS": o.ReplyTo} {
		if _, err := mail.ParseAddress(address); address != "" && err != nil {
			return narrative.Errorf(narrative.Invalid, "%s: %q is not a mail address", name, address)
		}
	}
	for name, port := range map[string]int{"--temporal-port": o.TemporalPort, "--ui-port": o.UIPort} {
		if port < 0 || port > 65535 {
			return narrative.Errorf(narrative.Invalid, "%s must be from 0 to 65535; not %d", name, port)
		}
	}
	return o.checkChannels()
}

// checkListen refuses an address that cannot be one.
func checkListen(listen string) error {
	_, port, err := net.SplitHostPort(listen)
	if err != nil {
		return narrative.Errorf(narrative.Invalid, "--listen %q is not an address such as %s", listen, DefaultListen)
	}
	if _, err := net.LookupPort("tcp", port); err != nil {
		return narrative.Errorf(narrative.Invalid, "--listen %q: %q is not a port", listen, port)
	}
	return nil
}
